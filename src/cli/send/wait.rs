//! Watching a pair in Azure until it is as asked for.
//!
//! What is seen is judged in `judge`; here it is read, again and again, with growing pauses and an end.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Exit;
use super::command::Verb;
use super::judge::{Sight, Verdict, judge};
use super::resolve::Pair;
use crate::azure::{Arm, ArmError};
use crate::cli::voice::Voice;
use crate::model::WHEN_IT_WORKS;

/// The first pause between two looks; each further one is half as long again
const PAUSE: Duration = Duration::from_millis(500);

/// The longest pause: a cluster may be read once a second, and others read it too
const LONGEST: Duration = Duration::from_secs(15);

/// How long a person sees nothing new at most
const SILENCE: Duration = Duration::from_secs(60);

/// A pair that is watched
pub(super) struct Watch {
    arm: Arm,
    verb: Verb,
    pair: Pair,
    voice: Voice,
}

/// After so many looks it is said where refused commands are
const PATIENT: u32 = 4;

impl Watch {
    pub(super) fn new(arm: Arm, verb: Verb, pair: Pair, voice: Voice) -> Self {
        Self { arm, verb, pair, voice }
    }

    pub(super) fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Whether there is anything to watch: asked before anything is sent.
    pub(super) async fn may_begin(&self) -> anyhow::Result<()> {
        let sight = self.look().await.context(
            "nothing is sent: the pair cannot be watched; without --wait nothing is read",
        )?;
        let Pair { cluster, registry } = &self.pair;
        if sight.cluster.is_none() {
            bail!("nothing is sent: --cluster: there is no cluster `{cluster}`");
        }
        if sight.registry.is_none() {
            bail!("nothing is sent: --registry: there is no registry `{registry}`");
        }
        Ok(())
    }

    /// Looks until it is so, until it never will be, or until the time is up.
    pub(super) async fn until(&self, limit: Duration) -> anyhow::Result<Exit> {
        let start = Instant::now();
        let end = start + limit;
        let mut lines = Lines { start, told: None, voice: self.voice };
        let mut pause = PAUSE;
        let mut looks = 0;
        loop {
            let reason = match self.verdict(end).await? {
                Verdict::So(how) => {
                    lines.tell(&format!("{}: {how}", self.outcome()));
                    self.voice.note(self.advice());
                    return Ok(Exit::Success);
                }
                Verdict::Never(why) => bail!("not {}: {why}", self.outcome()),
                Verdict::NotYet(why) => why,
            };
            let next = Instant::now() + pause;
            if next >= end {
                bail!(
                    "not {} after {} s: {reason}; what became of the command is in the function's \
                     log, and `tether send --replay-rejected --dry-run` shows what was refused",
                    self.outcome(),
                    limit.as_secs()
                );
            }
            lines.tell_if_new(&format!("not yet: {reason}"));
            looks += 1;
            if looks == PATIENT {
                lines.tell(
                    "if that seems long, the command may have been refused: \
                     `tether send --replay-rejected --dry-run` says why",
                );
            }
            sleep_until(next).await;
            pause = (pause + pause / 2).min(LONGEST);
        }
    }

    async fn verdict(&self, end: Instant) -> anyhow::Result<Verdict> {
        let looked = timeout_at(end, self.look()).await;
        match looked {
            Ok(Ok(sight)) => Ok(judge(self.verb, &sight)),
            Ok(Err(error)) if error.is_later() => Ok(Verdict::NotYet(error.to_string())),
            Ok(Err(error)) => {
                Err(error).context("the command is sent, but the pair cannot be watched any more")
            }
            Err(_) => Ok(Verdict::NotYet("Azure does not answer".into())),
        }
    }

    async fn look(&self) -> Result<Sight, ArmError> {
        let Pair { cluster, registry } = &self.pair;
        let cluster = self.arm.cluster(cluster).await?;
        let registry = self.arm.registry(registry).await?;
        let principal = cluster.as_ref().and_then(|cluster| cluster.identity.principal());
        let access = match (principal, &registry) {
            (Some(principal), Some(registry)) => {
                self.arm.access_of(&registry.id, principal).await?
            }
            _ => Vec::new(),
        };
        Ok(Sight { cluster, registry, access })
    }

    fn outcome(&self) -> &'static str {
        if self.verb == Verb::Detach { "detached" } else { "attached" }
    }

    fn advice(&self) -> &'static str {
        if self.verb == Verb::Detach {
            "Nodes may pull for some hours yet, with credentials that they have already."
        } else {
            WHEN_IT_WORKS
        }
    }
}

/// What a person sees meanwhile: a line when something is new, and one a minute in any case
struct Lines {
    start: Instant,
    told: Option<(String, Instant)>,
    voice: Voice,
}

impl Lines {
    fn tell_if_new(&mut self, line: &str) {
        let is_old =
            self.told.as_ref().is_some_and(|(told, at)| told == line && at.elapsed() < SILENCE);
        if !is_old {
            self.tell(line);
            self.told = Some((line.to_owned(), Instant::now()));
        }
    }

    fn tell(&self, line: &str) {
        self.voice.note(format_args!("{:>5} s  {line}", self.start.elapsed().as_secs()));
    }
}
