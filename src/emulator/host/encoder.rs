//! How the host encodes values for the handler: objects as they are, everything else as JSON inside
//! a string, and bytes as base64.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::{datetime, format_description};
use uuid::Uuid;

use super::super::queue::{Delivery, Message, Namespace, Stored};
use super::definition::Function;

const SECONDS: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
const SECONDS_WITH_OFFSET: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00");

/// One value of .NET, as far as triggers have them
pub(super) enum Net {
    Bytes(Vec<u8>),
    /// Without its zone, as .NET loses it
    DateTime(OffsetDateTime),
    DateTimeOffset(OffsetDateTime),
    /// Anything that is written as JSON
    Json(Value),
}

impl From<Option<&String>> for Net {
    fn from(text: Option<&String>) -> Self {
        Self::Json(text.map_or(Value::Null, |text| Value::String(text.clone())))
    }
}

/// What stands in the request for a value
pub(super) fn encode(value: &Net) -> Value {
    match value {
        Net::Bytes(bytes) => Value::String(BASE64_STANDARD.encode(bytes)),
        Net::DateTime(moment) => Value::String(moment.format(SECONDS).unwrap_or_default()),
        Net::DateTimeOffset(moment) => {
            Value::String(moment.format(SECONDS_WITH_OFFSET).unwrap_or_default())
        }
        Net::Json(object @ Value::Object(_)) => object.clone(),
        Net::Json(other) => Value::String(other.to_string()),
    }
}

/// The body of an invocation
pub(super) fn envelope(
    function: &Function,
    value: &Net,
    metadata: Vec<(String, Net)>,
    now: OffsetDateTime,
) -> Value {
    let mut entries = Map::new();
    for (name, value) in metadata {
        let is_null = matches!(value, Net::Json(Value::Null));
        if !is_null && !name.to_lowercase().ends_with("trigger") {
            entries.insert(name, encode(&value));
        }
    }
    let sys = json!({
        "MethodName": function.name,
        "UtcNow": now.format(SECONDS).unwrap_or_default() + ".1234567Z",
        "RandGuid": Uuid::new_v4(),
    });
    entries.insert("sys".into(), sys);
    leak(value, &mut entries);
    json!({ "Data": { function.trigger.name.clone(): encode(value) }, "Metadata": entries })
}

/// A body that is text and looks like a JSON object overwrites metadata with its own fields.
fn leak(value: &Net, metadata: &mut Map<String, Value>) {
    let Net::Json(Value::String(text)) = value else { return };
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else { return };
    for (name, field) in fields {
        let field = match field {
            Value::Array(_) | Value::Null => continue,
            Value::Object(_) => field,
            Value::String(text) => Value::String(json!(text).to_string()),
            Value::Bool(_) | Value::Number(_) => {
                Value::String(json!(field.to_string()).to_string())
            }
        };
        // The host's own spelling of a name stays.
        let known = metadata.keys().find(|known| known.eq_ignore_ascii_case(&name)).cloned();
        let name = known.unwrap_or(name);
        if !name.to_lowercase().ends_with("trigger") {
            metadata.insert(name, field);
        }
    }
}

/// A queue message: bytes where the binding says binary, text otherwise
pub(super) fn message(
    function: &Function,
    delivery: &Delivery,
    namespace: &Namespace,
) -> (Net, Vec<(String, Net)>) {
    let Delivery { stored, lock_token, .. } = delivery;
    (body(function, &stored.message.body), broker_data(stored, *lock_token, namespace))
}

fn body(function: &Function, body: &[u8]) -> Net {
    let is_binary = function.trigger.data_type.as_deref() == Some("binary");
    if is_binary {
        Net::Bytes(body.to_vec())
    } else {
        Net::Json(Value::String(String::from_utf8_lossy(body).into_owned()))
    }
}

