//! How a command ends: the one place that maps what came of a run to done, later or failed.
//!
//! Pure: the time is passed in. (The fourth ending, refused, is decided where a command is read and
//! where a person's pair is planned.)

use std::time::Duration;

use time::OffsetDateTime;

use super::command::Command;
use super::follow_up::FollowUp;
use super::reply::Reply;
use crate::reconcile::{ReconcileError, Report};

/// How often a refusal for want of permission is taken for a role assignment of our own that has not
/// spread yet
const DENIED_ATTEMPTS: u32 = 3;

/// How a command ends
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing more comes of this message
    Done,
    /// Something may work later
    Later(FollowUp),
    /// It was put off for as long as is sensible, or will never be permitted
    GivenUp,
    /// It is done, and looked at once more since Resource Graph lags behind events
    Recheck(FollowUp),
    /// The queue must deliver it again
    Failed,
}

/// How the command ends after this run
pub(super) fn ending(
    command: &Command,
    reply: &Reply,
    run: Result<&Report, &ReconcileError>,
    now: OffsetDateTime,
) -> Ending {
    let retry = |not_before| {
        FollowUp::retry(command, reply, Some(not_before), now)
            .map_or(Ending::GivenUp, Ending::Later)
    };
    let (waits, denied) = match run {
        Ok(report) => (report.waits(), report.was_denied()),
        Err(error) if error.source.is_later() => {
            (Some(error.source.retry_after().unwrap_or_default()), false)
        }
        Err(error) => (None, error.source.lacks_right()),
    };
    match waits {
        Some(not_before) => retry(not_before),
        None if denied && command.attempt < DENIED_ATTEMPTS => retry(Duration::ZERO),
        None => match run {
            Ok(_) => FollowUp::recheck(command, now).map_or(Ending::Done, Ending::Recheck),
            Err(error) if error.source.is_denied() => Ending::GivenUp,
            Err(_) => Ending::Failed,
        },
    }
}
