//! Deciding, as tables for people and exhaustively for machines.

mod random;
mod tables;
mod vocabulary;
mod worlds;

use uuid::Uuid;

use super::*;
use crate::model::{
    BootRegistry, Cluster, ClusterState, Identity, IdentityOrigin, PrincipalId, Registry,
    RegistryMode, Tags,
};

const SHIPPED: &str = include_str!("../../../policy.yaml");

const SUB: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers";

/// Tags as `name=value`, one after another, between semicolons
fn tags(text: &str) -> Tags {
    text.split(';').filter_map(|tag| tag.split_once('=')).collect()
}

fn cluster(text: &str) -> Cluster {
    Cluster {
        id: format!("{SUB}/Microsoft.ContainerService/managedClusters/aks1").parse().unwrap(),
        tags: tags(text),
        location: "westeurope".to_owned(),
        tenant: None,
        state: ClusterState::Settled,
        identity: Identity::Kubelet {
            principal: PrincipalId(Uuid::from_u128(7)),
            origin: IdentityOrigin::Aks,
        },
        service_account_pull: false,
        created_at: None,
        is_succeeded: true,
        boot_registry: BootRegistry::None,
    }
}

/// A registry called `Images` in the resource group `rg`
fn registry(text: &str) -> Registry {
    Registry {
        id: format!("{SUB}/Microsoft.ContainerRegistry/registries/Images").parse().unwrap(),
        login_server: "images-h4sh.azurecr.io".to_owned(),
        tags: tags(text),
        location: "westeurope".to_owned(),
        tenant: None,
        mode: RegistryMode::Legacy,
    }
}

/// A registry of the same name in another resource group
fn namesake() -> Registry {
    let id = registry("").id.to_string().replace("/rg/", "/elsewhere/").parse().unwrap();
    Registry { id, login_server: "images-0ther.azurecr.io".to_owned(), ..registry("") }
}

fn policy(rules: &str) -> Policy {
    let text = format!("owner: contoso\nmode: attach-only\nrules:\n{rules}");
    Policy::parse("policy.yaml", &text).map_err(miette::Report::new).unwrap()
}

fn shipped() -> Policy {
    Policy::parse("policy.yaml", &SHIPPED.replace("change-me", "contoso")).unwrap()
}

/// A decision in few words
fn told(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Attach { by } => format!("attach by {}", by.name),
        Decision::Vetoed { by } => format!("vetoed: {by}"),
        Decision::Ambiguous { by, name, candidates } => {
            format!("ambiguous by {}: {name} fits {}", by.name, candidates.len())
        }
        Decision::NotWanted => "not wanted".to_owned(),
        Decision::OtherTenant => "other tenant".to_owned(),
    }
}

/// Decides both ways, in an estate with more registries, and checks that they and the trace agree.
#[track_caller]
fn decided(policy: &Policy, cluster: &Cluster, registry: &Registry, more: &[Registry]) -> String {
    let names = RegistryNames::new(std::iter::once(registry).chain(more));
    let verdict = policy.decide(cluster, registry, &names);
    assert_eq!(verdict.decision, policy.decision(cluster, registry, &names));
    assert_eq!(told(&verdict.decision), told_by_trace(&verdict.trace), "{verdict:#?}");
    assert_eq!(verdict.trace.len(), 3 + policy.rules().len());
    told(&verdict.decision)
}

/// What the trace alone amounts to
fn told_by_trace(trace: &[Step<'_>]) -> String {
    for step in trace {
        let every = step.checks.iter().all(|check| check.outcome == Match::Yes);
        let some = step.checks.iter().all(|check| check.outcome != Match::No);
        match (&step.outcome, step.subject) {
            (Match::Yes, Subject::Rule(Rule { effect: Effect::Veto, .. })) => assert!(some),
            (Match::Yes, _) => assert!(every),
            (Match::No, _) => assert!(!some),
            (Match::Ambiguous { .. }, _) => assert!(some && !every),
        }
    }
    let effect = |effect| {
        let is =
            move |subject: &Subject<'_>| matches!(subject, Subject::Rule(r) if r.effect == effect);
        trace.iter().filter(move |step| is(&step.subject))
    };
    let yes = |step: &&Step<'_>| step.outcome == Match::Yes;
    let built_in = trace.iter().filter(|step| !matches!(step.subject, Subject::Rule(_))).find(yes);
    if let Some(step) = built_in.or_else(|| effect(Effect::Veto).find(yes)) {
        return match step.subject {
            Subject::OtherTenant => "other tenant".to_owned(),
            Subject::Disabled(side) => format!("vetoed: {}", Veto::Disabled(side)),
            Subject::Rule(rule) => format!("vetoed: {}", Veto::Rule(rule)),
        };
    }
    let found = effect(Effect::Attach)
        .find(yes)
        .or_else(|| effect(Effect::Attach).find(|step| step.outcome != Match::No));
    match found.map(|step| (step.subject, &step.outcome)) {
        Some((Subject::Rule(by), Match::Yes)) => format!("attach by {}", by.name),
        Some((Subject::Rule(by), Match::Ambiguous { name, candidates })) => {
            format!("ambiguous by {}: {name} fits {}", by.name, candidates.len())
        }
        _ => "not wanted".to_owned(),
    }
}
