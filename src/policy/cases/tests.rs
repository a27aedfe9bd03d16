//! Cases, read and held against a policy.

use super::super::{Cases, Policy};

const POLICY: &str = include_str!("../../../policy.yaml");

fn policy(rules: &str) -> Policy {
    let text = format!("owner: contoso\nmode: attach-only\nrules:\n{rules}");
    Policy::parse("policy.yaml", &text).map_err(miette::Report::new).unwrap()
}

/// The differences as lines
#[track_caller]
fn check(policy: &Policy, text: &str, expected: &[&str]) {
    let cases = Cases::parse("policy.tests.yaml", text).map_err(miette::Report::new).unwrap();
    let mut lines = Vec::new();
    for result in cases.run(policy) {
        for difference in result.differences {
            let sign = if difference.expected { '+' } else { '-' };
            lines.push(format!("{sign} {}: {}", difference.registry.name(), difference.verdict));
            lines.extend(difference.because);
        }
    }
    assert_eq!(lines, expected);
}

#[test]
fn the_cases_that_ship_hold_for_the_policy_that_ships() {
    let policy = Policy::parse("policy.yaml", &POLICY.replace("change-me", "contoso")).unwrap();
    let text = include_str!("../../../policy.tests.yaml");
    let cases = Cases::parse("policy.tests.yaml", text).map_err(miette::Report::new).unwrap();
    assert!(cases.cases.len() >= 5);
    for result in cases.run(&policy) {
        assert_eq!(result.differences, [], "{}", result.case.name);
    }
}

#[test]
fn a_difference_says_what_the_policy_says_and_why() {
    let policy = policy(
        "- {name: a, cluster: {tags: {x: y}}, registry: {tags: {x: y}}, join: [same_tag: team]}\n\
         - {name: v, effect: veto, registry: {tags: {never: {present: true}}}}\n\
         - {name: r, role: AcrPull, cluster: {tags: {r: y}}, registry: {tags: {r: y}}}\n",
    );
    let case = |cluster: &str, registry: &str, attached: &str| {
        format!(
            "cases: [{{name: n, cluster: {{tags: {cluster}}}, registries: [{{name: acr1{registry}}}], attached: [{attached}]}}]"
        )
    };
    check(&policy, &case("{x: y, team: t}", ", tags: {x: y, team: t}", "ACR1"), &[]);
    check(
        &policy,
        &case("{x: y, team: t}", ", tags: {x: y, team: t}", ""),
        &["- acr1: rule `a` wants it"],
    );
    check(
        &policy,
        &case("{x: y, team: t}", ", tags: {x: y, team: u}", "acr1.azurecr.io"),
        &[
            "+ acr1: no rule wants it",
            "rule `a`: not so: the cluster's tag `team` equals the registry's tag `team`: the cluster's `team` is `t`, the registry's `team` is `u`",
            "rule `r`: not so: the registry's tag `r` is `y`: the registry has no `r`; not so: the cluster's tag `r` is `y`: the cluster has no `r`",
        ],
    );
    check(
        &policy,
        &case("{x: y, team: t}", ", tags: {x: y, team: t, never: ''}", "acr1"),
        &["+ acr1: the rule `v` forbids it"],
    );
    check(
        &policy,
        &case("{r: y}", ", tags: {r: y}, mode: abac", "acr1"),
        &["+ acr1: rule `r` wants it, with a role that the registry does not honour"],
    );
}

#[test]
fn a_case_may_say_where_things_are() {
    let policy = policy(
        "- {name: a, cluster: {location: westeurope, resource_group: g, name: 'n', subscription: 11111111-1111-1111-1111-111111111111}, registry: {tags: {x: y}}}",
    );
    let text = "
cases:
  - name: here
    cluster: {name: n, location: West Europe, resource_group: G, subscription: 11111111-1111-1111-1111-111111111111}
    registries: [{name: acr1, tags: {X: y}}, {name: acr2}]
    attached: [acr1]
  - name: there
    cluster: {name: n, location: northeurope, resource_group: G}
    registries: [{name: acr1, tags: {X: y}}]
    attached: []
";
    check(&policy, text, &[]);
}

#[test]
fn what_is_no_case_is_told_like_what_is_no_policy() {
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let error = Cases::parse("policy.tests.yaml", text).unwrap_err();
        assert_eq!(error.to_string(), "`policy.tests.yaml` is not a valid list of cases");
        let problems: Vec<String> = error.problems().map(ToString::to_string).collect();
        assert_eq!(problems, expected);
    }
    check(
        "cases: [{}]",
        &[
            "`name` is missing",
            "`cluster` is missing",
            "`registries` is missing",
            "`attached` is missing",
        ],
    );
    check("case: []", &["unknown key `case`"]);
    let case = |registries: &str, attached: &str| {
        format!(
            "cases: [{{name: n, cluster: {{}}, registries: {registries}, attached: {attached}}}]"
        )
    };
    check(&case("[{name: acr1}]", "[acr2]"), &["`acr2` fits 0 of the case's registries"]);
    check(
        &case("[{name: acr1}, {name: acr1, resource_group: other}]", "[acr1]"),
        &["`acr1` fits 2 of the case's registries"],
    );
    check(&case("[{nam: acr1}]", "[]"), &["unknown key `nam`"]);
    check(&case("[{name: a/b}]", "[]"), &["no resource can be called so"]);
    check(&case("[{name: acr1, mode: abacus}]", "[]"), &["`abacus` is no mode"]);
    check(
        &case("[{name: acr1, tags: {x: 1.0}}]", "[]"),
        &["a tag's value must be text, not a number"],
    );
}
