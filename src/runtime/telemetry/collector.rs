//! Carries what the library wants to send, by the process's own HTTP client.
//!
//! The library sends from threads of its own, in which no tokio runs. What it reads from the
//! environment behind our back, headers above all, goes nowhere: a request carries the headers that
//! were stated, and no others. A collector that fails is told of once, until it works again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::http::{Request, Response};
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

use crate::runtime::error::chain;

/// The longest answer that is read: it says that all is well, or what is not
const ANSWER: usize = 64 * 1024;

/// The way to the collector; clones share what is known of it
#[derive(Clone, Debug)]
pub(super) struct Collector(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: reqwest::Client,
    headers: HeaderMap,
    patience: Duration,
    runtime: Handle,
    fails: AtomicBool,
}

impl Collector {
    pub(super) fn new(client: reqwest::Client, headers: HeaderMap, patience: Duration) -> Self {
        let (runtime, fails) = (Handle::current(), AtomicBool::new(false));
        Self(Arc::new(Inner { client, headers, patience, runtime, fails }))
    }

    fn outgoing(&self, request: Request<Bytes>) -> Result<reqwest::Request, HttpError> {
        let (parts, body) = request.into_parts();
        let mut outgoing = reqwest::Request::new(parts.method, parts.uri.to_string().parse()?);
        outgoing.headers_mut().clone_from(&self.0.headers);
        if let Some(kind) = parts.headers.get(CONTENT_TYPE) {
            outgoing.headers_mut().insert(CONTENT_TYPE, kind.clone());
        }
        *outgoing.timeout_mut() = Some(self.0.patience);
        *outgoing.body_mut() = Some(body.into());
        Ok(outgoing)
    }

    /// Tells of the first failure after a success, and of the first success after a failure.
    fn note(&self, failure: Option<&str>) {
        let fails = failure.is_some();
        if self.0.fails.swap(fails, Ordering::Relaxed) == fails {
            return;
        }
        if let Some(reason) = failure {
            tracing::warn!(reason, "the collector takes no spans or metrics");
        } else {
            tracing::info!("the collector takes spans and metrics again");
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, outgoing) = (self.0.client.clone(), self.outgoing(request)?);
        let answer = self.0.runtime.spawn(exchange(client, outgoing)).await;
        let failure = match &answer {
            Ok(Ok(answer)) if answer.status().is_success() => None,
            Ok(Ok(answer)) => Some(format!("it answers {}", answer.status().as_u16())),
            Ok(Err(error)) => Some(chain(error)),
            // The process ends.
            Err(error) => return Err(error.to_string().into()),
        };
        self.note(failure.as_deref());
        Ok(answer??)
    }
}

async fn exchange(
    client: reqwest::Client,
    request: reqwest::Request,
) -> Result<Response<Bytes>, reqwest::Error> {
    // The address may hold what opens the collector.
    let mut answer = client.execute(request).await.map_err(reqwest::Error::without_url)?;
    let mut body = Vec::new();
    while body.len() < ANSWER
        && let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)?
    {
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}
