//! The queries of the log in README.md, held against lines that the program really writes: whatever
//! they look for is there. Whether they are good Kusto only Azure can tell.

use std::collections::BTreeSet;
use std::time::Duration;

use tether::emulator::azure::Fault;
use tether::emulator::world::WorldOptions;

use super::super::corridor::input::{EVERYTHING, line, send};
use super::super::corridor::{attached, cluster, options, registry, settle};
use super::start_now;

/// Lines of runs in which everything happens that the queries ask about
async fn lines() -> Vec<String> {
    let world = start_now(WorldOptions { speed: 0.0, ..options() }).await;
    let tags = [("acr-attach", "auto"), ("team", "a")];
    let acr = tags.iter().fold(registry("acrshop"), |acr, (name, value)| acr.tag(name, value));
    world.azure.create_registry(&acr).unwrap();
    settle(&world).await;
    let message = "Principal 00000000000000000000000000000000 does not exist in the directory.";
    for (name, fault) in [
        (
            "aks-later",
            Some(Fault::on("PUT", "roleAssignments").refusing(400, "PrincipalNotFound", message)),
        ),
        (
            "aks-denied",
            Some(Fault::on("PUT", "roleAssignments").refusing(403, "AuthorizationFailed", "no")),
        ),
        (
            "aks-held",
            Some(Fault::on("PUT", "roleAssignments").refusing(409, "ScopeLocked", "locked")),
        ),
        ("aks-shop", None),
    ] {
        if let Some(fault) = fault {
            world.azure.faults().inject(fault);
        }
        let aks = tags.iter().fold(cluster(name), |aks, (name, value)| aks.tag(name, value));
        let aks = world.azure.create_cluster(&aks).unwrap();
        settle(&world).await;
        assert_eq!(attached(&world, &aks).is_empty(), name != "aks-shop", "{name}");
    }
    world.clock.advance(Duration::from_secs(600));
    settle(&world).await;
    send(&world, "refused", "{}");
    world.azure.faults().inject(Fault::on("POST", "ResourceGraph").bare(400).times(1));
    send(&world, "failed", EVERYTHING);
    settle(&world).await;
    line(&world, &["command ended", "outcome=failed"]).await;
    line(&world, &["invocation failed"]).await;
    world.host.console().into_iter().map(|line| line.text).collect()
}

/// The same, and some that such runs do not write
async fn all_lines() -> Vec<String> {
    let mut lines = lines().await;
    // What rarely happens: somebody else was faster, a rule with a space in its name, no hope.
    let attached = with(&lines, ": attached ")[0].to_owned();
    let mut later = with(&lines, " outcome=later ").into_iter();
    let later = later.find(|line| line.contains(": command ended ")).unwrap().to_owned();
    lines.extend([
        attached.replace(": attached ", ": attached already ").replace("=applied", "=already"),
        attached.replace("rule=same-team", "rule=\"same team\""),
        later.replace("=later", "=given-up"),
        later.replace("=later", "=cut-off"),
    ]);
    lines
}

/// The queries, each as the text between its fences
fn queries() -> Vec<String> {
    let readme = include_str!("../../../README.md");
    let queries = readme.split("```kusto\n").skip(1);
    queries.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// What stands between `before` and the next `after`, each time
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).map(|rest| rest.split(after).next().unwrap()).collect()
}

/// The lines with a word
fn with<'a>(lines: &'a [String], word: &str) -> Vec<&'a str> {
    lines.iter().map(String::as_str).filter(|line| line.contains(word)).collect()
}

/// What a query asks a line to have: of each `where`, one of its alternatives
fn fits(query: &str, line: &str) -> bool {
    let conditions = query.lines().filter(|line| line.starts_with("| where "));
    let mut conditions = conditions.flat_map(|condition| condition.split(" and "));
    conditions.all(|condition| {
        let words = between(condition, "contains \"", "\"");
        words.is_empty() || words.iter().any(|word| line.contains(word))
    })
}

