//! A cluster or a registry that cannot be read: what rests on it waits and says so, and everything
//! else is done. What Resource Graph left out is told.

use std::time::Duration;

use serde_json::{Value, json};
use tether::emulator::azure::Fault;
use tether::emulator::host::Level;
use tether::emulator::world::{World, WorldOptions};

use super::input::{EVERYTHING, line, send};
use super::{attached, cluster, options, registry, settle, start};

/// Two clusters and two registries, each entitled to the others, and none attached yet
struct Estate {
    world: World,
    good: String,
    broken: String,
}

async fn estate(fault: Fault) -> Estate {
    let world = start(WorldOptions { speed: 0.0, ..options() }).await;
    world.events.pause();
    for name in ["acrgood", "acrbroken"] {
        let spec = registry(name).tag("acr-attach", "auto").tag("team", "a");
        world.azure.create_registry(&spec).unwrap();
    }
    let entitled = |name| cluster(name).tag("acr-attach", "auto").tag("team", "a");
    let good = world.azure.create_cluster(&entitled("good")).unwrap();
    let broken = world.azure.create_cluster(&entitled("broken")).unwrap();
    world.azure.faults().inject(fault.always());
    send(&world, "m-1", EVERYTHING);
    settle(&world).await;
    Estate { world, good, broken }
}

impl Estate {
    /// Which registries each of the two clusters has
    #[track_caller]
    fn check_attached(&self, good: &[&str], broken: &[&str]) {
        for (id, expected) in [(&self.good, good), (&self.broken, broken)] {
            let found: Vec<_> =
                attached(&self.world, id).into_iter().map(|(name, _)| name).collect();
            assert_eq!(found, expected, "{id}");
        }
    }

    /// The message is carried out at its first delivery.
    #[track_caller]
    fn check_carried_out(&self) {
        let invocations = self.world.host.invocations();
        let counts: Vec<_> = invocations.iter().filter_map(|one| one.delivery_count).collect();
        assert_eq!(counts, [1]);
        assert!(invocations.iter().all(|one| one.failure.is_none()));
    }

    /// Once nothing is in the way, the same command does the rest.
    async fn check_mended(&self) {
        self.world.azure.faults().clear();
        send(&self.world, "m-2", EVERYTHING);
        settle(&self.world).await;
        self.check_attached(&["acrbroken", "acrgood"], &["acrbroken", "acrgood"]);
    }
}

fn broken_cluster() -> Fault {
    Fault::on("GET", "managedClusters/broken")
}

#[tokio::test]
async fn a_cluster_that_cannot_be_read_keeps_no_other_from_its_registries() {
    let estate = estate(broken_cluster().json(200, json!({ "id": "x" }))).await;
    estate.check_attached(&["acrbroken", "acrgood"], &[]);
    estate.check_carried_out();
    let told = line(&estate.world, &["cluster not read", "/broken", "Malformed"]).await;
    assert_eq!(told.level, Level::Warning, "{}", told.text);
    let reason = "cluster `broken` could not be read: `Malformed`";
    line(&estate.world, &["broken → acrgood not attached", reason]).await;
    assert_eq!(estate.world.namespace.scheduled("commands"), []);
    estate.check_mended().await;
}

#[tokio::test]
async fn a_registry_that_cannot_be_read_keeps_no_cluster_from_others() {
    let fault = Fault::on("GET", "registries/acrbroken");
    let estate = estate(fault.refusing(400, "Teapot", "It is short and stout.")).await;
    estate.check_attached(&["acrgood"], &["acrgood"]);
    estate.check_carried_out();
    line(&estate.world, &["registry not read", "/acrbroken", "short and stout"]).await;
    let reason = "registry `acrbroken` could not be read: `Teapot`";
    for name in ["good", "broken"] {
        let words = format!("{name} → acrbroken not attached");
        line(&estate.world, &[&words, reason]).await;
    }
    assert_eq!(estate.world.namespace.scheduled("commands"), []);
    estate.check_mended().await;
}

#[tokio::test]
async fn a_cluster_that_nobody_may_read_is_held_by_its_name() {
    let message = "The client does not have authorization to perform action.";
    let estate = estate(broken_cluster().refusing(403, "AuthorizationFailed", message)).await;
    estate.check_attached(&["acrbroken", "acrgood"], &[]);
    estate.check_carried_out();
    line(&estate.world, &["cluster `broken` could not be read: `AuthorizationFailed`"]).await;
    estate.check_mended().await;
}

#[tokio::test]
async fn what_may_be_readable_later_is_looked_at_again_when_azure_says() {
    let fault = broken_cluster().html(429, "<html>slow down</html>");
    let estate = estate(fault.header("Retry-After", "600")).await;
    estate.check_attached(&["acrbroken", "acrgood"], &[]);
    estate.check_carried_out();
    let world = &estate.world;
    let [follow_up] = &world.namespace.scheduled("commands")[..] else { panic!("one follow-up") };
    let body: Value = serde_json::from_slice(&follow_up.message.body).unwrap();
    assert_eq!((&body["scope"], &body["attempt"]), (&json!("everything"), &json!(1)));
    assert!(follow_up.enqueued_at - world.clock.now() > Duration::from_secs(500));
    world.azure.faults().clear();
    world.clock.advance(Duration::from_secs(700));
    settle(world).await;
    estate.check_attached(&["acrbroken", "acrgood"], &["acrbroken", "acrgood"]);
}

#[tokio::test]
async fn what_resource_graph_left_out_is_told_and_of_much_only_the_number() {
    let world = start(options()).await;
    let rows: Vec<_> = (0..12).map(|number| json!({ "id": format!("odd-{number}") })).collect();
    let page = json!({ "totalRecords": 12, "data": rows, "resultTruncated": "false" });
    world.azure.faults().inject(Fault::on("POST", "ResourceGraph").json(200, page).always());
    send(&world, "m-1", EVERYTHING);
    settle(&world).await;
    for what in ["clusters and registries", "role assignments", "subscriptions"] {
        let told = format!("not all {what} are seen in Resource Graph");
        let first = line(&world, &[&told, "`odd-0`"]).await;
        assert_eq!(first.level, Level::Warning, "{}", first.text);
        line(&world, &[&told, "more=2"]).await;
        let lines = world.host.console().into_iter().filter(|line| line.text.contains(&told));
        assert_eq!(lines.count(), 11, "{what}");
    }
}
