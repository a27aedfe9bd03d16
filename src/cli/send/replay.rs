//! Putting messages back on the queue `commands`: those that were refused, and dead letters.
//!
//! Each is sent first and removed from where it was afterwards. A crash in between leaves it in both
//! places and never in none; its new message id is made from the old one, so that a queue which
//! detects duplicates takes a second replay within its window for the same.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use time::OffsetDateTime;
use uuid::{Uuid, uuid};

use super::{Bus, COMMANDS, Exit, REJECTED, preview};
use crate::azure::{Inbox, Locked, Message, QueueError, Received};
use crate::cli::voice::{print, warn};

/// How long an empty queue is listened to before it counts as empty
const WAIT: Duration = Duration::from_secs(2);

/// Namespace of the message ids of replays
const NAMESPACE: Uuid = uuid!("6f0d2a55-6a8c-5d0e-9b57-3c1e0f7a4d21");

/// What may be said to a replay
#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// Put what was refused back on the queue: after the policy or the settings were put right
    #[arg(long, group = "replay")]
    replay_rejected: bool,
    /// Put what failed ten times back on the queue: after the trouble is over
    #[arg(long, group = "replay")]
    replay_dead_letters: bool,
    /// How many at most; all that are there at the start if left out
    #[arg(long, value_name = "N", requires = "replay")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    max: Option<u64>,
    /// Only list them, with the reasons. Looking counts as a delivery, and after ten the queue
    /// `rejected` gives a message up.
    #[arg(long, requires = "replay")]
    dry_run: bool,
}

impl ReplayArguments {
    pub(super) fn is_wanted(&self) -> bool {
        self.replay_rejected || self.replay_dead_letters
    }
}

/// Puts messages back, or lists them.
pub(super) async fn replay(bus: &Bus, arguments: &ReplayArguments) -> anyhow::Result<Exit> {
    let inbox = match (arguments.replay_rejected, arguments.replay_dead_letters) {
        (true, _) => Inbox::Queue(REJECTED.to_owned()),
        (_, true) => Inbox::DeadLetters(COMMANDS.to_owned()),
        (false, false) => {
            bail!(
                "say what to send: attach, detach, reconcile, --replay-rejected or --replay-dead-letters"
            )
        }
    };
    let mut replay =
        Replay { bus, inbox, once: Once::default(), held: Vec::new(), moved: 0, lost: 0 };
    let most = arguments.max.unwrap_or(u64::MAX);
    let done = replay.all(most, arguments.dry_run).await;
    let left = replay.let_go().await;
    done?;
    if arguments.dry_run {
        bus.voice.note(format_args!("{left} in `{}`; nothing was moved.", replay.inbox));
        return Ok(Exit::Success);
    }
    let sum =
        format!("{} put back on `{COMMANDS}`, {left} left in `{}`.", replay.moved, replay.inbox);
    if left == 0 && replay.lost == 0 {
        bus.voice.note(sum);
        Ok(Exit::Success)
    } else {
        warn(sum);
        Ok(Exit::Failure)
    }
}

struct Replay<'a> {
    bus: &'a Bus,
    inbox: Inbox,
    once: Once,
    /// What stays, under lock until the end so that it does not come again
    held: Vec<Locked>,
    moved: u64,
    /// Sent, but perhaps not removed
    lost: u64,
}

impl Replay<'_> {
    async fn all(&mut self, most: u64, dry_run: bool) -> anyhow::Result<()> {
        for _ in 0..most {
            let received = self.bus.queue.receive(&self.inbox, WAIT).await;
            let received = received.with_context(|| format!("at `{}`", self.bus.host))?;
            let Some(locked) = received else { break };
            if !self.once.is_new(&locked.message) {
                // It may run out by itself just as well.
                let _ = locked.unlock().await;
                break;
            }
            if dry_run {
                list(&locked.message);
                self.held.push(locked);
            } else {
                self.one(locked).await?;
            }
        }
        Ok(())
    }

    /// Puts one message back.
    async fn one(&mut self, locked: Locked) -> anyhow::Result<()> {
        let Some(message) = again(&self.inbox, &locked.message) else {
            print(line("left, no text of ours", &locked.message));
            self.held.push(locked);
            return Ok(());
        };
        let shown = line(&preview::text(reason(&locked.message)), &locked.message);
        self.once.sent.extend(message.message_id.clone());
        if let Err(error) = self.bus.queue.send(COMMANDS, message).await {
            self.held.push(locked);
            return Err(error).context("a message stays where it is, and so do those after it");
        }
        print(shown);
        self.moved += 1;
        match locked.complete().await {
            Ok(()) => Ok(()),
            Err(QueueError::LockLost { .. }) => {
                self.lost += 1;
                let told = "The one above took longer than its lock, so it may come a second time.";
                warn(told);
                Ok(())
            }
            Err(error) => Err(error).context("a message was sent and may come a second time"),
        }
    }

    /// Gives back what stays; how many.
    async fn let_go(&mut self) -> usize {
        let held = std::mem::take(&mut self.held);
        let count = held.len();
        for locked in held {
            // Otherwise it comes back when its lock runs out.
            let _ = locked.unlock().await;
        }
        count
    }
}

