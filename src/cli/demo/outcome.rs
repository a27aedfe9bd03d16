//! The end of the demo: who may pull from where and why, held against what the policy says.

use anyhow::Context;
use comfy_table::{Table, presets};
use serde_json::Value;

use super::watch::say;
use crate::emulator::azure::Assignment;
use crate::emulator::world::World;
use crate::model::{
    BootRegistry, Cluster, ClusterState, Identity, IdentityOrigin, PrincipalId, Registry,
    RegistryMode, Tags,
};
use crate::policy::{Decision, Policy, RegistryNames};

/// Every pair: what the policy says and what is so
pub(super) struct Outcome {
    rows: Vec<Row>,
}

struct Row {
    cluster: String,
    registry: String,
    /// The role assigned, if any
    assigned: Option<String>,
    why: String,
    is_right: bool,
}

impl Outcome {
    /// Reads the world as it is, without tether's own eyes.
    pub(super) fn read(world: &World, policy: &str) -> anyhow::Result<Self> {
        let policy = Policy::parse("policy.yaml", policy)?;
        let (clusters, registries) = resources(world)?;
        let names = RegistryNames::new(registries.iter());
        let assignments = world.azure.assignments();
        let pairs = clusters
            .iter()
            .flat_map(|cluster| registries.iter().map(move |registry| (cluster, registry)));
        let rows = pairs.map(|(cluster, registry)| {
            let decision = policy.decision(cluster, registry, &names);
            row(cluster, registry, &decision, &assignments)
        });
        Ok(Self { rows: rows.collect() })
    }

    /// Whether the world is what the policy says
    pub(super) fn is_right(&self) -> bool {
        self.rows.iter().all(|row| row.is_right)
    }

    pub(super) fn show(&self) {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        table.set_header(["cluster", "registry", "may pull", "why"]);
        for row in &self.rows {
            let may = row.assigned.as_deref().unwrap_or("-");
            table.add_row([&row.cluster, &row.registry, may, &row.why]);
        }
        say("\nWho may pull from where:\n");
        say(&table.to_string());
        say(if self.is_right() {
            "\nThis is what the policy says."
        } else {
            "\nThis is NOT what the policy says."
        });
    }
}

fn row(
    cluster: &Cluster,
    registry: &Registry,
    decision: &Decision<'_>,
    assignments: &[Assignment],
) -> Row {
    let found = assignments.iter().find(|assignment| {
        Some(PrincipalId(assignment.principal)) == cluster.identity.principal()
            && assignment.scope.eq_ignore_ascii_case(registry.id.as_str())
    });
    let role = registry.mode.pull_role();
    let has_right_role =
        found.is_some_and(|found| role.is_some_and(|role| role.guid() == found.role));
    let (is_right, why) = match decision {
        Decision::Attach { by } => (has_right_role, format!("rule `{}`", by.name)),
        Decision::Vetoed { by } => (found.is_none(), by.to_string()),
        Decision::Ambiguous { name, .. } => (found.is_none(), format!("`{name}` is ambiguous")),
        Decision::NotWanted => (found.is_none(), not_wanted(registry).to_owned()),
        Decision::OtherTenant => (found.is_none(), "different tenants".to_owned()),
    };
    Row {
        cluster: cluster.id.name().to_owned(),
        registry: registry.id.name().to_owned(),
        assigned: found.map(|_| role.map_or_else(String::new, |role| role.to_string())),
        why,
        is_right,
    }
}

fn not_wanted(registry: &Registry) -> &'static str {
    match registry.tags.get("acr-attach") {
        None => "the registry did not consent",
        Some(_) => "no rule wants it",
    }
}

/// The clusters and registries as the pretend Azure's own tables have them
fn resources(world: &World) -> anyhow::Result<(Vec<Cluster>, Vec<Registry>)> {
    world.azure.catch_up_graph();
    let tables = world.azure.tables();
    let (mut clusters, mut registries) = (Vec::new(), Vec::new());
    for row in tables.get("resources").into_iter().flatten() {
        let kind = text(row, "/type").to_lowercase();
        if kind.ends_with("/managedclusters") {
            clusters.push(cluster(row).context("a cluster is not readable")?);
        } else if kind.ends_with("/registries") {
            registries.push(registry(row).context("a registry is not readable")?);
        }
    }
    clusters.sort_by(|one, two| one.id.cmp(&two.id));
    registries.sort_by(|one, two| one.id.name().cmp(two.id.name()));
    Ok((clusters, registries))
}

fn cluster(row: &Value) -> anyhow::Result<Cluster> {
    let principal = text(row, "/properties/identityProfile/kubeletidentity/objectId");
    let identity = match principal.parse() {
        Ok(principal) => Identity::Kubelet { principal, origin: IdentityOrigin::Aks },
        Err(_) => Identity::Pending,
    };
    Ok(Cluster {
        id: text(row, "/id").parse()?,
        tags: tags(row),
        location: text(row, "/location").to_owned(),
        tenant: None,
        state: ClusterState::Settled,
        identity,
        service_account_pull: false,
        created_at: None,
        is_succeeded: true,
        boot_registry: BootRegistry::None,
    })
}

fn registry(row: &Value) -> anyhow::Result<Registry> {
    let mode = match text(row, "/properties/roleAssignmentMode") {
        "AbacRepositoryPermissions" => RegistryMode::Abac,
        _ => RegistryMode::Legacy,
    };
    Ok(Registry {
        id: text(row, "/id").parse()?,
        login_server: text(row, "/properties/loginServer").to_owned(),
        tags: tags(row),
        location: text(row, "/location").to_owned(),
        tenant: None,
        mode,
    })
}

fn tags(row: &Value) -> Tags {
    let tags = row.get("tags").and_then(Value::as_object).into_iter().flatten();
    tags.map(|(name, value)| (name, value.as_str().unwrap_or_default())).collect()
}

fn text<'a>(row: &'a Value, pointer: &str) -> &'a str {
    row.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
