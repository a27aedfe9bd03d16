//! Mode `sync` while everything goes wrong and people change everything: never is anything removed
//! that is a stranger's, pinned, or wanted throughout; and once it is quiet the world is right.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tether::emulator::azure::{AssignmentSpec, Fault, Right};
use tether::emulator::world::{Door, PAYMENTS, PLATFORM, World, WorldOptions};
use uuid::Uuid;

use super::{HOSTS, Havoc, TEAMS, commands, course, expected, tell};
use crate::corridor::commands::pinning;
use crate::corridor::{ACR_PULL, cluster, options, registry};

/// Clusters of teams: the first half stays as it is, the others lose and regain their tags or go
const CLUSTERS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sync_removes_nothing_that_anyone_needs_and_converges_once_it_is_quiet() {
    let (kills, seed) = course();
    let policy = pinning()
        .replace("mode: attach-only", "mode: sync")
        .replace("max_detach: 50", "max_detach: 1000")
        .replace("max_detach_percent: 20", "max_detach_percent: 100");
    // Resource Graph notices only when time is moved on.
    let graph_lag = Duration::from_secs(600);
    let options = WorldOptions { policy, door: Door::Queue, graph_lag, ..options() };
    let mut havoc = Havoc::in_world(seed, options).await;
    let pairs = havoc.make_the_estate();
    havoc.assign_by_hand();
    let pins = commands("attach", &pairs[..6]);
    for (id, body) in &pins {
        havoc.send(id, body);
    }
    havoc.calm(&pins).await;
    havoc.tick();
    havoc.calm(&pins).await;
    let untouchable = havoc.untouchable();
    assert!(untouchable.len() > 20, "{}", untouchable.len());
    havoc.world.azure.clear_log();
    let mut gone = BTreeSet::new();
    while havoc.kills < kills {
        havoc.change_something(&mut gone);
        havoc.trouble().await;
    }
    for right in [Right::Read, Right::Assign] {
        havoc.world.azure.allow(PAYMENTS, right);
        havoc.world.azure.allow(PLATFORM, right);
    }
    for _ in 0..2 {
        havoc.calm(&pins).await;
        havoc.tick();
    }
    havoc.calm(&pins).await;
    havoc.check_what_was_deleted(&untouchable);
    let found = havoc.attached();
    assert_eq!(found, havoc.wanted(&pairs[..6], &gone), "seed {seed}");
    havoc.tick();
    havoc.world.azure.clear_log();
    havoc.settle().await;
    let log = havoc.world.azure.log();
    let is_write = |method: &str| method == "PUT" || method == "DELETE";
    assert!(!log.iter().any(|request| is_write(&request.method)), "nothing was left to do");
    let (kills, others) = (havoc.kills, havoc.mischief - havoc.kills);
    tell(&format!(
        "seed {seed}: {kills} kills and {others} other faults during sync; {} clusters gone; {} \
         assignments, exactly those that are wanted, pinned or by others",
        gone.len(),
        found.len(),
    ));
}

fn id_of(world: &World, number: usize) -> String {
    let name = format!("/managedclusters/aks{number}");
    let tables = world.azure.tables();
    let mut rows = tables.values().flatten().filter_map(|row| row["id"].as_str());
    rows.find(|id| id.to_lowercase().ends_with(&name)).unwrap_or_default().to_owned()
}

impl Havoc {
    /// Somebody else attaches a cluster to a registry that no rule wants for it.
    fn assign_by_hand(&self) {
        let azure = &self.world.azure;
        let acr = azure.create_registry(&registry("foreign")).unwrap();
        for number in 0..4 {
            let aks = azure.create_cluster(&cluster(&format!("other{number}"))).unwrap();
            let principal = azure.kubelet_principal(&aks).unwrap();
            let name = Uuid::from_u128(1 + number);
            azure.assign(&AssignmentSpec::new(name, &acr, ACR_PULL, principal)).unwrap();
        }
    }

    fn tick(&mut self) {
        self.serial += 1;
        let id = format!("tick {}", self.serial);
        self.send(&id, &json!({ "command": "reconcile", "scope": "everything" }));
    }

    /// The assignments that nobody ever has a reason to remove: those of strangers, the pinned, and
    /// those of the clusters that stay as they are
    fn untouchable(&self) -> BTreeSet<Uuid> {
        let stays = (0..CLUSTERS / 2)
            .map(|number| self.world.azure.kubelet_principal(&id_of(&self.world, number)).unwrap());
        let stays: BTreeSet<Uuid> = stays.collect();
        let assignments = self.world.azure.assignments().into_iter();
        let untouchable = assignments.filter(|one| {
            let mark = one.description.as_deref().unwrap_or_default();
            stays.contains(&one.principal) || !mark.starts_with("tether/1 rule")
        });
        untouchable.map(|one| one.name).collect()
    }

    /// People change tags and delete clusters, rights come and go, Resource Graph lies by omission.
    fn change_something(&mut self, gone: &mut BTreeSet<usize>) {
        let number = CLUSTERS / 2 + self.dice.below(CLUSTERS / 2);
        let azure = &self.world.azure;
        let id = id_of(&self.world, number);
        let tags = |on: bool| {
            let team = format!("team{}", number % TEAMS);
            let tags = [("acr-attach".to_owned(), "auto".to_owned()), ("team".to_owned(), team)];
            if on { tags.into() } else { [].into() }
        };
        match self.dice.below(8) {
            0 | 1 if !id.is_empty() => drop(azure.set_tags(&id, &tags(false))),
            2 | 3 if !id.is_empty() => drop(azure.set_tags(&id, &tags(true))),
            4 if gone.len() < 3 && !id.is_empty() && azure.delete(&id).is_ok() => {
                gone.insert(number);
            }
            5 => azure.revoke(PAYMENTS, Right::Read),
            6 => azure.allow(PAYMENTS, Right::Read),
            _ => {
                let body = json!({
                    "totalRecords": 50, "count": 0, "data": [], "resultTruncated": "true",
                });
                azure.faults().inject(Fault::on("POST", "ResourceGraph").json(200, body));
            }
        }
        self.tick();
    }

    fn check_what_was_deleted(&self, untouchable: &BTreeSet<Uuid>) {
        for request in self.world.azure.log() {
            if request.method == "DELETE" && request.caller == "identity" {
                let name = request.path.rsplit('/').next().unwrap().parse().unwrap();
                assert!(!untouchable.contains(&name), "{}", request.path);
            }
        }
    }

    /// What there must be in the end, from the tags as they are and what was asked for
    fn wanted(&self, pins: &[(String, String)], gone: &BTreeSet<usize>) -> Vec<(String, String)> {
        let is_tagged = |name: &str| {
            let Some(number) = name.strip_prefix("aks").and_then(|text| text.parse().ok()) else {
                return true;
            };
            let id = id_of(&self.world, number);
            let shown = self.world.azure.resource(&id).unwrap_or_default();
            !gone.contains(&number) && shown["tags"]["acr-attach"] == json!("auto")
        };
        let mut wanted = expected(pins);
        wanted.retain(|(cluster, _)| is_tagged(cluster));
        wanted.extend((0..4).map(|number| (format!("other{number}"), "foreign".to_owned())));
        wanted.sort();
        wanted
    }

    /// Something goes wrong, at a moment that nobody chose.
    async fn trouble(&mut self) {
        let more = 1 + self.dice.below(40);
        self.wait_for_requests(more).await;
        let host = self.dice.below(HOSTS);
        self.suffer(host).await;
    }
}
