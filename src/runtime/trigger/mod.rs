//! The triggers as arguments of handlers, one file each.
//!
//! They know how the host passes an event, a request, a message and a tick, and nothing of what is in
//! them.

mod event_grid;
mod http;
mod service_bus;
mod timer;

use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::json_reason;
use super::{Invocation, InvocationError, Payload};

pub use event_grid::EventGridTrigger;
pub use http::HttpTrigger;
pub use service_bus::ServiceBusTrigger;
pub use timer::TimerTrigger;

/// The trigger's value read as JSON, however it is wrapped
fn json<T>(invocation: &Invocation, expected: &'static str) -> Result<T, InvocationError>
where
    T: DeserializeOwned,
{
    let (binding, payload) = invocation.trigger()?;
    serde_json::from_slice(payload.as_bytes()).map_err(|error| InvocationError::UnreadableInput {
        binding: binding.to_owned(),
        expected,
        reason: json_reason(&error),
    })
}

/// A time as the host hands it over: with an offset, with `Z`, or with neither, which means UTC
///
/// The year 1 is .NET's unset time and means unknown: the host writes it for a timer that has not fired
/// yet, and for the enqueued time of a manual run.
pub fn moment(text: &str) -> Option<OffsetDateTime> {
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    parse(text).or_else(|| parse(&format!("{text}Z"))).filter(|time| time.year() > 1)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<OffsetDateTime>) {
        assert_eq!(moment(text), expected);
    }

    #[test]
    fn times_are_read_in_every_spelling_of_the_host() {
        let noon = Some(datetime!(2026-09-01 12:00 UTC));
        check("2026-09-01T12:00:00+00:00", noon);
        check("2026-09-01T14:00:00+02:00", noon);
        check("2026-09-01T12:00:00Z", noon);
        check("2026-09-01T12:00:00", noon);
        check("2026-09-01T12:00:00.123", Some(datetime!(2026-09-01 12:00:00.123 UTC)));
        check("yesterday", None);
    }

    #[test]
    fn the_year_1_means_unknown_in_every_spelling_of_the_host() {
        for time in ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"] {
            check(time, None);
        }
        check("0001-01-01T00:00:00+02:00", None);
        check("0001-12-31T23:59:59.9999999Z", None);
        check("0002-01-01T00:00:00Z", Some(datetime!(0002-01-01 0:00 UTC)));
    }
}
