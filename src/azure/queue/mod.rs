//! Sending to and receiving from Service Bus: one message per call, on the old client library for it.
//!
//! `azure_messaging_servicebus` 0.21 speaks REST, knows shared access signatures only, and always
//! asks `servicebus.windows.net` in the public cloud. What a request looks like is left to it;
//! where the request goes and what it is allowed by is decided in [`transport`], so that its
//! successor changes this folder and nothing else. What messages mean is not known here. Commands are
//! not received here: the Functions host does that.

mod error;
mod header;
mod receive;
mod transport;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use azure_core_legacy::HttpClient;
use azure_messaging_servicebus::service_bus::{
    QueueClient, SendMessageOptions, SettableBrokerProperties,
};
use time::{OffsetDateTime, UtcOffset};

use self::error::Act;
pub use self::error::{QueueAnswer, QueueError};
pub use self::receive::{Inbox, Locked, Received};
use self::transport::Transport;
use super::{Cloud, Credential, Endpoint, Wire};

/// Longest message id, a limit of Service Bus
const MESSAGE_ID: usize = 128;

/// Longest correlation id, and longest name to reply to, that is sent whole
const LONGEST: usize = 1_024;

/// Longest path of a queue, a limit of Service Bus
const NAME: usize = 260;

/// What the library signs with. It insists on a shared access key; the signature that it makes of
/// this one is dropped by the transport, so neither ever leaves the process. It opens nothing
/// anyway: it is no key of any namespace.
const UNUSED: &str = "unused";

/// Sends to and receives from the queues of one Service Bus namespace
#[derive(Clone, Debug)]
pub struct Queue {
    transport: Arc<Transport>,
}

/// One message. What it holds is not shown by `Debug`, since people's names may be in it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The body, sent as it is
    pub body: String,
    /// What duplicates are known by, 1 to 128 UTF-16 units
    pub message_id: Option<String>,
    /// When it becomes visible, in whole seconds; now if absent or past
    pub scheduled: Option<OffsetDateTime>,
    /// What it is an answer to; cut after 1,024 characters
    pub correlation_id: Option<String>,
    /// The queue that an answer should go to; cut after 1,024 characters
    pub reply_to: Option<String>,
    /// The media type of the body; anything but printable ASCII is left out
    pub content_type: Option<String>,
    /// Application properties. They travel as HTTP headers, so a name arrives in lower case, with
    /// ASCII letters, digits and `_` only and cut after 64 of them; one that is a header of HTTP's
    /// own, or empty, gets the prefix `property`. A value is cut after 500 characters and arrives
    /// as a JSON string.
    pub properties: BTreeMap<String, String>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("message_id", &self.message_id)
            .field("scheduled", &self.scheduled)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Queue {
    /// Will send to the namespace at `endpoint`, as whoever the credential is.
    ///
    /// The client should follow no redirect: tokens go to `endpoint` and nowhere else.
    pub fn new(
        endpoint: &Endpoint,
        cloud: Cloud,
        credential: impl Into<Credential>,
        wire: impl Into<Wire>,
    ) -> Result<Self, QueueError> {
        let transport = Transport::new(endpoint, cloud, credential.into(), wire.into())?;
        Ok(Self { transport: Arc::new(transport) })
    }

    /// Sends one message to `queue`, a bare name.
    ///
    /// A failed connection, 429, 500 and 503 are tried again, twice at most and within seconds. A
    /// server that fails after it has stored the message therefore gets it twice: a message id and
    /// a queue that detects duplicates make one of the two.
    pub async fn send(&self, queue: &str, message: Message) -> Result<(), QueueError> {
        check_name(queue)?;
        let (body, options) = message.into_request()?;
        let transport: Arc<dyn HttpClient> = self.transport.clone();
        QueueClient::new(transport, UNUSED, queue, UNUSED, UNUSED.to_owned())
            .map_err(QueueError::Client)?
            .send_message(&body, Some(options))
            .await
            .map_err(|error| QueueError::of(Act::Send, queue, error))
    }
}

