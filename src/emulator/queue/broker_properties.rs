//! The headers of a send over REST: `BrokerProperties` and the sender's own properties.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

use super::Message;

/// RFC 1123, which is how the interface documents the scheduled time
const GMT: &[FormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// Headers that are not the sender's own
const STANDARD: [&str; 10] = [
    "accept",
    "accept-encoding",
    "authorization",
    "brokerproperties",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "user-agent",
    "connection",
];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Wire {
    message_id: Option<String>,
    correlation_id: Option<String>,
    label: Option<String>,
    reply_to: Option<String>,
    to: Option<String>,
    scheduled_enqueue_time_utc: Option<String>,
}

/// A message and the real moment for which it is scheduled, or what is wrong with the headers
pub(super) fn message(
    headers: &HeaderMap,
    body: Vec<u8>,
) -> Result<(Message, Option<OffsetDateTime>), String> {
    let wire = match headers.get("brokerproperties") {
        None => Wire::default(),
        Some(value) => serde_json::from_slice(value.as_bytes())
            .map_err(|error| format!("BrokerProperties: {error}"))?,
    };
    let due = wire.scheduled_enqueue_time_utc.as_deref().map(moment).transpose()?;
    let message = Message {
        body,
        message_id: wire.message_id,
        content_type: text(headers, "content-type"),
        subject: wire.label,
        correlation_id: wire.correlation_id,
        reply_to: wire.reply_to,
        to: wire.to,
        scheduled: None,
        properties: properties(headers)?,
    };
    Ok((message, due))
}

fn moment(text: &str) -> Result<OffsetDateTime, String> {
    let moment = time::PrimitiveDateTime::parse(text, GMT);
    let moment =
        moment.map_err(|_| format!("ScheduledEnqueueTimeUtc: `{text}` is not RFC 1123"))?;
    Ok(moment.assume_utc())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn properties(headers: &HeaderMap) -> Result<BTreeMap<String, Value>, String> {
    let own = headers.iter().filter(|(name, _)| !STANDARD.contains(&name.as_str()));
    own.map(|(name, value)| {
        let value = serde_json::from_slice(value.as_bytes()).map_err(|_| {
            format!("property `{name}` is neither a number, a truth nor quoted text")
        })?;
        Ok((name.to_string(), value))
    })
    .collect()
}
