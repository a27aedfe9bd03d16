//! When to look again, and under which message id, so that fifty causes leave one pending message.
//!
//! Pure: the time is passed in and nothing is sent from here.

use std::time::Duration;

use time::OffsetDateTime;
use uuid::{Uuid, uuid};

use super::command::{Command, What};
use super::reply::Reply;

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
const DELAYS: [Duration; 4] =
    [Duration::from_secs(60), Duration::from_secs(120), Duration::from_secs(240), LONGEST_DELAY];

const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// The longest wait that Azure may ask for. A gateway that says `tomorrow` is not believed: looking
/// once an hour harms nobody.
const LONGEST_WISH: Duration = Duration::from_secs(60 * 60);

/// After this many attempts, about an hour, it is given up
const ATTEMPTS: u32 = 13;

/// A command to be sent now and to arrive later
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FollowUp {
    /// What will be asked for
    pub(super) command: Command,
    /// Who wants to be told what comes of it
    pub(super) reply: Reply,
    /// When
    pub(super) due: OffsetDateTime,
}

impl FollowUp {
    /// The same command again after a growing delay, or at the moment the cause asked for if that is
    /// later. `None` once it has been put off often enough.
    pub(super) fn retry(
        command: &Command,
        reply: &Reply,
        not_before: Option<Duration>,
        now: OffsetDateTime,
    ) -> Option<Self> {
        if command.attempt >= ATTEMPTS {
            return None;
        }
        let step = usize::try_from(command.attempt).unwrap_or(usize::MAX);
        let delay = DELAYS.get(step).copied().unwrap_or(LONGEST_DELAY);
        let delay = not_before.map_or(delay, |least| delay.max(least.min(LONGEST_WISH)));
        let attempt = command.attempt + 1;
        let command = Command { attempt, ..command.clone() };
        Some(Self { command, reply: reply.clone(), due: slot(now + delay) })
    }

    /// One more look at a scope that an event named. Nobody waits to be told of it.
    pub(super) fn recheck(command: &Command, now: OffsetDateTime) -> Option<Self> {
        let command = command.recheck.then(|| Command {
            attempt: 0,
            recheck: false,
            requested_by: None,
            ..command.clone()
        })?;
        Some(Self { command, reply: Reply::default(), due: slot(now + RECHECK) })
    }

    /// The id by which the queue drops a second message that is the same attempt at the same: for a
    /// scope, at the same time; for a pair, at what the same message asked for. The attempt is in it so
    /// that none is ever taken for one that has arrived, whatever the clocks of this machine and of
    /// the queue say.
    pub(super) fn message_id(&self) -> String {
        let due = match self.command.what {
            What::Reconcile(_) => self.due.unix_timestamp(),
            What::Attach(_) | What::Detach(_) | What::DetachFormerIdentities(_) => 0,
        };
        let seed = format!("{}\n{}\n{due}", self.key(), self.command.attempt);
        Uuid::new_v5(&NAMESPACE, seed.as_bytes()).to_string()
    }

    /// What two follow-ups have in common when one of them is enough
    pub(super) fn key(&self) -> String {
        key(&self.command, &self.reply)
    }
}

/// Whether a follow-up that is on its way already makes this one needless. A look that waits for
/// something calls for the next one itself, so any that comes soon will do. A second look after an
/// event calls for none, so only one that is not much earlier will do.
pub(super) fn is_enough(pending: OffsetDateTime, wanted: &FollowUp, now: OffsetDateTime) -> bool {
    if wanted.command.attempt > 0 {
        pending <= wanted.due || pending <= now + LONGEST_DELAY + SLOT
    } else {
        pending + SLACK >= wanted.due
    }
}

