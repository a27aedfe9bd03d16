//! When to look again, and under which message id, so that fifty causes leave one pending message.
//!
//! Pure: the time is passed in and nothing is sent from here.

use std::time::Duration;

use time::OffsetDateTime;
use uuid::{Uuid, uuid};

use super::command::Reconcile;

/// Namespace of follow-ups' message ids
const NAMESPACE: Uuid = uuid!("0c1f7a52-3f0b-5a6e-8f0e-2d8f4b1f9a35");

/// Due times are rounded up to a multiple of this, so that causes close together share one follow-up
const SLOT: Duration = Duration::from_secs(30);

/// How much earlier a second look may come than it was asked for
const SLACK: Duration = Duration::from_secs(60);

/// How long after an event its scope is looked at again: Resource Graph may lag, and two resources
/// made together may not see each other the first time
const RECHECK: Duration = Duration::from_secs(5 * 60);

/// How long to wait before each next attempt; the last one repeats
const DELAYS: [Duration; 4] = [
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(240),
    Duration::from_secs(300),
];

/// After this many attempts, about an hour, the timer's next run takes over
const ATTEMPTS: u32 = 13;

/// A command to be sent now and to arrive later
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FollowUp {
    /// What will be asked for
    pub(super) command: Reconcile,
    /// When
    pub(super) due: OffsetDateTime,
}

impl FollowUp {
    /// The same command again after a growing delay, or at the moment the cause asked for if that is
    /// later. `None` once it has been put off often enough.
    pub(super) fn retry(
        command: &Reconcile,
        not_before: Option<Duration>,
        now: OffsetDateTime,
    ) -> Option<Self> {
        if command.attempt >= ATTEMPTS {
            return None;
        }
        let step = usize::try_from(command.attempt).unwrap_or(usize::MAX);
        let [.., last] = DELAYS;
        let delay = DELAYS.get(step).copied().unwrap_or(last);
        let delay = not_before.map_or(delay, |least| delay.max(least));
        let attempt = command.attempt + 1;
        Some(Self { command: Reconcile { attempt, ..command.clone() }, due: slot(now + delay) })
    }

    /// One more look at a scope that an event named
    pub(super) fn recheck(command: &Reconcile, now: OffsetDateTime) -> Option<Self> {
        let again = Reconcile { attempt: 0, recheck: false, ..command.clone() };
        command.recheck.then(|| Self { command: again, due: slot(now + RECHECK) })
    }

    /// The id by which the queue drops a second message that asks for the same at the same time
    pub(super) fn message_id(&self) -> String {
        let seed =
            format!("{}\n{}\n{}", self.key(), self.command.attempt, self.due.unix_timestamp());
        Uuid::new_v5(&NAMESPACE, seed.as_bytes()).to_string()
    }

    /// What two follow-ups have in common when one of them is enough
    pub(super) fn key(&self) -> String {
        key(&self.command)
    }
}

/// Whether a follow-up that is on its way already makes this one needless. A look that waits for
/// something calls for the next one itself, so an earlier one will do. A second look after an event
/// calls for none, so only one that is due at about the same time will do.
pub(super) fn is_enough(pending: OffsetDateTime, wanted: &FollowUp) -> bool {
    if wanted.command.attempt > 0 { pending <= wanted.due } else { pending + SLACK >= wanted.due }
}

/// Everything that tells one command from another, the attempt apart
pub(super) fn key(command: &Reconcile) -> String {
    let Reconcile { scope, dry_run, recheck, .. } = command;
    format!("reconcile {} {dry_run} {recheck}", scope.key())
}

/// The end of the slot that this moment falls into
fn slot(moment: OffsetDateTime) -> OffsetDateTime {
    let length = i64::try_from(SLOT.as_secs()).unwrap_or(i64::MAX);
    let seconds = moment.unix_timestamp();
    let rest = (length - seconds.rem_euclid(length)) % length;
    let end = OffsetDateTime::from_unix_timestamp(seconds.saturating_add(rest));
    end.unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::model::Scope;

    const NOW: OffsetDateTime = datetime!(2026-09-01 10:00:07 UTC);

    fn command() -> Reconcile {
        Reconcile { recheck: true, ..Reconcile::of(Scope::Everything) }
    }

    #[test]
    fn delays_grow_and_end_within_the_hour() {
        let mut command = command();
        let mut waited = Duration::ZERO;
        let mut delays = Vec::new();
        while let Some(next) = FollowUp::retry(&command, None, NOW) {
            let delay = (next.due - NOW).unsigned_abs();
            delays.push(delay.as_secs());
            waited += delay;
            command = next.command;
            assert!(command.recheck);
        }
        assert_eq!(delays[..5], [83, 143, 263, 323, 323]);
        assert_eq!(command.attempt, 13);
        assert!(waited > Duration::from_secs(3300) && waited < Duration::from_secs(4200));
    }

    #[test]
    fn a_longer_wait_that_azure_asked_for_is_kept() {
        let next = FollowUp::retry(&command(), Some(Duration::from_secs(600)), NOW).unwrap();
        assert_eq!(next.due, datetime!(2026-09-01 10:10:30 UTC));
    }

    #[test]
    fn causes_close_together_share_one_message_id() {
        let at = |second: u8| {
            let now = NOW.replace_second(second).unwrap();
            FollowUp::retry(&command(), None, now).unwrap().message_id()
        };
        assert_eq!(at(1), at(29));
        assert_ne!(at(1), at(31));
        let other = Reconcile { dry_run: true, ..command() };
        assert_ne!(FollowUp::retry(&other, None, NOW).unwrap().message_id(), at(7));
    }

    #[test]
    fn an_earlier_look_will_do_only_where_it_calls_for_the_next_one() {
        let waiting = FollowUp::retry(&command(), None, NOW).unwrap();
        let second = FollowUp::recheck(&command(), NOW).unwrap();
        let earlier = |follow_up: &FollowUp, seconds| follow_up.due - Duration::from_secs(seconds);
        assert!(is_enough(earlier(&waiting, 3000), &waiting));
        assert!(!is_enough(waiting.due + Duration::from_secs(1), &waiting));
        assert!(is_enough(earlier(&second, 60), &second));
        assert!(!is_enough(earlier(&second, 61), &second));
    }

    #[test]
    fn only_what_an_event_caused_is_looked_at_again() {
        let again = FollowUp::recheck(&command(), NOW).unwrap();
        assert_eq!(again.due, datetime!(2026-09-01 10:05:30 UTC));
        assert_eq!(FollowUp::recheck(&again.command, NOW), None);
    }
}
