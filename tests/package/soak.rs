//! The unpacked program under load: a burst of events of which one in five matters, then a steady rate
//! while Azure and the queue make trouble. Nothing gets lost, and memory stays where it is.
//!
//! Seconds in `cargo test --test package`; `tests/soak.sh` runs it for as long as one likes.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tether::emulator::azure::{ClusterSpec, RegistrySpec};
use tether::emulator::havoc::{Dice, Mischief};
use tether::emulator::queue::Message;
use tether::emulator::world::{PAYMENTS, PLATFORM, TENANT, World, WorldOptions};
use tokio::time::Instant;
use uuid::Uuid;

use super::tests::package;
use super::told::told;
use super::zip::unpack;

/// The longest that quiet is waited for
const LIMIT: Duration = Duration::from_secs(20 * 60);

const TEAMS: usize = 20;

/// In so many steady seconds one cluster comes and one goes. What is left of one that goes takes a look
/// at the whole estate, for which Resource Graph lets through one in some three seconds.
const CHANGE_EVERY: usize = 5;

/// Of so many events one matters
const MATTERS: usize = 5;

const POLICY: &str = "
owner: soak
mode: sync
max_attach: 100000
max_detach: 100000
max_detach_percent: 100
rules:
  - name: same-team
    cluster: { tags: { acr-attach: auto } }
    registry: { tags: { acr-attach: auto } }
    join: [{ same_tag: team }]
";

/// Trouble that the program lives through: a killed one would start with fresh memory
const TROUBLE: [Mischief; 4] =
    [Mischief::LoseAnswer, Mischief::OutOfOrder, Mischief::SlowDown, Mischief::QueueRefuses];

struct Soak {
    world: World,
    dice: Dice,
    /// The clusters that are there, with their teams, the oldest first
    clusters: VecDeque<(String, usize)>,
    made: usize,
    seconds: usize,
    events: usize,
    faults: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_nothing_gets_lost_and_memory_stays_where_it_is() {
    let burst: usize = told("TETHER_TEST_EVENTS").unwrap_or(500);
    let steady = Duration::from_secs_f64(60.0 * told("TETHER_TEST_MINUTES").unwrap_or(0.25));
    let mut soak = Soak::new().await;
    println!("idle:              {:.1} MiB", soak.memory("VmRSS"));
    let start = Instant::now();
    for _ in 0..burst / MATTERS {
        soak.make_cluster();
        soak.strangers_events(MATTERS - 1);
    }
    soak.world.settle(LIMIT).await.unwrap();
    let took = start.elapsed().as_secs_f64();
    soak.check("after the burst");
    println!(
        "burst:             {burst} events, {} of which matter, all done after {took:.1} s; {:.1} MiB",
        burst / MATTERS,
        soak.memory("VmRSS")
    );
    let mut after_a_third = None;
    let start = Instant::now();
    let mut told_minute = 0;
    while start.elapsed() < steady {
        soak.a_second_of_work().await;
        if after_a_third.is_none() && start.elapsed() * 3 > steady {
            after_a_third = Some(soak.memory("VmRSS"));
        }
        let minute = start.elapsed().as_secs() / 60;
        if minute > told_minute {
            told_minute = minute;
            println!("minute {minute:>3}:        {:.1} MiB", soak.memory("VmRSS"));
        }
    }
    let (third, end) = (after_a_third.unwrap_or_default(), soak.memory("VmRSS"));
    soak.calm().await;
    soak.check("in the end");
    println!(
        "steady:            {} events and {} faults in all; {} clusters made, {} left, each with \
         exactly its registry",
        soak.events,
        soak.faults,
        soak.made,
        soak.clusters.len()
    );
    println!("memory:            {third:.1} MiB after a third, {end:.1} MiB in the end");
    println!("                   {:.1} MiB at most", soak.memory("VmHWM"));
    assert_eq!(soak.world.host.violations(), Vec::<String>::new());
    assert!(end < third + 4.0, "it grows");
}

impl Soak {
    async fn new() -> Self {
        let folder = unpack(&package());
        let options = WorldOptions::new(POLICY, folder.clone(), folder);
        let world = World::start(WorldOptions { filtered: false, ..options }).await.unwrap();
        for team in 0..TEAMS {
            let spec = RegistrySpec::new(PLATFORM, "images", &format!("acr{team}"));
            let spec = spec.tag("acr-attach", "auto").tag("team", &format!("t{team}"));
            world.azure.create_registry(&spec).unwrap();
        }
        world.settle(LIMIT).await.unwrap();
        let clusters = VecDeque::new();
        Self { world, dice: Dice::new(1), clusters, made: 0, seconds: 0, events: 0, faults: 0 }
    }