impl Message {
    /// The body and the library's idea of everything else, with all that it would panic at or pass
    /// on unchecked put right
    fn into_request(self) -> Result<(String, SendMessageOptions), QueueError> {
        let properties =
            self.properties.iter().map(|(name, text)| (header::name(name), header::value(text)));
        let custom_properties = Some(properties.collect());
        let scheduled = self.scheduled.map(in_utc).transpose()?;
        let message_id = self.message_id.map(check_message_id).transpose()?;
        let correlation_id = self.correlation_id.map(|id| header::cut(&id, LONGEST));
        let reply_to = self.reply_to.map(|queue| header::cut(&queue, LONGEST));
        let is_plain = scheduled.is_none()
            && message_id.is_none()
            && correlation_id.is_none()
            && reply_to.is_none();
        let broker_properties = (!is_plain).then(|| SettableBrokerProperties {
            correlation_id,
            message_id,
            reply_to,
            scheduled_enqueue_time_utc: scheduled,
            ..SettableBrokerProperties::default()
        });
        let content_type =
            self.content_type.map(|text| header::printable(&text)).filter(|text| !text.is_empty());
        let options = SendMessageOptions { content_type, broker_properties, custom_properties };
        Ok((self.body, options))
    }
}

/// The name becomes part of an address, so nothing may be in it that an address gives a meaning to.
fn check_name(queue: &str) -> Result<(), QueueError> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_segment = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(is_inner)
    };
    let is_name = queue.len() <= NAME && queue.split('/').all(is_segment);
    if is_name { Ok(()) } else { Err(QueueError::Name(queue.to_owned())) }
}

fn check_message_id(id: String) -> Result<String, QueueError> {
    match id.encode_utf16().count() {
        1..=MESSAGE_ID => Ok(id),
        _ => Err(QueueError::MessageId(id)),
    }
}

/// The library panics at a time that has no RFC 2822 form: one before 1900, or with seconds in its
/// offset.
fn in_utc(time: OffsetDateTime) -> Result<OffsetDateTime, QueueError> {
    let utc = time.checked_to_offset(UtcOffset::UTC).filter(|utc| utc.year() >= 1900);
    utc.ok_or(QueueError::Scheduled(time))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_queue_name_is_nothing_that_changes_the_address() {
        for good in ["commands", "a/b-1.c_d", "9", &"q".repeat(260)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let long = "q".repeat(261);
        for bad in ["", "/", "a/", "a//b", "..", "a/../b", "a?b", "a#b", "a b", "ä", "a%2f", &long]
        {
            assert!(matches!(check_name(bad), Err(QueueError::Name(name)) if name == bad), "{bad}");
        }
    }

    #[test]
    fn a_message_id_has_1_to_128_units() {
        for good in ["a", &"i".repeat(128)] {
            assert!(check_message_id(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", &"i".repeat(129), &"😀".repeat(65)] {
            assert!(check_message_id(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_without_a_form_for_headers_is_refused_and_does_not_panic() {
        for good in [datetime!(1900-01-01 0:00 UTC), datetime!(2026-01-10 10:07:31 +01:02:03)] {
            assert!(in_utc(good).is_ok(), "{good}");
        }
        for bad in [datetime!(1899-12-31 23:59 UTC), datetime!(9999-12-31 23:59 -01:00)] {
            assert!(
                matches!(in_utc(bad), Err(QueueError::Scheduled(time)) if time == bad),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_message_with_nothing_but_a_body_is_sent_with_nothing_but_a_body() {
        let content_type = Some("\r\n".to_owned());
        let message = Message { body: "{}".to_owned(), content_type, ..Message::default() };
        let (body, options) = message.into_request().unwrap();
        assert_eq!(body, "{}");
        assert!(options.broker_properties.is_none() && options.content_type.is_none());
    }

    #[test]
    fn what_a_message_holds_is_not_shown() {
        let message = Message { body: "ada@example.com".to_owned(), ..Message::default() };
        let shown = format!("{message:?}");
        assert!(shown.contains("bytes: 15") && !shown.contains("ada"), "{shown}");
    }
}
