//! Sends requests: the token, patience with a busy Azure, and errors with a meaning.
//!
//! What is asked for and what the body of an answer means is not known here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::Bytes;
use azure_core::credentials::TokenCredential;
use azure_core::http::headers::Headers;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{
    ClientOptions, Context, Pipeline, PipelineSendOptions, Request, RetryOptions, Transport, Url,
};

use super::request::Ask;
use super::transport::Carrier;
use super::{ArmError, Endpoint};

/// How often one request is sent at most
const TRIES: u32 = 3;

/// How long one request is waited for in all, sending not counted. What takes longer is better left
/// to a later message than to an invocation that waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// The pause after the first try where Azure names none; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(200);

/// An answer that says success
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

/// A way to one endpoint, with a token
#[derive(Clone)]
pub(super) struct Client {
    base: Url,
    pipeline: Pipeline,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(
        endpoint: &Endpoint,
        scope: &str,
        credential: Arc<dyn TokenCredential>,
        client: reqwest::Client,
    ) -> Self {
        let carrier = Carrier::to(client, endpoint);
        let options = ClientOptions {
            transport: Some(Transport::new(Arc::new(carrier))),
            // The library's own retries would wait as long as Azure asks, which may be minutes.
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        };
        let token = BearerTokenAuthorizationPolicy::new(credential, [scope]);
        let (name, version) = (option_env!("CARGO_PKG_NAME"), option_env!("CARGO_PKG_VERSION"));
        let pipeline =
            Pipeline::new(name, version, options, Vec::new(), vec![Arc::new(token)], None);
        Self { base: endpoint.as_https(), pipeline }
    }

    /// What every address starts with
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Sends a request, a few times if Azure is busy or out of order.
    pub(super) async fn send(&self, ask: &Ask) -> Result<Answer, ArmError> {
        let mut left = PATIENCE;
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            let error = match self.send_once(ask).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = error.retry_after().unwrap_or(pause);
            left = match left.checked_sub(wait) {
                Some(left) if error.is_worth_repeating() => left,
                _ => return Err(error),
            };
            tracing::debug!(code = error.code(), wait_ms = wait.as_millis(), "asking again");
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
        self.send_once(ask).await
    }

    async fn send_once(&self, ask: &Ask) -> Result<Answer, ArmError> {
        let mut request = Request::new(ask.url.clone(), ask.method);
        request.insert_header("accept", "application/json");
        if let Some(body) = &ask.body {
            request.insert_header("content-type", "application/json");
            request.set_body(body.to_string());
        }
        // The library's own reading of failures expects JSON in one shape.
        let options = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
        let answer = self
            .pipeline
            .send(&Context::new(), &mut request, Some(options))
            .await
            .map_err(ArmError::of_library)?;
        let (status, headers, body) = answer.deconstruct();
        let (status, body) = (u16::from(status), Bytes::from(body));
        tracing::debug!(method = ask.method.as_str(), status, "Azure answered");
        if (200..300).contains(&status) {
            Ok(Answer { status, headers, body })
        } else {
            Err(ArmError::of_answer(status, &headers, &body))
        }
    }
}
