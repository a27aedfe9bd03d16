//! A pair explained: what the policy says, rule by rule; what is attached; what comes next.
//!
//! Text only. How it is emphasised is for whoever shows it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Plan, Warning};
use crate::model::{
    AssignmentName, Cluster, ClusterHash, ClusterId, Gap, Grant, Identity, Inventory, Mark,
    MarkKind, PrincipalId, Registry, ResourceId, Shown,
};
use crate::policy::{
    Check, Decision, Effect, Match, Policy, RegistryNames, Side, Step, Subject, Verdict, Veto,
};

/// What a part of the text is, for whoever gives it a colour
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something that is so
    Good,
    /// Something that is not so
    Bad,
    /// Something that needs a look
    Open,
    /// Something that matters less
    Quiet,
    /// A heading
    Strong,
}

/// Gives a part of the text its colour
type Paint<'a> = &'a dyn Fn(Tone, &str) -> String;

/// Everything there is to say about a pair, each line ending in a line break. Of the plan, which may be
/// about much more, only what concerns the pair.
pub fn explain(
    inventory: &Inventory,
    policy: &Policy,
    plan: &Plan,
    (cluster, registry): (&Cluster, &Registry),
    paint: Paint<'_>,
) -> String {
    let names = RegistryNames::new(inventory.registries.values());
    let verdict = policy.decide(cluster, registry, &names);
    let title = |text: &str| paint(Tone::Strong, text);
    let mut text = String::new();
    let _ = writeln!(text, "cluster   {}\nregistry  {}\n", cluster.id, registry.id);
    let _ = writeln!(text, "{} {}", title("By the policy:"), verdict.decision);
    for step in &verdict.trace {
        tell_step(&mut text, step, is_decisive(&verdict, step), paint);
    }
    let _ = writeln!(text, "\n{}", title("Attached now:"));
    tell_attached(&mut text, inventory, policy, (cluster, registry));
    let _ = writeln!(text, "\n{}", title("The next reconcile:"));
    let concern = Concern::of(inventory, cluster, registry);
    tell_next(&mut text, plan, &verdict, &concern);
    text
}

/// What a plan has to name in order to be about a pair
struct Concern<'a> {
    cluster: &'a ClusterId,
    registry: &'a Registry,
    principals: BTreeSet<PrincipalId>,
}

impl<'a> Concern<'a> {
    /// The cluster's identity, and whatever nobody holds any more and was made for this cluster
    fn of(inventory: &Inventory, cluster: &'a Cluster, registry: &'a Registry) -> Self {
        let hash = ClusterHash::of(&cluster.id);
        let here = inventory.grants.values().filter(|grant| grant.key.registry == registry.id);
        let mine = here.filter(|grant| {
            Mark::read(&grant.description).is_some_and(|mark| mark.cluster == hash)
        });
        let held: BTreeSet<_> =
            inventory.clusters.values().filter_map(|other| other.identity.principal()).collect();
        let left = mine.map(|grant| grant.key.principal).filter(|id| !held.contains(id));
        let principals = left.chain(cluster.identity.principal()).collect();
        Self { cluster: &cluster.id, registry, principals }
    }

    /// Whether what was not seen may change what is told of the pair
    fn is_touched_by(&self, gap: &Gap) -> bool {
        match gap {
            Gap::Clusters | Gap::Registries | Gap::Subscription(_) => true,
            Gap::OtherClusters => false,
            Gap::Grants { subscription, principal } => {
                *subscription == self.registry.id.subscription()
                    && principal.is_none_or(|principal| self.principals.contains(&principal))
            }
            Gap::Unread { id: ResourceId::Cluster(id), .. } => id == self.cluster,
            Gap::Unread { id: ResourceId::Registry(id), .. } => *id == self.registry.id,
        }
    }

    fn is_met_by(&self, principal: PrincipalId, clusters: &[ClusterId]) -> bool {
        self.principals.contains(&principal) || clusters.contains(self.cluster)
    }
}

/// Whether this step settled the matter
fn is_decisive(verdict: &Verdict<'_>, step: &Step<'_>) -> bool {
    match (&verdict.decision, step.subject) {
        (Decision::OtherTenant, Subject::OtherTenant) => true,
        (Decision::Vetoed { by: Veto::Disabled(side) }, Subject::Disabled(of)) => *side == of,
        (
            Decision::Vetoed { by: Veto::Rule(by) }
            | Decision::Attach { by }
            | Decision::Ambiguous { by, .. },
            Subject::Rule(rule),
        ) => by.name == rule.name,
        _ => false,
    }
}

