//! A message's properties as REST carries them: one JSON header for the broker's, a header each for
//! the application's.
//!
//! Stricter than Service Bus where its behaviour is unknown, so that a test learns of what would be
//! a guess. It does not know the virtual time: a schedule stays a moment of the sender's clock.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::message::Message;

/// What HTTP clients send on their own; everything else is an application property
const STANDARD: [&str; 24] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "brokerproperties",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "pragma",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// The form of RFC 1123, as in the documentation's examples
const DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// What the headers of a send say
#[derive(Debug, Default)]
pub(super) struct Headers {
    /// Without body and schedule
    pub(super) message: Message,
    pub(super) time_to_live: Option<Duration>,
    /// By the sender's clock
    pub(super) scheduled: Option<OffsetDateTime>,
}

/// Reads them; the error is the sentence for the sender
pub(super) fn read(headers: &HeaderMap) -> Result<Headers, String> {
    let mut told = Headers::default();
    if let Some(value) = headers.get("brokerproperties") {
        told.read_broker_properties(value)?;
    }
    if let Some(value) = headers.get("content-type") {
        told.message.content_type = Some(text("content-type", value)?.to_owned());
    }
    for (name, value) in headers.iter().filter(|(name, _)| is_custom(name)) {
        let value = custom(name.as_str(), value)?;
        told.message.properties.insert(name.as_str().to_owned(), value);
    }
    Ok(told)
}

impl Headers {
    fn read_broker_properties(&mut self, value: &HeaderValue) -> Result<(), String> {
        let json = text("BrokerProperties", value)?;
        let properties: Map<String, Value> = serde_json::from_str(json)
            .map_err(|error| format!("BrokerProperties is not a JSON object: {error}"))?;
        properties.iter().try_for_each(|(name, value)| self.set(name, value))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let message = &mut self.message;
        let field = match name {
            "MessageId" => &mut message.message_id,
            "CorrelationId" => &mut message.correlation_id,
            "Label" => &mut message.subject,
            "ReplyTo" => &mut message.reply_to,
            "To" => &mut message.to,
            "SessionId" => &mut message.session_id,
            "TimeToLive" => {
                self.time_to_live = Some(time_to_live(value)?);
                return Ok(());
            }
            "ScheduledEnqueueTimeUtc" => {
                self.scheduled = Some(moment(value)?);
                return Ok(());
            }
            // Settable, but of no meaning without sessions and partitions.
            "ReplyToSessionId" | "PartitionKey" => return Ok(()),
            _ => return Err(format!("the broker property {name} is not known or cannot be set")),
        };
        let value = value.as_str().ok_or_else(|| format!("{name} is not a string"))?;
        *field = Some(value.to_owned());
        Ok(())
    }
}

fn is_custom(name: &HeaderName) -> bool {
    !STANDARD.contains(&name.as_str()) && !name.as_str().starts_with("x-ms-")
}

/// A string in quotes, a number or a boolean
fn custom(name: &str, value: &HeaderValue) -> Result<Value, String> {
    let value = serde_json::from_str(text(name, value)?).unwrap_or_default();
    match value {
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(format!(
            "the property {name} is neither a string in double quotes, nor a number, nor a boolean"
        )),
    }
}

fn text<'a>(name: &str, value: &'a HeaderValue) -> Result<&'a str, String> {
    value.to_str().map_err(|_| format!("the header {name} is not ASCII text"))
}

fn time_to_live(value: &Value) -> Result<Duration, String> {
    let seconds = value.as_f64().filter(|seconds| *seconds > 0.0);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "TimeToLive is not a positive number of seconds".to_owned())
}

fn moment(value: &Value) -> Result<OffsetDateTime, String> {
    let written = value.as_str().unwrap_or_default();
    let read = PrimitiveDateTime::parse(written, DATE).ok();
    // Written again and compared, so that a wrong day of the week is noticed.
    read.filter(|read| read.format(DATE).is_ok_and(|again| again == written))
        .map(PrimitiveDateTime::assume_utc)
        .ok_or_else(|| {
            "ScheduledEnqueueTimeUtc is not a date like Sat, 10 Jan 2026 10:07:31 GMT".to_owned()
        })
}

