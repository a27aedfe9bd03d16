//! Every way to write a policy wrongly, and what the operator reads then.

use miette::NarratableReportHandler;

use super::{Mode, Policy};

const RIGHT: &str = "owner: contoso
mode: observe
rules:
  - name: team
    join: [{ same_tag: team }]
";

/// The problems with this text are these: line, word at fault, message, help.
#[track_caller]
fn check(text: &str, expected: &[(usize, &str, &str, &str)]) {
    let error = Policy::parse("policy.yaml", text).unwrap_err();
    let found: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| {
            let (start, length) = (problem.at.offset(), problem.at.len());
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            let word = text.get(start..start + length).unwrap();
            (line, word, problem.message.as_str(), problem.help.as_str())
        })
        .collect();
    assert_eq!(found, expected);
}

fn with(from: &str, to: &str) -> String {
    assert!(RIGHT.contains(from));
    RIGHT.replace(from, to)
}

#[test]
fn the_policy_that_ships_is_right_once_it_has_an_owner() {
    let shipped = include_str!("../../policy.yaml");
    let policy = Policy::parse("policy.yaml", &shipped.replace("change-me", "contoso")).unwrap();
    assert_eq!(policy.mode, Mode::AttachOnly);
    assert_eq!(policy.limits.max_attach, 500);
    let names: Vec<_> = policy.rules().iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["named-registry", "same-team"]);
    let line = shipped.lines().position(|line| line == "owner: change-me").unwrap() + 1;
    check(shipped, &[(line, "change-me", "`owner` is still `change-me`", super::read::OWNER_HELP)]);
}

#[test]
fn a_typo_is_shown_with_its_line_and_the_word_that_was_meant() {
    let text = with("same_tag", "same_tags");
    check(
        &text,
        &[(
            5,
            "same_tags",
            "unknown key `same_tags`",
            "did you mean `same_tag`? known here: `same_tag`, `registry_named_in`",
        )],
    );
}

#[test]
fn the_whole_report_reads_so() {
    let error = Policy::parse("policy.yaml", &with("observe", "observer")).unwrap_err();
    let mut report = String::new();
    NarratableReportHandler::new().render_report(&mut report, &error).unwrap();
    for part in [
        "`policy.yaml` is not a valid policy",
        "`observer` is no mode",
        "snippet line 2: mode: observer",
        "did you mean `observe`? known here: `observe`, `attach-only`",
    ] {
        assert!(report.contains(part), "{part}\n---\n{report}");
    }
}

#[test]
fn what_is_missing_is_named() {
    check(
        "max_attach: 1\n",
        &[
            (1, "", "`owner` is missing", super::read::OWNER_HELP),
            (1, "", "`mode` is missing", super::read::MODE_HELP),
            (1, "", "`rules` is missing", super::read::RULES_HELP),
        ],
    );
    check(
        &with("  - name: team\n    join: [{ same_tag: team }]\n", ""),
        &[(1, "", "`rules` is missing", super::read::RULES_HELP)],
    );
}

#[test]
fn sync_is_refused_with_what_to_do_instead() {
    let error = Policy::parse("policy.yaml", &with("observe", "sync")).unwrap_err();
    let problem = &error.problems()[0];
    assert_eq!(problem.message, "mode `sync` is not available in this version");
    assert!(problem.help.starts_with("state `attach-only`"));
}

#[test]
fn a_rule_asks_something_of_both_sides() {
    let one_sided = |body: &str| {
        let text = with("join: [{ same_tag: team }]", body);
        let error = Policy::parse("policy.yaml", &text).unwrap_err();
        error.problems()[0].message.clone()
    };
    assert_eq!(
        one_sided("cluster: { tags: { a: b } }"),
        "rule `team` asks nothing of the registry"
    );
    assert_eq!(
        one_sided("join: [{ registry_named_in: a }]"),
        "rule `team` asks nothing of the registry"
    );
    assert_eq!(
        one_sided("registry: { tags: { a: b } }"),
        "rule `team` asks nothing of the cluster"
    );
    assert_eq!(one_sided("effect: veto"), "rule `team` asks nothing of the cluster or registry");
}

/// The first problem with this change to a right policy reads so.
#[track_caller]
fn check_first(from: &str, to: &str, message: &str) {
    let error = Policy::parse("policy.yaml", &with(from, to)).unwrap_err();
    assert_eq!(error.problems()[0].message, message);
    assert!(!error.problems()[0].help.is_empty());
}

#[test]
fn values_of_the_wrong_kind_are_refused() {
    check_first("contoso", "[a]", "`owner` is a list, not text");
    check_first("contoso", "7", "`owner` is a number, not text");
    check_first("contoso", "' '", "`owner` is empty");
    check_first(
        "observe",
        "observe\nmax_attach: 0",
        "`max_attach` is a number, not a whole number from 1 to 4294967295",
    );
    check_first(
        "observe",
        "observe\nmax_attach: many",
        "`max_attach` is text, not a whole number from 1 to 4294967295",
    );
    check_first(
        "observe",
        "observe\nmax_detach_percent: 101",
        "`max_detach_percent` is a number, not a whole number from 1 to 100",
    );
    check_first("observe", "observe\nmode: observe", "`mode` is stated twice");
    check_first("- name: team\n    join: [{ same_tag: team }]", "[]", "`rules` is an empty list");
    check_first("[{ same_tag: team }]", "[]", "`join` is an empty list");
    check_first("[{ same_tag: team }]", "{ same_tag: team }", "`join` is a map, not a list");
    check_first("{ same_tag: team }", "{}", "a join is one thing");
    check_first("{ same_tag: team }", "{ same_tag: { cluster: a } }", "`registry` is missing");
    check_first("same_tag: team", "same_tag: te/am", "`te/am` cannot be the name of a tag");
    check_first("name: team", "name: team\n    effect: allow", "`allow` is no effect");
    check_first(
        "name: team",
        "name: team\n    cluster: { tags: { a: [] } }",
        "`a` is an empty list",
    );
    check_first(
        "name: team",
        "name: team\n    cluster: { tags: { a: 1 } }",
        "`a` is a number, not text",
    );
    check_first(
        "name: team",
        "name: team\n    cluster: { tags: { a: x, A: y } }",
        "the tag `A` is asked for twice",
    );
    check_first(
        "name: team",
        "name: team\n    cluster: { tags: { a: { present: false } } }",
        "`present` can only be `true`",
    );
    check_first("name: team", "name: team\n    cluster: { tag: { a: b } }", "unknown key `tag`");
}

#[test]
fn two_rules_of_one_name_are_refused() {
    let rule = "  - name: team\n    join: [{ same_tag: team }]\n";
    check_first(rule, &rule.repeat(2), "there are two rules with the name `team`");
}

#[test]
fn hostile_text_costs_little_and_never_panics() {
    let deep = format!("owner: {}", "[".repeat(100_000));
    let wide = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]\n".repeat(4);
    for text in ["", "\0", "- - -", "%", "owner: \"", "? [", "!!binary x", "{", &deep, &wide] {
        assert!(Policy::parse("policy.yaml", text).is_err(), "{text:.40}");
    }
}
