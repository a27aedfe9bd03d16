//! Who tether is to Azure: where its tokens come from.
//!
//! Tokens are cached and refreshed by Azure's own library. What they are for is not known here.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport};
use azure_core::time::Duration;
use azure_identity::{
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId,
};
use thiserror::Error;

use super::transport::{Carrier, ClientError, http_client};

/// Where tokens come from
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// The managed identity of the machine or the function app
    ManagedIdentity {
        /// The client id of a user-assigned identity; `None` means the system-assigned one
        client_id: Option<String>,
    },
    /// The account that a person signed in with, by `az` or `azd`
    Developer,
}

/// The source of tokens could not be set up
#[derive(Debug, Error)]
pub enum AuthError {
    /// There is nothing to ask with.
    #[error("tokens cannot be asked for")]
    Client(#[from] ClientError),
    /// The environment describes no managed identity that can be used.
    #[error("the managed identity cannot be used")]
    ManagedIdentity(#[source] Error),
    /// The developer tools cannot be run.
    #[error("the account of `az` or `azd` cannot be used")]
    Developer(#[source] Error),
}

/// The source of tokens, to be made once and shared
///
/// # Guarantees
/// No token is asked for yet.
pub fn credential(auth: &Auth) -> Result<Arc<dyn TokenCredential>, AuthError> {
    let (inner, help): (Arc<dyn TokenCredential>, _) = match auth {
        Auth::ManagedIdentity { client_id } => {
            (managed_identity(client_id.as_deref())?, MANAGED_IDENTITY)
        }
        Auth::Developer => {
            (DeveloperToolsCredential::new(None).map_err(AuthError::Developer)?, DEVELOPER)
        }
    };
    Ok(Arc::new(Helpful { inner, help }))
}

const MANAGED_IDENTITY: &str = "the managed identity gave no token: is it assigned to this app, and is its client id the one configured?";
const DEVELOPER: &str = "neither `az` nor `azd` gave a token: sign in with `az login`";

fn managed_identity(client_id: Option<&str>) -> Result<Arc<dyn TokenCredential>, AuthError> {
    let carrier = Carrier::anywhere(http_client()?);
    // The library's own default is to try for a minute, longer than most invocations may wait.
    let retry = ExponentialRetryOptions {
        max_retries: 3,
        max_total_elapsed: Duration::seconds(10),
        ..ExponentialRetryOptions::default()
    };
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: client_id.map(|id| UserAssignedId::ClientId(id.to_owned())),
        client_options: ClientOptions {
            transport: Some(Transport::new(Arc::new(carrier))),
            retry: RetryOptions::exponential(retry),
            ..ClientOptions::default()
        },
    };
    let credential =
        ManagedIdentityCredential::new(Some(options)).map_err(AuthError::ManagedIdentity)?;
    Ok(credential)
}

/// A source of tokens that says what to do when there is none
#[derive(Debug)]
struct Helpful {
    inner: Arc<dyn TokenCredential>,
    help: &'static str,
}

#[async_trait]
impl TokenCredential for Helpful {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.inner
            .get_token(scopes, options)
            .await
            .map_err(|error| Error::with_error(ErrorKind::Credential, error, self.help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_can_be_set_up_without_asking_for_a_token() {
        let client_id = Some("5b0cf0a4-2f0e-4d1c-9d0c-6a1f3f1c7e11".to_owned());
        for auth in [
            Auth::ManagedIdentity { client_id: None },
            Auth::ManagedIdentity { client_id },
            Auth::Developer,
        ] {
            assert!(credential(&auth).is_ok(), "{auth:?}");
        }
    }
}
