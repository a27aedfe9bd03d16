//! Everything goes wrong at once: handlers and hosts killed under load, answers lost, locks expired,
//! messages twice, in any order, to two hosts. The world must come out as if nothing had happened.
//!
//! `tests/kill.sh` runs the same for longer and with other seeds.

mod sync;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tether::emulator::havoc::{Dice, Mischief};
use tether::emulator::host::Host;
use tether::emulator::queue::Message;
use tether::emulator::world::{Door, World, WorldOptions};
use uuid::Uuid;

use crate::corridor::commands::{pinning, reports};
use crate::corridor::{cluster, options, registry, start};
use crate::told::told;

/// The longest that quiet is waited for
const LIMIT: Duration = Duration::from_secs(120);

/// How many hosts share the queue
const HOSTS: usize = 2;

const TEAMS: usize = 4;

/// How often something is killed, and from which seed, if the environment does not say
const KILLS: usize = 8;
const SEED: u64 = 1;

/// What was asked for by commands: id and body
type Commands = BTreeMap<String, Value>;

struct Havoc {
    world: World,
    dice: Dice,
    kills: usize,
    mischief: usize,
    serial: usize,
}

/// How many kills, from which seed
fn course() -> (usize, u64) {
    (told("TETHER_TEST_KILLS").unwrap_or(KILLS), told("TETHER_TEST_SEED").unwrap_or(SEED))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_the_world_comes_out_right_and_no_command_is_lost() {
    let (kills, seed) = course();
    let mut havoc = Havoc::new(seed).await;
    let pairs = havoc.make_the_estate();
    let attach = commands("attach", &pairs);
    havoc.rage(&attach, kills / 2).await;
    havoc.calm(&attach).await;
    let (gone, stay) = pairs.split_at(pairs.len() / 2);
    let detach = commands("detach", gone);
    havoc.rage(&detach, kills).await;
    havoc.calm(&detach).await;
    let found = havoc.attached();
    let expected = expected(stay);
    assert_eq!(found, expected, "seed {seed}");
    havoc.check_that_nothing_is_lost(&attach);
    havoc.check_that_nothing_is_lost(&detach);
    let summary = format!(
        "seed {seed}: {} kills and {} other faults; {} commands; {} messages sent, {} dead letters put \
         back; {} assignments, exactly those that are wanted",
        havoc.kills,
        havoc.mischief - havoc.kills,
        attach.len() + detach.len(),
        havoc.world.namespace.sent().len(),
        havoc.serial,
        found.len(),
    );
    tell(&summary);
}

#[expect(
    clippy::print_stdout,
    reason = "a person who runs this for long wants to see what came of it"
)]
fn tell(summary: &str) {
    println!("{summary}");
}

/// A command for each pair, and some that must be refused
fn commands(name: &str, pairs: &[(String, String)]) -> Commands {
    let good =
        pairs.iter().map(|(aks, acr)| json!({ "command": name, "cluster": aks, "registry": acr }));
    let bad = [
        json!({ "command": name, "cluster": "nobody", "registry": "free0" }),
        json!({ "command": name, "cluster": pairs[0].0 }),
        json!({ "command": name, "cluster": pairs[0].0, "registry": "free0", "now": true }),
    ];
    let all = good.chain(bad).enumerate();
    all.map(|(number, body)| (format!("{name} {number}"), body)).collect()
}

/// Who may pull from where, from what was made and asked for alone
fn expected(pinned: &[(String, String)]) -> Vec<(String, String)> {
    let last = |id: &str| id.rsplit('/').next().unwrap().to_owned();
    let teams = (0..16).flat_map(|aks| {
        let same = (0..8).filter(move |acr| acr % TEAMS == aks % TEAMS);
        same.map(move |acr| (format!("aks{aks}"), format!("acr{acr}")))
    });
    let pinned = pinned.iter().map(|(aks, acr)| (last(aks), last(acr)));
    let mut expected: Vec<_> = teams.chain(pinned).collect();
    expected.sort();
    expected
}

