//! The table of troubles as people read it, and the check that it is true.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::stage::Row;

const FILE: &str = "tests/trouble.md";

const HEAD: &str = "\
# What tether does in trouble

Written by `tests/it/trouble`, which plays every line against the pretend Azure: one cluster, one
registry, one command, in mode `attach-only`. *Requests* are all that were sent to Azure for it,
follow-ups included. What `az aks update` does was measured with the real one against a server that
gave the same answers.

| in the way | command | tether | requests | attached afterwards | `az aks update` |
| --- | --- | --- | --- | --- | --- |
";

/// Compares the table with its file, or writes the file if that is asked for.
pub(super) fn check(rows: &[Row]) {
    let mut table = HEAD.to_owned();
    for row in rows {
        let Row { name, az, command, told, requests, attached } = row;
        let command = command.typed();
        let attached = if *attached { "yes" } else { "no" };
        let told = tidy(told);
        writeln!(table, "| {name} | {command} | {told} | {requests} | {attached} | {az} |")
            .unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if update() {
        fs::write(&path, &table).unwrap();
    }
    let file = fs::read_to_string(&path).unwrap_or_default();
    let wrong: Vec<_> =
        table.lines().filter(|line| !file.lines().any(|one| one == *line)).collect();
    assert!(
        file == table,
        "{FILE} is not what happened; these lines are new:\n{}",
        wrong.join("\n")
    );
}

#[expect(clippy::disallowed_methods, reason = "a test is told so by its environment")]
fn update() -> bool {
    std::env::var_os("UPDATE_TROUBLE").is_some()
}

/// Text for a cell: ids shortened to names, nothing that ends the cell
fn tidy(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let quoted = word.trim_matches(|c: char| c == '`' || c == ',' || c == ':');
        if quoted.starts_with("/subscriptions/") {
            word.replace(quoted, quoted.rsplit('/').next().unwrap_or(quoted))
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ").replace('|', "/")
}
