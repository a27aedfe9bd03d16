//! What a policy is warned of, and what not.

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::super::Policy;

fn warnings(rules: &str) -> String {
    let text = format!("owner: contoso\nmode: attach-only\nrules:\n{rules}");
    let checked = Policy::check("policy.yaml", &text).map_err(miette::Report::new).unwrap();
    if checked.1.is_empty() {
        return String::new();
    }
    let mut told = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_width(200);
    handler.render_report(&mut told, &checked.1).unwrap();
    told
}

/// The rules are warned of with these sentences, and no others.
#[track_caller]
fn check(rules: &str, expected: &[&str]) {
    let told = warnings(rules);
    let lines = told.lines().skip(1).filter_map(|line| line.strip_prefix("  ! "));
    assert_eq!(lines.collect::<Vec<_>>(), expected, "{told}");
}

const BOTH: &str = "cluster: {tags: {x: y}}, registry: {tags: {x: y}}";

#[test]
fn what_ships_and_what_is_usual_is_not_warned_of() {
    let shipped = include_str!("../../../policy.yaml").replace("change-me", "contoso");
    assert!(Policy::check("policy.yaml", &shipped).unwrap().1.is_empty());
    check(&format!("- {{name: a, {BOTH}}}"), &[]);
    check(
        &format!("- {{name: a, {BOTH}}}\n- {{name: b, effect: veto, {BOTH}, join: [same_tag: t]}}"),
        &[],
    );
    check(
        "- {name: a, cluster: {tags: {x: {glob: 'a*'}}}, registry: {tags: {x: {glob: 'b*'}}}, join: [same_tag: y]}",
        &[],
    );
    check(
        "- {name: a, cluster: {any: [{tags: {x: y}}, {tags: {x: z}}], not: {tags: {x: z}}}, registry: {tags: {x: y}}}",
        &[],
    );
}

#[test]
fn a_rule_that_contradicts_itself_never_fits() {
    let cluster = "rule `a` can never fit: its conditions on the cluster contradict each other";
    let registry = "registry: {tags: {x: y}}";
    for selector in [
        "{tags: {x: y}, not: {tags: {x: y}}}",
        "{tags: {x: y}, all: [{tags: {x: z}}]}",
        "{tags: {x: {glob: 'a*'}}, not: {tags: {x: {present: true}}}}",
        "{tags: {x: {present: true}}, all: [{tags: {x: {absent: true}}}]}",
        "{tags: {x: [a, b]}, not: {any: [{tags: {x: a}}, {tags: {x: {glob: 'b*'}}}]}}",
        "{tags: {x: y}, name: aks1, all: [{name: {glob: 'b*'}}]}",
        "{tags: {x: y}, any: [{tags: {x: a}}, {tags: {x: b}}]}",
        "{tags: {x: y}, location: {not: {glob: '*'}}}",
    ] {
        check(&format!("- {{name: a, cluster: {selector}, {registry}}}"), &[cluster]);
    }
}

#[test]
fn a_join_that_cannot_be_never_fits() {
    let never = |join: &str| {
        format!("rule `a` can never fit: it cannot be that {join}, given what it asks of the two")
    };
    let same = never("the cluster's tag `t` equals the registry's tag `t`");
    check(
        "- {name: a, cluster: {tags: {t: [a, b]}}, registry: {tags: {t: [c, d]}}, join: [same_tag: t]}",
        &[&same],
    );
    check(
        "- {name: a, cluster: {tags: {t: {absent: true}}}, registry: {tags: {x: y}}, join: [same_tag: t]}",
        &[&same],
    );
    check(
        "- {name: a, cluster: {tags: {t: ''}}, registry: {tags: {t: ''}}, join: [same_tag: t]}",
        &[&same],
    );
    check(
        "- {name: a, cluster: {tags: {t: [a, b]}}, registry: {tags: {t: [b, c]}}, join: [same_tag: t]}",
        &[],
    );
    let named = never("the cluster's tag `t` names the registry");
    check(
        "- {name: a, cluster: {tags: {t: auto}}, registry: {tags: {x: y}}, join: [registry_named_in: t]}",
        &[&named],
    );
}

#[test]
fn a_rule_that_only_fits_what_is_disabled_never_attaches() {
    check(
        "- {name: a, cluster: {tags: {acr-attach: Disabled}}, registry: {tags: {x: y}}}",
        &[
            "rule `a` can never attach anything: `acr-attach: disabled` on the cluster forbids all that it fits",
        ],
    );
}