    fn make_cluster(&mut self) {
        let team = self.made % TEAMS;
        let spec = ClusterSpec::new(PAYMENTS, "shop", &format!("aks{}", self.made));
        let spec = spec.tag("acr-attach", "auto").tag("team", &format!("t{team}"));
        let id = self.world.azure.create_cluster(&spec).unwrap();
        self.clusters.push_back((id, team));
        self.made += 1;
        self.events += 1;
    }

    /// Events about what nobody here cares for
    fn strangers_events(&mut self, count: usize) {
        for _ in 0..count {
            self.events += 1;
            self.world.events.deliver(&strangers_event(self.events));
        }
    }

    async fn a_second_of_work(&mut self) {
        let next = Instant::now() + Duration::from_secs(1);
        self.strangers_events(MATTERS);
        if self.seconds.is_multiple_of(CHANGE_EVERY) {
            self.make_cluster();
            if let Some((id, _)) = self.clusters.pop_front() {
                self.world.azure.delete(&id).unwrap();
                self.events += 1;
            }
        }
        self.seconds += 1;
        if self.dice.below(5) == 0 {
            let mischief = TROUBLE[self.dice.below(TROUBLE.len())];
            self.world.suffer(mischief, 0).await.unwrap();
            self.faults += 1;
        }
        tokio::time::sleep_until(next).await;
    }

    /// No more trouble: whatever waits is worked off, what died is put back, and the timer comes.
    async fn calm(&self) {
        self.world.azure.faults().clear();
        self.world.namespace.fail_sends(0, 503);
        for _ in 0..40 {
            self.world.clock.advance(Duration::from_secs(13 * 60));
            self.world.host.fire_timer("reconcile-tick").await.unwrap();
            self.world.settle(LIMIT).await.unwrap();
            let dead = self.world.namespace.take_dead_letters("commands");
            for stored in &dead {
                let message_id = Some(Uuid::new_v4().to_string());
                let message = Message { message_id, ..stored.message.clone() };
                self.world.namespace.send("commands", message).unwrap();
            }
            if dead.is_empty() && self.world.namespace.scheduled("commands").is_empty() {
                return;
            }
        }
        panic!("it never ends");
    }

    /// Every cluster has exactly its registry. Of thousands only those are told that have not.
    fn check(&self, when: &str) {
        let (found, wanted) = (self.found(), self.wanted());
        let missing: Vec<_> = wanted.difference(&found).collect();
        let left: Vec<_> = found.difference(&wanted).collect();
        assert!(
            missing.is_empty() && left.is_empty(),
            "{when}: missing {missing:?}, left {left:?}"
        );
    }

    /// Who may pull from where: principals and names of registries
    fn found(&self) -> BTreeSet<(Uuid, String)> {
        let last = |id: &str| id.rsplit('/').next().unwrap().to_lowercase();
        let all = self.world.azure.assignments().into_iter();
        all.map(|one| (one.principal, last(&one.scope))).collect()
    }

    fn wanted(&self) -> BTreeSet<(Uuid, String)> {
        let principal = |id: &str| self.world.azure.kubelet_principal(id).unwrap();
        let all = self.clusters.iter();
        all.map(|(id, team)| (principal(id), format!("acr{team}"))).collect()
    }

    /// What the kernel says of the program's memory, in MiB
    fn memory(&self, what: &str) -> f64 {
        let pid = self.world.host.handler_pid().expect("it runs");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let mut fields = status.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = fields.find(|(name, _)| *name == what).unwrap();
        value.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}

fn strangers_event(number: usize) -> Value {
    let id = format!(
        "/subscriptions/{PAYMENTS}/resourceGroups/shop/providers/Microsoft.Storage/storageAccounts/s{number}"
    );
    json!({
        "id": Uuid::new_v4(),
        "topic": format!("/subscriptions/{PAYMENTS}"),
        "subject": id,
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-01-02T03:04:05.6789012Z",
        "data": {
            "resourceUri": id,
            "operationName": "Microsoft.Storage/storageAccounts/write",
            "status": "Succeeded",
            "subscriptionId": PAYMENTS,
            "tenantId": TENANT,
        },
        "dataVersion": "2",
        "metadataVersion": "1",
    })
}
