//! What everyone in a history shares: Azure, the time, what is about to go wrong, and what was found
//! to be wrong.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tether::emulator::Clock;
use tether::emulator::azure::{Azure, GraphHides, Options, Subscription};
use tether::emulator::graph;
use tether::emulator::havoc::Dice;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::facts::{Assignment, Mark, hash};
use crate::history::{History, Setting, Switches, Trouble, Where};
use crate::nodes::Nodes;
use crate::tally::Tally;
use crate::witness::{Asked, Run, Wish};

pub(crate) const SUBSCRIPTIONS: [Uuid; 2] = [Uuid::from_u128(0x10), Uuid::from_u128(0x11)];
pub(crate) const TENANT: Uuid = Uuid::from_u128(0x7e);

/// Where Azure is
pub(crate) const ARM: &str = "https://management.azure.com";

/// What everyone in a history shares
pub(crate) struct Stage {
    pub(crate) azure: Azure,
    pub(crate) clock: Clock,
    pub(crate) start: OffsetDateTime,
    pub(crate) setting: Setting,
    /// Whether what happens is written down in words
    tells: bool,
    inner: Mutex<Inner>,
}

pub(crate) struct Inner {
    pub(crate) dice: Dice,
    pub(crate) troubles: Vec<Armed>,
    pub(crate) tally: Tally,
    pub(crate) wrong: Vec<String>,
    pub(crate) story: Vec<String>,
    pub(crate) nodes: Nodes,
    /// What the policy that is deployed says of what was replaced
    pub(crate) switches: Switches,
    /// What was detached by a command and said to be, of whom and since when
    detached: Vec<(&'static str, Asked, OffsetDateTime)>,
    trace: DefaultHasher,
}

/// Trouble that waits for its request
#[derive(Clone, Copy, Debug)]
pub(crate) struct Armed {
    pub(crate) wrong: Trouble,
    pub(crate) at: Where,
    pub(crate) after: u64,
    pub(crate) times: u64,
}

impl Stage {
    pub(crate) fn new(history: &History, tells: bool) -> Arc<Self> {
        let setting = history.setting;
        let clock = Clock::new(1.0);
        let subscriptions = SUBSCRIPTIONS.map(|id| Subscription { id, name: "one".to_owned() });
        let seconds = std::time::Duration::from_secs;
        let options = Options {
            graph: Arc::new(|tables, body, caller| {
                let answer = graph::answer(tables, body, &caller.subscriptions);
                (answer.status, answer.body)
            }),
            graph_lag: seconds(setting.graph_lag),
            cluster_creation: seconds(setting.creation),
            dates_clusters: setting.dates_clusters,
            directory_lag: seconds(setting.directory_lag),
            graph_hides: if setting.hides_descriptions {
                GraphHides::Descriptions
            } else {
                GraphHides::Nothing
            },
            ..Options::new(clock.clone(), TENANT, subscriptions.to_vec())
        };
        let azure = Azure::within(options, ARM.to_owned());
        let inner = Inner {
            dice: Dice::new(history.seed ^ 0x5eed),
            troubles: Vec::new(),
            tally: Tally::default(),
            wrong: Vec::new(),
            story: Vec::new(),
            nodes: Nodes::default(),
            switches: setting.switches,
            detached: Vec::new(),
            trace: DefaultHasher::new(),
        };
        let start = clock.now();
        Arc::new(Self { azure, clock, start, setting, tells, inner: Mutex::new(inner) })
    }

    /// Every assignment that is there now
    pub(crate) fn assignments(&self) -> Vec<Assignment> {
        let all = self.azure.assignments().into_iter();
        all.map(|one| Assignment {
            name: one.name,
            scope: one.scope.to_lowercase(),
            principal: one.principal,
            role: one.role,
            description: one.description.unwrap_or_default(),
            conditional: one.condition.is_some(),
            written: Some(one.updated_on),
        })
        .collect()
    }

