//! Receiving over HTTP: peek-lock, receive-and-delete, and what can be done with a lock.
//!
//! As nasty as the real one where that is known: sequence numbers are those of a partitioned queue,
//! which no 32 bits hold; a lock is known by the queue in lower case; nothing says how many messages
//! there are; an answer without a message has no body at all. Who may ask is decided in `rest`.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, DATE, HOST, LOCATION};
use axum::http::request::Parts;
use axum::http::response::Builder;
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::entity::{Entity, Shelf};
use super::error::QueueError;
use super::headers;
use super::message::Stored;
use super::rest::Refusal;
use super::shared::Shared;

/// The sub-queue of the dead, in any letter case
const DEAD: &str = "/$deadletterqueue";

/// How long is waited for a message where the request does not say
const TIMEOUT: u64 = 60;

/// What partitioned queues add to their numbers: the partition stands above 48 bits
const PARTITION: i64 = 41 << 48;

/// What Service Bus adds to its reason for a message's death
const DESCRIPTION: &str = "Message could not be consumed after 10 delivery attempts.";

/// What a path is about
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// `<queue>/messages`: where messages are sent to
    Messages(&'a str),
    /// `<queue>/messages/head`: the oldest message
    Head(Source<'a>),
    /// `<queue>/messages/<number or id>/<token>`: a lock
    Lock(Source<'a>, Uuid),
}

/// A queue, or the dead letters of one
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source<'a> {
    pub(super) queue: &'a str,
    shelf: Shelf,
}

impl<'a> Place<'a> {
    /// The place that a path names, if any
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let (queue, rest) = path.strip_prefix('/')?.rsplit_once("/messages")?;
        match rest.split('/').collect::<Vec<_>>().as_slice() {
            [""] => Some(Self::Messages(queue)),
            ["", "head"] => Some(Self::Head(Source::parse(queue))),
            ["", _, token] => Some(Self::Lock(Source::parse(queue), token.parse().ok()?)),
            _ => None,
        }
    }
}

impl<'a> Source<'a> {
    fn parse(path: &'a str) -> Self {
        let cut = path.len().checked_sub(DEAD.len()).and_then(|at| path.split_at_checked(at));
        match cut {
            Some((queue, end)) if end.eq_ignore_ascii_case(DEAD) => {
                Self { queue, shelf: Shelf::Dead }
            }
            _ => Self { queue: path, shelf: Shelf::Active },
        }
    }
}

/// Answers what is asked of the oldest message.
pub(super) async fn head(
    shared: &Shared,
    parts: &Parts,
    source: Source<'_>,
) -> Result<Response<Body>, Refusal> {
    let timeout = Duration::from_secs(timeout(parts.uri.query().unwrap_or_default())?);
    match parts.method {
        Method::POST => {
            let take = || shared.with(|broker| broker.take(source.queue, source.shelf));
            let Some((stored, token)) = within(shared, timeout, take).await? else {
                return Ok(nothing(shared));
            };
            let until = shared.with(|broker| {
                broker.entity(source.queue).map(|entity| entity.locked_until(token))
            })?;
            Ok(locked(shared, parts, source, &stored, token, until))
        }
        Method::DELETE => {
            let take = || shared.with(|broker| broker.take_away(source.queue, source.shelf));
            Ok(match within(shared, timeout, take).await? {
                Some(stored) => shown(shared, StatusCode::OK, &stored, Map::new(), None),
                None => nothing(shared),
            })
        }
        _ => Err(Refusal(405, format!("{} receives no messages.", parts.method))),
    }
}

/// Completes, gives back or renews.
pub(super) fn lock(
    shared: &Shared,
    method: &Method,
    source: Source<'_>,
    token: Uuid,
) -> Result<Response<Body>, Refusal> {
    shared.with(|broker| broker.entity(source.queue).map(|_| ()))?;
    let finish = |end| shared.with(|broker| broker.finish(source.queue, end, token));
    let held = match *method {
        Method::DELETE => finish(Entity::complete),
        Method::PUT => finish(Entity::abandon),
        Method::POST => shared.with(|broker| broker.renew(source.queue, token)),
        _ => return Err(Refusal(405, format!("{method} means nothing to a lock."))),
    };
    if held {
        return Ok(answer(shared, StatusCode::OK, Body::empty(), Vec::new()));
    }
    Err(Refusal(
        404,
        "The lock supplied is invalid. Either the lock expired, or the message has already been \
         removed from the queue."
            .to_owned(),
    ))
}

/// Waits for a message in real time: whoever asks lives in it.
async fn within<T>(
    shared: &Shared,
    limit: Duration,
    take: impl Fn() -> Result<Option<T>, QueueError>,
) -> Result<Option<T>, QueueError> {
    let mut changes = shared.changes();
    let taken = async {
        loop {
            changes.mark_unchanged();
            if let Some(taken) = take()? {
                return Ok(Some(taken));
            }
            // The sender lives as long as what is shared, so this cannot fail.
            let _ = changes.changed().await;
        }
    };
    match tokio::time::timeout(limit, taken).await {
        Ok(taken) => taken,
        Err(_) => take(),
    }
}

fn timeout(query: &str) -> Result<u64, Refusal> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let Some((_, seconds)) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("timeout")) else {
        return Ok(TIMEOUT);
    };
    let read = seconds.parse().ok().filter(|seconds| *seconds <= TIMEOUT);
    read.ok_or_else(|| Refusal(400, format!("The timeout {seconds} is invalid.")))
}

