//! Sending to Service Bus queues.
//!
//! Built on `azure_messaging_servicebus` 0.21, the last version that speaks REST; it is frozen, so it
//! is known in this folder only, and its successor can take its place. Receiving is the Functions
//! host's work. What a message means is not known here.

mod error;
mod transport;

use std::collections::BTreeMap;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_messaging_servicebus::prelude::QueueClient;
use azure_messaging_servicebus::service_bus::{SendMessageOptions, SettableBrokerProperties};
use time::OffsetDateTime;

pub use error::QueueError;

use super::{Cloud, Endpoint};
use transport::Transport;

/// Longest `MessageId` and `CorrelationId` that Service Bus takes, in characters
const LONGEST_ID: usize = 128;

/// Longest value of a property that is sent; longer ones are cut
const LONGEST_PROPERTY: usize = 1024;

/// The library signs every request with a shared key. This installation has none: the transport
/// throws the signature away and puts a token in its place, so any key will do.
const NO_KEY: &str = "unused";

/// The queues of one namespace
#[derive(Clone, Debug)]
pub struct Queue {
    transport: Arc<Transport>,
}

/// A message to send
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// What it says
    pub body: String,
    /// The id by which the queue drops a second one, 128 characters at most
    pub message_id: Option<String>,
    /// When it is to arrive, if not at once
    pub scheduled: Option<OffsetDateTime>,
    /// Which message it answers
    pub correlation_id: Option<String>,
    /// The media type of the body
    pub content_type: Option<String>,
    /// Further properties. Whatever a header cannot carry is replaced, and values are cut at 1,024
    /// characters.
    pub properties: BTreeMap<String, String>,
}

impl Queue {
    /// The queues of the namespace at this address
    pub fn new(
        endpoint: &Endpoint,
        cloud: Cloud,
        credential: Arc<dyn TokenCredential>,
        client: reqwest::Client,
    ) -> Self {
        let scope = cloud.service_bus_scope();
        Self { transport: Arc::new(Transport::new(endpoint.clone(), scope, credential, client)) }
    }

    /// Sends a message. Transient trouble is tried through a few times; a repeated send is harmless
    /// if the message has an id.
    pub async fn send(&self, queue: &str, message: Message) -> Result<(), QueueError> {
        let Message { body, message_id, scheduled, correlation_id, content_type, properties } =
            message;
        let broker_properties = SettableBrokerProperties {
            message_id: message_id.map(|id| cut(&id, LONGEST_ID)),
            correlation_id: correlation_id.map(|id| cut(&id, LONGEST_ID)),
            scheduled_enqueue_time_utc: scheduled,
            ..SettableBrokerProperties::default()
        };
        let properties = properties.iter().map(|(name, value)| (name.clone(), quoted(value)));
        let options = SendMessageOptions {
            content_type,
            broker_properties: Some(broker_properties),
            custom_properties: Some(properties.collect()),
        };
        // The library builds the host name from a namespace; the transport knows the real address.
        let client = QueueClient::new(self.transport.clone(), "namespace", queue, NO_KEY, NO_KEY);
        let client = client.map_err(|error| QueueError::request(queue, &error))?;
        let sent = client.send_message(&body, Some(options)).await;
        sent.map_err(|error| QueueError::of(queue, &error))
    }
}

fn cut(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

/// A text property as the REST interface wants it: between quotation marks, in visible ASCII. A line
/// break would end the header.
fn quoted(value: &str) -> String {
    let shown = value.chars().take(LONGEST_PROPERTY).map(|c| match c {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => c,
        _ => '?',
    });
    format!("\"{}\"", shown.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_cannot_break_out_of_its_header() {
        assert_eq!(quoted("plain words"), "\"plain words\"");
        assert_eq!(quoted("a\r\nX-Evil: 1\"\\é"), "\"a??X-Evil: 1'/?\"");
        assert_eq!(quoted(&"x".repeat(5000)).len(), 1026);
    }
}
