//! Commands to detach where the cluster had another identity before: the former one goes alone or goes
//! first, and nothing comes back.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tether::emulator::azure::{AssignmentSpec, Fault, LockKind};
use tether::emulator::world::{Door, World, WorldOptions};
use uuid::Uuid;

use super::commands::{ask, change, command, pair, report, reports, with_pins};
use super::sync::{attached_pair, auto, sync, tick, writes};
use super::{ACR_PULL, PUSH, attached, registry, settle, start};

pub(super) fn of_former_identities(cluster: &str, registry: &str) -> Value {
    let mut body = command("detach", cluster, registry);
    body["formerIdentities"] = json!(true);
    body
}

/// Gives the cluster another identity, which the next run attaches; the one before and the present one
async fn replace_identity(world: &World, aks: &str) -> (Uuid, Uuid) {
    let before = world.azure.kubelet_principal(aks).unwrap();
    world.azure.set_identity(aks, None).unwrap();
    tick(world).await;
    assert_eq!(attached(world, aks), [("acr1".to_owned(), ACR_PULL)]);
    (before, world.azure.kubelet_principal(aks).unwrap())
}

/// Who has `AcrPull` at a registry
fn holders(world: &World, acr: &str) -> BTreeSet<Uuid> {
    let mut all = world.azure.assignments();
    all.retain(|one| one.role == ACR_PULL && one.scope.eq_ignore_ascii_case(acr));
    all.into_iter().map(|one| one.principal).collect()
}

#[tokio::test]
async fn former_identities_go_by_a_command_while_a_rule_wants_the_pair_and_nothing_else_goes() {
    let (world, aks, acr) = attached_pair(sync(), auto("aks1")).await;
    let before = world.azure.kubelet_principal(&aks).unwrap();
    let foreign = world.azure.create_registry(&registry("foreign")).unwrap();
    for (number, scope, role) in [(1, &acr, PUSH), (2, &foreign, ACR_PULL)] {
        let spec = AssignmentSpec::new(Uuid::from_u128(number), scope, role, before);
        world.azure.assign(&spec).unwrap();
    }
    let (before, present) = replace_identity(&world, &aks).await;
    assert_eq!(holders(&world, &acr), [before, present].into(), "nodes may use either");

    world.azure.clear_log();
    let mut body = of_former_identities(&aks, &acr);
    body["dryRun"] = json!(true);
    ask(&world, "m-1", &body);
    settle(&world).await;
    let told = report(&world, "m-1");
    assert_eq!((change(&told), &told["formerIdentities"]), (("detach", "planned"), &json!(true)));
    assert_eq!(writes(&world), Vec::<String>::new());

    ask(&world, "m-2", &of_former_identities(&aks, &acr));
    settle(&world).await;
    let told = report(&world, "m-2");
    assert_eq!((told["outcome"].as_str(), change(&told)), (Some("done"), ("detach", "applied")));
    assert_eq!(told["changes"][0]["principal"], json!(before));
    assert_eq!((&told["command"], &told["formerIdentities"]), (&json!("detach"), &json!(true)));
    assert_eq!(told.get("stillGranted"), None, "that is a matter of the present identity");
    assert_eq!(writes(&world), ["DELETE assignment"]);
    assert_eq!(holders(&world, &acr), [present].into());
    assert_eq!(holders(&world, &foreign), [before].into(), "another person's");
    assert_eq!(world.azure.assignments().len(), 3);

    world.azure.clear_log();
    ask(&world, "m-3", &of_former_identities(&aks, &acr));
    ask(&world, "m-4", &command("detach", &aks, &acr));
    settle(&world).await;
    let told = report(&world, "m-3");
    assert_eq!((&told["outcome"], &told["changes"]), (&json!("done"), &json!([])), "{told:#}");
    let told = report(&world, "m-4");
    assert_eq!(told["reason"], json!("the rule `same-team` wants this pair attached"));
    assert_eq!(told.get("formerIdentities"), None);
    tick(&world).await;
    assert_eq!(writes(&world), Vec::<String>::new());
}

/// A pair with a pin at the identity that the cluster had, and with one at the present identity
async fn pinned_twice(options: WorldOptions) -> (World, [String; 2], [Uuid; 2]) {
    let world = start(WorldOptions { door: Door::Queue, ..options }).await;
    world.events.pause();
    let (aks, acr) = pair(&world).await;
    ask(&world, "before", &command("attach", &aks, &acr));
    settle(&world).await;
    let (before, present) = replace_identity(&world, &aks).await;
    assert_eq!(holders(&world, &acr), [before, present].into());
    world.azure.clear_log();
    (world, [aks, acr], [before, present])
}

