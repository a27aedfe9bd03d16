//! The handler's port: on this machine only, and only for what the host posts.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use tether::emulator::world::settings;
use tokio::process::Child;
use uuid::Uuid;

use crate::corridor::commands::with_pins;
use crate::corridor::{policy, start};
use crate::program;

/// The local addresses that are listened on at a port, as the kernel writes them
fn listened_on(port: u16) -> Vec<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap());
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    rows.filter_map(|row| {
        let mut columns = row.split_whitespace().skip(1);
        let (local, _, state) = (columns.next()?, columns.next()?, columns.next()?);
        let (address, its_port) = local.rsplit_once(':')?;
        let is_it = u16::from_str_radix(its_port, 16) == Ok(port) && state == "0A";
        is_it.then(|| address.to_owned())
    })
    .collect()
}

async fn answers(port: u16, child: &mut Child) {
    let client = tether::azure::http_client().unwrap();
    for _ in 0..200 {
        if client.get(format!("http://127.0.0.1:{port}/")).send().await.is_ok() {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never answers");
}

#[tokio::test]
async fn the_handler_listens_on_loopback_and_nowhere_else() {
    let world = start(with_pins()).await;
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.yaml", Uuid::new_v4()));
    fs::write(&file, policy()).unwrap();
    let mut command = program::tether(&["serve"]);
    command.envs(settings(&world.azure, &world.namespace)).env("TETHER_POLICY", file);
    command.env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string());
    let mut child = command.spawn().unwrap();
    answers(port, &mut child).await;
    // 127.0.0.1, its bytes from last to first
    assert_eq!(listened_on(port), ["0100007F"]);
    child.kill().await.unwrap();
}

#[tokio::test]
async fn the_port_knows_no_path_but_the_functions_and_gives_nothing_away() {
    let world = start(with_pins()).await;
    let functions = tether::runtime::App::new(()).into_router();
    let ask = |method: &str, path: &str| {
        let request = axum::http::Request::builder().method(method).uri(path);
        request.body(axum::body::Body::empty()).unwrap()
    };
    for path in
        ["/../policy.yaml", "/%2e%2e/policy.yaml", "/command-received/../x", "/admin/host/keys"]
    {
        for method in ["GET", "POST", "PUT", "OPTIONS", "TRACE"] {
            use tower::ServiceExt as _;
            let answer = functions.clone().oneshot(ask(method, path)).await.unwrap();
            assert!(answer.status().as_u16() >= 400, "{method} {path}");
            assert!(answer.headers().get("access-control-allow-origin").is_none());
        }
    }
    assert_eq!(world.azure.assignments(), []);
}
