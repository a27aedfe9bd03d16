//! Verdicts as a table, then the promises about them over every small policy and pair.

use uuid::Uuid;

use super::{Decision, Effect, Match, Policy, RegistryNames, Subject};
use crate::model::{Cluster, ClusterState, Identity, Registry, RegistryMode, Tags};

const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";

fn tags(text: &str) -> Tags {
    text.split_whitespace().filter_map(|tag| tag.split_once('=')).collect()
}

fn cluster(tagged: &str) -> Cluster {
    let kind = "Microsoft.ContainerService/managedClusters";
    Cluster {
        id: format!("{SUBSCRIPTION}/resourceGroups/rg/providers/{kind}/aks1").parse().unwrap(),
        tags: tags(tagged),
        location: "westeurope".into(),
        tenant: None,
        state: ClusterState::Settled,
        identity: Identity::Missing,
        service_account_pull: false,
    }
}

fn registry_in(group: &str, tagged: &str) -> Registry {
    let kind = "Microsoft.ContainerRegistry/registries";
    Registry {
        id: format!("{SUBSCRIPTION}/resourceGroups/{group}/providers/{kind}/acr1").parse().unwrap(),
        login_server: format!("acr1-{group}.azurecr.io"),
        tags: tags(tagged),
        location: "westeurope".into(),
        tenant: None,
        mode: RegistryMode::Legacy,
    }
}

fn registry(tagged: &str) -> Registry {
    registry_in("rg", tagged)
}

fn shipped() -> Policy {
    let text = include_str!("../../policy.yaml").replace("change-me", "contoso");
    Policy::parse("policy.yaml", &text).unwrap()
}

fn policy(rules: &str) -> Policy {
    Policy::parse("policy.yaml", &format!("owner: x\nmode: observe\nrules:\n{rules}")).unwrap()
}

fn word(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Attach { by } => format!("attach by {}", by.name),
        Decision::Vetoed { by } => format!("vetoed: {by}"),
        Decision::Ambiguous { by, name, candidates } => {
            format!("{} finds {} registries for {name}", by.name, candidates.len())
        }
        Decision::NotWanted => "not wanted".into(),
        Decision::OtherTenant => "other tenant".into(),
    }
}

/// The shipped policy says so about a cluster and a registry with these tags.
#[track_caller]
fn check(cluster_tags: &str, registry_tags: &str, expected: &str) {
    let (policy, registry) = (shipped(), registry(registry_tags));
    let names = RegistryNames::new([&registry].into_iter());
    let verdict = policy.decide(&cluster(cluster_tags), &registry, &names);
    assert_eq!(word(&verdict.decision), expected);
}

#[test]
fn a_cluster_gets_the_registries_it_names_if_they_take_part() {
    let by_id = format!(
        "{}/resourcegroups/RG/providers/microsoft.containerregistry/registries/ACR1",
        SUBSCRIPTION.to_uppercase()
    );
    for name in ["acr1", "ACR1", "other,acr1", "acr1-rg.azurecr.io", &by_id] {
        check(&format!("acr-attach={name}"), "acr-attach=shared", "attach by named-registry");
        check(&format!("acr-attach={name}"), "team=a", "not wanted");
    }
    for name in ["acr", "acr1.azurecr.io", "acr11", "", ","] {
        check(&format!("acr-attach={name}"), "acr-attach=shared", "not wanted");
    }
}

#[test]
fn a_team_gets_its_own_registries() {
    check("acr-attach=auto team=a", "acr-attach=auto team=a", "attach by same-team");
    check("ACR-Attach=auto Team=a", "acr-ATTACH=auto TEAM=a", "attach by same-team");
    check("acr-attach=auto team=a", "acr-attach=auto team=A", "not wanted");
    check("acr-attach=auto team=a", "acr-attach=auto team=b", "not wanted");
    check("acr-attach=auto", "acr-attach=auto", "not wanted");
    check("acr-attach=auto team=", "acr-attach=auto team=", "not wanted");
    check("acr-attach=auto team=a", "team=a", "not wanted");
    check("team=a", "acr-attach=auto team=a", "not wanted");
}

#[test]
fn disabled_on_either_side_forbids() {
    let both = "acr-attach=auto team=a";
    check(
        "acr-attach=Disabled team=a",
        both,
        "vetoed: the cluster's tag `acr-attach` says `disabled`",
    );
    check(
        both,
        "acr-attach=disabled team=a",
        "vetoed: the registry's tag `acr-attach` says `disabled`",
    );
}

