//! Sends requests: in their turn, with a token, with patience for a busy Azure, and with errors that
//! have a meaning.
//!
//! What is asked for and what the body of an answer means is not known here, nor when it is a
//! request's turn.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::Bytes;
use azure_core::http::headers::Headers;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{
    ClientOptions, Context, Pipeline, PipelineSendOptions, Request, RetryOptions, Transport, Url,
};
use tracing::Instrument as _;

use super::pace::{Pacer, Pass};
use super::request::Ask;
use super::trace::{Call, Counts};
use super::transport::{Carrier, Wire};
use super::{ArmError, Credential, Endpoint, meter};

/// How often one request is sent at most
const TRIES: u32 = 3;

/// The same where Azure only asks to slow down: who shares a limit with others may be unlucky twice.
const TRIES_IF_THROTTLED: u32 = 5;

/// How long one request waits in all because Azure is busy, sending and standing in line not counted.
/// What takes longer is better left to a later message than to an invocation that waits.
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
    credential: Credential,
    pacer: Pacer,
    counts: Counts,
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
        credential: Credential,
        wire: Wire,
        pacer: Pacer,
    ) -> Self {
        let carrier = Carrier::to(wire, endpoint);
        let options = ClientOptions {
            transport: Some(Transport::new(Arc::new(carrier))),
            // The library's own retries would wait as long as Azure asks, which may be minutes.
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        };
        let token = BearerTokenAuthorizationPolicy::new(Arc::new(credential.clone()), [scope]);
        let (name, version) = (option_env!("CARGO_PKG_NAME"), option_env!("CARGO_PKG_VERSION"));
        let pipeline =
            Pipeline::new(name, version, options, Vec::new(), vec![Arc::new(token)], None);
        Self { base: endpoint.as_https(), pipeline, credential, pacer, counts: Counts::new() }
    }

    /// The same way with other turns
    pub(super) fn paced_by(self, pacer: Pacer) -> Self {
        Self { pacer, ..self }
    }

    /// The same way for somebody who leaves most queries of Resource Graph to others
    pub(super) fn sparing(self) -> Self {
        Self { pacer: self.pacer.sparing(), ..self }
    }

    /// What every address starts with
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Sends a request when it is its turn, a few times if Azure is busy or out of order.
    pub(super) async fn send(&self, ask: &Ask) -> Result<Answer, ArmError> {
        let mut left = PATIENCE;
        let mut pause = PAUSE;
        let mut tries = 0;
        loop {
            let pass = self.pacer.turn(ask, left).await;
            let pass = pass.map_err(|late| ArmError::out_of_turn(late.retry_after))?;
            let error = match self.send_once(ask, pass).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            tries += 1;
            let is_throttled = matches!(error, ArmError::Throttled { .. });
            let most = if is_throttled { TRIES_IF_THROTTLED } else { TRIES };
            let wait = error.retry_after().unwrap_or(pause);
            left = match left.checked_sub(wait) {
                Some(left) if tries < most && error.is_worth_repeating(ask.is_write()) => left,
                _ => return Err(error),
            };
            if matches!(error, ArmError::Unauthenticated(_)) {
                self.credential.forget();
            }
            tracing::debug!(code = error.code(), wait_ms = wait.as_millis(), "asking again");
            // If Azure asks to slow down, this request waits in line with all others.
            if !is_throttled {
                tokio::time::sleep(wait).await;
            }
            pause *= 2;
        }
    }

    async fn send_once(&self, ask: &Ask, pass: Pass) -> Result<Answer, ArmError> {
        let mut request = Request::new(ask.url.clone(), ask.method);
        request.insert_header("accept", "application/json");
        if let Some(body) = &ask.body {
            request.insert_header("content-type", "application/json");
            request.set_body(body.to_string());
        }
        // The library's own reading of failures expects JSON in one shape.
        let options = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
        let call = Call::open(ask);
        call.goes_along(&mut request);
        let context = Context::new();
        let sent = self.pipeline.send(&context, &mut request, Some(options));
        let answer = sent.instrument(call.span()).await;
        let status = answer.as_ref().ok().map(|answer| u16::from(answer.status()));
        call.ended(status);
        meter::count(status);
        self.counts.note(ask, status);
        let answer = answer.map_err(ArmError::of_library)?;
        let (status, headers, body) = answer.deconstruct();
        let (status, body) = (u16::from(status), Bytes::from(body));
        pass.answered(status, &headers);
        tracing::debug!(method = ask.method.as_str(), status, "Azure answered");
        if (200..300).contains(&status) {
            Ok(Answer { status, headers, body })
        } else {
            Err(ArmError::of_answer(status, &headers, &body))
        }
    }
}
