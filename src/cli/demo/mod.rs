//! `tether demo`: the real handler at work in a pretend Azure, shown to a person.

mod outcome;
mod script;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::Exit;
use crate::emulator::world::{World, WorldOptions, settings};
use outcome::Outcome;
use watch::{Watch, say};

/// The policy that ships, with an owner, and with what it shows about pins put in force
fn policy_text() -> String {
    let shipped = include_str!("../../../policy.yaml").replace("change-me", "tether demo");
    let mut in_pins = false;
    let lines = shipped.lines().map(|line| {
        in_pins = line == "# pins:" || in_pins && line.starts_with("#   ");
        line.strip_prefix("# ").filter(|_| in_pins).unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What may be said to the demo
#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// Leave the pretend Azure running, and print `curl` lines to create and tag things by hand
    #[arg(long)]
    keep: bool,
}

pub(super) async fn demo(arguments: DemoArguments) -> anyhow::Result<Exit> {
    let root = AppRoot::new();
    let world = World::start(options(&root)?).await.context("the demo cannot start")?;
    introduce(&world);
    let mut watch = Watch::new(&world);
    script::play(&world, &mut watch).await?;
    let outcome = Outcome::read(&world, &policy_text())?;
    outcome.show();
    if arguments.keep {
        keep_running(&world, &mut watch, &root).await?;
    }
    Ok(if outcome.is_right() { Exit::Success } else { Exit::Failure })
}

fn options(root: &AppRoot) -> anyhow::Result<WorldOptions> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let folder = program.parent().context("this program is in no folder")?;
    let mut options = WorldOptions::new(&policy_text(), folder.to_owned(), root.0.clone());
    // Minutes are skipped here, but not in the handler: it must not think an answer fresh for longer.
    options.environment = BTreeMap::from([
        ("TETHER_GRAPH_AGE".into(), "0".into()),
        ("TETHER_STATUS".into(), "on".into()),
    ]);
    Ok(options)
}

fn introduce(world: &World) {
    say(
        "A pretend Azure with two subscriptions, `payments` and `platform`, and the Functions host",
    );
    say(&format!(
        "are running on {}. The handler is this program: `tether serve`{}.",
        world.azure.endpoint(),
        world.host.handler_pid().map_or_else(String::new, |pid| format!(", process {pid}")),
    ));
    if let Some(page) = world.host.function_url("status") {
        say(&format!("The status page, for as long as this runs: {page}"));
    }
    say("Times are real and count from each step's first line; only waiting is skipped.");
}

async fn keep_running(world: &World, watch: &mut Watch, root: &AppRoot) -> anyhow::Result<()> {
    script::explain_by_hand(world);
    let file = root.0.join("environment.sh");
    let mut settings = settings(&world.azure, &world.namespace);
    let policy = root.0.join("policy.yaml").display().to_string();
    settings.insert("TETHER_POLICY".to_owned(), policy);
    std::fs::write(&file, shell(&settings))
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    let program = std::env::current_exe().context("cannot find this program")?;
    script::explain_commands(&file, &program);
    tokio::select! {
        () = watch.forever(world) => {}
        stopped = tokio::signal::ctrl_c() => stopped.context("cannot wait for Ctrl-C")?,
    }
    Ok(())
}

/// Settings as lines for a shell
fn shell(settings: &BTreeMap<String, String>) -> String {
    let lines = settings.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    lines.collect::<Vec<_>>().concat()
}

/// A word for a shell
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A folder for the files that are deployed; gone with the demo
struct AppRoot(PathBuf);

impl AppRoot {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("tether-demo-{}", uuid::Uuid::new_v4())))
    }
}

impl Drop for AppRoot {
    fn drop(&mut self) {
        // What cannot be removed stays in the folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn a_word_for_a_shell_means_itself() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        let settings = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        assert_eq!(shell(&settings), "export A='1'\n");
    }

    #[test]
    fn the_demo_lets_a_command_attach_what_takes_part() {
        let text = policy_text();
        assert!(text.contains("\npins:\n  - name: shared-registries\n    registry:"), "{text}");
        assert!(Policy::parse("policy.yaml", &text).is_ok());
    }
}
