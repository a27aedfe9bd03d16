//! Receiving: a message is locked, looked at, and then completed or given back.
//!
//! The library's own reading of an answer fails as a whole where one field is not as it expects, and
//! would leave a locked message behind that nobody knows. So it is shown nothing to read: see
//! [`transport`](super::transport). What the message says is not known here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core_legacy::headers::Headers;
use azure_core_legacy::{HttpClient, StatusCode};
use azure_messaging_servicebus::service_bus::{PeekLockResponse, QueueClient};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::error::Act;
use super::transport::{BROKER_PROPERTIES, UNFIT};
use super::{Queue, QueueError, UNUSED, check_name, header};

/// Headers of HTTP, and ours, that are no properties of a message
const NOT_PROPERTIES: [&str; 9] = [
    "connection",
    "content-length",
    "content-type",
    "date",
    "location",
    "server",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
];

/// Where a message is received from
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbox {
    /// A queue, by its bare name
    Queue(String),
    /// What a queue has given up on
    DeadLetters(String),
}

/// A message as it was received. What it holds is not shown by `Debug`, since people's names may be
/// in it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// The body; `None` if it is no text, or larger than any message of ours
    pub body: Option<String>,
    /// What duplicates are known by
    pub message_id: Option<String>,
    /// What it is an answer to
    pub correlation_id: Option<String>,
    /// The queue that an answer should go to, as the sender wrote it
    pub reply_to: Option<String>,
    /// The media type of the body
    pub content_type: Option<String>,
    /// Its number in the queue, the same each time it is received
    pub sequence_number: Option<i64>,
    /// When it came into its queue
    pub enqueued: Option<OffsetDateTime>,
    /// When it was received, by the clock of Service Bus
    pub received: Option<OffsetDateTime>,
    /// Application properties, by name in lower case
    pub properties: BTreeMap<String, String>,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("message_id", &self.message_id)
            .field("bytes", &self.body.as_ref().map(String::len))
            .finish_non_exhaustive()
    }
}

/// A message under lock. Dropped without an end, it comes back when the lock runs out.
pub struct Locked {
    /// The message
    pub message: Received,
    inbox: Inbox,
    response: PeekLockResponse,
}

impl fmt::Debug for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locked").field("message", &self.message).finish_non_exhaustive()
    }
}

impl fmt::Display for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(name) => f.write_str(name),
            Self::DeadLetters(name) => write!(f, "{name}/$deadletterqueue"),
        }
    }
}

impl Queue {
    /// Locks the oldest message, and waits this long for one. `None` means that there was none.
    ///
    /// # Caveats
    /// Every lock counts as a delivery, and a queue gives up on a message that was delivered too
    /// often; dead letters stay where they are.
    pub async fn receive(
        &self,
        inbox: &Inbox,
        wait: Duration,
    ) -> Result<Option<Locked>, QueueError> {
        let (Inbox::Queue(name) | Inbox::DeadLetters(name)) = inbox;
        check_name(name)?;
        let path = inbox.to_string();
        let transport: Arc<dyn HttpClient> = self.transport.clone();
        let response = QueueClient::new(transport, UNUSED, &path, UNUSED, UNUSED.to_owned())
            .map_err(QueueError::Client)?
            .peek_lock_message2(Some(wait))
            .await
            .map_err(|error| QueueError::of(Act::Receive, &path, error))?;
        if *response.status() == StatusCode::NoContent {
            return Ok(None);
        }
        let headers: Headers = match response.custom_properties() {
            Ok(headers) => headers,
            Err(never) => match never {},
        };
        let message = read(response.body(), &headers);
        Ok(Some(Locked { message, inbox: inbox.clone(), response }))
    }
}

impl Locked {
    /// Takes the message out of its queue.
    pub async fn complete(self) -> Result<(), QueueError> {
        let done = self.response.delete_message().await.map(drop);
        done.map_err(|error| self.not_settled(error))
    }

    /// Gives the message back, to be received again at once.
    pub async fn unlock(self) -> Result<(), QueueError> {
        let done = self.response.unlock_message().await;
        done.map_err(|error| self.not_settled(error))
    }

    fn not_settled(&self, error: azure_core_legacy::Error) -> QueueError {
        QueueError::of(Act::Settle, &self.inbox.to_string(), error)
    }
}