/// What the broker says of a message
fn broker_data(stored: &Stored, lock: Uuid, namespace: &Namespace) -> Vec<(String, Net)> {
    let message = &stored.message;
    let client = json!({
        "FullyQualifiedNamespace": namespace.host_name(), "IsClosed": false, "TransportType": 0,
        "Identifier": format!("{}-{}", namespace.host_name(), Uuid::nil()),
    });
    let properties = json!(message.properties);
    let empty = || Net::Json(json!({}));
    let entries = [
        ("MessageReceiver", empty()),
        ("MessageSession", empty()),
        ("MessageActions", empty()),
        ("SessionActions", empty()),
        ("ReceiveActions", empty()),
        ("Client", Net::Json(client)),
        ("DeliveryCount", Net::Json(json!(stored.delivery_count))),
        ("DeadLetterSource", Net::Json(Value::Null)),
        ("LockToken", Net::Json(json!(lock))),
        ("ExpiresAtUtc", Net::DateTime(stored.expires_at)),
        ("ExpiresAt", Net::DateTimeOffset(stored.expires_at)),
        ("EnqueuedTimeUtc", Net::DateTime(stored.enqueued_at)),
        ("EnqueuedTime", Net::DateTimeOffset(stored.enqueued_at)),
        ("MessageId", message.message_id.as_ref().into()),
        ("ContentType", message.content_type.as_ref().into()),
        ("ReplyTo", message.reply_to.as_ref().into()),
        ("SequenceNumber", Net::Json(json!(stored.sequence_number))),
        ("To", message.to.as_ref().into()),
        ("Subject", message.subject.as_ref().into()),
        ("Label", message.subject.as_ref().into()),
        ("CorrelationId", message.correlation_id.as_ref().into()),
        ("ApplicationProperties", Net::Json(properties.clone())),
        ("UserProperties", Net::Json(properties)),
    ];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// An event, whose `data` is in the metadata too
pub(super) fn event(event: &Value) -> (Net, Vec<(String, Net)>) {
    let data = event.get("data").cloned().unwrap_or_default();
    (Net::Json(event.clone()), vec![("data".into(), Net::Json(data))])
}

/// A timer that has never run before
pub(super) fn timer(now: OffsetDateTime) -> (Net, Vec<(String, Net)>) {
    let next = now.format(SECONDS_WITH_OFFSET).unwrap_or_default();
    let never = "0001-01-01T00:00:00";
    let info = json!({
        "Schedule": { "AdjustForDST": true },
        "ScheduleStatus": { "Last": never, "Next": next, "LastUpdated": never },
        "IsPastDue": false,
    });
    (Net::Json(info.clone()), vec![("TimerTrigger".into(), Net::Json(info))])
}

/// What a function gets that is run by hand: the input in the place of what triggers it, and once more
/// beside, under the binding's name
pub(super) fn by_hand(
    function: &Function,
    input: &str,
    namespace: &Namespace,
    now: OffsetDateTime,
) -> Result<(Net, Vec<(String, Net)>), String> {
    let (value, mut metadata) = match function.trigger.kind.as_str() {
        "serviceBusTrigger" => {
            let message = Message { body: input.into(), ..Message::default() };
            let made = broker_data(&never_sent(message), Uuid::nil(), namespace);
            (body(function, input.as_bytes()), made)
        }
        "timerTrigger" => timer(now),
        "eventGridTrigger" => {
            let read = serde_json::from_str(input);
            event(&read.map_err(|error| format!("the input is no event: {error}"))?)
        }
        kind => return Err(format!("what a `{kind}` gets by hand is not known here")),
    };
    metadata.push((function.trigger.name.clone(), Net::Json(input.into())));
    Ok((value, metadata))
}

/// A message of a manual run, which was in no queue. What a broker sets has .NET's default values; without
/// a time to live it expires at the end of .NET's time.
fn never_sent(message: Message) -> Stored {
    Stored {
        message,
        sequence_number: -1,
        enqueued_at: datetime!(0001-01-01 0:00 UTC),
        expires_at: datetime!(9999-12-31 23:59:59 UTC),
        delivery_count: 0,
        dead_letter_reason: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &Net, expected: &str) {
        assert_eq!(encode(value), serde_json::from_str::<Value>(expected).unwrap());
    }

    #[test]
    fn only_objects_travel_as_they_are() {
        check(&Net::Json(json!({ "a": 1 })), r#"{"a":1}"#);
        check(&Net::Json(json!("abc")), r#""\"abc\"""#);
        check(&Net::Json(json!(1)), r#""1""#);
        check(&Net::Json(json!(true)), r#""true""#);
        check(&Net::Json(json!(["a", 1])), r#""[\"a\",1]""#);
        check(&Net::Bytes(b"{}".to_vec()), r#""e30=""#);
        let moment = datetime!(2026-09-01 10:00:00.123 UTC);
        check(&Net::DateTime(moment), r#""2026-09-01T10:00:00""#);
        check(&Net::DateTimeOffset(moment), r#""2026-09-01T10:00:00+00:00""#);
    }

    #[test]
    fn fields_of_a_text_body_overwrite_metadata_and_those_of_bytes_do_not() {
        let body = r#"{"messageid":"x","n":7,"list":[1],"none":null,"o":{"a":1}}"#;
        let before = || {
            let mut metadata = Map::new();
            metadata.insert("MessageId".into(), json!("\"real\""));
            metadata
        };
        let mut metadata = before();
        leak(&Net::Json(json!(body)), &mut metadata);
        let expected = json!({ "MessageId": "\"x\"", "n": "\"7\"", "o": { "a": 1 } });
        assert_eq!(Value::Object(metadata), expected);
        let mut metadata = before();
        leak(&Net::Bytes(body.into()), &mut metadata);
        assert_eq!(metadata, before());
    }
}
