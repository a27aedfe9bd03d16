//! Pairs and what is decided about them, one by one.

use super::*;

#[test]
fn the_shipped_policy_attaches_what_both_sides_asked_for() {
    #[track_caller]
    fn check(of_cluster: &str, of_registry: &str, expected: &str) {
        let (cluster, registry) = (cluster(of_cluster), registry(of_registry));
        assert_eq!(decided(&shipped(), &cluster, &registry, &[]), expected);
    }
    check("", "", "not wanted");
    check("acr-attach=images", "", "not wanted");
    check("", "acr-attach=yes", "not wanted");
    check("acr-attach=images", "acr-attach=", "attach by named-registry");
    check("ACR-Attach= a ,IMAGES,, b", "Acr-Attach=x", "attach by named-registry");
    check("acr-attach=images-h4sh.azurecr.IO", "acr-attach=x", "attach by named-registry");
    check("acr-attach=image", "acr-attach=x", "not wanted");
    check("acr-attach=images.azurecr.io", "acr-attach=x", "not wanted");
    check("acr-attach=auto;team=a", "acr-attach=auto;team=a", "attach by same-team");
    check("acr-attach=auto;Team=a", "acr-attach=auto;tEAM=a", "attach by same-team");
    check("acr-attach=auto;team=a", "acr-attach=auto;team=A", "not wanted");
    check("acr-attach=auto;team=a", "acr-attach=auto;team=b", "not wanted");
    check("acr-attach=Auto;team=a", "acr-attach=auto;team=a", "not wanted");
    check("acr-attach=auto;team=", "acr-attach=auto;team=", "not wanted");
    check("acr-attach=auto;team= ", "acr-attach=auto;team= ", "not wanted");
    check("acr-attach=auto", "acr-attach=auto", "not wanted");
    check("acr-attach=auto", "acr-attach=auto;team=a", "not wanted");
    let id = registry("").id.to_string().to_uppercase();
    check(&format!("acr-attach={id}"), "acr-attach=x", "attach by named-registry");
}

#[test]
fn disabled_on_either_side_forbids() {
    #[track_caller]
    fn check(of_cluster: &str, of_registry: &str, side: Side) {
        let (cluster, registry) = (cluster(of_cluster), registry(of_registry));
        let expected = format!("vetoed: the {side}'s tag `acr-attach` says `disabled`");
        assert_eq!(decided(&shipped(), &cluster, &registry, &[]), expected);
    }
    check("acr-attach=images", "acr-attach=disabled", Side::Registry);
    check("acr-attach=images", "ACR-ATTACH= Disabled ", Side::Registry);
    check("acr-attach=disabled", "acr-attach=x", Side::Cluster);
    check("acr-attach=images,DISABLED", "acr-attach=x", Side::Cluster);
    check("acr-attach=disabled", "acr-attach=disabled", Side::Cluster);
    check("", "acr-attach=disabled", Side::Registry);
}

#[test]
fn the_words_of_the_tag_name_no_registry() {
    let rules = "- {name: r, registry: {tags: {x: y}}, join: [registry_named_in: names]}";
    for word in ["auto", "disabled", "Disabled"] {
        let id = registry("").id.to_string().replace("Images", word).parse().unwrap();
        let registry = Registry { id, login_server: "odd.azurecr.io".into(), ..registry("x=y") };
        let decide = |value: &str| {
            let cluster = cluster(&format!("names={value}"));
            decided(&policy(rules), &cluster, &registry, &[])
        };
        assert_eq!(decide(word), "not wanted");
        assert_eq!(decide("odd.azurecr.io"), "attach by r");
    }
}

#[test]
fn a_name_that_fits_two_registries_is_ambiguous_until_it_is_said_otherwise() {
    #[track_caller]
    fn check(of_cluster: &str, of_registry: &str, expected: &str) {
        let (cluster, registry) = (cluster(of_cluster), registry(of_registry));
        assert_eq!(
            decided(&shipped(), &cluster, &registry, &[namesake()]),
            expected,
            "{of_cluster}"
        );
    }
    check("acr-attach=x,Images", "acr-attach=x", "ambiguous by named-registry: Images fits 2");
    check("acr-attach=images", "", "not wanted");
    check("acr-attach=images,images-h4sh.azurecr.io", "acr-attach=x", "attach by named-registry");
    check("acr-attach=images-0ther.azurecr.io", "acr-attach=x", "not wanted");
    check(
        "acr-attach=images",
        "acr-attach=disabled",
        "vetoed: the registry's tag `acr-attach` says `disabled`",
    );
}

#[test]
fn a_rule_that_fits_cleanly_settles_an_ambiguous_one() {
    let policy = policy(
        "- {name: a, registry: {tags: {x: y}}, join: [registry_named_in: names]}\n\
         - {name: b, cluster: {tags: {x: y}}, registry: {tags: {x: y}}}\n",
    );
    let (registry, names) = (registry("x=y"), "names=images");
    let decide = |of: &str| decided(&policy, &cluster(of), &registry, &[namesake()]);
    assert_eq!(decide(names), "ambiguous by a: images fits 2");
    assert_eq!(decide(&format!("{names};x=y")), "attach by b");
}