/// What the query takes out of a line under this name, as Kusto's `extract` does
fn extracted(query: &str, name: &str, line: &str) -> Option<String> {
    let pattern = query.split(&format!("{name} = extract(@")).nth(1).unwrap();
    let quote = pattern.chars().next().unwrap();
    let pattern = pattern.split(quote).nth(1).unwrap();
    let found = regex::Regex::new(pattern).unwrap().captures(line)?;
    Some(found[1].to_owned())
}

#[tokio::test]
async fn the_queries_of_the_log_find_what_they_look_for() {
    let (lines, queries) = (all_lines().await, queries());
    assert_eq!(queries.len(), 3, "README.md has three queries");
    for query in &queries {
        let found: Vec<_> = lines.iter().filter(|line| fits(query, line)).collect();
        assert!(!found.is_empty(), "nothing for {query}");
        for word in between(query, "contains \"", "\"") {
            assert!(found.iter().any(|line| line.contains(word)), "no line has `{word}`");
        }
        let fields: BTreeSet<_> = between(query, "extract(@", "=")
            .into_iter()
            .map(|pattern| pattern.trim_start_matches(['"', '\'', ' ']))
            .collect();
        assert!(!fields.is_empty(), "{query}");
        for field in fields {
            let field = format!(" {field}=");
            assert!(found.iter().any(|line| line.contains(&field)), "no line has `{field}`");
        }
    }
}

#[tokio::test]
async fn the_queries_of_the_log_find_nothing_else_and_nothing_twice() {
    let (lines, queries) = (all_lines().await, queries());
    let [story, failures, durations] = &queries[..] else { panic!("three queries") };
    let found = |query: &str| -> Vec<&str> {
        lines.iter().map(String::as_str).filter(|line| fits(query, line)).collect()
    };

    // As the metric of the same does, it leaves out what somebody else attached.
    assert!(!with(&lines, ": attached already ").is_empty());
    assert_eq!(found(durations), with(&lines, " outcome=applied "));

    let failed = found(failures);
    let outcomes: BTreeSet<_> =
        failed.iter().filter_map(|line| extracted(failures, "outcome", line)).collect();
    assert_eq!(outcomes, ["denied", "given-up", "held", "later"].map(String::from).into());
    for word in [" outcome=failed ", " outcome=cut-off "] {
        assert!(!with(&lines, word).is_empty(), "no line has `{word}`");
        assert!(failed.iter().all(|line| !line.contains(word)), "a failure counts twice");
    }
    for line in with(&lines, "command ended").iter().filter(|line| line.contains("=done ")) {
        assert!(!failed.contains(line), "{line}");
    }

    let rules: BTreeSet<_> =
        found(story).iter().filter_map(|line| extracted(story, "rule", line)).collect();
    assert_eq!(rules, ["same-team", "\"same team\""].map(String::from).into());
}

#[tokio::test]
async fn each_line_on_a_change_says_what_it_is_about() {
    let lines = lines().await;
    for outcome in ["applied", "later", "denied", "held"] {
        let mut changes = with(&lines, &format!(" outcome={outcome} "));
        changes.retain(|line| line.contains(" change="));
        assert!(!changes.is_empty(), "no change came to `{outcome}`");
        for line in changes {
            for field in ["invocation", "change", "cluster", "registry", "scope", "correlation"] {
                assert!(line.contains(&format!(" {field}=")), "no `{field}`: {line}");
            }
        }
    }
    let applied = with(&lines, " outcome=applied ");
    assert!(applied.iter().all(|line| line.contains(" rule=same-team ")), "{applied:?}");
    for line in with(&lines, "command ended") {
        for field in ["command", "about", "outcome", "attempt", "requests", "milliseconds"] {
            assert!(line.contains(&format!(" {field}=")), "no `{field}`: {line}");
        }
    }
    // The same id from the event to the change.
    let heard = *with(&lines, "event heard").iter().find(|line| line.contains("aks-shop")).unwrap();
    let id = heard.split(" correlation=").nth(1).unwrap().split(' ').next().unwrap();
    let attached =
        *with(&lines, ": attached ").iter().find(|line| line.contains("aks-shop")).unwrap();
    assert!(attached.contains(&format!(" correlation={id} ")), "{attached}");
}