/// A moment in the form of the documentation's examples
pub(super) fn date(moment: OffsetDateTime) -> String {
    moment.to_offset(UtcOffset::UTC).format(DATE).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn header(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[track_caller]
    fn check_broker(properties: &Value, refused: &str) {
        let refusal = read(&header("brokerproperties", &properties.to_string())).unwrap_err();
        assert!(refusal.contains(refused), "{refusal}");
    }

    #[track_caller]
    fn check_custom(written: &str, expected: impl Into<Option<Value>>) {
        let told = read(&header("tenantid", written));
        let properties = told.ok().map(|told| told.message.properties);
        assert_eq!(properties.map(|mut all| all.remove("tenantid").unwrap()), expected.into());
    }

    #[test]
    fn broker_properties_become_the_message() {
        let told = read(&header(
            "brokerproperties",
            r#"{"MessageId":"m","CorrelationId":"c","Label":"l","ReplyTo":"r","To":"t","SessionId":"s",
                "PartitionKey":"s","ReplyToSessionId":"x","TimeToLive":4.5,
                "ScheduledEnqueueTimeUtc":"Sat, 10 Jan 2026 10:07:31 GMT"}"#
                .replace('\n', "")
                .as_str(),
        ))
        .unwrap();
        let some = |text: &str| Some(text.to_owned());
        let expected = Message {
            message_id: some("m"),
            correlation_id: some("c"),
            subject: some("l"),
            reply_to: some("r"),
            to: some("t"),
            session_id: some("s"),
            ..Message::default()
        };
        assert_eq!(told.message, expected);
        assert_eq!(told.time_to_live, Some(Duration::from_millis(4500)));
        assert_eq!(told.scheduled, Some(datetime!(2026-01-10 10:07:31 UTC)));
    }

    #[test]
    fn dates_have_one_form_only() {
        for date in [
            "Sat, 10 Jan 2026 10:07:31 +0000",
            "Fri, 10 Jan 2026 10:07:31 GMT",
            "Sat, 10 Jan 2026 10:07:31",
            "2026-01-10T10:07:31Z",
            "",
        ] {
            check_broker(&json!({ "ScheduledEnqueueTimeUtc": date }), "ScheduledEnqueueTimeUtc");
        }
        check_broker(&json!({"ScheduledEnqueueTimeUtc": 7}), "ScheduledEnqueueTimeUtc");
    }

    #[test]
    fn broker_properties_that_are_not_understood_are_refused() {
        check_broker(&json!({"messageId": "m"}), "messageId");
        check_broker(&json!({"DeliveryCount": 7}), "DeliveryCount");
        check_broker(&json!({"MessageId": 7}), "MessageId");
        check_broker(&json!({"TimeToLive": 0}), "TimeToLive");
        check_broker(&json!({"TimeToLive": "4"}), "TimeToLive");
        check_broker(&json!({"TimeToLive": 1e300}), "TimeToLive");
        check_broker(&json!([]), "BrokerProperties");
        assert!(read(&header("brokerproperties", "{")).is_err());
    }

    #[test]
    fn application_properties_are_typed_by_how_they_are_written() {
        check_custom(r#""2222""#, json!("2222"));
        check_custom(r#""""#, json!(""));
        check_custom("2222", json!(2222));
        check_custom("-1.5", json!(-1.5));
        check_custom("true", json!(true));
        check_custom("bare", None);
        check_custom("null", None);
        check_custom("[1]", None);
        check_custom("", None);
    }

    #[test]
    fn headers_of_http_are_no_properties() {
        for name in ["user-agent", "x-ms-retrypolicy", "accept"] {
            assert!(read(&header(name, "bare")).unwrap().message.properties.is_empty(), "{name}");
        }
    }
}