#[test]
fn a_name_that_fits_two_registries_is_ambiguous_and_an_id_is_not() {
    let (one, two) = (registry("acr-attach=x"), registry_in("other", "acr-attach=x"));
    let names = RegistryNames::new([&one, &two].into_iter());
    let policy = shipped();
    let says = |tag: &str| word(&policy.decision(&cluster(tag), &one, &names));
    assert_eq!(says("acr-attach=acr1"), "named-registry finds 2 registries for acr1");
    assert_eq!(says("acr-attach=acr1,acr1-rg.azurecr.io"), "attach by named-registry");
    assert_eq!(says(&format!("acr-attach={}", one.id)), "attach by named-registry");
    assert_eq!(says(&format!("acr-attach={}", two.id)), "not wanted");
}

#[test]
fn different_tenants_never_match_and_unknown_ones_do() {
    let policy = shipped();
    let tenants = [None, Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2))];
    for (cluster_tenant, registry_tenant) in
        tenants.into_iter().flat_map(|one| tenants.map(|two| (one, two)))
    {
        let both = "acr-attach=auto team=a";
        let cluster = Cluster { tenant: cluster_tenant, ..cluster(both) };
        let registry = Registry { tenant: registry_tenant, ..registry(both) };
        let names = RegistryNames::new([&registry].into_iter());
        let differ = cluster_tenant.zip(registry_tenant).is_some_and(|(one, two)| one != two);
        let expected = if differ { "other tenant" } else { "attach by same-team" };
        assert_eq!(word(&policy.decision(&cluster, &registry, &names)), expected);
    }
}

const RULES: [&str; 5] = [
    "  - { name: a-named, registry: { tags: { acr-attach: { present: true } } }, join: [{ registry_named_in: acr-attach }] }\n",
    "  - { name: b-team, cluster: { tags: { acr-attach: [auto, on] } }, join: [{ same_tag: team }] }\n",
    "  - { name: c-owner, join: [{ same_tag: { cluster: team, registry: acr-attach } }] }\n",
    "  - { name: d-veto, effect: veto, registry: { tags: { team: b } } }\n",
    "  - { name: e-veto, effect: veto, join: [{ registry_named_in: team }] }\n",
];

fn pairs() -> impl Iterator<Item = (Cluster, Registry)> {
    let attach = ["", "acr-attach=", "acr-attach=auto", "acr-attach=acr1", "acr-attach=disabled"];
    let team = ["", "team=", "team=a", "team=b", "team=acr1", "team=auto"];
    let all = move || attach.into_iter().flat_map(move |a| team.map(|t| format!("{a} {t}")));
    all().flat_map(move |one| all().map(move |two| (cluster(&one), registry(&two))))
}

/// Every subset of the rules, in the order of names and the other way round
fn policies() -> impl Iterator<Item = (Policy, Policy)> {
    (1..1 << RULES.len()).map(|set| {
        let chosen = || (0..RULES.len()).filter(move |rule| set & (1 << rule) != 0);
        let forwards: String = chosen().map(|rule| RULES[rule]).collect();
        let backwards: String = chosen().rev().map(|rule| RULES[rule]).collect();
        (policy(&forwards), policy(&backwards))
    })
}

#[test]
fn the_order_of_rules_never_matters_and_the_trace_says_the_same_as_the_decision() {
    let twin = registry_in("other", "");
    for (forwards, backwards) in policies() {
        for (cluster, registry) in pairs() {
            for others in [&[&registry][..], &[&registry, &twin]] {
                let names = RegistryNames::new(others.iter().copied());
                let verdict = forwards.decide(&cluster, &registry, &names);
                assert_eq!(verdict, backwards.decide(&cluster, &registry, &names));
                assert_eq!(verdict.decision, forwards.decision(&cluster, &registry, &names));
                check_trace(&verdict);
                assert_eq!(verdict.trace.len(), 3 + forwards.rules().len());
            }
        }
    }
}

/// The decision follows from the trace alone: a veto wins, then a wish, then an ambiguous name.
#[track_caller]
fn check_trace(verdict: &super::Verdict<'_>) {
    let fits = |effect: Effect, wanted: fn(&Match) -> bool| {
        verdict.trace.iter().any(|step| {
            let is_of = match step.subject {
                Subject::OtherTenant => false,
                Subject::Disabled(_) => effect == Effect::Veto,
                Subject::Rule(rule) => rule.effect == effect,
            };
            is_of && wanted(&step.outcome)
        })
    };
    let expected = if fits(Effect::Veto, |outcome| *outcome == Match::Yes) {
        "vetoed"
    } else if fits(Effect::Attach, |outcome| *outcome == Match::Yes) {
        "attach"
    } else if fits(Effect::Attach, |outcome| matches!(outcome, Match::Ambiguous { .. })) {
        "ambiguous"
    } else {
        "not wanted"
    };
    let found = match verdict.decision {
        Decision::Attach { .. } => "attach",
        Decision::Vetoed { .. } => "vetoed",
        Decision::Ambiguous { .. } => "ambiguous",
        Decision::NotWanted => "not wanted",
        Decision::OtherTenant => "other tenant",
    };
    assert_eq!(found, expected, "{verdict:#?}");
}