#[test]
fn a_rule_that_a_veto_covers_never_attaches() {
    let rule = format!("- {{name: a, {BOTH}}}\n");
    let vetoed = "rule `a` can never attach anything: the veto `v` forbids all that it fits";
    for veto in [
        "cluster: {tags: {x: [y, z]}}",
        "cluster: {tags: {x: {glob: 'y*'}}}",
        "cluster: {any: [{tags: {x: y}}, {name: n}]}",
        "registry: {tags: {x: {not: z}}}",
        "registry: {not: {tags: {x: {absent: true}}}}",
    ] {
        check(&format!("{rule}- {{name: v, effect: veto, {veto}}}"), &[vetoed]);
    }
    for veto in ["cluster: {tags: {x: z}}", "cluster: {name: n}", "join: [same_tag: x]"] {
        check(&format!("{rule}- {{name: v, effect: veto, {veto}}}"), &[]);
    }
}

#[test]
fn a_rule_that_another_covers_is_needless() {
    let covered = "rule `b` does nothing that `a` does not do already";
    check(
        &format!("- {{name: a, {BOTH}}}\n- {{name: b, {BOTH}, join: [same_tag: t]}}"),
        &[covered],
    );
    check(&format!("- {{name: a, {BOTH}}}\n- {{name: b, {BOTH}}}"), &[covered]);
    check(&format!("- {{name: b, role: AcrPull, {BOTH}}}\n- {{name: a, {BOTH}}}"), &[covered]);
    check(
        &format!("- {{name: a, role: AcrPull, {BOTH}}}\n- {{name: b, {BOTH}}}"),
        &["rule `a` does nothing that `b` does not do already"],
    );
    let present = "- {name: a, cluster: {tags: {t: {present: true}}}, registry: {tags: {x: y}}}\n";
    check(
        &format!("{present}- {{name: b, registry: {{tags: {{x: y}}}}, join: [same_tag: t]}}"),
        &[covered],
    );
    check(
        &format!("- {{name: a, join: [same_tag: u]}}\n- {{name: b, {BOTH}, join: [same_tag: t]}}"),
        &[],
    );
}

#[test]
fn a_veto_that_fits_everything_is_told() {
    for all in
        ["cluster: {name: {glob: '*'}}", "cluster: {any: [{tags: {x: y}}, {tags: {x: {not: y}}}]}"]
    {
        check(
            &format!("- {{name: v, effect: veto, {all}}}"),
            &["rule `v` forbids every pair there is"],
        );
    }
    check("- {name: v, effect: veto, cluster: {tags: {x: {not: y}}}}", &[]);
}

#[test]
fn one_sides_tags_alone_are_told() {
    let subscription = "subscription: 11111111-1111-1111-1111-111111111111";
    check(
        &format!("- {{name: a, cluster: {{{subscription}}}, registry: {{tags: {{x: y}}}}}}"),
        &["rule `a` lets whoever tags the registry decide alone"],
    );
    check(
        &format!("- {{name: a, cluster: {{tags: {{x: y}}}}, registry: {{{subscription}}}}}"),
        &["rule `a` lets whoever tags the cluster decide alone"],
    );
    check(
        &format!("- {{name: a, cluster: {{{subscription}}}, registry: {{{subscription}}}}}"),
        &[],
    );
    check(
        &format!(
            "- {{name: a, effect: veto, cluster: {{{subscription}}}, registry: {{tags: {{x: y}}}}}}"
        ),
        &[],
    );
}

#[test]
fn a_warning_shows_the_line_and_what_to_do() {
    let told = warnings("- {name: v, effect: veto, cluster: {name: {glob: '*'}}}");
    let expected = "  ! `policy.yaml` can be used, but look at this

Warning:
  ! rule `v` forbids every pair there is
   ,-[policy.yaml:4:10]
 3 | rules:
 4 | - {name: v, effect: veto, cluster: {name: {glob: '*'}}}
   :          |
   :          `-- fits everything
   `----
  help: narrow it; to change nothing at all, use `mode: observe`
";
    let told: Vec<&str> = told.lines().map(str::trim_end).collect();
    assert_eq!(told.join("\n") + "\n", expected);
}

#[test]
fn what_would_take_too_long_to_tell_is_not_told() {
    let any = "{any: [{tags: {a: x}}, {tags: {b: x}}, {tags: {c: x}}]}";
    let many = vec![any; 200].join(",\n     ");
    let many = format!("{{all: [{many}]}}").replace("{tags: {a: x}}", "{tags: {a: x}, name: n}");
    let distinct: Vec<String> = (0..100).map(|n| any.replace('x', &format!("x{n}"))).collect();
    let distinct = format!("{{all: [{}]}}", distinct.join(",\n     "));
    for selector in [many, distinct] {
        check(&format!("- {{name: a, cluster: {selector}, registry: {{tags: {{x: y}}}}}}"), &[]);
    }
}
