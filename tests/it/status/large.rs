//! A large estate: 2,000 clusters by 200 registries, with every pair that the tags ask for attached.

use std::path::PathBuf;
use std::time::Duration;

use tether::emulator::Clock;
use tether::emulator::azure::AssignmentSpec;
use tether::emulator::host::{Handler, Host, HostOptions};
use tether::emulator::queue::{Namespace, QueueOptions};
use tether::emulator::world::cloud_settings;
use tokio::time::Instant;
use uuid::Uuid;

use super::{HTML, JSON, get, is_query};
use crate::estate::{Emulated, Size, subscriptions};

const SIZE: Size = Size { clusters: 2000, registries: 200, subscriptions: 4 };

/// A host with the real handler in it that looks after this estate
async fn host(estate: &Emulated) -> Host {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for file in ["host.json", "function-definitions/status/function.json"] {
        let target = root.join(file.trim_start_matches("function-definitions/"));
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(source.join(file), target).unwrap();
    }
    std::fs::write(root.join("policy.yaml"), crate::estate::POLICY).unwrap();
    let clock = Clock::new(1.0);
    let queues = vec![QueueOptions::new("commands"), QueueOptions::new("rejected")];
    let namespace = Namespace::start(clock.clone(), queues).await.unwrap();
    let mut environment = cloud_settings(&estate.azure);
    let ids: Vec<_> = subscriptions(SIZE.subscriptions).iter().map(Uuid::to_string).collect();
    for (name, value) in [
        ("TETHER_STATUS", "on"),
        ("TETHER_SUBSCRIPTIONS", &ids.join(",")),
        ("TETHER_SERVICE_BUS_ENDPOINT", namespace.endpoint()),
        ("ServiceBus__fullyQualifiedNamespace", namespace.host_name()),
    ] {
        environment.insert(name.into(), value.into());
    }
    let program = PathBuf::from(env!("CARGO_BIN_EXE_tether"));
    let folder = program.parent().unwrap().to_owned();
    let handler = Handler::Executable { folder, environment };
    Host::start(HostOptions { app_root: root, handler, namespace, clock }).await.unwrap()
}

#[expect(clippy::print_stdout, reason = "figures, for whoever wants to see them")]
#[tokio::test]
async fn a_matrix_of_2000_by_200_is_answered_with_a_third_of_the_queries() {
    let estate = Emulated::start(SIZE, None).await;
    let wanted = estate.wanted();
    for (number, (registry, principal, role)) in wanted.iter().enumerate() {
        let name = Uuid::from_u128(1_000_000 + number as u128);
        estate.azure.assign(&AssignmentSpec::new(name, registry, *role, *principal)).unwrap();
    }
    let host = host(&estate).await;
    let url = host.function_url("status").unwrap();
    estate.azure.clear_log();
    let started = Instant::now();
    let json = get(&url, JSON).await;
    let looked = started.elapsed();
    let told = json.json();
    let (counts, pairs) = (&told["counts"], told["pairs"].as_array().unwrap().len());
    assert_eq!((&counts["clusters"], &counts["registries"]), (&2000.into(), &200.into()));
    assert_eq!((pairs, &counts["foreign"]), (wanted.len(), &wanted.len().into()));
    let log = estate.azure.log();
    let asked: Vec<_> = log.iter().filter(|one| is_query(one)).map(|one| one.at).collect();
    assert_eq!(asked.len(), estate.fewest_queries());
    // A request takes a moment from when it is let through to when it is seen.
    let window = Duration::from_millis(4800);
    let most = asked
        .iter()
        .map(|from| asked.iter().filter(|at| *at >= from && **at < *from + window).count());
    assert_eq!(most.max(), Some(15 / 3), "more than a third of what Resource Graph allows");
    let started = Instant::now();
    let page = get(&url, HTML).await;
    let kept = started.elapsed();
    assert_eq!(page.data()["counts"], told["counts"]);
    let started = Instant::now();
    let pair = format!("{url}&cluster=Cluster00000&registry=Registry0000");
    let trace = get(&pair, JSON).await;
    assert_eq!(trace.status, 200, "{}", trace.body);
    let traced = started.elapsed();
    println!(
        "2,000 x 200, {pairs} pairs: JSON {} bytes, page {} bytes; first {looked:?}, kept {kept:?}, trace {traced:?}",
        json.body.len(),
        page.body.len()
    );
    assert_eq!(host.violations(), Vec::<String>::new());
}
