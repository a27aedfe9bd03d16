//! What stands in the log of the Functions host: at which level, and how often.

use std::collections::BTreeMap;

use tether::emulator::host::Level;
use tether::emulator::world::{World, WorldOptions};

use super::corridor::input::{EVERYTHING, line, send};
use super::corridor::{attached, cluster, options, registry, settle, start};

/// A row of the table `traces` of Application Insights
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Who the host says wrote it
    pub(crate) category: String,
    /// `severityLevel`
    pub(crate) severity: u8,
    /// `message`
    pub(crate) message: String,
}

/// What the host makes of the handler's streams, and of the log lines in answers
pub(crate) fn traces(world: &World) -> Vec<Row> {
    let streams = world.host.console().into_iter().map(|line| {
        let severity = match line.level {
            Level::Information => 1,
            Level::Warning => 2,
            Level::Error => 3,
        };
        let category = "Host.Function.Console".to_owned();
        Row { category, severity, message: line.text }
    });
    let answers = world.host.invocations().into_iter().flat_map(|invocation| {
        let category = format!("Function.{}.User", invocation.function);
        let row = move |message| Row { category: category.clone(), severity: 1, message };
        invocation.logs.into_iter().map(row)
    });
    streams.chain(answers).collect()
}

#[tokio::test]
async fn each_line_is_stored_once_and_names_its_invocation() {
    let world = start(WorldOptions { speed: 0.0, ..options() }).await;
    let acr = registry("acr1").tag("acr-attach", "auto").tag("team", "a");
    world.azure.create_registry(&acr).unwrap();
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1);
    line(&world, &[": attached "]).await;
    let rows = traces(&world);
    assert!(rows.iter().all(|row| row.category == "Host.Function.Console"), "{rows:?}");
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *times.entry(&row.message).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    let ids: Vec<_> = world.host.invocations().into_iter().map(|one| one.invocation_id).collect();
    let own = rows.iter().filter(|row| row.message.contains(" invocation="));
    let own: Vec<_> = own.collect();
    assert!(own.len() > 3, "{rows:?}");
    for row in own {
        let is_known = ids.iter().any(|id| row.message.contains(&format!(" invocation={id} ")));
        assert!(is_known, "{row:?}");
    }
}

/// Where nobody listens
const NOWHERE: &str = "http://127.0.0.1:9";

/// What is told of a request that reaches nobody: by us, and whether the library that sent it tells of
/// it too
async fn libraries_speak(filter: Option<&str>) -> bool {
    let mut options = WorldOptions { speed: 0.0, ..options() };
    options.environment.insert("TETHER_ARM_ENDPOINT".into(), NOWHERE.into());
    if let Some(filter) = filter {
        options.environment.insert("TETHER_LOG".into(), filter.into());
    }
    let world = start(options).await;
    send(&world, "failed", EVERYTHING);
    line(&world, &["WARN ", ": not observed ", "Connection refused"]).await;
    line(&world, &["INFO ", ": command ended ", " outcome=later "]).await;
    let rows = traces(&world);
    let is_ours = |row: &Row| {
        let words = row.message.split(' ').skip(1);
        let mut targets = words.filter(|word| word.contains("::") && word.ends_with(':'));
        targets.next().is_none_or(|target| target.starts_with("tether::"))
    };
    let speaks = rows.iter().any(|row| row.message.contains("Failed response"));
    assert!(speaks || rows.iter().all(is_ours), "{filter:?}: {rows:?}");
    speaks
}

#[tokio::test]
async fn lines_of_libraries_show_only_if_asked_for() {
    assert!(!libraries_speak(None).await);
    for filter in ["debug", "info", "warn,tether=info,typespec_client_core=info"] {
        assert!(libraries_speak(Some(filter)).await, "what is stated goes: {filter}");
    }
    assert!(!libraries_speak(Some("warn,tether=debug")).await);
}
