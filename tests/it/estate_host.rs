//! A host with the real handler in it, for an estate of any size: for `status` here, and for the page
//! in a browser.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tether::emulator::Clock;
use tether::emulator::azure::AssignmentSpec;
use tether::emulator::host::{Handler, Host, HostOptions};
use tether::emulator::queue::{Namespace, QueueOptions};
use tether::emulator::world::cloud_settings;
use uuid::Uuid;

use crate::estate::{Assigned, Emulated, POLICY, Size, subscriptions};

/// Makes these assignments, as somebody else would.
pub(crate) fn assign(estate: &Emulated, wanted: &BTreeSet<Assigned>) {
    for (number, (registry, principal, role)) in wanted.iter().enumerate() {
        let name = Uuid::from_u128(1_000_000 + number as u128);
        estate.azure.assign(&AssignmentSpec::new(name, registry, *role, *principal)).unwrap();
    }
}

/// A host with the real handler in it that looks after this estate
pub(crate) async fn start(estate: &Emulated, size: Size) -> Host {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for file in ["host.json", "function-definitions/status/function.json"] {
        let target = root.join(file.trim_start_matches("function-definitions/"));
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(source.join(file), target).unwrap();
    }
    std::fs::write(root.join("policy.yaml"), POLICY).unwrap();
    let clock = Clock::new(1.0);
    let queues = vec![QueueOptions::new("commands"), QueueOptions::new("rejected")];
    let namespace = Namespace::start(clock.clone(), queues).await.unwrap();
    let mut environment = cloud_settings(&estate.azure);
    let ids: Vec<_> = subscriptions(size.subscriptions).iter().map(Uuid::to_string).collect();
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
