//! Commands on one pair: attached and pinned, detached, refused, reported.

use std::time::Duration;

use serde_json::{Value, json};
use tether::emulator::azure::{AssignmentSpec, ClusterSpec};
use tether::emulator::queue::Message;
use tether::emulator::world::{PAYMENTS, PLATFORM, World, WorldOptions};
use uuid::Uuid;

use super::{
    ACR_PULL, PUSH, REPOSITORY_READER, attached, cluster, count, options, policy, registry,
    requests, settle, sharing, start,
};

/// The policy that ships, with registries that carry the tag `pin` free to be pinned
pub(crate) fn pinning() -> String {
    let pins =
        "pins:\n  - name: free\n    registry: { tags: { pin: { present: true } } }\nrules:\n";
    policy().replacen("\nrules:\n", &format!("\n{pins}"), 1)
}

pub(crate) fn with_pins() -> WorldOptions {
    WorldOptions { policy: pinning(), ..options() }
}

/// A cluster and a registry that no rule wants together, and that may be pinned
pub(super) async fn pair(world: &World) -> (String, String) {
    let aks = world.azure.create_cluster(&cluster("aks1")).unwrap();
    let acr = world.azure.create_registry(&registry("acr1").tag("pin", "yes")).unwrap();
    settle(world).await;
    world.azure.clear_log();
    (aks, acr)
}

/// Sends a command that wants a report
pub(crate) fn ask(world: &World, id: &str, body: &Value) {
    let message = Message {
        body: body.to_string().into_bytes(),
        message_id: Some(id.to_owned()),
        reply_to: Some("reports".to_owned()),
        ..Message::default()
    };
    world.namespace.send("commands", message).unwrap();
}

/// The reports on a message, in order
pub(crate) fn reports(world: &World, id: &str) -> Vec<Value> {
    let all = world.namespace.active("reports").into_iter();
    let answers = all.filter(|stored| stored.message.correlation_id.as_deref() == Some(id));
    answers.map(|stored| serde_json::from_slice(&stored.message.body).unwrap()).collect()
}

/// The one report on a message
#[track_caller]
pub(crate) fn report(world: &World, id: &str) -> Value {
    let reports = reports(world, id);
    assert_eq!(reports.len(), 1, "{reports:#?}");
    reports.into_iter().next().unwrap()
}

pub(super) fn command(name: &str, cluster: &str, registry: &str) -> Value {
    json!({ "command": name, "cluster": cluster, "registry": registry })
}

/// What the only change of a report came to
pub(super) fn change(report: &Value) -> (&str, &str) {
    let changes = report["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{report:#}");
    (changes[0]["change"].as_str().unwrap(), changes[0]["outcome"].as_str().unwrap())
}

