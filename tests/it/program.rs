//! The real program as a person or a shell runs it.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::process::Command;
use tokio::time::timeout;

/// The longest that any test waits for the program
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// How the program ended
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `tether` with these words and no environment
pub(crate) fn tether(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tether"));
    command.args(words).env_clear().kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) async fn run(mut command: Command) -> Ended {
    let output = timeout(LIMIT, command.output()).await.expect("it ends").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What a person at a terminal sees of it, both outputs together, and the exit code
pub(crate) async fn run_on_terminal(mut command: Command) -> (Option<i32>, String) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap();
    // Whatever other tests start meanwhile must not keep it open.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::open(&name, flags, Mode::empty()).unwrap();
    command.env("TERM", "xterm-256color");
    command.stdout(terminal.try_clone().unwrap()).stderr(terminal);
    let mut child = command.spawn().unwrap();
    // Ours are closed with it: the screen ends when the program does.
    drop(command);
    let screen = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        // The end is an error on Linux; what was read before it is kept.
        let _ = File::from(screen).read_to_end(&mut bytes);
        bytes
    });
    let ended = timeout(LIMIT, child.wait()).await.expect("it ends").unwrap();
    let bytes = timeout(LIMIT, screen).await.expect("the screen ends").unwrap();
    (ended.code(), String::from_utf8(bytes).unwrap().replace("\r\n", "\n"))
}

/// The README shows this very output, but for spaces at the ends of lines and what is another one every
/// time.
#[track_caller]
pub(crate) fn check_in_readme(command: &str, output: &str) {
    let readme = include_str!("../../README.md");
    let lines: Vec<&str> = output.trim_end().lines().map(str::trim_end).collect();
    let shown = format!("$ {command}\n{}\n", lines.join("\n"));
    assert!(readme.contains(&shown), "README does not show this:\n{shown}");
}
