//! The handler's port: on this machine only, and only for what the host posts.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use tether::emulator::world::{World, settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::timeout;
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

/// The handler by itself, at a port of its own
async fn serve(world: &World) -> (Child, u16) {
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
    (child, port)
}

/// The answer to a request whose path goes out as it is written
async fn raw(port: u16, method: &str, path: &str) -> String {
    let exchanged = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let head = "Host: evil.example\r\nOrigin: http://evil.example\r\nConnection: close";
        let request = format!("{method} {path} HTTP/1.1\r\n{head}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    timeout(program::LIMIT, exchanged).await.expect("it answers")
}

#[tokio::test]
async fn the_handler_listens_on_loopback_and_nowhere_else() {
    let world = start(with_pins()).await;
    let (mut child, port) = serve(&world).await;
    // 127.0.0.1, its bytes from last to first
    assert_eq!(listened_on(port), ["0100007F"]);
    child.kill().await.unwrap();
}

#[tokio::test]
async fn the_port_knows_no_path_but_the_functions_and_gives_nothing_away() {
    let world = start(with_pins()).await;
    let (mut child, port) = serve(&world).await;
    for path in [
        "/../policy.yaml",
        "/%2e%2e/policy.yaml",
        "/..%2fpolicy.yaml",
        "/command-received/../policy.yaml",
        "/command-received%00",
        "/admin/host/status",
        "/COMMAND-RECEIVED",
        "//command-received/",
    ] {
        for method in ["GET", "POST", "PUT", "OPTIONS"] {
            let answer = raw(port, method, path).await;
            let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
            assert!((400..600).contains(&status), "{method} {path}: {answer}");
            let answer = answer.to_lowercase();
            for word in ["owner", "contoso", "access-control-allow-origin"] {
                assert!(!answer.contains(word), "{method} {path}: {answer}");
            }
        }
    }
    // Without an envelope nothing is done by what does have a path.
    let answer = raw(port, "POST", "/reconcile-tick").await;
    assert!(answer.starts_with("HTTP/1.1 5"), "{answer}");
    assert_eq!(world.azure.assignments(), []);
    child.kill().await.unwrap();
}
