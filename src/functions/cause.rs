//! What is kept of an event besides where to look: by which id, when and in which trace it is known.
//!
//! All three come from outside and go into messages and log lines, so each is taken only if it is
//! what it should be, and none of them decides anything.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::command::Command;
use crate::model::Scope;
use crate::runtime::moment;

/// What an event is known by
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cause {
    /// Azure's correlation id of the operation, or else the event's own id
    pub(super) correlation: Option<Uuid>,
    /// When it happened
    pub(super) at: Option<OffsetDateTime>,
    /// Its W3C trace context
    pub(super) traceparent: Option<String>,
}

impl Cause {
    /// What an event in either schema is known by
    pub(super) fn of(event: &Value) -> Self {
        let text = |pointer| event.pointer(pointer).and_then(Value::as_str);
        let id = |pointer| text(pointer).and_then(|id| Uuid::parse_str(id).ok());
        let at = text("/eventTime").or_else(|| text("/time"));
        Self {
            correlation: id("/data/correlationId").or_else(|| id("/id")),
            at: at.and_then(moment),
            traceparent: text("/traceparent").filter(|text| is_traceparent(text)).map(Into::into),
        }
    }

    /// The command that an event of this scope comes to
    pub(super) fn command(self, scope: Scope) -> Command {
        let Self { correlation, at: event_time, traceparent } = self;
        let id = correlation.map(|id| id.to_string());
        Command { recheck: true, id, event_time, traceparent, ..Command::reconcile(scope) }
    }
}

/// How far ahead of our clock an event's may be
const SKEW: Duration = Duration::from_secs(60);

/// The oldest event that anything is still done about; Event Grid tries no longer
const OLDEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long ago an event happened; none if its time cannot be right
pub(super) fn since_event(event: OffsetDateTime, now: OffsetDateTime) -> Option<Duration> {
    if event <= now {
        (now - event).try_into().ok().filter(|since| *since <= OLDEST)
    } else {
        (event - now <= SKEW).then_some(Duration::ZERO)
    }
}

/// Whether a text is of W3C's form. What it means is not looked at.
fn is_traceparent(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().all(|part| is_hex(part)) && parts.iter().map(|part| part.len()).eq([2, 32, 16, 2])
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    const ID: &str = "44444444-4444-4444-8444-444444444444";
    const OTHER: &str = "55555555-5555-4555-8555-555555555555";
    const NEVER: &str = "0001-01-01T00:00:00Z";
    const CONTEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn an_event_is_known_by_its_correlation_its_time_and_its_trace() {
        let at = Some(datetime!(2026-09-01 10:00:04.6117357 UTC));
        let classic = json!({
            "id": OTHER, "eventTime": "2026-09-01T10:00:04.6117357Z",
            "data": { "correlationId": ID.to_uppercase() },
        });
        let correlation = Uuid::parse_str(ID).ok();
        assert_eq!(Cause::of(&classic), Cause { correlation, at, traceparent: None });
        let cloud = json!({
            "id": OTHER, "time": "2026-09-01T10:00:04.6117357Z", "traceparent": CONTEXT,
        });
        let (correlation, traceparent) = (Uuid::parse_str(OTHER).ok(), Some(CONTEXT.to_owned()));
        assert_eq!(Cause::of(&cloud), Cause { correlation, at, traceparent });
    }

    #[test]
    fn what_is_not_what_it_should_be_is_not_passed_on() {
        let event = json!({
            "id": "someone@example.com", "time": "yesterday", "traceparent": "00-someone-b-01",
            "data": { "correlationId": "someone" },
        });
        assert_eq!(Cause::of(&event), Cause::default());
        for unset in [json!({ "eventTime": NEVER }), json!({ "time": NEVER })] {
            assert_eq!(Cause::of(&unset), Cause::default(), "an unset time");
        }
        for bad in ["", "-", "00-a-b-01", &CONTEXT.replace('4', "g"), &format!("{CONTEXT}-x")] {
            assert!(!is_traceparent(bad), "{bad}");
        }
        assert!(is_traceparent(CONTEXT));
    }

    #[test]
    fn a_time_that_cannot_be_right_counts_for_nothing() {
        let now = datetime!(2026-09-01 10:00 UTC);
        let seconds = |since: Option<Duration>| since.map(|since| since.as_secs());
        let cases = [(90, Some(90)), (0, Some(0)), (-60, Some(0)), (-61, None)];
        let day = [(86_400, Some(86_400)), (86_401, None)];
        for (ago, expected) in cases.into_iter().chain(day) {
            let event = now - time::Duration::seconds(ago);
            assert_eq!(seconds(since_event(event, now)), expected, "{ago} s ago");
        }
        for event in [datetime!(0001-01-01 0:00 UTC), datetime!(9999-12-31 23:59 UTC)] {
            assert_eq!(since_event(event, now), None);
        }
    }
}
