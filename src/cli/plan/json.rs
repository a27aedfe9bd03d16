//! A plan for programs. Fields are added and not renamed while `format` stays as it is.

use serde_json::{Value, json};

use crate::model::{ClusterId, Scope};
use crate::plan::{Attach, Detach, Former, Held, Holder, Kept, MarkChange, Plan};
use crate::policy::Mode;

/// What the document says it is; another version gets another number
const FORMAT: &str = "tether plan 1";

pub(super) fn told(plan: &Plan, scope: &Scope, mode: Mode) -> String {
    let document = json!({
        "format": FORMAT,
        "scope": scope.to_string(),
        "mode": mode.to_string(),
        "counts": {
            "attach": plan.attach.len(),
            "detach": plan.detach.len(),
            "mark": plan.marks.len(),
            "held": plan.held.len(),
            "kept": plan.kept.len(),
            "unseen": plan.gaps.len(),
        },
        "attach": plan.attach.iter().map(attach).collect::<Value>(),
        "detach": plan.detach.iter().map(detach).collect::<Value>(),
        "mark": plan.marks.iter().map(mark).collect::<Value>(),
        "held": plan.held.iter().map(held).collect::<Value>(),
        "kept": plan.kept.iter().map(kept).collect::<Value>(),
        "unseen": plan.gaps.iter().map(ToString::to_string).collect::<Value>(),
        "warnings": plan.warnings.iter().map(ToString::to_string).collect::<Value>(),
    });
    format!("{document:#}\n")
}

fn ids(clusters: &[ClusterId]) -> Vec<String> {
    clusters.iter().map(ToString::to_string).collect()
}

fn attach(item: &Attach) -> Value {
    json!({
        "registry": item.grant.registry.to_string(),
        "principal": item.grant.principal.to_string(),
        "role": item.grant.role.to_string(),
        "assignment": item.name.to_string(),
        "clusters": ids(&item.clusters),
        "reason": item.reason.to_string(),
    })
}

fn detach(item: &Detach) -> Value {
    json!({
        "registry": item.grant.registry.to_string(),
        "principal": item.grant.principal.to_string(),
        "role": item.grant.role.to_string(),
        "assignment": item.name.to_string(),
        "clusters": ids(&item.clusters),
        "reason": item.reason.to_string(),
        "after": item.after.map(|name| name.to_string()),
    })
}

fn mark(item: &MarkChange) -> Value {
    json!({
        "registry": item.grant.registry.to_string(),
        "principal": item.grant.principal.to_string(),
        "role": item.grant.role.to_string(),
        "assignment": item.name.to_string(),
        "clusters": ids(&item.clusters),
        "reason": item.reason.to_string(),
    })
}

fn held(item: &Held) -> Value {
    json!({
        "registry": item.registry.to_string(),
        "principal": item.principal.map(|principal| principal.to_string()),
        "clusters": ids(&item.clusters),
        "action": item.action.word(),
        "code": item.reason.code(),
        "reason": item.reason.to_string(),
    })
}

fn kept(item: &Kept) -> Value {
    json!({
        "registry": item.grant.registry.to_string(),
        "principal": item.grant.principal.to_string(),
        "role": item.grant.role.to_string(),
        "clusters": ids(&item.clusters),
        "holder": match item.holder {
            Holder::Ours => "tether",
            Holder::Pinned => "tether, pinned",
            Holder::Foreign => "someone else",
        },
        "rule": item.rule,
        "former": item.former.map(|former| match former {
            Former::Identity => "identity",
            Former::Role => "role",
        }),
        "why": item.why(),
    })
}
