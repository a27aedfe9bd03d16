//! The explanation as text: what the policy says, rule by rule; what is attached; what comes next.

use std::fmt::Write as _;

use crate::cli::voice::{Colour, Voice};
use crate::model::{
    AssignmentName, Cluster, Grant, Identity, Inventory, Mark, MarkKind, Registry, RegistryId,
    Shown,
};
use crate::plan::{Plan, guard, plan};
use crate::policy::{
    Check, Decision, Effect, Match, Policy, RegistryNames, Side, Step, Subject, Verdict, Veto,
};

/// Everything there is to say about a pair, each line ending in a line break
pub(super) fn told(
    inventory: &Inventory,
    policy: &Policy,
    (cluster, registry): (&Cluster, &Registry),
    voice: Voice,
) -> String {
    let names = RegistryNames::new(inventory.registries.values());
    let verdict = policy.decide(cluster, registry, &names);
    let title = |text: &str| voice.paint(Colour::Strong, text);
    let mut text = String::new();
    let _ = writeln!(text, "cluster   {}\nregistry  {}\n", cluster.id, registry.id);
    let _ = writeln!(text, "{} {}", title("By the policy:"), verdict.decision);
    for step in &verdict.trace {
        tell_step(&mut text, step, is_decisive(&verdict, step), voice);
    }
    let _ = writeln!(text, "\n{}", title("Attached now:"));
    tell_attached(&mut text, inventory, policy, (cluster, registry));
    let _ = writeln!(text, "\n{}", title("The next reconcile:"));
    let planned = guard(plan(inventory, policy), policy, &inventory.scope);
    tell_next(&mut text, &planned, &verdict, registry);
    text
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

fn tell_step(text: &mut String, step: &Step<'_>, is_decisive: bool, voice: Voice) {
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
        Match::Yes => voice.paint(Colour::Good, "fits"),
        Match::No => voice.paint(Colour::Quiet, "does not fit"),
        Match::Ambiguous { name, candidates } => {
            let (name, count) = (Shown(name), candidates.len());
            let what = format!("would fit, but `{name}` names {count} registries");
            voice.paint(Colour::Open, what)
        }
    };
    let decides = if is_decisive { ", and decides" } else { "" };
    let _ = writeln!(text, "  {what}: {outcome}{decides}");
    for check in &step.checks {
        tell_check(text, check, 2, voice);
    }
}

fn tell_check(text: &mut String, check: &Check<'_>, depth: usize, voice: Voice) {
    let word = match check.outcome {
        Match::Yes => voice.paint(Colour::Good, "yes"),
        Match::No => voice.paint(Colour::Bad, "no "),
        Match::Ambiguous { .. } => voice.paint(Colour::Open, "?  "),
    };
    let _ = writeln!(text, "{}{word} {}", "  ".repeat(depth), check.sentence());
    for part in &check.parts {
        tell_check(text, part, depth + 1, voice);
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

fn tell_next(text: &mut String, plan: &Plan, verdict: &Verdict<'_>, registry: &Registry) {
    let mut lines = Vec::new();
    let here = |id: &RegistryId| registry.id == *id;
    let attach = plan.attach.iter().filter(|item| here(&item.grant.registry));
    lines.extend(attach.map(|item| format!("attaches {item}")));
    let detach = plan.detach.iter().filter(|item| here(&item.grant.registry));
    lines.extend(detach.map(|item| format!("detaches {item}")));
    let held = plan.held.iter().filter(|item| here(&item.registry));
    lines.extend(held.map(|item| format!("holds {item}")));
    let kept = plan.kept.iter().filter(|item| here(&item.grant.registry));
    lines.extend(kept.map(|item| format!("keeps {item}")));
    lines.extend(plan.gaps.iter().map(|gap| format!("could not see everything: {gap}")));
    lines.extend(plan.warnings.iter().map(|warning| format!("note that {warning}")));
    if lines.is_empty() {
        lines.push(format!("does nothing: {}", verdict.decision));
    }
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}
