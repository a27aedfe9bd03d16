//! Programs under test, each a process of its own: how to start one, and what the kernel says of it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use std::io::{Read as _, Write as _};

/// A running program, ended when it is dropped
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From its start to its first answer
    pub(crate) took: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whoever has ended by itself cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a program that listens where the host says, and waits for its first answer.
pub(crate) fn start(command: &mut Command) -> Running {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    command.env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string());
    // What goes wrong is told there.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let started = Instant::now();
    let child = command.spawn().unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    while !answers(address) {
        assert!(started.elapsed() < Duration::from_secs(30), "it does not answer");
        std::thread::yield_now();
    }
    Running { child, address, took: started.elapsed() }
}

fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut answer = String::new();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

impl Running {
    /// The memory that it occupies, in MiB
    pub(crate) fn memory(&self) -> f64 {
        memory(self.child.id())
    }
}

/// The memory that a process occupies, in MiB
pub(crate) fn memory(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// This program itself, to do something else
pub(crate) fn own(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments);
    command
}