fn tell_step(text: &mut String, step: &Step<'_>, is_decisive: bool, paint: Paint<'_>) {
    let what = match step.subject {
        Subject::OtherTenant => "built in, different tenants".to_owned(),
        Subject::Disabled(Side::Cluster) => "built in, disabled by the cluster".to_owned(),
        Subject::Disabled(Side::Registry) => "built in, disabled by the registry".to_owned(),
        Subject::Rule(rule) => match rule.effect {
            Effect::Veto => format!("veto `{}`", rule.name),
            Effect::Attach | Effect::Pin => format!("rule `{}`", rule.name),
        },
    };
    let outcome = match &step.outcome {
        Match::Yes => paint(Tone::Good, "fits"),
        Match::No => paint(Tone::Quiet, "does not fit"),
        Match::Ambiguous { name, candidates } => {
            let (name, count) = (Shown(name), candidates.len());
            let what = format!("would fit, but `{name}` names {count} registries");
            paint(Tone::Open, &what)
        }
    };
    let decides = if is_decisive { ", and decides" } else { "" };
    let _ = writeln!(text, "  {what}: {outcome}{decides}");
    for check in &step.checks {
        tell_check(text, check, 2, paint);
    }
}

fn tell_check(text: &mut String, check: &Check<'_>, depth: usize, paint: Paint<'_>) {
    let word = match check.outcome {
        Match::Yes => paint(Tone::Good, "yes"),
        Match::No => paint(Tone::Bad, "no "),
        Match::Ambiguous { .. } => paint(Tone::Open, "?  "),
    };
    let _ = writeln!(text, "{}{word} {}", "  ".repeat(depth), check.sentence());
    for part in &check.parts {
        tell_check(text, part, depth + 1, paint);
    }
}

fn tell_attached(
    text: &mut String,
    inventory: &Inventory,
    policy: &Policy,
    (cluster, registry): (&Cluster, &Registry),
) {
    let Some(principal) = cluster.identity.principal() else {
        let why = match &cluster.identity {
            Identity::Pending => "the cluster has no kubelet identity yet",
            Identity::ServicePrincipal { .. } => {
                "the cluster pulls as a service principal whose object id the policy does not state"
            }
            Identity::Kubelet { .. } | Identity::Missing => "the cluster has no kubelet identity",
        };
        let _ = writeln!(text, "  nothing: {why}");
        return;
    };
    let _ = writeln!(text, "  the cluster pulls as identity {principal}");
    let others = inventory
        .clusters
        .values()
        .filter(|other| other.id != cluster.id && other.identity.principal() == Some(principal));
    for other in others {
        let _ = writeln!(text, "  so does {}", other.id);
    }
    let mut grants: Vec<_> = inventory
        .grants
        .values()
        .filter(|grant| grant.key.principal == principal && grant.key.registry == registry.id)
        .collect();
    grants.sort_by_key(|grant| (grant.key.role, grant.name));
    for grant in &grants {
        let _ = writeln!(text, "  {}", described(grant, policy, registry));
    }
    if !inventory.knows_grants(&registry.id, principal) {
        let _ = writeln!(text, "  the role assignments there could not be read");
    } else if grants.is_empty() {
        let _ = writeln!(text, "  no role assignment of a pull role at the registry itself");
    }
}

fn described(grant: &Grant, policy: &Policy, registry: &Registry) -> String {
    let by = if AssignmentName::is_of(&policy.owner, grant) {
        match Mark::read(&grant.description).map(|mark| mark.kind) {
            Some(MarkKind::Rule) => "made by tether for a rule",
            Some(MarkKind::Pin) => "pinned by a command",
            None => "made by tether, its description changed since: it counts as pinned",
        }
    } else {
        "made by someone else"
    };
    let mut line = format!("{}, {by}: assignment {}", grant.key.role, grant.name);
    if grant.conditional {
        line += "; a condition narrows it";
    }
    if registry.mode.pull_role().is_some_and(|role| role != grant.key.role) {
        line += "; the registry does not honour this role";
    }
    line
}