#[tokio::test]
async fn a_plain_detach_removes_the_former_identity_first_and_nothing_comes_back() {
    for options in [with_pins(), sync()] {
        let (world, [aks, acr], [before, present]) = pinned_twice(options).await;
        let assignments = world.azure.assignments();
        let name = |principal| {
            let mut found = assignments.iter().filter(|one| one.principal == principal);
            found.next().unwrap().name.to_string()
        };
        ask(&world, "m-1", &command("detach", &aks, &acr));
        settle(&world).await;
        let told = report(&world, "m-1");
        assert_eq!(told["outcome"], json!("done"), "{told:#}");
        let log = world.azure.log();
        let deleted = log.iter().filter(|request| request.method == "DELETE");
        let deleted = deleted.map(|request| request.path.rsplit('/').next().unwrap());
        let deleted: Vec<_> = deleted.map(|end| end.split('?').next().unwrap()).collect();
        assert_eq!(deleted, [name(before), name(present)], "{told:#}");
        assert_eq!(told["stillGranted"], json!([]));
        tick(&world).await;
        assert_eq!((writes(&world), world.azure.assignments()), (Vec::new(), Vec::new()));
    }
}

#[tokio::test]
async fn a_lock_on_the_registry_keeps_both_identities() {
    let (world, [aks, acr], _) = pinned_twice(sync()).await;
    world.azure.lock(&acr, LockKind::CannotDelete);
    ask(&world, "m-1", &command("detach", &aks, &acr));
    settle(&world).await;
    assert_eq!(holders(&world, &acr).len(), 2);
    let told = report(&world, "m-1");
    let changes = told["changes"].as_array().unwrap().iter();
    let codes: Vec<_> = changes.map(|one| (&one["outcome"], &one["code"])).collect();
    let held = |code: &str| (json!("held"), json!(code));
    let expected = [held("ScopeLocked"), held("FormerStays")];
    assert_eq!(codes, expected.each_ref().map(|(outcome, code)| (outcome, code)), "{told:#}");
    assert_eq!(told.get("stillGranted"), None);

    world.azure.unlock(&acr);
    ask(&world, "m-2", &command("detach", &aks, &acr));
    settle(&world).await;
    assert_eq!(world.azure.assignments(), []);
}

#[tokio::test]
async fn what_is_put_off_comes_back_for_former_identities_alone_beside_another_under_its_id() {
    let options = WorldOptions { speed: 0.0, ..sync() };
    let (world, aks, acr) = attached_pair(options, auto("aks1")).await;
    let (_, present) = replace_identity(&world, &aks).await;
    let slow = Fault::on("GET", "/managedClusters/").html(429, "slow").header("Retry-After", "120");
    world.azure.faults().inject(slow.times(2));
    for (id, mut body) in
        [("m-1", of_former_identities(&aks, &acr)), ("m-2", command("detach", &aks, &acr))]
    {
        body["id"] = json!("ticket-1");
        ask(&world, id, &body);
        settle(&world).await;
        assert_eq!(report(&world, id)["outcome"], json!("later"));
    }
    let scheduled = world.namespace.scheduled("commands").into_iter();
    let bodies = scheduled.map(|one| serde_json::from_slice::<Value>(&one.message.body).unwrap());
    let detach = bodies.filter(|body| body["command"] == json!("detach"));
    let mut of_former: Vec<_> = detach.map(|body| body["formerIdentities"].clone()).collect();
    of_former.sort_by_key(Value::is_null);
    assert_eq!(of_former, [json!(true), Value::Null]);

    world.clock.advance(Duration::from_secs(200));
    settle(&world).await;
    let last = |id| reports(&world, id).pop().unwrap();
    assert_eq!(change(&last("m-1")), ("detach", "applied"));
    assert_eq!(last("m-2")["outcome"], json!("refused"));
    assert_eq!(holders(&world, &acr), [present].into());
}

#[tokio::test]
async fn what_is_given_up_is_in_rejected_with_its_meaning() {
    let forever = Duration::from_secs(365 * 24 * 3600);
    let options = WorldOptions { speed: 0.0, cluster_creation: forever, ..with_pins() };
    let world = start(options).await;
    let acr = world.azure.create_registry(&registry("acr1")).unwrap();
    let mut aks = super::cluster("aks1");
    aks.ready = false;
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    let mut body = of_former_identities(&aks, &acr);
    body["attempt"] = json!(u32::MAX);
    ask(&world, "m-1", &body);
    settle(&world).await;
    let [rejected] = &world.namespace.active("rejected")[..] else { panic!("one message") };
    let again: Value = serde_json::from_slice(&rejected.message.body).unwrap();
    assert_eq!((&again["formerIdentities"], again.get("attempt")), (&json!(true), None), "{again}");
    ask(&world, "m-2", &again);
    settle(&world).await;
    let told = report(&world, "m-2");
    assert_eq!((&told["outcome"], &told["formerIdentities"]), (&json!("later"), &json!(true)));
}