fn locked(
    shared: &Shared,
    parts: &Parts,
    source: Source<'_>,
    stored: &Stored,
    token: Uuid,
    until: Option<OffsetDateTime>,
) -> Response<Body> {
    let broker = Map::from_iter([
        ("LockToken".to_owned(), json!(token)),
        ("LockedUntilUtc".to_owned(), json!(until.map(headers::date))),
    ]);
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let queue = source.queue.to_lowercase();
    let dead = if source.shelf == Shelf::Dead { "/$DeadLetterQueue" } else { "" };
    let number = number(stored);
    let location = format!("http://{host}/{queue}{dead}/messages/{number}/{token}");
    shown(shared, StatusCode::CREATED, stored, broker, Some(location))
}

/// A message as it leaves
fn shown(
    shared: &Shared,
    status: StatusCode,
    stored: &Stored,
    mut broker: Map<String, Value>,
    location: Option<String>,
) -> Response<Body> {
    broker.append(&mut broker_properties(stored));
    let mut written = vec![(
        HeaderName::from_static("brokerproperties"),
        ascii(&Value::from(broker).to_string()),
    )];
    written.extend(location.map(|location| (LOCATION, location)));
    written.extend(stored.message.content_type.clone().map(|kind| (CONTENT_TYPE, kind)));
    let dead = stored.dead_letter_reason.iter().flat_map(|reason| {
        [("deadletterreason", json!(reason)), ("deadlettererrordescription", json!(DESCRIPTION))]
    });
    let own = stored.message.properties.iter().map(|(name, value)| (name.as_str(), value.clone()));
    for (name, value) in own.chain(dead) {
        if let Ok(name) = HeaderName::try_from(name) {
            written.push((name, ascii(&value.to_string())));
        }
    }
    answer(shared, status, Body::from(stored.message.body.clone()), written)
}

fn broker_properties(stored: &Stored) -> Map<String, Value> {
    let message = &stored.message;
    let lives = (stored.expires_at - stored.enqueued_at).as_seconds_f64();
    // Whoever sends by REST and names none gets one.
    let id = message.message_id.clone().unwrap_or_else(|| {
        let seed = format!("message {}", stored.sequence_number);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, seed.as_bytes()).simple().to_string()
    });
    let mut properties = Map::from_iter([
        ("DeliveryCount".to_owned(), json!(stored.delivery_count)),
        ("EnqueuedSequenceNumber".to_owned(), json!(number(stored))),
        ("EnqueuedTimeUtc".to_owned(), json!(headers::date(stored.enqueued_at))),
        ("MessageId".to_owned(), json!(id)),
        ("SequenceNumber".to_owned(), json!(number(stored))),
        ("State".to_owned(), json!("Active")),
        ("TimeToLive".to_owned(), json!(lives)),
    ]);
    let optional = [
        ("CorrelationId", &message.correlation_id),
        ("Label", &message.subject),
        ("ReplyTo", &message.reply_to),
        ("To", &message.to),
        ("SessionId", &message.session_id),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            properties.insert(name.to_owned(), json!(value));
        }
    }
    properties
}

fn number(stored: &Stored) -> i64 {
    PARTITION.saturating_add(stored.sequence_number)
}

fn nothing(shared: &Shared) -> Response<Body> {
    answer(shared, StatusCode::NO_CONTENT, Body::empty(), Vec::new())
}

/// An answer, dated in the namespace's own time
fn answer(
    shared: &Shared,
    status: StatusCode,
    body: Body,
    headers: Vec<(HeaderName, String)>,
) -> Response<Body> {
    let now = shared.with(|broker| broker.now);
    let date = (DATE, headers::date(now));
    let write = |builder: Builder, (name, value): (HeaderName, String)| {
        let value = HeaderValue::try_from(value);
        value.into_iter().fold(builder, |builder, value| builder.header(name.clone(), value))
    };
    let built = headers.into_iter().chain([date]).fold(Response::builder().status(status), write);
    // Every name and value has been checked by now, so this cannot fail.
    built.body(body).unwrap_or_default()
}

/// JSON in printable ASCII
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            ' '..='~' => out.push(c),
            _ => {
                out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "7da9cfd5-40d5-4bb1-8d64-ec5a52e1c547";

    #[test]
    fn paths_name_places() {
        let token = TOKEN.parse().unwrap();
        let active = Source { queue: "a/b", shelf: Shelf::Active };
        let dead = Source { queue: "a", shelf: Shelf::Dead };
        let check = |path: &str, place| assert_eq!(Place::parse(path), place, "{path}");
        check("/a/messages", Some(Place::Messages("a")));
        check("/a/b/messages/head", Some(Place::Head(active)));
        check("/a/$DeadLetterQueue/messages/head", Some(Place::Head(dead)));
        check(&format!("/a/b/messages/7/{TOKEN}"), Some(Place::Lock(active, token)));
        check(&format!("/a/$deadletterqueue/messages/7/{TOKEN}"), Some(Place::Lock(dead, token)));
        for path in ["", "/", "/a", "/a/messages/", "/a/messages/7", "/a/messages/7/x"] {
            check(path, None);
        }
    }

    #[test]
    fn a_timeout_is_a_number_of_seconds() {
        assert_eq!(timeout("").unwrap(), 60);
        assert_eq!(timeout("api-version=2015-01&timeout=5").unwrap(), 5);
        for bad in ["timeout=", "timeout=x", "timeout=61", "timeout=-1"] {
            assert_eq!(timeout(bad).unwrap_err().0, 400, "{bad}");
        }
    }
}