/// What Service Bus says about a message in its own header; it says more
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BrokerProperties {
    message_id: Option<Value>,
    correlation_id: Option<Value>,
    reply_to: Option<Value>,
    sequence_number: Option<Value>,
    enqueued_time_utc: Option<Value>,
}

fn read(body: String, headers: &Headers) -> Received {
    let find = |name: &str| {
        let mut all = headers.iter();
        all.find(|(known, _)| known.as_str() == name).map(|(_, value)| value.as_str().to_owned())
    };
    let broker = find(BROKER_PROPERTIES).and_then(|json| serde_json::from_str(&json).ok());
    let broker: BrokerProperties = broker.unwrap_or_default();
    let properties = headers.iter().filter(|(name, _)| is_property(name.as_str()));
    Received {
        body: find(UNFIT).is_none().then_some(body),
        message_id: broker.message_id.and_then(text),
        correlation_id: broker.correlation_id.and_then(text),
        reply_to: broker.reply_to.and_then(text),
        content_type: find("content-type"),
        sequence_number: broker.sequence_number.and_then(|number| number.as_i64()),
        enqueued: broker.enqueued_time_utc.and_then(text).as_deref().and_then(moment),
        received: find("date").as_deref().and_then(moment),
        properties: properties
            .map(|(name, value)| (name.as_str().to_owned(), header::read(value.as_str())))
            .collect(),
    }
}

fn is_property(name: &str) -> bool {
    !NOT_PROPERTIES.contains(&name) && name != BROKER_PROPERTIES && name != UNFIT
}

fn text(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text).filter(|text| !text.is_empty()) } else { None }
}

/// A moment as HTTP writes it, which is RFC 2822 with the zone that this calls obsolete
fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn headers(broker: &str) -> Headers {
        let mut headers = Headers::new();
        headers.insert(BROKER_PROPERTIES, broker.to_owned());
        headers.insert("date", "Wed, 02 Jul 2014 01:32:27 GMT");
        headers.insert("content-type", "application/json");
        headers.insert("reason", r#""no \u017c""#);
        headers
    }

    #[test]
    fn the_documented_answer_is_read() {
        let broker = r#"{"DeliveryCount":1,"EnqueuedSequenceNumber":41095346599755778,
            "EnqueuedTimeUtc":"Wed, 02 Jul 2014 01:32:27 GMT","Label":"M1",
            "LockToken":"7da9cfd5-40d5-4bb1-8d64-ec5a52e1c547",
            "LockedUntilUtc":"Wed, 02 Jul 2014 01:33:27 GMT",
            "MessageId":"31907572164743c38741631acd554d6f","SequenceNumber":41095346599755778,
            "ReplyTo":"replies","State":"Active","TimeToLive":922337203685.47754}"#;
        let read = read("body".to_owned(), &headers(broker));
        let moment = Some(datetime!(2014-07-02 01:32:27 UTC));
        let expected = Received {
            body: Some("body".to_owned()),
            message_id: Some("31907572164743c38741631acd554d6f".to_owned()),
            correlation_id: None,
            reply_to: Some("replies".to_owned()),
            content_type: Some("application/json".to_owned()),
            sequence_number: Some(41_095_346_599_755_778),
            enqueued: moment,
            received: moment,
            properties: [("reason".to_owned(), "no ż".to_owned())].into(),
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn whatever_cannot_be_read_is_left_out_and_costs_nothing_else() {
        for broker in ["", "{", "[]", r#"{"MessageId":7,"SequenceNumber":"x"}"#] {
            let read = read("body".to_owned(), &headers(broker));
            assert_eq!((read.message_id, read.sequence_number, read.enqueued), (None, None, None));
            assert_eq!(read.body.as_deref(), Some("body"), "{broker}");
        }
        let mut unfit = headers("{}");
        unfit.insert(UNFIT, "yes");
        let read = read(String::new(), &unfit);
        assert_eq!((read.body, read.properties.len()), (None, 1));
    }

    #[test]
    fn what_a_message_holds_is_not_shown() {
        let message = Received { body: Some("ada@example.com".to_owned()), ..Received::default() };
        let shown = format!("{message:?}");
        assert!(shown.contains("15") && !shown.contains("ada"), "{shown}");
    }
}
