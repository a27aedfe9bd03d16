//! From the command line to the role assignment and back: the real worker takes what the real sender
//! sent.

use std::path::PathBuf;
use std::process::Stdio;

use tether::emulator::azure::{ClusterSpec, RegistrySpec};
use tether::emulator::world::{PAYMENTS, PLATFORM, World, WorldOptions, settings};
use tokio::process::Command;
use uuid::Uuid;

use super::{Ended, LIMIT, check_says, run};

const POLICY: &str = "owner: contoso
mode: attach-only
pins:
  - name: free
    registry: { tags: { pin: { present: true } } }
rules:
  - name: team
    join: [{ same_tag: team }]
";

async fn start() -> World {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_tether"));
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
    let mut options = WorldOptions::new(POLICY, program.parent().unwrap().to_owned(), root);
    options.environment.insert("TETHER_GRAPH_AGE".into(), "0".into());
    World::start(options).await.unwrap()
}

async fn send(world: &World, words: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tether"));
    command.arg("send").args(words).env_clear().envs(settings(&world.azure, &world.namespace));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    run(command).await
}

#[tokio::test]
async fn what_is_sent_is_carried_out_and_waited_for() {
    let world = start().await;
    world.azure.create_cluster(&ClusterSpec::new(PAYMENTS, "shop", "aks-shop")).unwrap();
    let registry = RegistrySpec::new(PLATFORM, "images", "acrshop").tag("pin", "yes");
    world.azure.create_registry(&registry).unwrap();
    let pair = ["--cluster", "aks-shop", "--registry", "acrshop", "--wait", "--timeout", "25s"];
    let ended = send(&world, &[&["attach"], &pair[..]].concat()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    check_says(&ended.stderr, &["attached: by the role AcrPull"]);
    assert_eq!(world.azure.assignments().len(), 1);
    let ended = send(&world, &[&["detach"], &pair[..]].concat()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    check_says(&ended.stderr, &["detached: no role lets it pull"]);
    assert!(world.azure.assignments().is_empty());
}

#[tokio::test]
async fn a_detachment_of_former_identities_keeps_its_meaning_refused_and_put_back() {
    let world = start().await;
    let spec = ClusterSpec::new(PAYMENTS, "shop", "aks-shop");
    let cluster = world.azure.create_cluster(&spec).unwrap();
    let registry = RegistrySpec::new(PLATFORM, "images", "acrshop").tag("pin", "yes");
    world.azure.create_registry(&registry).unwrap();
    let pair = ["--cluster", "aks-shop", "--registry", "acrshop"];
    let wait = ["--wait", "--timeout", "25s"];
    assert_eq!(send(&world, &[&["attach"], &pair[..], &wait].concat()).await.code, Some(0));
    world.azure.set_identity(&cluster, None).unwrap();
    assert_eq!(send(&world, &[&["attach"], &pair[..], &wait].concat()).await.code, Some(0));
    assert_eq!(world.azure.assignments().len(), 2);

    // A second cluster of that name
    let other = ClusterSpec::new(PLATFORM, "other", "aks-shop");
    let other = world.azure.create_cluster(&other).unwrap();
    let former = [&["detach"], &pair[..], &["--former-identities"]].concat();
    assert_eq!(send(&world, &former).await.code, Some(0));
    world.settle(LIMIT).await.unwrap();
    assert_eq!(world.azure.assignments().len(), 2);
    let listed = send(&world, &["--replay-rejected", "--dry-run"]).await;
    let shown = "detach cluster=aks-shop registry=acrshop formerIdentities=true";
    check_says(&listed.stdout, &[shown, "hint   "]);
    world.azure.delete(&other).unwrap();
    assert_eq!(send(&world, &["--replay-rejected"]).await.code, Some(0));
    world.settle(LIMIT).await.unwrap();
    let [left] = &world.azure.assignments()[..] else { panic!("one assignment") };
    assert_eq!(Some(left.principal), world.azure.kubelet_principal(&cluster));
}

#[tokio::test]
async fn what_was_refused_is_sent_again_once_the_cause_is_gone() {
    let world = start().await;
    world.azure.create_cluster(&ClusterSpec::new(PAYMENTS, "shop", "aks-shop")).unwrap();
    let registry = RegistrySpec::new(PLATFORM, "images", "acrshop");
    let id = world.azure.create_registry(&registry).unwrap();
    let attach = ["attach", "--cluster", "aks-shop", "--registry", "acrshop", "--id", "one"];
    assert_eq!(send(&world, &attach).await.code, Some(0));
    world.settle(LIMIT).await.unwrap();
    let listed = send(&world, &["--replay-rejected", "--dry-run"]).await;
    check_says(&listed.stdout, &["attach cluster=aks-shop registry=acrshop", "hint   "]);
    check_says(&listed.stderr, &["1 in `rejected`"]);
    world.azure.set_tags(&id, &[("pin".to_owned(), "yes".to_owned())].into()).unwrap();
    let ended = send(&world, &["--replay-rejected"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    world.settle(LIMIT).await.unwrap();
    assert_eq!(world.azure.assignments().len(), 1);
    assert!(world.namespace.active("rejected").is_empty());
}
