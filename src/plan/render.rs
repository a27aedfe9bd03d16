//! A plan as text: one line an item, most important first, the same plan always the same text.

use std::fmt;

use super::{Action, Attach, Detach, Held, Holder, Kept, Plan, Warning};
use crate::model::{AssignmentUsage, ClusterId};

/// The plan as lines for people, each ending in a line break
pub fn render(plan: &Plan) -> String {
    let attach = plan.attach.iter().map(|item| format!("attach  {item}\n"));
    let detach = plan.detach.iter().map(|item| format!("detach  {item}\n"));
    let held = plan.held.iter().map(|item| format!("held    {item}\n"));
    let kept = plan.kept.iter().map(|item| format!("kept    {item}\n"));
    let gaps = plan.gaps.iter().map(|gap| format!("unseen  {gap}\n"));
    let warnings = plan.warnings.iter().map(|warning| format!("warning {warning}\n"));
    attach.chain(detach).chain(held).chain(kept).chain(gaps).chain(warnings).collect()
}

impl fmt::Display for Attach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { grant, clusters, reason, .. } = self;
        write!(f, "{} → {} as {}: {reason}", names(clusters), grant.registry.name(), grant.role)
    }
}

impl fmt::Display for Detach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { grant, clusters, reason, .. } = self;
        let who = who(clusters, Some(grant.principal));
        write!(f, "{who} → {} as {}: {reason}", grant.registry.name(), grant.role)
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, principal, clusters, action, reason } = self;
        let who = who(clusters, *principal);
        let action = match action {
            Action::Attach => "not attached",
            Action::Detach => "not detached",
        };
        write!(f, "{who} → {} {action}: {reason}", registry.name())
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { grant, holder, clusters, rule } = self;
        let who = who(clusters, Some(grant.principal));
        write!(f, "{who} → {} as {}: ", grant.registry.name(), grant.role)?;
        match (holder, rule) {
            (Holder::Ours, Some(rule)) => write!(f, "rule `{rule}` wants it"),
            (Holder::Ours, None) => f.write_str("ours"),
            (Holder::Pinned, _) => f.write_str("pinned"),
            (Holder::Foreign, _) => f.write_str("made by someone else"),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceAccountPull(cluster) => write!(
                f,
                "{} lets service accounts pull with identities of their own: an attachment does nothing for such pulls",
                cluster.name()
            ),
            Self::NearlyFull { subscription, usage: AssignmentUsage { used, limit } } => write!(
                f,
                "subscription {subscription} holds {used} role assignments, and Azure allows {limit}"
            ),
            Self::NoneOfOurs(marked) => write!(
                f,
                "{marked} role assignments carry the mark of a tether with another owner, and none is of this one: if the policy's `owner` was changed, see `tether adopt`"
            ),
        }
    }
}

fn who(clusters: &[ClusterId], principal: Option<crate::model::PrincipalId>) -> String {
    match (clusters, principal) {
        ([], Some(principal)) => format!("identity {principal}"),
        (clusters, _) => names(clusters),
    }
}

fn names(clusters: &[ClusterId]) -> String {
    let names: Vec<_> = clusters.iter().map(ClusterId::name).collect();
    names.join(", ")
}