fn tell_next(text: &mut String, plan: &Plan, verdict: &Verdict<'_>, concern: &Concern<'_>) {
    let mut lines = Vec::new();
    let registry = concern.registry;
    let attach = plan.attach.iter().filter(|item| item.grant.registry == registry.id);
    let attach = attach.filter(|item| concern.is_met_by(item.grant.principal, &item.clusters));
    lines.extend(attach.map(|item| format!("attaches {item}")));
    let detach = plan.detach.iter().filter(|item| item.grant.registry == registry.id);
    let detach = detach.filter(|item| concern.is_met_by(item.grant.principal, &item.clusters));
    lines.extend(detach.map(|item| format!("detaches {item}")));
    let marks = plan.marks.iter().filter(|item| item.grant.registry == registry.id);
    let marks = marks.filter(|item| concern.is_met_by(item.grant.principal, &item.clusters));
    lines.extend(marks.map(|item| format!("writes the mark again of {item}")));
    let held = plan.held.iter().filter(|item| item.registry == registry.id);
    let held = held.filter(|item| match item.principal {
        Some(principal) => concern.is_met_by(principal, &item.clusters),
        None => item.clusters.contains(concern.cluster),
    });
    lines.extend(held.map(|item| format!("holds {item}")));
    let kept = plan.kept.iter().filter(|item| item.grant.registry == registry.id);
    let kept = kept.filter(|item| concern.is_met_by(item.grant.principal, &item.clusters));
    lines.extend(kept.map(|item| format!("keeps {item}")));
    let gaps = plan.gaps.iter().filter(|gap| concern.is_touched_by(gap));
    lines.extend(gaps.map(|gap| format!("could not see everything: {gap}")));
    let warnings = plan.warnings.iter().filter(|warning| match warning {
        Warning::ServiceAccountPull(cluster) => cluster == concern.cluster,
        Warning::NearlyFull { subscription, .. } => *subscription == registry.id.subscription(),
        Warning::AgeUnknown(_) => false,
        Warning::NoneOfOurs(_) => true,
    });
    lines.extend(warnings.map(|warning| format!("note that {warning}")));
    if lines.is_empty() {
        lines.push(format!("does nothing: {}", verdict.decision));
    }
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::{
        By, World, cluster, cluster_id, policy, registry, registry_id, sharing, world,
    };
    use super::super::plan;
    use super::*;

    const AUTO: &str = "acr-attach=auto team=a";
    const OTHER: &str = "acr-attach=auto team=b";

    fn told(inventory: &Inventory, plan: &Plan, pair: (&Cluster, &Registry)) -> String {
        explain(inventory, &policy(), plan, pair, &|_, text| text.to_owned())
    }

    #[test]
    fn what_was_not_seen_elsewhere_is_no_part_of_a_pairs_story() {
        let unread = |id| Gap::Unread { id, code: "Teapot".to_owned(), passes: None };
        let cluster_of = |name| unread(ResourceId::Cluster(cluster_id(name)));
        let estate = world()
            .cluster(cluster("c1", 1, AUTO))
            .cluster(cluster("c2", 2, AUTO))
            .registry(registry("r1", AUTO))
            .gap(cluster_of("c1"))
            .gap(cluster_of("c2"));
        let (inventory, whole) = (&estate.0, plan(&estate.0, &policy()));
        let pair =
            (&inventory.clusters[&cluster_id("c1")], &inventory.registries[&registry_id("r1")]);
        let story = told(inventory, &whole, pair);
        assert!(story.contains("could not see everything: cluster"), "{story}");
        assert!(!story.contains("c2"), "{story}");
    }

    #[test]
    fn of_a_plan_for_everything_only_what_is_about_the_pair_is_told() {
        let World(inventory) = world()
            .cluster(cluster("c1", 1, AUTO))
            .cluster(sharing("c2", 2, AUTO))
            .cluster(sharing("c3", 2, OTHER))
            .registry(registry("r1", AUTO))
            .registry(registry("r2", OTHER))
            .pull(By::Rule("c1"), "r1", 1)
            .pull(By::Pin("c1"), "r1", 7)
            .pull(By::Rule("gone"), "r1", 8);
        let whole = plan(&inventory, &policy());
        let next = |cluster, registry| {
            let pair = (
                &inventory.clusters[&cluster_id(cluster)],
                &inventory.registries[&registry_id(registry)],
            );
            let text = told(&inventory, &whole, pair);
            let (_, next) = text.split_once("The next reconcile:\n").unwrap();
            next.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
        };
        let former = format!(
            "keeps c1 → r1 as AcrPull for {}: former identity; once all nodes are reimaged, `tether send detach --former-identities` removes it",
            super::super::build::principal(7)
        );
        assert_eq!(next("c1", "r1"), ["attaches c1 → r1 as AcrPull: its pin follows", &former]);
        assert_eq!(next("c2", "r1"), ["attaches c2 → r1 as AcrPull: rule `team` wants it"]);
        assert_eq!(next("c3", "r2"), ["attaches c3 → r2 as AcrPull: rule `team` wants it"]);
        assert_eq!(next("c1", "r2"), ["does nothing: no rule wants it"]);
    }

    #[test]
    fn what_the_next_run_takes_from_a_pair_on_another_clusters_account_is_told() {
        let World(inventory) = world()
            .cluster(cluster("moved", 4, ""))
            .cluster(cluster("heir", 5, ""))
            .registry(registry("r1", AUTO))
            .pull(By::Pin("moved"), "r1", 5);
        let whole = plan(&inventory, &policy());
        let pair =
            (&inventory.clusters[&cluster_id("heir")], &inventory.registries[&registry_id("r1")]);
        let text = told(&inventory, &whole, pair);
        let next = "detaches heir → r1 as AcrPull: its cluster has another identity now";
        assert!(text.contains(next), "{text}");
    }
}
