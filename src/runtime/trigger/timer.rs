//! A tick of a timer.
//!
//! The schedule itself is the host's business.

use serde::Deserialize;
use time::OffsetDateTime;

use super::{Invocation, json, moment};
use crate::runtime::{Failure, FromInvocation};

/// The tick of a `timerTrigger`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimerTrigger {
    /// Whether the tick comes late
    pub is_past_due: bool,
    /// When it ticked last; none on the first tick, and when the host doesn't monitor the timer
    pub last: Option<OffsetDateTime>,
    /// When it ticks next; none when the host doesn't monitor the timer
    pub next: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    #[serde(default)]
    is_past_due: Option<bool>,
    #[serde(default)]
    schedule_status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    #[serde(default)]
    last: Option<String>,
    #[serde(default)]
    next: Option<String>,
}

impl<S> FromInvocation<S> for TimerTrigger {
    fn from_invocation(invocation: &Invocation, _: &S) -> Result<Self, Failure> {
        let wire: Wire = json(invocation, "a timer's tick")?;
        let status = wire.schedule_status.unwrap_or(Status { last: None, next: None });
        Ok(Self {
            is_past_due: wire.is_past_due.unwrap_or(false),
            last: status.last.as_deref().and_then(moment),
            next: status.next.as_deref().and_then(moment),
        })
    }
}