impl Havoc {
    async fn new(seed: u64) -> Self {
        let options = WorldOptions { policy: pinning(), door: Door::Queue, ..options() };
        Self::in_world(seed, options).await
    }

    async fn in_world(seed: u64, options: WorldOptions) -> Self {
        let mut world = start(options).await;
        for _ in 1..HOSTS {
            world.add_host().await.unwrap();
        }
        Self { world, dice: Dice::new(seed), kills: 0, mischief: 0, serial: 0 }
    }

    /// Clusters and registries of teams, whose events are load enough; pairs that a command may pin
    fn make_the_estate(&mut self) -> Vec<(String, String)> {
        let team = |number: usize| format!("team{}", number % TEAMS);
        let azure = &self.world.azure;
        for number in 0..8 {
            let spec = registry(&format!("acr{number}"));
            let spec = spec.tag("acr-attach", "auto").tag("team", &team(number));
            azure.create_registry(&spec).unwrap();
        }
        for number in 0..16 {
            let spec = cluster(&format!("aks{number}"));
            let spec = spec.tag("acr-attach", "auto").tag("team", &team(number));
            azure.create_cluster(&spec).unwrap();
        }
        let free = |number| registry(&format!("free{number}")).tag("pin", "yes");
        let free = [0, 1].map(|number| azure.create_registry(&free(number)).unwrap());
        let bare = |number| azure.create_cluster(&cluster(&format!("bare{number}"))).unwrap();
        let bare: Vec<String> = (0..10).map(bare).collect();
        bare.iter().flat_map(|aks| free.iter().map(|acr| (aks.clone(), acr.clone()))).collect()
    }

    /// Sends everything in any order, while things go wrong, until so many were killed in all.
    async fn rage(&mut self, commands: &Commands, kills: usize) {
        let mut all: Vec<_> = commands.iter().collect();
        self.dice.shuffle(&mut all);
        for (id, body) in all {
            self.send(id, body);
        }
        while self.kills < kills {
            self.keep_busy(commands);
            let more = 1 + self.dice.below(30);
            self.wait_for_requests(more).await;
            let host = self.dice.below(HOSTS);
            self.suffer(host).await;
        }
    }

    /// Something goes wrong, with this host if a host is meant.
    async fn suffer(&mut self, host: usize) {
        let mischief = self.dice.mischief();
        let is_up = self.world.hosts().nth(host).and_then(Host::handler_pid).is_some();
        let is_kill = matches!(mischief, Mischief::KillHandler | Mischief::KillHost);
        self.kills += usize::from(is_kill && is_up);
        self.mischief += 1;
        self.world.suffer(mischief, host).await.unwrap();
        self.replace_the_gone().await;
    }

    /// If little is left to do, sends what was sent before once more, as another message.
    fn keep_busy(&mut self, commands: &Commands) {
        if self.world.namespace.active("commands").len() > 20 {
            return;
        }
        let events = self.world.namespace.sent().into_iter();
        let events = events.filter(|sent| sent.queue == "commands").map(|sent| sent.body);
        let mut again: Vec<Vec<u8>> = events.take(200).collect();
        self.dice.shuffle(&mut again);
        for body in again.into_iter().take(40) {
            // Commands of the other phase would undo what this one does.
            let is_other = ["attach", "detach"].into_iter().any(|name| {
                let is = serde_json::from_slice::<Value>(&body)
                    .is_ok_and(|it| it["command"] == json!(name));
                is && !commands.keys().any(|id| id.starts_with(name))
            });
            if !is_other {
                let message_id = Some(Uuid::new_v4().to_string());
                let message = Message { body, message_id, ..Message::default() };
                self.world.namespace.send("commands", message).unwrap();
            }
        }
    }

    fn send(&self, id: &str, body: &Value) {
        let message = Message {
            body: body.to_string().into_bytes(),
            message_id: Some(id.to_owned()),
            reply_to: Some("reports".to_owned()),
            ..Message::default()
        };
        self.world.namespace.send("commands", message).unwrap();
    }

