//! What the sender of a command reads in its report, in a line of the table.

use serde_json::{Value, json};

/// The changes that a report tells of
pub(super) fn changes(report: &Value) -> impl Iterator<Item = &Value> {
    report["changes"].as_array().into_iter().flatten()
}

/// What the sender of the command reads, in a line
pub(super) fn words(rounds: usize, last: &Value) -> String {
    let put_off = match rounds {
        0 => String::new(),
        1 => "later; then ".to_owned(),
        times => format!("later, {times} times; then "),
    };
    if last["outcome"] == json!("refused") {
        return format!("{put_off}refused: {}", without_details(text(&last["reason"])));
    }
    let told: Vec<String> = changes(last).map(of_change).collect();
    let told =
        if told.is_empty() { "nothing of ours is there".to_owned() } else { told.join("; ") };
    let still = last["stillGranted"].as_array().map_or(0, Vec::len);
    let still = if still > 0 { format!("; still granted by {still} more") } else { String::new() };
    let warned = last["warnings"].as_array().is_some_and(|all| !all.is_empty());
    let warned = if warned { "; with a warning" } else { "" };
    format!("{put_off}{told}{still}{warned}")
}

fn of_change(change: &Value) -> String {
    let (outcome, reason) = (text(&change["outcome"]), without_details(text(&change["reason"])));
    match (outcome, change["code"].as_str()) {
        ("applied", _) => format!("{}ed as {}", text(&change["change"]), text(&change["role"])),
        ("already", _) => match reason.split_once(": former ") {
            Some((_, kept)) => format!("kept: former {kept}"),
            None => format!("{}ed already", text(&change["change"])),
        },
        (_, Some(code)) => format!("{outcome}: {reason} (`{code}`)"),
        (_, None) => format!("{outcome}: {reason}"),
    }
}

/// A sentence of ours without Azure's own words, which follow it
fn without_details(reason: &str) -> &str {
    let before_code = reason.split_once("` (").map(|(before, _)| before);
    let ours = before_code.and_then(|before| before.rsplit_once(": `"));
    ours.map_or(reason, |(ours, _)| ours)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
