//! Carrying an adoption out: read, note, remove, make again, cross out; a few side by side.
//!
//! What is away and cannot be made again stops all that is not begun: what stands against one may stand
//! against all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::stream::{self, StreamExt};

use super::record::Record;
use crate::azure::{Arm, ArmError, Put, chain};
use crate::cli::voice::{Voice, print, warn};
use crate::model::Owner;
use crate::plan::{Adopt, AdoptStep};

/// How many are under way at once: few, so that no new one stands in line behind many when Azure asks
/// to slow down and its old one is gone
const AT_ONCE: usize = 4;

/// The pauses before making one again is tried again, beyond what every request is tried anyway
const PAUSES: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// After how many a person is told how far it is
const TOLD: usize = 100;

/// What an adoption came to
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) adopted: usize,
    /// Done before, or nothing there that would need it
    pub(super) settled: usize,
    pub(super) held: usize,
    pub(super) left: usize,
}

/// What one assignment came to
enum Outcome {
    Adopted,
    Already,
    /// Nothing needs to be there: why
    Settled(String),
    Held(String),
    /// Still the old owner's: why
    Left(String),
    /// Away, and not made again: why
    Missing(String),
}

/// Carries adoptions out
pub(super) struct Carrier<'a> {
    arm: Arm,
    record: &'a Record,
    to: &'a Owner,
    is_stopped: AtomicBool,
    voice: Voice,
}

impl<'a> Carrier<'a> {
    pub(super) fn new(arm: Arm, record: &'a Record, to: &'a Owner, voice: Voice) -> Self {
        Self { arm, record, to, is_stopped: AtomicBool::new(false), voice }
    }

    /// Carries out all of them; the flag says which were begun by an earlier run. The first one goes
    /// alone: if a right to make it is missing, no other is away for it.
    pub(super) async fn carry(&self, work: Vec<(Adopt, bool)>) -> Counts {
        let all = work.len();
        let mut counts = Counts::default();
        let mut outcomes = work.into_iter().map(async |(item, is_begun)| {
            let outcome = self.one(&item, is_begun).await;
            (item, outcome)
        });
        let first = stream::iter(outcomes.next()).buffer_unordered(1);
        let rest = stream::iter(outcomes).buffer_unordered(AT_ONCE);
        let mut outcomes = std::pin::pin!(first.chain(rest).enumerate());
        while let Some((number, (item, outcome))) = outcomes.next().await {
            counts.take(&item, outcome);
            if (number + 1) % TOLD == 0 {
                self.voice.note(format_args!("{} of {all}", number + 1));
            }
        }
        counts
    }

    async fn one(&self, item: &Adopt, is_begun: bool) -> Outcome {
        if self.is_stopped.load(Ordering::Relaxed) {
            return Outcome::Left(
                "not begun, since another one could not be made again".to_owned(),
            );
        }
        let registry = &item.grant.registry;
        let old = self.arm.grant(registry, item.from).await;
        let new = self.arm.grant(registry, item.to).await;
        let (old, new) = match (old, new) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(error), _) | (_, Err(error)) => {
                return Outcome::Left(format!("it cannot be read: {}", advice(&error)));
            }
        };
        match item.step(old.as_ref(), new.as_ref(), is_begun) {
            AdoptStep::Replace(description) => {
                self.replace(&Adopt { description, ..item.clone() }).await
            }
            AdoptStep::Make(description) => self.make(&Adopt { description, ..item.clone() }).await,
            AdoptStep::Done => self.crossed_out(item, Outcome::Already),
            AdoptStep::Gone => Outcome::Settled("it was removed by somebody else".to_owned()),
            AdoptStep::Hold(reason) => Outcome::Held(reason.to_string()),
        }
    }

    async fn replace(&self, item: &Adopt) -> Outcome {
        if let Err(error) = self.record.begin(self.to, item) {
            // Without a note it would be lost by a crash.
            self.is_stopped.store(true, Ordering::Relaxed);
            return Outcome::Left(format!("{error:#}"));
        }
        let registry = &item.grant.registry;
        if let Err(error) = self.arm.delete_grant(registry, item.from).await
            // Azure may have removed it all the same; only a look tells. Where even that fails, making
            // the new one can do no harm: Azure refuses it while the old one is there.
            && matches!(self.arm.grant(registry, item.from).await, Ok(Some(_)))
        {
            let why = format!("it cannot be removed: {}", advice(&error));
            return self.crossed_out(item, Outcome::Left(why));
        }
        self.make(item).await
    }

    async fn make(&self, item: &Adopt) -> Outcome {
        let mut pauses = PAUSES.into_iter();
        loop {
            let put = self.arm.put_grant(&item.grant, item.to, &item.description).await;
            let error = match put {
                Ok(Put::Created | Put::AlreadyThere) => {
                    return self.crossed_out(item, Outcome::Adopted);
                }
                Ok(Put::UnderAnotherName) => return self.taken(item).await,
                Err(error) => error,
            };
            if matches!(error, ArmError::NotFound(_)) {
                return self.needless(item, "its registry");
            }
            if let Some(pause) = pauses.next() {
                tokio::time::sleep(pause).await;
                continue;
            }
            if matches!(error, ArmError::PrincipalNotFound(_)) {
                return self.needless(item, "its identity");
            }
            self.is_stopped.store(true, Ordering::Relaxed);
            return Outcome::Missing(advice(&error));
        }
    }

    /// An assignment that nobody can use
    fn needless(&self, item: &Adopt, what: &str) -> Outcome {
        let why = format!("{what} is not there any more, so nobody needs it");
        self.crossed_out(item, Outcome::Settled(why))
    }

    /// While it was away somebody made another one, by which the identity may pull.
    async fn taken(&self, item: &Adopt) -> Outcome {
        match self.arm.grant(&item.grant.registry, item.from).await {
            Ok(None) => {
                let why = "somebody else assigned the same meanwhile, and that stays theirs";
                self.crossed_out(item, Outcome::Settled(why.to_owned()))
            }
            Ok(Some(_)) => Outcome::Left(
                "it was made again under its old name: is a function with the old policy at work? \
                 Deploy the new policy, then run this again"
                    .to_owned(),
            ),
            Err(error) => Outcome::Left(format!("it cannot be read: {}", advice(&error))),
        }
    }

    fn crossed_out(&self, item: &Adopt, outcome: Outcome) -> Outcome {
        if let Err(error) = self.record.end(item) {
            // The next run finds it there and crosses it out.
            warn(format_args!("{error:#}"));
        }
        outcome
    }
}

