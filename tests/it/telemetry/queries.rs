//! The queries of the log in README.md and infra/README.md, held against what the host makes of lines
//! that the program really writes: whatever they look for is there. Whether they are good Kusto only
//! Azure can tell.

use std::collections::BTreeSet;
use std::time::Duration;

use tether::emulator::azure::Fault;
use tether::emulator::world::WorldOptions;

use super::super::corridor::input::{EVERYTHING, line, send};
use super::super::corridor::{attached, cluster, options, policy, registry, settle};
use super::super::lines::{Row, traces};
use super::start_now;

/// Rows of runs in which everything happens that the queries ask about
async fn rows() -> Vec<Row> {
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
    traces(&world)
}

fn messages(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| row.message.clone()).collect()
}

/// The same, and some that such runs do not write
async fn all_rows() -> Vec<Row> {
    let mut rows = rows().await;
    let lines = messages(&rows);
    // What rarely happens: somebody else was faster, a rule with a space in its name, no hope.
    let attached = with(&lines, ": attached ")[0].to_owned();
    let mut later = with(&lines, " outcome=later ").into_iter();
    let later = later.find(|line| line.contains(": command ended ")).unwrap().to_owned();
    let more = [
        attached.replace(": attached ", ": attached already ").replace("=applied", "=already"),
        attached.replace("rule=same-team", "rule=\"same team\""),
        later.replace("=later", "=given-up"),
        later.replace("=later", "=cut-off"),
    ];
    rows.extend(more.map(|message| Row { message, ..rows[0].clone() }));
    rows
}

/// The queries of README.md, each as the text between its fences
fn queries() -> Vec<String> {
    let readme = include_str!("../../../README.md");
    let queries = readme.split("```kusto\n").skip(1);
    queries.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The queries of infra/README.md, each in a line between fences or in a sentence
fn queries_of_infra() -> Vec<String> {
    let readme = include_str!("../../../infra/README.md");
    let parts: Vec<_> = readme.split("traces | ").collect();
    let query = |around: &[&str]| {
        let end = if around[0].ends_with('`') { '`' } else { '\n' };
        let steps = around[1].split(end).next().unwrap().replace(" | ", "\n| ");
        format!("traces\n| {steps}")
    };
    parts.windows(2).map(query).collect()
}

/// What stands between `before` and the next `after`, each time
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).map(|rest| rest.split(after).next().unwrap()).collect()
}

/// The lines with a word
fn with<'a>(lines: &'a [String], word: &str) -> Vec<&'a str> {
    lines.iter().map(String::as_str).filter(|line| line.contains(word)).collect()
}

/// Whether every `where` of a query holds for a row; Kusto does not look at the letter case
fn fits(query: &str, row: &Row) -> bool {
    let message = row.message.to_lowercase();
    let holds = |term: &str| {
        let value = term.split('"').nth(1).map(str::to_lowercase);
        let mut words = term.split(' ');
        match (words.next(), words.next(), value) {
            (Some("message"), Some("contains" | "has"), Some(value)) => message.contains(&value),
            (Some("message"), Some("startswith"), Some(value)) => message.starts_with(&value),
            (Some("severityLevel"), Some(">="), None) => {
                row.severity >= words.next().unwrap().parse().unwrap()
            }
            (Some("timestamp"), ..) => true,
            _ => panic!("`{term}` is not known here"),
        }
    };
    let mut conditions = query.lines().filter_map(|line| line.strip_prefix("| where "));
    conditions.all(|condition| condition.split(" or ").any(|part| part.split(" and ").all(holds)))
}

/// The rows that a query finds
fn found<'a>(query: &str, rows: &'a [Row]) -> Vec<&'a str> {
    rows.iter().filter(|row| fits(query, row)).map(|row| row.message.as_str()).collect()
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
    let (rows, queries) = (all_rows().await, queries());
    assert_eq!(queries.len(), 3, "README.md has three queries");
    for query in &queries {
        let found = found(query, &rows);
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
    let (rows, queries) = (all_rows().await, queries());
    let lines = messages(&rows);
    let [story, failures, durations] = &queries[..] else { panic!("three queries") };
    let found = |query| found(query, &rows);

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
async fn a_wish_that_was_held_is_found_once() {
    let policy = policy().replace("mode: attach-only", "mode: observe");
    let world = start_now(WorldOptions { speed: 0.0, policy, ..options() }).await;
    world.events.pause();
    world.azure.create_registry(&registry("acr1").tag("acr-attach", "shared")).unwrap();
    for name in ["aks1", "aks2"] {
        world.azure.create_cluster(&cluster(name).tag("acr-attach", "acr1")).unwrap();
    }
    settle(&world).await;
    send(&world, "all", EVERYTHING);
    settle(&world).await;
    let rows = traces(&world);
    let queries = queries_of_infra();
    let query = queries.iter().find(|query| query.contains("observe")).unwrap();
    let found = found(query, &rows);
    assert_eq!(found.len(), 2, "{found:?}");
    for name in ["aks1", "aks2"] {
        assert!(found.iter().any(|line| line.contains(&format!("/{name} "))), "{found:?}");
    }
}

#[tokio::test]
async fn an_error_that_the_host_takes_for_a_warning_is_found() {
    let world = start_now(WorldOptions { speed: 0.0, ..options() }).await;
    // The letters stand in a message that is refused, and in what Azure says.
    send(&world, "about", r#"{"command":"warn"}"#);
    let says = "there is trouble at prod-warn-1";
    let refuses = Fault::on("POST", "ResourceGraph").refusing(400, "BadRequest", says);
    world.azure.faults().inject(refuses.times(1));
    send(&world, "failed", EVERYTHING);
    settle(&world).await;
    world.azure.faults().inject(Fault::on("POST", "ResourceGraph").bare(400).times(1));
    send(&world, "plain", EVERYTHING);
    settle(&world).await;
    line(&world, &["invocation failed", "prod-warn-1"]).await;
    let rows = traces(&world);
    let errors = |row: &&Row| row.message.starts_with("ERROR ");
    let taken: Vec<_> = rows.iter().filter(errors).map(|row| row.severity).collect();
    assert!(taken.contains(&2) && taken.contains(&3), "{rows:?}");
    let queries = queries_of_infra();
    let by_level: Vec<_> = queries.iter().filter(|one| one.contains("severityLevel")).collect();
    assert!(!by_level.is_empty());
    for query in by_level {
        let all: Vec<_> = rows.iter().filter(errors).map(|row| row.message.as_str()).collect();
        assert_eq!(found(query, &rows), all, "{query}");
    }
}

#[test]
fn no_query_goes_by_the_hosts_level_alone() {
    let files = [include_str!("../../../README.md"), include_str!("../../../infra/README.md")];
    for line in files.iter().flat_map(|file| file.lines()) {
        let is_safe = !line.contains("severityLevel") || line.contains("startswith \"ERROR");
        assert!(is_safe, "{line}");
    }
}

#[tokio::test]
async fn each_line_on_a_change_says_what_it_is_about() {
    let lines = messages(&rows().await);
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