/// What keeps a replay from going in circles: a message that is refused again comes back to the queue
/// it was taken from.
#[derive(Debug, Default)]
struct Once {
    start: Option<OffsetDateTime>,
    seen: BTreeSet<(Option<i64>, Option<String>)>,
    /// Message ids that this replay has given
    sent: BTreeSet<String>,
}

impl Once {
    /// Whether the message was there at the start, and is looked at for the first time
    fn is_new(&mut self, message: &Received) -> bool {
        let Received { sequence_number, message_id, correlation_id, enqueued, received, .. } =
            message;
        self.start = self.start.or(*received);
        let came_later = enqueued.zip(self.start).is_some_and(|(enqueued, start)| enqueued > start);
        let ids = [message_id, correlation_id];
        let is_ours = ids.into_iter().flatten().any(|id| self.sent.contains(id));
        let is_first = self.seen.insert((*sequence_number, message_id.clone()));
        is_first && !came_later && !is_ours
    }
}

/// The message as it is sent again. `None` if its body is nothing that can be sent.
fn again(inbox: &Inbox, message: &Received) -> Option<Message> {
    let Received { body, message_id, correlation_id, reply_to, content_type, .. } = message;
    let number = message.sequence_number.unwrap_or_default();
    let seed = format!("{inbox}\n{}\n{number}", message_id.as_deref().unwrap_or_default());
    Some(Message {
        body: body.clone()?,
        message_id: Some(Uuid::new_v5(&NAMESPACE, seed.as_bytes()).to_string()),
        correlation_id: correlation_id.clone(),
        reply_to: reply_to.clone(),
        content_type: content_type.clone(),
        ..Message::default()
    })
}

fn reason(message: &Received) -> &str {
    let find = |name| message.properties.get(name).map(String::as_str);
    find("reason").or_else(|| find("deadletterreason")).unwrap_or("no reason given")
}

/// One message on one line
fn line(reason: &str, message: &Received) -> String {
    let id = preview::text(message.message_id.as_deref().unwrap_or("(no id)"));
    format!("{id}  {reason}  {}", preview::command(message.body.as_deref()))
}

/// One message with everything that its refusal says
fn list(message: &Received) {
    print(line(&preview::text(reason(message)), message));
    let find = |name| message.properties.get(name);
    let field = find("field").map(|text| ("field", text));
    let hint = find("hint").or_else(|| find("deadlettererrordescription"));
    for (word, text) in field.into_iter().chain(hint.map(|text| ("hint", text))) {
        print(format_args!("    {word:<6} {}", preview::text(text)));
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn message(number: i64) -> Received {
        let moment = Some(datetime!(2026-01-10 10:00 UTC));
        Received {
            body: Some("{}".to_owned()),
            message_id: Some(format!("m{number}")),
            sequence_number: Some(number),
            enqueued: moment,
            received: moment,
            ..Received::default()
        }
    }

    #[test]
    fn a_message_is_new_once_and_only_if_it_was_there_at_the_start() {
        let mut once = Once::default();
        assert!(once.is_new(&message(1)) && once.is_new(&message(2)));
        assert!(!once.is_new(&message(1)));
        let later = Some(datetime!(2026-01-10 10:00:01 UTC));
        let late = Received { enqueued: later, received: later, ..message(3) };
        assert!(!once.is_new(&late));
        once.sent.insert("ours".to_owned());
        let ours = Some("ours".to_owned());
        assert!(!once.is_new(&Received { correlation_id: ours.clone(), ..message(4) }));
        assert!(!once.is_new(&Received { message_id: ours, ..message(5) }));
    }

    #[test]
    fn a_message_goes_again_unchanged_under_an_id_made_from_its_old_one() {
        let some = |text: &str| Some(text.to_owned());
        let old = Received {
            body: some("{\"a\": 1}"),
            correlation_id: some("c"),
            reply_to: some("replies"),
            content_type: some("application/json"),
            properties: [("reason".to_owned(), "no".to_owned())].into(),
            ..message(1)
        };
        let rejected = Inbox::Queue(REJECTED.to_owned());
        let new = again(&rejected, &old).unwrap();
        assert_eq!(
            (new.body.as_str(), &new.correlation_id, &new.reply_to, &new.content_type),
            ("{\"a\": 1}", &some("c"), &some("replies"), &some("application/json"))
        );
        assert!(new.properties.is_empty() && new.scheduled.is_none());
        assert_eq!(again(&rejected, &old).unwrap().message_id, new.message_id);
        let others = [
            again(&Inbox::DeadLetters(COMMANDS.to_owned()), &old),
            again(&rejected, &message(2)),
            again(&rejected, &Received { message_id: new.message_id.clone(), ..old.clone() }),
        ];
        for other in others {
            assert_ne!(other.unwrap().message_id, new.message_id);
        }
        assert_eq!(again(&rejected, &Received { body: None, ..old }), None);
    }
}
