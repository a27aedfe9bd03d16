//! The port of the handler process and its life, by the host's table of exit codes: 0 is never
//! restarted, others are, and the third error ends the host.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use uuid::Uuid;

use super::{HostError, Shared};

/// The host looks for the first answer this often
const PROBE: Duration = Duration::from_millis(25);

/// How long it looks
const PATIENCE: Duration = Duration::from_secs(30);

/// After this many errors the host itself ends
const ERRORS: u32 = 3;

/// Ports for handlers
const PORTS: Range<u16> = 10_000..32_000;

/// How many of them are tried
const TRIES: usize = 100;

/// The exit code that asks for a restart without counting as an error
const RESTART: i32 = 200;

/// How a handler is started
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) port: u16,
    pub(super) root: PathBuf,
}

/// Whether the handler can be called
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stage {
    Starting,
    Ready {
        pid: Option<u32>,
    },
    /// It will not be started again
    Gone(String),
}

impl Recipe {
    fn start(&self) -> Result<Child, HostError> {
        let port = self.port.to_string();
        let id = Uuid::new_v4().to_string();
        let mut command = Command::new(&self.program);
        // Nothing is inherited: credentials of whoever runs this must not reach the handler.
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment)
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", &port)
            .env("FUNCTIONS_HTTPWORKER_PORT", &port)
            .env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", &id)
            .env("FUNCTIONS_HTTPWORKER_ID", &id)
            .env("FUNCTIONS_APP_ROOT_PATH", &self.root)
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.spawn().map_err(|source| HostError::Start { program: self.program.clone(), source })
    }
}

/// A free port. It is below those that systems give to outgoing connections, of which
/// one could take it before the handler does.
pub(super) async fn free_port() -> Result<u16, HostError> {
    let mut last = None;
    for _ in 0..TRIES {
        let (chance, ..) = Uuid::new_v4().as_fields();
        let port = u16::try_from(chance % u32::from(PORTS.end - PORTS.start));
        let port = PORTS.start + port.unwrap_or_default();
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(_) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    Err(HostError::Listen(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into())))
}

/// Keeps the handler running until the host stops.
pub(super) async fn keep_running(recipe: Recipe, shared: Arc<Shared>) {
    let mut errors = 0;
    loop {
        shared.stage.send_replace(Stage::Starting);
        let end = match recipe.start() {
            Err(error) => Err(error.to_string()),
            Ok(child) => run(child, recipe.port, &shared).await,
        };
        let reason = match end {
            // Nobody notices: every later invocation fails.
            Ok(status) if status.success() => {
                shared.stage.send_replace(Stage::Gone("the handler exited with code 0".into()));
                return;
            }
            Ok(status) if status.code() == Some(RESTART) => continue,
            Ok(status) => format!("the handler ended with {status}"),
            Err(reason) => reason,
        };
        errors += 1;
        shared.host_says(&reason);
        if errors >= ERRORS {
            shared.stage.send_replace(Stage::Gone(reason));
            return;
        }
    }
}

async fn run(mut child: Child, port: u16, shared: &Arc<Shared>) -> Result<ExitStatus, String> {
    let pid = child.id();
    read_lines(child.stdout.take(), false, shared);
    read_lines(child.stderr.take(), true, shared);
    let waited = tokio::select! {
        status = child.wait() => return status.map_err(|error| error.to_string()),
        ready = probe(port, shared) => ready,
    };
    if !waited {
        let _ = child.kill().await;
        return Err("the handler did not answer within 30 seconds".into());
    }
    shared.stage.send_replace(Stage::Ready { pid });
    child.wait().await.map_err(|error| error.to_string())
}

/// Asks until anything answers; any status is good.
pub(super) async fn probe(port: u16, shared: &Shared) -> bool {
    let url = format!("http://127.0.0.1:{port}/");
    let ask = async {
        loop {
            match shared.client.get(&url).send().await {
                Err(error) if error.is_connect() => tokio::time::sleep(PROBE).await,
                Ok(_) | Err(_) => return,
            }
        }
    };
    tokio::time::timeout(PATIENCE, ask).await.is_ok()
}

/// Takes over the lines of a stream as the host does, at the level that it gives them.
fn read_lines(
    stream: Option<impl AsyncRead + Send + Unpin + 'static>,
    is_stderr: bool,
    shared: &Arc<Shared>,
) {
    let Some(stream) = stream else { return };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        // Read as bytes: a line that is no text must not end the reading.
        while matches!(stream.read_until(b'\n', &mut line).await, Ok(length) if length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            shared.console(ConsoleLine { level: Level::of(&text, is_stderr), text });
        }
    });
}

/// How bad the host takes a line for
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Standard output
    Information,
    /// Standard error with `warn` in it
    Warning,
    /// Any other line on standard error
    Error,
}

impl Level {
    /// What the line itself says of its level, the host does not look at.
    fn of(text: &str, is_stderr: bool) -> Self {
        match is_stderr {
            false => Self::Information,
            true if text.to_lowercase().contains("warn") => Self::Warning,
            true => Self::Error,
        }
    }
}

/// A line that the handler wrote
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleLine {
    /// How bad the host takes it for
    pub level: Level,
    /// What it says
    pub text: String,
}

/// Waits until the handler can be called, or never can again.
pub(super) async fn ready(stage: &mut watch::Receiver<Stage>) -> Result<(), String> {
    let settled = stage.wait_for(|stage| !matches!(stage, Stage::Starting)).await;
    match settled.as_deref() {
        Ok(Stage::Ready { .. }) => Ok(()),
        Ok(Stage::Gone(reason)) => Err(reason.clone()),
        Ok(Stage::Starting) | Err(_) => Err("the host has stopped".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_level_of_its_stream_and_warn_anywhere_makes_it_a_warning() {
        let (stdout, stderr) = (false, true);
        assert_eq!(Level::of("ERROR on standard output", stdout), Level::Information);
        assert_eq!(Level::of("INFO cluster=prod-warn-1", stdout), Level::Information);
        assert_eq!(Level::of("WARN cluster=aks1", stderr), Level::Warning);
        assert_eq!(Level::of("ERROR cluster=aks1", stderr), Level::Error);
        assert_eq!(Level::of("INFO cluster=aks1", stderr), Level::Error);
        for text in ["ERROR cluster=prod-warn-1", r#"ERROR {"command":"WARN"}"#] {
            assert_eq!(Level::of(text, stderr), Level::Warning, "{text}");
        }
    }
}
