//! A plan as text: one line an item, most important first, the same plan always the same text.

use std::fmt;

use super::{Action, Attach, Detach, Former, Held, Holder, Kept, MarkChange, Plan, Warning};
use crate::model::{AssignmentUsage, ClusterId, GrantKey};

/// The plan as lines for people, each ending in a line break
pub fn render(plan: &Plan) -> String {
    let attach = plan.attach.iter().map(|item| format!("attach  {item}\n"));
    let detach = plan.detach.iter().map(|item| format!("detach  {item}\n"));
    let marks = plan.marks.iter().map(|item| format!("mark    {item}\n"));
    let held = plan.held.iter().map(|item| format!("held    {item}\n"));
    let kept = plan.kept.iter().map(|item| format!("kept    {item}\n"));
    let gaps = plan.gaps.iter().map(|gap| format!("unseen  {gap}\n"));
    let warnings = plan.warnings.iter().map(|warning| format!("warning {warning}\n"));
    attach.chain(detach).chain(marks).chain(held).chain(kept).chain(gaps).chain(warnings).collect()
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

impl fmt::Display for MarkChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { grant, clusters, reason, .. } = self;
        write!(f, "{} → {} as {}: {reason}", names(clusters), grant.registry.name(), grant.role)
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
        let who = who(&self.clusters, Some(self.grant.principal));
        write!(f, "{who} → {}: {}", self.place(), self.why())
    }
}

impl Kept {
    /// Where and as what; for a former identity, which
    pub fn place(&self) -> String {
        let GrantKey { registry, principal, role } = &self.grant;
        match self.former {
            Some(Former::Identity) => format!("{} as {role} for {principal}", registry.name()),
            Some(Former::Role) | None => format!("{} as {role}", registry.name()),
        }
    }

    /// Why it stays, and where that needs a person, the next step
    pub fn why(&self) -> String {
        match (self.former, self.holder, &self.rule) {
            (Some(Former::Identity), ..) => {
                "former identity; once all nodes are reimaged, `tether send detach --former-identities` removes it".to_owned()
            }
            (Some(Former::Role), ..) => {
                "former role, the way back to the registry's mode before; `former_roles: remove` removes it".to_owned()
            }
            (None, Holder::Ours, Some(rule)) => format!("rule `{rule}` wants it"),
            (None, Holder::Ours, None) => "ours".to_owned(),
            (None, Holder::Pinned, _) => "pinned".to_owned(),
            (None, Holder::Foreign, _) => "made by someone else".to_owned(),
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
            Self::AgeUnknown(count) => write!(
                f,
                "{count} role assignments for former identities are kept although earlier clusters of the same ids may have left them: Azure does not say when the clusters were created, or the assignments written"
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