impl Counts {
    fn take(&mut self, item: &Adopt, outcome: Outcome) {
        match outcome {
            Outcome::Adopted => self.adopted += 1,
            Outcome::Already => self.settled += 1,
            Outcome::Settled(why) => {
                self.settled += 1;
                print(format_args!("settled {item}: {why}"));
            }
            Outcome::Held(why) => {
                self.held += 1;
                print(format_args!("held    {item}: {why}"));
            }
            Outcome::Left(why) => {
                self.left += 1;
                print(format_args!("left    {item}: {why}"));
            }
            Outcome::Missing(why) => {
                self.left += 1;
                print(format_args!("MISSING {item}: {why}"));
                warn(format_args!(
                    "MISSING: the assignment was removed and could not be made again, so nodes lose \
                     access when kubelet's credentials run out. Nothing more is begun. Run this again, \
                     or make it by hand:\n{}",
                    by_hand(item)
                ));
            }
        }
    }
}

/// The line that makes an assignment with its new name, for a shell
fn by_hand(item: &Adopt) -> String {
    let Adopt { grant, to, description, .. } = item;
    let description: String = description.chars().filter(|c| !c.is_control()).collect();
    format!(
        "az role assignment create --name {to} --role {} --assignee-object-id {} \
         --assignee-principal-type ServicePrincipal --scope {} --description '{}'",
        grant.role.guid(),
        grant.principal,
        grant.registry,
        description.replace('\'', r"'\''"),
    )
}

/// Azure's code, its words, and what to do
fn advice(error: &ArmError) -> String {
    let what = if matches!(error, ArmError::ScopeLocked(_)) {
        "take the lock away for as long as this takes, and run it again"
    } else if error.lacks_right() {
        "your account needs to read, write and delete role assignments there, as `Role Based Access \
         Control Administrator` may; then run this again"
    } else if matches!(error, ArmError::Token(_)) {
        "sign in with `az login`, and run this again"
    } else if error.is_later() {
        "run this again in a while"
    } else {
        "once that is mended, run this again"
    };
    format!("{}: {}; {what}", error.code(), chain(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AssignmentName, GrantKey, Role};
    use uuid::Uuid;

    #[test]
    fn the_line_for_a_shell_holds_all_of_it_and_cannot_break_out() {
        let registry = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acr1";
        let principal = Uuid::from_u128(7).to_string().parse().unwrap();
        let grant =
            GrantKey { registry: registry.parse().unwrap(), principal, role: Role::AcrPull };
        let (from, to) = (AssignmentName(Uuid::from_u128(1)), AssignmentName(Uuid::from_u128(2)));
        let item = Adopt { grant, from, to, description: "it's\u{1b}[1m\nhere".to_owned() };
        assert_eq!(
            by_hand(&item),
            format!(
                "az role assignment create --name 00000000-0000-0000-0000-000000000002 --role \
                 7f951dda-4ed3-4680-a7ca-43fe172d538d --assignee-object-id \
                 00000000-0000-0000-0000-000000000007 --assignee-principal-type ServicePrincipal \
                 --scope {registry} --description 'it'\\''s[1mhere'"
            )
        );
    }
}
