//! Who tether is to Azure: where its tokens come from.
//!
//! Tokens are cached and refreshed by Azure's own library. What they are for is not known here.

use std::sync::{Arc, PoisonError, RwLock};

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
use tokio::time::Instant;

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

/// How long a source that took the place of another is kept at least
const RENEWAL: std::time::Duration = std::time::Duration::from_secs(10);

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
pub fn credential(auth: &Auth) -> Result<Credential, AuthError> {
    let again = auth.clone();
    Ok(Credential { source: RwLock::new(source(auth)?).into(), renew: Some(again) })
}

fn source(auth: &Auth) -> Result<Source, AuthError> {
    let (inner, help): (Arc<dyn TokenCredential>, _) = match auth {
        Auth::ManagedIdentity { client_id } => {
            (managed_identity(client_id.as_deref())?, MANAGED_IDENTITY)
        }
        Auth::Developer => {
            (DeveloperToolsCredential::new(None).map_err(AuthError::Developer)?, DEVELOPER)
        }
    };
    Ok(Source { credential: Arc::new(Helpful { inner, help }), renewed: None })
}

/// A source of tokens. Clones share it, and what it remembers.
#[derive(Clone, Debug)]
pub struct Credential {
    source: Arc<RwLock<Source>>,
    /// What to make another source from
    renew: Option<Auth>,
}

#[derive(Clone, Debug)]
struct Source {
    credential: Arc<dyn TokenCredential>,
    /// When it took the place of another
    renewed: Option<Instant>,
}

impl Credential {
    /// Forgets every token. The library keeps one until it is about to expire, even where Azure has
    /// said that it does not accept it any more.
    ///
    /// Once in a while only: an identity that is refused whatever its token must not lead to a token
    /// for each request. Whether it did.
    pub(super) fn forget(&self) -> bool {
        let Some(auth) = &self.renew else { return false };
        let mut current = self.source.write().unwrap_or_else(PoisonError::into_inner);
        if current.renewed.is_some_and(|then| then.elapsed() < RENEWAL) {
            return false;
        }
        match source(auth) {
            Ok(source) => {
                *current = Source { renewed: Some(Instant::now()), ..source };
                true
            }
            Err(error) => {
                tracing::warn!(%error, "tokens are kept");
                false
            }
        }
    }

    fn current(&self) -> Arc<dyn TokenCredential> {
        let current = self.source.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current.credential)
    }
}

/// For tests and for credentials that remember nothing: there is nothing to forget.
impl From<Arc<dyn TokenCredential>> for Credential {
    fn from(credential: Arc<dyn TokenCredential>) -> Self {
        let source = Source { credential, renewed: None };
        Self { source: RwLock::new(source).into(), renew: None }
    }
}

impl<T: TokenCredential + 'static> From<Arc<T>> for Credential {
    fn from(credential: Arc<T>) -> Self {
        let credential: Arc<dyn TokenCredential> = credential;
        credential.into()
    }
}

#[async_trait]
impl TokenCredential for Credential {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.current().get_token(scopes, options).await
    }
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
    fn tokens_are_forgotten_at_once_and_then_for_a_while_no_more() {
        let credential = credential(&Auth::ManagedIdentity { client_id: None }).unwrap();
        let first = credential.current();
        assert!(credential.clone().forget());
        let second = credential.current();
        assert!(!Arc::ptr_eq(&first, &second), "clones share what is forgotten");
        assert!(!credential.forget());
        assert!(Arc::ptr_eq(&second, &credential.current()));
    }

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
