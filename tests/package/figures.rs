//! How big the package is, how soon it answers and how little memory it needs: printed, and held to
//! what was aimed at.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::tests::package;
use super::zip::unpack;

const MIB: f64 = 1024.0 * 1024.0;

/// A running program, ended with the test
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Starts the program as the host does, and waits for its first answer.
fn start(folder: &Path) -> (Running, Duration) {
    let (port, nowhere) = (free_port(), format!("http://127.0.0.1:{}", free_port()));
    let settings = BTreeMap::from([
        ("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string()),
        ("FUNCTIONS_APP_ROOT_PATH", folder.display().to_string()),
        ("TETHER_AUTH", "managed-identity".to_owned()),
        ("IDENTITY_ENDPOINT", format!("{nowhere}/msi/token")),
        ("IDENTITY_HEADER", "header".to_owned()),
        ("TETHER_ARM_ENDPOINT", nowhere.clone()),
        ("TETHER_SERVICE_BUS_ENDPOINT", nowhere),
        ("TETHER_SUBSCRIPTIONS", "11111111-1111-4111-8111-111111111111".to_owned()),
    ]);
    let mut command = Command::new(folder.join("tether"));
    command.arg("serve").env_clear().envs(settings);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[expect(clippy::disallowed_methods, reason = "this measures time")]
    let started = Instant::now();
    let running = Running(command.spawn().unwrap());
    while !answers(port) {
        assert!(started.elapsed() < Duration::from_secs(10), "it does not answer");
        std::thread::yield_now();
    }
    (running, started.elapsed())
}

fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// The memory that a process occupies, in MiB
fn memory(process: &Running) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.0.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

fn size(path: &Path) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
    let bytes = fs::metadata(path).unwrap().len() as f64;
    bytes / MIB
}

#[test]
fn it_is_small_and_quick() {
    let zip = package();
    let folder = unpack(&zip);
    let program = size(&folder.join("tether"));
    let mut times: Vec<Duration> = (0..20).map(|_| start(&folder).1).collect();
    times.sort();
    let (running, _) = start(&folder);
    let idle = memory(&running);
    println!("package:                {:.1} MiB", size(&zip));
    println!("program:                {program:.1} MiB");
    println!("start to first answer:  {:?} at best, {:?} half of the time", times[0], times[10]);
    println!("idle memory:            {idle:.1} MiB");
    assert!(program < 10.0);
    assert!(idle < 12.0);
    // The bench `table` holds the goal of 10 ms, beside a peer on a quiet machine. Other tests run
    // beside this one, so this bound notices only a start that waits for Azure or for a timer.
    assert!(times[0] < Duration::from_millis(100));
}