    /// Waits for a moment that nobody chose: so many requests later, or when nothing is left to do.
    async fn wait_for_requests(&self, more: usize) {
        let world = &self.world;
        let before = world.azure.log().len();
        let is_so = || world.azure.log().len() >= before + more || world.hosts().all(Host::is_idle);
        world.host.wait_until(LIMIT, is_so).await.unwrap();
    }

    /// After its third death a handler is not started again by its host; the platform replaces the
    /// host.
    async fn replace_the_gone(&mut self) {
        for place in 0..HOSTS {
            if self.world.hosts().nth(place).is_some_and(|host| host.gone().is_some()) {
                self.world.replace_host(place).await.unwrap();
            }
        }
    }

    /// Nothing goes wrong any more: whatever is left is worked off, and dead letters are put back.
    async fn calm(&mut self, commands: &Commands) {
        self.world.azure.faults().clear();
        self.world.namespace.fail_sends(0, 503);
        for _ in 0..40 {
            self.replace_the_gone().await;
            self.world.clock.advance(Duration::from_secs(13 * 60));
            self.settle().await;
            if self.put_back_dead_letters() == 0
                && self.world.namespace.scheduled("commands").is_empty()
                && commands.keys().all(|id| self.is_told(id))
            {
                return;
            }
        }
        panic!("it never ends");
    }

    async fn settle(&self) {
        if let Err(problem) = self.world.settle(LIMIT).await {
            panic!("{problem}");
        }
    }

    /// What died was delivered too often, and nothing else.
    fn put_back_dead_letters(&mut self) -> usize {
        let dead = self.world.namespace.take_dead_letters("commands");
        for stored in &dead {
            let reason = stored.dead_letter_reason.as_deref();
            assert_eq!(reason, Some("MaxDeliveryCountExceeded"));
            self.serial += 1;
            let message_id = stored.message.message_id.clone().unwrap_or_default();
            let message_id = Some(format!("{message_id} again {}", self.serial));
            // A report answers the first message.
            let correlation_id =
                stored.message.correlation_id.clone().or_else(|| stored.message.message_id.clone());
            let message = Message { message_id, correlation_id, ..stored.message.clone() };
            self.world.namespace.send("commands", message).unwrap();
        }
        dead.len()
    }

    /// Whether the sender of a command has been told how it ended
    fn is_told(&self, id: &str) -> bool {
        let again = format!("{id} again");
        let rejected = self.world.namespace.active("rejected").into_iter();
        let mut rejected = rejected.filter_map(|stored| stored.message.correlation_id);
        reports(&self.world, id).iter().any(|told| told["outcome"] != json!("later"))
            || rejected.any(|one| one == id || one.starts_with(&again))
            || self.world.namespace.active("reports").iter().any(|stored| {
                let answered = stored.message.correlation_id.as_deref();
                answered.is_some_and(|one| one.starts_with(&again))
            })
    }

    fn check_that_nothing_is_lost(&self, commands: &Commands) {
        for (id, body) in commands {
            assert!(self.is_told(id), "nothing came of {body}");
        }
        for host in self.world.hosts() {
            assert_eq!(host.violations(), Vec::<String>::new());
        }
    }

    /// Who may pull from where: names of clusters and registries, once for each assignment
    fn attached(&self) -> Vec<(String, String)> {
        let last = |id: &str| id.rsplit('/').next().unwrap().to_owned();
        let names: BTreeMap<Uuid, String> = self
            .names()
            .into_iter()
            .filter_map(|id| Some((self.world.azure.kubelet_principal(&id)?, last(&id))))
            .collect();
        let assignments = self.world.azure.assignments().into_iter();
        let mut attached: Vec<_> =
            assignments.map(|one| (names[&one.principal].clone(), last(&one.scope))).collect();
        attached.sort();
        attached
    }

    fn names(&self) -> BTreeSet<String> {
        let tables = self.world.azure.tables();
        let rows = tables.values().flatten().filter_map(|row| row["id"].as_str());
        rows.filter(|id| id.to_lowercase().contains("/managedclusters/"))
            .map(str::to_owned)
            .collect()
    }
}
