//! A client of the pretend Azure with the token of the person, without asking anyone for it. For tests
//! here and for `benches`.

use std::sync::Arc;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::{Duration as Span, OffsetDateTime};
use tether::azure::{Arm, Cloud, Endpoint, Endpoints, Wire, http_client};

/// The token of the person
#[derive(Debug)]
struct Person(String);

#[async_trait::async_trait]
impl TokenCredential for Person {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        Ok(AccessToken::new(self.0.clone(), OffsetDateTime::now_utc() + Span::hours(1)))
    }
}

/// A client that shares nothing with any other
pub(crate) fn arm(endpoint: &str, token: &str) -> Arm {
    arm_by(http_client().unwrap(), endpoint, token)
}

/// The same by another way
pub(crate) fn arm_by(wire: impl Into<Wire>, endpoint: &str, token: &str) -> Arm {
    arm_of(Cloud::Public, wire, endpoint, token)
}

/// The same of another cloud
pub(crate) fn arm_of(cloud: Cloud, wire: impl Into<Wire>, endpoint: &str, token: &str) -> Arm {
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let endpoints = Endpoints { cloud, arm: endpoint.clone(), service_bus: endpoint };
    Arm::new(&endpoints, Arc::new(Person(token.to_owned())), wire)
}
