//! Every way to get a policy wrong, with all that the operator is told about it.

mod bounds;
mod conditions;
mod document;
mod pins;
mod roles;
mod rules;
mod tags;

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::Policy;

/// The report on a text, without its first line, which is the same for all
#[track_caller]
fn told(text: &str) -> String {
    let error = Policy::parse("policy.yaml", text).unwrap_err();
    let mut told = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::none())
        .with_width(100)
        .render_report(&mut told, &error)
        .unwrap();
    let told = told.strip_prefix("  x `policy.yaml` is not a valid policy\n").unwrap();
    let lines: Vec<&str> = told.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// Checks the report on a whole text.
#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(told(text), expected, "{}", told(text));
}

/// Checks the report on what follows a valid owner and mode.
#[track_caller]
fn check_rest(text: &str, expected: &str) {
    check(&format!("owner: contoso\nmode: attach-only\n{text}"), expected);
}

/// Checks the report on a single rule.
#[track_caller]
fn check_rule(text: &str, expected: &str) {
    check_rest(&format!("rules:\n  - {text}"), expected);
}
