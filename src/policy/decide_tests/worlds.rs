//! All small worlds: what holds in every one of them.

use std::collections::BTreeSet;

use super::*;

const RULES: [&str; 5] = [
    "- {name: named, registry: {tags: {acr-attach: {present: true}}}, join: [registry_named_in: acr-attach]}\n",
    "- {name: auto, cluster: {tags: {acr-attach: auto}}, registry: {tags: {acr-attach: auto}}, join: [same_tag: team]}\n",
    "- {name: owned, join: [same_tag: {cluster: team, registry: acr-attach}]}\n",
    "- {name: no-a, effect: veto, cluster: {tags: {team: [a, z]}}, registry: {tags: {team: {present: true}}}}\n",
    "- {name: never, effect: veto, join: [registry_named_in: team]}\n",
];

fn permutations(items: &[&str]) -> Vec<String> {
    if items.is_empty() {
        return vec![String::new()];
    }
    let mut all = Vec::new();
    for (at, first) in items.iter().enumerate() {
        let mut rest = items.to_vec();
        rest.remove(at);
        all.extend(permutations(&rest).iter().map(|rest| format!("{first}{rest}")));
    }
    all
}

#[test]
fn the_order_of_rules_never_matters() {
    let all: Vec<Policy> = permutations(&RULES).iter().map(|rules| policy(rules)).collect();
    assert_eq!(all.len(), 120);
    let names: Vec<&str> = all[0].rules().iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["auto", "named", "never", "no-a", "owned"]);
    for policy in &all {
        assert_eq!(policy, &all[0]);
    }
}

/// Every cluster and registry with these tags: 450 pairs
fn worlds() -> Vec<(Cluster, Registry)> {
    let mut worlds = Vec::new();
    for of_cluster in ["", "=", "=auto", "=disabled", "=images", "=b, IMAGES-h4sh.azurecr.io"] {
        for team in ["", "=", "=a", "=b", "=images"] {
            let cluster = cluster(&format!("acr-attach{of_cluster};team{team}"));
            for of_registry in ["", "=", "=auto", "=b", "=disabled"] {
                for team in ["", "=", "=a"] {
                    let registry = registry(&format!("acr-attach{of_registry};team{team}"));
                    worlds.push((cluster.clone(), registry));
                }
            }
        }
    }
    worlds
}

/// Every set of the rules
fn subsets() -> impl Iterator<Item = Policy> {
    (0..1_usize << RULES.len()).map(|set| {
        let rules = RULES.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1);
        let rules: String = rules.map(|(_, rule)| *rule).collect();
        policy(if rules.is_empty() { "  []" } else { &rules })
    })
}

#[test]
fn nothing_attaches_in_any_small_world_unless_both_sides_say_so() {
    let worlds = worlds();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for policy in subsets() {
        for (cluster, registry) in &worlds {
            for more in [&[][..], &[namesake()]] {
                let told = decided(&policy, cluster, registry, more);
                if told.starts_with("attach") {
                    let tags = [&cluster.tags, &registry.tags].map(|tags| tags.get("acr-attach"));
                    assert!(!tags.contains(&Some("disabled")), "{told}");
                    assert!(tags[1].is_some(), "{told}");
                }
                seen.insert(told);
            }
        }
    }
    let kinds: Vec<&str> = seen.iter().map(String::as_str).collect();
    assert_eq!(
        kinds,
        [
            "ambiguous by named: images fits 2",
            "attach by auto",
            "attach by named",
            "attach by owned",
            "not wanted",
            "vetoed: the cluster's tag `acr-attach` says `disabled`",
            "vetoed: the registry's tag `acr-attach` says `disabled`",
            "vetoed: the rule `never` forbids it",
            "vetoed: the rule `no-a` forbids it",
        ]
    );
}

#[test]
fn a_veto_more_never_attaches_more() {
    let without = policy(&RULES[..3].concat());
    let with = policy(&RULES.concat());
    for (cluster, registry) in worlds() {
        let before = decided(&without, &cluster, &registry, &[]);
        let after = decided(&with, &cluster, &registry, &[]);
        assert!(after == before || after.starts_with("vetoed"), "{before}, then {after}");
    }
}