#[test]
fn a_name_that_may_mean_a_registry_is_enough_for_a_veto() {
    let policy = policy(
        "- {name: want, cluster: {tags: {x: y}}, registry: {tags: {x: y}}}\n\
         - {name: not, effect: veto, join: [registry_named_in: never]}\n",
    );
    let registry = registry("x=y");
    let decide = |of: &str| decided(&policy, &cluster(of), &registry, &[namesake()]);
    assert_eq!(decide("x=y"), "attach by want");
    assert_eq!(decide("x=y;never=images"), "vetoed: the rule `not` forbids it");
    assert_eq!(decide("x=y;never=images-0ther.azurecr.io"), "attach by want");
}

#[test]
fn a_condition_on_a_tag_takes_the_value_as_it_is_written() {
    #[track_caller]
    fn check(test: &str, value: &str, fits: bool) {
        let policy = policy(&format!(
            "- {{name: r, cluster: {{tags: {{Stage: {test}}}}}, registry: {{tags: {{x: y}}}}}}"
        ));
        let cluster = cluster(&format!("stage{value}"));
        let decision = decided(&policy, &cluster, &registry("x=y"), &[]);
        assert_eq!(decision == "attach by r", fits, "{test} {value}");
    }
    check("prod", "=prod", true);
    check("prod", "=Prod", false);
    check("prod", "=prod ", false);
    check("prod", "", false);
    check("[prod, test]", "=test", true);
    check("[prod, test]", "=prod, test", false);
    check("{present: true}", "=", true);
    check("{present: true}", "", false);
    check("''", "=", true);
    check("''", "", false);
    check("yes", "=yes", true);
}

#[test]
fn tenants_that_are_known_and_differ_never_match() {
    #[track_caller]
    fn check(of_cluster: Option<u128>, of_registry: Option<u128>, expected: &str) {
        let tenant = |id: Option<u128>| id.map(Uuid::from_u128);
        let cluster = Cluster { tenant: tenant(of_cluster), ..cluster("acr-attach=images") };
        let registry = Registry { tenant: tenant(of_registry), ..registry("acr-attach=x") };
        assert_eq!(decided(&shipped(), &cluster, &registry, &[]), expected);
    }
    check(Some(1), Some(2), "other tenant");
    check(Some(1), Some(1), "attach by named-registry");
    check(None, Some(1), "attach by named-registry");
    check(Some(1), None, "attach by named-registry");
    check(None, None, "attach by named-registry");
}

#[test]
fn the_trace_says_what_every_condition_saw() {
    let (cluster, registry) = (cluster("acr-attach=auto"), registry("acr-attach=auto;team=a"));
    let policy = shipped();
    let verdict = policy.decide(&cluster, &registry, &RegistryNames::default());
    let line = |check: &Check<'_>| {
        let seen: Vec<String> = check.seen.iter().map(ToString::to_string).collect();
        format!("{} {}: {}", check.outcome == Match::Yes, check.condition, seen.join(", "))
    };
    let lines: Vec<String> = verdict.trace.iter().flat_map(|step| &step.checks).map(line).collect();
    let expected = "\
false the two live in different tenants: the cluster has no tenant, the registry has no tenant
false the cluster's tag `acr-attach` says `disabled`: the cluster's `acr-attach` is `auto`
false the registry's tag `acr-attach` says `disabled`: the registry's `acr-attach` is `auto`
true the registry has a tag `acr-attach`: the registry's `acr-attach` is `auto`
false the cluster's tag `acr-attach` names the registry: the cluster's `acr-attach` is `auto`
true the registry's tag `acr-attach` is `auto`: the registry's `acr-attach` is `auto`
true the cluster's tag `acr-attach` is `auto`: the cluster's `acr-attach` is `auto`
false the cluster's tag `team` equals the registry's tag `team`: the cluster has no `team`, the registry's `team` is `a`";
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn a_pair_may_be_pinned_only_where_an_entry_of_pins_fits_it() {
    let text = "owner: contoso\nmode: attach-only\npins:\n\
        - {name: b, registry: {tags: {pin: {present: true}}}}\n\
        - {name: a, registry: {tags: {pin: x}}, join: [{same_tag: team}]}\nrules: []";
    let policy = Policy::parse("policy.yaml", text).map_err(miette::Report::new).unwrap();
    let check = |of_cluster: &str, of_registry: &str, expected: Option<&str>| {
        let (cluster, registry) = (cluster(of_cluster), registry(of_registry));
        let names = RegistryNames::new(std::iter::once(&registry));
        let found = policy.lets_pin(&cluster, &registry, &names).map(|rule| rule.name.as_str());
        assert_eq!(found, expected, "{of_cluster} {of_registry}");
        assert_eq!(decided(&policy, &cluster, &registry, &[]), "not wanted");
    };
    check("", "", None);
    check("", "pin=", Some("b"));
    check("team=a", "pin=x;team=a", Some("a"));
    check("team=a", "pin=x;team=b", Some("b"));
    assert!(shipped().pins.is_empty(), "the policy that ships lets nobody pin anything");
}
