//! What happens in the demo, step by step.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;

use super::quoted;
use super::watch::{Watch, say};
use crate::emulator::azure::{ClusterSpec, RegistrySpec};
use crate::emulator::world::{PAYMENTS, PLATFORM, World};

/// How long the pretend Azure takes to make a cluster, and a bit
const CREATION: Duration = Duration::from_secs(270);

/// Plays all steps and shows them.
pub(super) async fn play(world: &World, watch: &mut Watch) -> anyhow::Result<()> {
    registries(world, watch).await?;
    new_cluster(world, watch).await?;
    tagged_cluster(world, watch).await?;
    new_registry(world, watch).await?;
    veto(world, watch).await
}

async fn registries(world: &World, watch: &mut Watch) -> anyhow::Result<()> {
    watch
        .step("Registries are made: one for the team, one in ABAC mode, one that never heard of us")
        .await;
    let team = RegistrySpec::new(PAYMENTS, "images", "acrshop").tag("team", "shop");
    made(world.azure.create_registry(&team.tag("acr-attach", "auto")))?;
    let base = RegistrySpec::new(PLATFORM, "images", "acrbase").tag("acr-attach", "shared");
    made(world.azure.create_registry(&base.abac()))?;
    let silent = RegistrySpec::new(PLATFORM, "images", "acrsilent").tag("team", "shop");
    made(world.azure.create_registry(&silent))?;
    watch.until_quiet(world).await
}

async fn new_cluster(world: &World, watch: &mut Watch) -> anyhow::Result<()> {
    watch.step("A cluster is being made, tagged acr-attach=auto and team=shop").await;
    let mut cluster = ClusterSpec::new(PAYMENTS, "shop", "aks-shop");
    cluster.ready = false;
    let cluster = cluster.tag("acr-attach", "auto").tag("team", "shop");
    made(world.azure.create_cluster(&cluster))?;
    watch.until_quiet(world).await?;
    watch.skip(world, CREATION, "The cluster takes its four minutes");
    watch.until_quiet(world).await
}

async fn tagged_cluster(world: &World, watch: &mut Watch) -> anyhow::Result<()> {
    watch.step("An older cluster is tagged acr-attach=acrbase,acrsilent").await;
    let cluster = ClusterSpec::new(PLATFORM, "tools", "aks-tools");
    let cluster = made(world.azure.create_cluster(&cluster))?;
    watch.until_quiet(world).await?;
    watch.again();
    let tags = BTreeMap::from([("acr-attach".into(), "acrbase,acrsilent".into())]);
    world.azure.set_tags(&cluster, &tags)?;
    watch.until_quiet(world).await
}

async fn new_registry(world: &World, watch: &mut Watch) -> anyhow::Result<()> {
    watch.step("The team gets another registry").await;
    let registry = RegistrySpec::new(PLATFORM, "images", "acrextra").tag("team", "shop");
    made(world.azure.create_registry(&registry.tag("acr-attach", "auto")))?;
    watch.until_quiet(world).await
}

async fn veto(world: &World, watch: &mut Watch) -> anyhow::Result<()> {
    watch.step("A registry and a cluster say acr-attach=disabled").await;
    let legal = RegistrySpec::new(PAYMENTS, "images", "acrlegal").tag("team", "shop");
    made(world.azure.create_registry(&legal.tag("acr-attach", "disabled")))?;
    let lab = ClusterSpec::new(PAYMENTS, "lab", "aks-lab").tag("team", "shop");
    made(world.azure.create_cluster(&lab.tag("acr-attach", "disabled")))?;
    watch.until_quiet(world).await?;
    watch.skip(
        world,
        Duration::from_secs(330),
        "Every scope that an event named is looked at once more",
    );
    watch.until_quiet(world).await
}

fn made(made: Result<String, impl std::error::Error>) -> anyhow::Result<String> {
    made.map_err(|error| anyhow!("the pretend Azure refused: {error}"))
}

/// The three lines that a person can type while the demo stays.
pub(super) fn explain_by_hand(world: &World) {
    let azure = world.azure.endpoint();
    let token = world.azure.person_token();
    let call =
        format!("curl -sS -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json'");
    let registry = format!(
        "{azure}/subscriptions/{PLATFORM}/resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/acrmine"
    );
    let cluster = format!(
        "{azure}/subscriptions/{PAYMENTS}/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/aks-mine"
    );
    say("");
    if let Some(page) = world.host.function_url("status") {
        say(&format!("The status page looks again after a minute: {page}"));
    }
    say(
        "It stays until Ctrl-C. Make a registry, make a cluster, and tag it; watch what happens here:",
    );
    say("");
    say(&format!(
        "{call} -X PUT '{registry}?api-version=2025-11-01' -d '{}'",
        r#"{"location":"westeurope","sku":{"name":"Premium"},"tags":{"acr-attach":"shared"}}"#
    ));
    say("");
    say(&format!(
        "{call} -X PUT '{cluster}?api-version=2025-05-01' -d '{}'",
        r#"{"location":"westeurope","identity":{"type":"SystemAssigned"},"properties":{"dnsPrefix":"mine"}}"#
    ));
    say("");
    say(&format!(
        "{call} -X PATCH '{cluster}/providers/Microsoft.Resources/tags/default?api-version=2025-04-01' -d '{}'",
        r#"{"operation":"Merge","properties":{"tags":{"acr-attach":"acrmine"}}}"#
    ));
    say("");
}

/// Lines for another shell: one that sends a command, and some that look.
pub(super) fn explain_commands(settings: &Path, program: &Path) {
    let [settings, program] = [settings, program].map(|path| quoted(&path.display().to_string()));
    say("Or ask for it by a command, in another shell, and wait until it is so:");
    say("");
    say(&format!(". {settings}"));
    say(&format!("{program} send attach --cluster aks-mine --registry acrmine --wait"));
    say("");
    say("There, too, see what is and why:");
    say("");
    for words in ["plan", "explain aks-lab acrshop", "check aks-lab acrshop"] {
        say(&format!("{program} {words}"));
    }
    say("");
}