/// Everything that tells one command from another, the attempt apart. What nobody waits to be told
/// of is the same whoever caused it; two people who want a report are two.
pub(super) fn key(command: &Command, reply: &Reply) -> String {
    let Command { what, dry_run, recheck, id, .. } = command;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let told = match (&reply.queue, what) {
        (None, What::Reconcile(_)) => String::new(),
        (queue, _) => [text(id), text(queue), text(&reply.correlation)].join("\n"),
    };
    let what = match what {
        What::Reconcile(scope) => format!("reconcile {}", scope.key()),
        What::Attach(pair) | What::Detach(pair) | What::DetachFormerIdentities(pair) => {
            let pair = [pair.cluster.to_lowercase(), pair.registry.to_lowercase()];
            let of = if what.is_of_former_identities() { " former" } else { "" };
            format!("{}{of} {}", what.name(), pair.join("\n"))
        }
    };
    format!("{what} {dry_run} {recheck}\n{told}")
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
    use crate::functions::command::Pair;
    use crate::model::Scope;

    const NOW: OffsetDateTime = datetime!(2026-09-01 10:00:07 UTC);

    fn command() -> Command {
        Command { recheck: true, ..Command::reconcile(Scope::Everything) }
    }

    fn on_a_pair(id: &str) -> Command {
        let pair = Pair { cluster: "aks1".into(), registry: "acr1".into() };
        Command { id: Some(id.into()), ..Command::of(What::Attach(pair)) }
    }

    #[test]
    fn delays_grow_and_end_within_the_hour() {
        let mut command = command();
        let mut waited = Duration::ZERO;
        let mut delays = Vec::new();
        while let Some(next) = FollowUp::retry(&command, &Reply::default(), None, NOW) {
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
    fn a_longer_wait_that_azure_asked_for_is_kept_within_reason() {
        let next = |seconds| {
            FollowUp::retry(&command(), &Reply::default(), Some(Duration::from_secs(seconds)), NOW)
                .unwrap()
                .due
        };
        assert_eq!(next(600), datetime!(2026-09-01 10:10:30 UTC));
        assert_eq!(next(86_400), datetime!(2026-09-01 11:00:30 UTC));
    }

    #[test]
    fn causes_close_together_share_one_message_id() {
        let at = |attempt, second: u8| {
            let now = NOW.replace_second(second).unwrap();
            FollowUp::retry(&Command { attempt, ..command() }, &Reply::default(), None, now)
                .unwrap()
                .message_id()
        };
        assert_eq!(at(0, 1), at(0, 29));
        assert_ne!(at(3, 1), at(7, 29));
        assert_ne!(at(0, 1), at(0, 31));
        let other = Command { dry_run: true, ..command() };
        assert_ne!(
            FollowUp::retry(&other, &Reply::default(), None, NOW).unwrap().message_id(),
            at(0, 7)
        );
    }

    #[test]
    fn a_command_on_a_pair_is_followed_up_by_its_id_and_attempt() {
        let id = |command: &Command, now| {
            FollowUp::retry(command, &Reply::default(), None, now).unwrap().message_id()
        };
        let later = NOW + Duration::from_secs(90);
        assert_eq!(id(&on_a_pair("1"), NOW), id(&on_a_pair("1"), later));
        assert_ne!(id(&on_a_pair("1"), NOW), id(&on_a_pair("2"), NOW));
        let second = Command { attempt: 1, ..on_a_pair("1") };
        assert_ne!(id(&on_a_pair("1"), NOW), id(&second, NOW));
        assert!(id(&on_a_pair("1"), NOW).len() <= 128);
        let pair = Pair { cluster: "aks2".into(), registry: "acr1".into() };
        let other = Command { what: What::Attach(pair), ..on_a_pair("1") };
        assert_ne!(id(&on_a_pair("1"), NOW), id(&other, NOW), "two pairs under one id");
    }

    #[test]
    fn a_detachment_of_former_identities_is_another_command_and_stays_one() {
        let follow_up = |what: fn(Pair) -> What| {
            let pair = Pair { cluster: "aks1".into(), registry: "acr1".into() };
            let command = Command { id: Some("1".into()), ..Command::of(what(pair)) };
            FollowUp::retry(&command, &Reply::default(), None, NOW).unwrap()
        };
        let (plain, former) = (follow_up(What::Detach), follow_up(What::DetachFormerIdentities));
        assert_ne!(plain.message_id(), former.message_id());
        assert_ne!(plain.key(), former.key());
        assert!(former.command.what.is_of_former_identities());
    }

    #[test]
    fn whoever_wants_a_report_has_a_follow_up_of_their_own() {
        let id = |command: &Command, message: Option<&str>| {
            let queue = message.map(|_| "reports".to_owned());
            let reply = Reply { queue, correlation: message.map(str::to_owned) };
            FollowUp::retry(command, &reply, None, NOW).unwrap().message_id()
        };
        for command in [command(), on_a_pair("1")] {
            assert_eq!(id(&command, None), id(&command, None));
            assert_ne!(id(&command, Some("m-1")), id(&command, Some("m-2")));
            assert_ne!(id(&command, Some("m-1")), id(&command, None));
        }
    }

    #[test]
    fn an_earlier_look_will_do_only_where_it_calls_for_the_next_one() {
        let waiting = FollowUp::retry(&command(), &Reply::default(), None, NOW).unwrap();
        let second = FollowUp::recheck(&command(), NOW).unwrap();
        let seconds = Duration::from_secs;
        assert!(is_enough(waiting.due - seconds(3000), &waiting, NOW));
        assert!(is_enough(NOW + seconds(330), &waiting, NOW));
        assert!(!is_enough(NOW + seconds(331), &waiting, NOW));
        assert!(is_enough(second.due - seconds(60), &second, NOW));
        assert!(!is_enough(second.due - seconds(61), &second, NOW));
    }

    #[test]
    fn only_what_an_event_caused_is_looked_at_again() {
        let again = FollowUp::recheck(&command(), NOW).unwrap();
        assert_eq!(again.due, datetime!(2026-09-01 10:05:30 UTC));
        assert_eq!(FollowUp::recheck(&again.command, NOW), None);
    }
}