    pub(crate) fn assignment(&self, name: Uuid) -> Option<Assignment> {
        self.assignments().into_iter().find(|one| one.name == name)
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(crate) fn count(&self, what: &'static str) {
        self.inner().tally.count(what);
    }

    /// Notes a report that says of a pair that all of it is detached.
    pub(crate) fn reported(&self, run: &Run, report: &[u8]) {
        let Some(asked) = run.asked.clone().filter(|asked| asked.what == Wish::Detach) else {
            return;
        };
        let report: Value = serde_json::from_slice(report).unwrap();
        let is_over =
            |change: &Value| change["outcome"] == "applied" || change["outcome"] == "already";
        let all = report["changes"].as_array().is_some_and(|all| all.iter().all(is_over));
        if report["outcome"] != "done" || !all {
            return;
        }
        let Some(registry) = run.registries.values().flatten().find(|one| asked.is_at(&one.id))
        else {
            return;
        };
        let cluster = run.marked(hash(&asked.cluster));
        let is_left = |one: &Assignment| {
            one.is_of(run.owner)
                && one.scope == registry.id
                && one.mark() == Mark::Pin(hash(&asked.cluster))
                && cluster.is_none_or(|cluster| !one.is_of_earlier(cluster))
        };
        let left = self.assignments().into_iter().find(is_left);
        match left.map(|one| one.written >= Some(run.begun)) {
            // A command to attach came in between.
            Some(true) => {}
            Some(false) => {
                self.wrong(format!("{asked:?} is said to be detached, and has a pin left"));
            }
            None => {
                let now = self.clock.now();
                self.inner().tally.count("detached for good");
                self.inner().detached.push((run.owner, asked, now));
            }
        }
    }

    /// Whether a run that began after a pair was detached pins it without another command
    pub(crate) fn came_back(&self, run: &Run, now: &Assignment) -> Option<String> {
        let is_it = |owner: &str, asked: &Asked| {
            owner == run.owner
                && asked.is_at(&now.scope)
                && now.mark() == Mark::Pin(hash(&asked.cluster))
        };
        // What a person edited counts as a pin of its own.
        let is_edited = |one: &Assignment| {
            one.is_of(run.owner)
                && one.scope == now.scope
                && one.principal == now.principal
                && one.mark() == Mark::Unreadable
        };
        if self.assignments().iter().any(is_edited) {
            return None;
        }
        let mut inner = self.inner();
        if run.asked.is_some() {
            inner.detached.retain(|(owner, asked, _)| !is_it(owner, asked));
        }
        let back = |(owner, asked, since): &&(&str, Asked, OffsetDateTime)| {
            is_it(owner, asked) && *since < run.begun
        };
        let back = inner.detached.iter().find(back);
        back.map(|_| "it was detached by a command".to_owned())
    }

    /// Counts what kind of PUT this was.
    pub(crate) fn count_kind(&self, before: Option<&Assignment>, now: &Assignment) {
        if before.is_some_and(|before| before.description != now.description) {
            self.count("marks written again");
        }
    }

    /// Notes what happens: in the trace that two runs of a history must have in common, and in words.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        let text = what();
        let since = (self.clock.now() - self.start).whole_milliseconds();
        let mut inner = self.inner();
        (since, &text).hash(&mut inner.trace);
        if self.tells {
            inner.story.push(format!("{:>6}.{:03} s  {text}", since / 1000, since % 1000));
        }
    }

    /// Notes that a promise was broken.
    pub(crate) fn wrong(&self, what: String) {
        self.note(|| format!("WRONG: {what}"));
        self.inner().wrong.push(what);
    }

    pub(crate) fn trace(&self) -> u64 {
        self.inner().trace.finish()
    }

    /// How many milliseconds something takes
    pub(crate) fn takes(&self, most: usize) -> u64 {
        u64::try_from(self.inner().dice.below(most)).unwrap()
    }

    /// The trouble that strikes this request
    pub(crate) fn strike(&self, at: Where) -> Option<Trouble> {
        let mut inner = self.inner();
        let fits =
            |armed: &Armed| armed.at == at || armed.at == Where::Anywhere && at != Where::Queue;
        let mut struck = None;
        inner.troubles.retain_mut(|armed| {
            if struck.is_some() || !fits(armed) {
                return true;
            }
            if armed.after > 0 {
                armed.after -= 1;
                return true;
            }
            struck = Some(armed.wrong);
            armed.times -= 1;
            armed.times > 0
        });
        struck
    }
}
