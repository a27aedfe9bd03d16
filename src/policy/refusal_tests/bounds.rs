//! No text is too odd to be answered, and answered soon.

use super::super::{Limits, Mode, Policy};
use super::told;

const SHIPPED: &str = include_str!("../../../policy.yaml");

#[test]
fn the_shipped_policy_lacks_nothing_but_its_owner() {
    let told = told(SHIPPED);
    assert_eq!(told.matches("Error:").count(), 1, "{told}");
    assert!(told.contains("the owner is still `change-me`"), "{told}");
    let policy = Policy::parse("policy.yaml", &SHIPPED.replace("change-me", "contoso")).unwrap();
    assert_eq!((policy.mode, policy.limits), (Mode::AttachOnly, Limits::default()));
    let names: Vec<&str> = policy.rules().iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["named-registry", "same-team"]);
}

#[test]
fn the_example_in_the_comments_of_the_shipped_policy_is_valid() {
    let example = SHIPPED.split("  # - name").nth(1).unwrap().replace("  # ", "  ");
    let text = SHIPPED.replace("change-me", "contoso") + "\n  - name" + &example;
    assert_eq!(Policy::parse("policy.yaml", &text).unwrap().rules().len(), 3);
}

#[test]
fn limits_are_read_where_they_are_stated() {
    let text =
        "owner: a\nmode: observe\nmax_attach: 1\nmax_detach: 2\nmax_detach_percent: 3\nrules: []";
    let limits = Limits { max_attach: 1, max_detach: 2, max_detach_percent: 3 };
    assert_eq!(Policy::parse("policy.yaml", text).unwrap().limits, limits);
}

#[test]
fn what_is_too_much_is_refused() {
    #[track_caller]
    fn check(text: &str) {
        let told = told(text);
        assert!(told.contains("too large, too deep or refers to itself"), "{told}");
    }
    check(&format!("rules: {}{}", "[".repeat(40), "]".repeat(40)));
    check(&(0..40).fold("x".to_owned(), |inner, _| format!("{{a: {inner}}}")));
    check(&format!("rules: [{}]", "a,\n".repeat(100_000)));
    check(&format!("owner: [{}]", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,\n".repeat(40_000)));
}

#[test]
fn an_alias_bomb_is_defused() {
    let line = |level: usize| {
        let inner = level.checked_sub(1).map_or("x".to_owned(), |below| format!("*a{below}"));
        format!("a{level}: &a{level} [{}]", [inner.as_str(); 9].join(", "))
    };
    let text = (0..9).map(line).collect::<Vec<_>>().join("\n");
    assert!(told(&text).contains("too large"));
}

#[test]
fn every_piece_of_the_shipped_policy_is_answered() {
    let text = SHIPPED.replace("change-me", "ünïque");
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().starts_with('#')).collect();
    let text = lines.join("\n");
    let answered = |text: &str| {
        if let Err(error) = Policy::parse("policy.yaml", text) {
            assert!(error.problems().next().is_some(), "{text}");
            assert!(told(text).contains("Error:"), "{text}");
        }
    };
    for (at, _) in text.char_indices() {
        let (before, after) = text.split_at(at);
        let beyond = after.chars().skip(1).collect::<String>();
        answered(before);
        answered(after);
        for other in ["", "\t", "{", "\u{feff}", "*a"] {
            answered(&format!("{before}{other}{beyond}"));
        }
    }
}

#[test]
fn a_line_too_long_for_a_report_is_refused_by_its_number() {
    for letter in ["a", "é", "\t", "語"] {
        let told = told(&format!("mode: observe\nowner: {}", letter.repeat(70_000)));
        assert!(told.contains("line 2 has more than 10000 characters"), "{told}");
        assert!(told.len() < 1000, "{told}");
    }
}

#[test]
fn a_long_word_is_quoted_in_part() {
    let error = Policy::parse("policy.yaml", &format!("{}: 1", "a".repeat(1000))).unwrap_err();
    let problem = error.problems().next().map(ToString::to_string);
    assert_eq!(problem, Some(format!("unknown key `{}…`", "a".repeat(80))));
}

#[test]
fn a_value_longer_than_azure_allows_is_refused() {
    let long = "é".repeat(257);
    let told = told(&format!(
        "owner: a\nmode: observe\nrules:\n  - {{name: r, cluster: {{tags: {{x: {long}}}}}}}"
    ));
    assert!(told.contains("a tag's value has at most 256 characters, this one has 257"), "{told}");
}
