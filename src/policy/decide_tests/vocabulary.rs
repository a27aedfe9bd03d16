//! Every word of the vocabulary, held against one pair.

use super::*;
use crate::policy::{Effect, RoleChoice};

/// Whether a cluster that is like this fits
#[track_caller]
fn check(selector: &str, tagged: &str, fits: bool) {
    let policy = policy(&format!(
        "- {{name: r, effect: veto, cluster: {selector}, registry: {{tags: {{x: y}}}}}}"
    ));
    let decision = decided(&policy, &cluster(tagged), &registry("x=y"), &[]);
    assert_eq!(decision == "vetoed: the rule `r` forbids it", fits, "{selector} {tagged}");
}

#[test]
fn a_tag_is_asked_for_in_six_ways() {
    let six = [
        ("{equals: prod}", [true, false, false, false]),
        ("{any_of: [prod, test]}", [true, true, false, false]),
        ("{glob: 'p*d'}", [true, false, false, false]),
        ("{glob: ['p*', '?est']}", [true, true, false, false]),
        ("{present: true}", [true, true, true, false]),
        ("{absent: true}", [false, false, false, true]),
        ("{not: prod}", [false, true, true, true]),
        ("{not: [prod, test]}", [false, false, true, true]),
        ("{not: {glob: '*'}}", [false, false, false, true]),
        ("{not: {absent: true}}", [true, true, true, false]),
        ("{not: {not: prod}}", [true, false, false, false]),
    ];
    for (test, fits) in six {
        let selector = format!("{{tags: {{Stage: {test}}}}}");
        for (tagged, fits) in ["stage=prod", "STAGE=test", "stage=", "other=prod"].iter().zip(fits)
        {
            check(&selector, tagged, fits);
        }
    }
    check("{tags: {stage: {glob: 'Prod*'}}}", "stage=production", false);
}

#[test]
fn what_azure_says_of_a_resource_is_asked_for_without_letter_case() {
    for (selector, fits) in [
        ("{name: AKS1}", true),
        ("{name: aks}", false),
        ("{name: {glob: 'AKS?'}}", true),
        ("{name: {not: aks1}}", false),
        ("{resource_group: RG}", true),
        ("{resource_group: [a, b]}", false),
        ("{resource_group: {any_of: [a, rg]}}", true),
        ("{location: West Europe}", true),
        ("{location: [northeurope, westeurope]}", true),
        ("{location: {glob: '*us'}}", false),
        ("{subscription: 11111111-1111-1111-1111-111111111111}", true),
        ("{subscription: {not: '11111111111111111111111111111111'}}", false),
        ("{subscription: 21111111-1111-1111-1111-111111111111}", false),
    ] {
        check(selector, "", fits);
    }
}

#[test]
fn conditions_nest() {
    let nested = "{any: [{tags: {a: x}}, {all: [{tags: {b: x}}, {not: {tags: {c: x}, name: aks1}}]}], not: {tags: {d: x}}}";
    for (tagged, fits) in [
        ("", false),
        ("a=x", true),
        ("a=x;d=x", false),
        ("b=x", true),
        ("b=x;c=x", false),
        ("a=x;b=x;c=x", true),
        ("b=x;c=y", true),
    ] {
        check(nested, tagged, fits);
    }
}

#[test]
fn the_trace_of_nested_conditions_has_every_part() {
    let policy = policy(
        "- {name: r, effect: veto, cluster: {any: [{tags: {a: x}}, {not: {name: {glob: 'b*'}}}]}}",
    );
    let (cluster, registry) = (cluster("a=y"), registry(""));
    let verdict = policy.decide(&cluster, &registry, &RegistryNames::default());
    let any = &verdict.trace[3].checks[0];
    assert_eq!((any.outcome.clone(), any.seen.len(), any.parts.len()), (Match::Yes, 0, 2));
    let lines: Vec<String> = std::iter::once(&any.parts[0])
        .chain(&any.parts[1].parts)
        .map(|check| {
            format!("{} {}: {}", check.outcome == Match::Yes, check.condition, check.seen[0])
        })
        .collect();
    let expected = [
        "false the cluster's tag `a` is `x`: the cluster's `a` is `y`",
        "false the cluster's name is like `b*`: the cluster's name is `aks1`",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_stated_subscription_is_the_operators_consent() {
    let policy = policy(
        "- {name: r, cluster: {subscription: 11111111-1111-1111-1111-111111111111}, registry: {tags: {x: y}}}",
    );
    assert_eq!(decided(&policy, &cluster(""), &registry("x=y"), &[]), "attach by r");
    assert_eq!(decided(&policy, &cluster(""), &registry(""), &[]), "not wanted");
}

#[test]
fn among_rules_that_want_a_pair_one_whose_role_is_honoured_counts() {
    let both = "cluster: {tags: {x: y}}, registry: {tags: {x: y}}";
    let decide = |rules: &[&str], mode: RegistryMode| {
        let rules: Vec<_> = rules.iter().map(|rule| format!("- {{{rule}, {both}}}")).collect();
        let registry = Registry { mode, ..registry("x=y") };
        // The trace does not know of roles: what a rule fits is another question.
        told(&policy(&rules.join("\n")).decision(
            &cluster("x=y"),
            &registry,
            &RegistryNames::default(),
        ))
    };
    let (a, b) = ("name: a, role: AcrPull", "name: b");
    let c = "name: c, role: Container Registry Repository Reader";
    assert_eq!(decide(&[a, b, c], RegistryMode::Legacy), "attach by a");
    assert_eq!(decide(&[a, b, c], RegistryMode::Abac), "attach by b");
    assert_eq!(decide(&[a, c], RegistryMode::Abac), "attach by c");
    assert_eq!(decide(&[a], RegistryMode::Abac), "attach by a");
    assert_eq!(decide(&[c, a], RegistryMode::Unread), "attach by a");
}

#[test]
fn service_principals_are_read_by_cluster() {
    let id = cluster("").id;
    let text = format!(
        "owner: o\nmode: observe\nrules: []\nservice_principals:\n  {}: 00000000-0000-0000-0000-000000000009",
        id.as_str().to_uppercase()
    );
    let policy = Policy::parse("policy.yaml", &text).map_err(miette::Report::new).unwrap();
    let principal =
        |identity| policy.knowing(Cluster { identity, ..cluster("") }).identity.principal();
    let stated = Identity::ServicePrincipal { client_id: "app".into(), object_id: None };
    assert_eq!(principal(stated), Some(PrincipalId(Uuid::from_u128(9))));
    assert_eq!(principal(Identity::Missing), None);
    assert_eq!(principal(cluster("").identity), Some(PrincipalId(Uuid::from_u128(7))));
    let rule = "- {name: r, cluster: {tags: {x: y}}, registry: {tags: {x: y}}}";
    let rule = super::policy(rule).rules()[0].clone();
    assert_eq!((rule.effect, rule.role), (Effect::Attach, RoleChoice::Auto));
}