#[tokio::test]
async fn a_pair_is_attached_by_command_pinned_kept_and_detached_again() {
    let world = start(with_pins()).await;
    let (aks, acr) = pair(&world).await;
    ask(&world, "m-1", &command("attach", &aks, &acr));
    settle(&world).await;
    assert_eq!(attached(&world, &aks), [("acr1".to_owned(), ACR_PULL)]);
    let [assignment] = &world.azure.assignments()[..] else { panic!("one assignment") };
    assert!(assignment.description.as_deref().unwrap().starts_with("tether/1 pin "));
    let told = report(&world, "m-1");
    assert_eq!((told["outcome"].as_str(), change(&told)), (Some("done"), ("attach", "applied")));
    assert_eq!(told["changes"][0]["assignment"], json!(assignment.name));
    let first = requests(&world);
    assert_eq!(count(&first, "PUT assignment"), 1, "{first:?}");
    assert!(first.len() <= 5, "{first:?}");
    assert_eq!((&told["requests"], &told["throttled"]), (&json!(first.len()), &json!(0)));

    ask(&world, "m-2", &json!({ "command": "reconcile", "scope": "everything" }));
    settle(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1, "a pin is kept");
    assert_eq!(report(&world, "m-2")["kept"], json!(1));
    ask(&world, "m-3", &command("attach", &aks, &acr));
    settle(&world).await;
    assert_eq!(change(&report(&world, "m-3")), ("attach", "already"));

    world.azure.clear_log();
    ask(&world, "m-4", &command("detach", &aks, &acr));
    settle(&world).await;
    assert_eq!(attached(&world, &aks), []);
    let told = report(&world, "m-4");
    assert_eq!((told["outcome"].as_str(), change(&told)), (Some("done"), ("detach", "applied")));
    assert_eq!(told["stillGranted"], json!([]));
    let detach = requests(&world);
    assert_eq!(count(&detach, "DELETE assignment"), 1, "{detach:?}");
    assert!(detach.len() <= 10, "{detach:?}");

    ask(&world, "m-5", &command("detach", &aks, &acr));
    settle(&world).await;
    let told = report(&world, "m-5");
    assert_eq!((&told["changes"], &told["stillGranted"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_pair_may_be_named_by_names_and_the_login_server_across_subscriptions() {
    let world = start(with_pins()).await;
    let (aks, acr) = pair(&world).await;
    assert!(aks.contains(&PAYMENTS.to_string()) && acr.contains(&PLATFORM.to_string()));
    let server = world.azure.resource(&acr).unwrap()["properties"]["loginServer"].clone();
    let server = server.as_str().unwrap().to_uppercase();
    for (number, registry) in ["ACR1", &server].into_iter().enumerate() {
        let id = number.to_string();
        ask(&world, &format!("a-{id}"), &command("attach", "AKS1", registry));
        settle(&world).await;
        assert_eq!(change(&report(&world, &format!("a-{id}"))).0, "attach");
        assert_eq!(attached(&world, &aks).len(), 1, "{registry}");
        ask(&world, &format!("d-{id}"), &command("detach", "aks1", registry));
        settle(&world).await;
        assert_eq!(attached(&world, &aks), [], "{registry}");
    }
}

#[tokio::test]
async fn a_command_in_a_cloud_event_is_the_same_command() {
    let world = start(with_pins()).await;
    let (aks, acr) = pair(&world).await;
    let event = json!({
        "specversion": "1.0", "type": "com.contoso.tether.command", "source": "x", "id": "1",
        "datacontenttype": "application/json", "data": command("attach", &aks, &acr),
    });
    ask(&world, "m-1", &event);
    settle(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1);
}

#[tokio::test]
async fn a_dry_run_on_a_pair_says_what_would_be_done_and_writes_nothing() {
    let world = start(with_pins()).await;
    let (aks, acr) = pair(&world).await;
    let mut body = command("attach", &aks, &acr);
    body["dryRun"] = json!(true);
    ask(&world, "m-1", &body);
    settle(&world).await;
    assert_eq!(attached(&world, &aks), []);
    let told = report(&world, "m-1");
    assert_eq!((change(&told), &told["dryRun"]), (("attach", "planned"), &json!(true)));
}

#[tokio::test]
async fn mode_observe_holds_a_persons_command_too() {
    let policy = pinning().replace("mode: attach-only", "mode: observe");
    let world = start(WorldOptions { policy, ..options() }).await;
    let (aks, acr) = pair(&world).await;
    ask(&world, "m-1", &command("attach", &aks, &acr));
    settle(&world).await;
    assert_eq!(attached(&world, &aks), []);
    let told = report(&world, "m-1");
    assert_eq!(change(&told), ("attach", "held"));
    assert_eq!(told["changes"][0]["reason"], json!("mode is `observe`"));
}

#[tokio::test]
async fn a_rule_keeps_what_a_command_would_detach() {
    let world = start(with_pins()).await;
    let tagged = |spec: ClusterSpec| spec.tag("acr-attach", "auto").tag("team", "a");
    let aks = world.azure.create_cluster(&tagged(cluster("aks1"))).unwrap();
    let acr = registry("acr1").tag("acr-attach", "auto").tag("team", "a");
    let acr = world.azure.create_registry(&acr).unwrap();
    settle(&world).await;
    ask(&world, "m-1", &command("detach", &aks, &acr));
    settle(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1);
    let told = report(&world, "m-1");
    assert_eq!(told["outcome"], json!("refused"));
    assert_eq!(told["reason"], json!("the rule `same-team` wants this pair attached"));
    let [rejected] = &world.namespace.active("rejected")[..] else { panic!("one message") };
    assert_eq!(rejected.message.properties["field"], json!("command"));
}

#[tokio::test]
async fn what_was_attached_for_a_rule_may_be_detached_once_the_rule_wants_it_no_more() {
    let world = start(with_pins()).await;
    let aks = cluster("aks1").tag("acr-attach", "acr1");
    let aks = world.azure.create_cluster(&aks).unwrap();
    let acr = world.azure.create_registry(&registry("acr1").tag("acr-attach", "yes")).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1);
    world.azure.set_tags(&aks, &[].into()).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1, "this mode leaves it");
    ask(&world, "m-1", &command("detach", &aks, &acr));
    settle(&world).await;
    assert_eq!(attached(&world, &aks), []);
}

#[tokio::test]
async fn a_detachment_tells_what_still_grants_pulling() {
    let world = start(with_pins()).await;
    let (aks, acr) = pair(&world).await;
    let principal = world.azure.kubelet_principal(&aks).unwrap();
    let (group, push) = (Uuid::from_u128(77), PUSH);
    world.azure.add_to_group(group, principal);
    let scope = acr.split("/providers/").next().unwrap().to_owned();
    for (number, scope, role, who) in [
        (1, &scope, ACR_PULL, principal),
        (2, &acr, push, principal),
        (3, &acr, ACR_PULL, group),
        (4, &acr, REPOSITORY_READER, principal),
    ] {
        let spec = AssignmentSpec::new(Uuid::from_u128(number), scope, role, who);
        world.azure.assign(&spec).unwrap();
    }
    ask(&world, "m-1", &command("attach", &aks, &acr));
    ask(&world, "m-2", &command("detach", &aks, &acr));
    settle(&world).await;
    ask(&world, "m-3", &command("detach", &aks, &acr));
    settle(&world).await;
    let told = report(&world, "m-3");
    let still = told["stillGranted"].as_array().unwrap();
    assert_eq!(still.len(), 3, "{told:#}");
    let role = |role: &str| still.iter().filter(|one| one["role"] == json!(role)).count();
    assert_eq!((role("AcrPull"), role("AcrPush")), (2, 1), "a role that is not honoured is none");
    let through = still.iter().find(|one| one.get("throughGroup").is_some()).unwrap();
    assert_eq!(through["throughGroup"], json!(group));
    assert!(through["advice"].as_str().unwrap().contains("up to a day"), "{through}");
    assert_eq!(world.azure.assignments().len(), 4, "what is not ours is left");
}

#[tokio::test]
async fn two_deliveries_of_a_command_make_one_assignment_and_one_report() {
    let world = start(with_pins()).await;
    let (aks, acr) = pair(&world).await;
    // The first delivery ends in failure after the work was done: the report cannot be sent.
    world.namespace.fail_sends(3, 503);
    ask(&world, "m-1", &command("attach", &aks, &acr));
    settle(&world).await;
    assert_eq!(world.azure.assignments().len(), 1);
    assert_eq!(report(&world, "m-1")["outcome"], json!("done"));
    let deliveries = world.host.invocations().into_iter().filter_map(|one| one.delivery_count);
    assert!(deliveries.max() >= Some(2));
}

#[tokio::test]
async fn a_shared_identity_is_not_cut_off_by_one_of_its_clusters() {
    let world = start(with_pins()).await;
    let one = world.azure.create_cluster(&sharing(cluster("one"))).unwrap();
    let two = world.azure.create_cluster(&sharing(cluster("two"))).unwrap();
    let acr = world.azure.create_registry(&registry("acr1").tag("pin", "yes")).unwrap();
    settle(&world).await;
    ask(&world, "m-1", &command("attach", &two, &acr));
    settle(&world).await;
    ask(&world, "m-2", &command("detach", &one, &acr));
    settle(&world).await;
    let told = report(&world, "m-2");
    assert_eq!(change(&told), ("detach", "held"), "{told:#}");
    assert!(told["changes"][0]["reason"].as_str().unwrap().contains("`two`"), "{told:#}");
    assert_eq!(attached(&world, &two).len(), 1);
    ask(&world, "m-3", &command("detach", &two, &acr));
    settle(&world).await;
    assert_eq!(attached(&world, &one), []);
}

#[tokio::test]
async fn a_pin_that_stayed_behind_goes_with_the_detachment() {
    let world = start(with_pins()).await;
    let (aks, acr) = pair(&world).await;
    ask(&world, "m-1", &command("attach", &aks, &acr));
    settle(&world).await;
    world.azure.set_identity(&aks, None).unwrap();
    ask(&world, "m-2", &command("detach", &aks, &acr));
    settle(&world).await;
    assert_eq!(world.azure.assignments(), [], "{:#}", report(&world, "m-2"));
    ask(&world, "m-3", &json!({ "command": "reconcile", "scope": aks }));
    settle(&world).await;
    assert_eq!(attached(&world, &aks), [], "and does not come back");
}

#[tokio::test]
async fn a_walk_of_the_estate_neither_lowers_a_pin_nor_takes_a_condition_away() {
    let lag = Duration::from_secs(3600);
    let world = start(WorldOptions { speed: 0.0, graph_lag: lag, ..with_pins() }).await;
    let aks = cluster("aks1").tag("acr-attach", "acr1");
    let aks = world.azure.create_cluster(&aks).unwrap();
    let acr = world.azure.create_registry(&registry("acr1").tag("acr-attach", "yes")).unwrap();
    world.azure.catch_up_graph();
    world.events.pause();
    settle(&world).await;
    ask(&world, "m-1", &command("attach", &aks, &acr));
    settle(&world).await;
    let pinned = world.azure.assignments();
    ask(&world, "m-2", &json!({ "command": "reconcile", "scope": "everything" }));
    settle(&world).await;
    assert_eq!(world.azure.assignments(), pinned);
    let [assignment] = &pinned[..] else { panic!("one assignment") };
    let narrowed = AssignmentSpec {
        description: assignment.description.clone(),
        condition: Some("@x".to_owned()),
        ..AssignmentSpec::new(assignment.name, &acr, ACR_PULL, assignment.principal)
    };
    world.azure.assign(&narrowed).unwrap();
    ask(&world, "m-3", &json!({ "command": "reconcile", "scope": "everything" }));
    settle(&world).await;
    assert_eq!(world.azure.assignments()[0].condition.as_deref(), Some("@x"));
    let told = report(&world, "m-3");
    assert_eq!(told["changes"][0]["code"], json!("Conditional"), "{told:#}");
}
