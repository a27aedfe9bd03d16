//! What a person types and sees: one file for each command.

mod adopt;
mod check;
mod check_install;
#[cfg(feature = "emulator")]
mod demo;
mod explain;
mod findings;
mod inventory;
mod plan;
mod policy;
mod send;
mod serve;
mod sight;
mod voice;

use clap::{Parser, Subcommand};

use crate::config::ConfigError;
use crate::policy::PolicyError;
use crate::runtime::EXIT_RESTART;

/// Keeps every AKS cluster able to pull from exactly the container registries its tags entitle it to.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
#[command(
    after_help = "The policy is `policy.yaml`; README.md explains tags, commands and deployment."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer the Azure Functions host; the host itself starts this
    Serve,
    /// Send a command to the function, or put refused and failed ones back
    Send(Box<send::SendArguments>),
    /// Take over what an earlier owner made, after the policy's `owner` was changed
    Adopt(adopt::AdoptArguments),
    /// Say what of an installation in Azure is missing or wrong; reads only
    CheckInstall(check_install::CheckInstallArguments),
    /// Say what a reconcile would do now, and why; it never writes
    Plan(Box<plan::PlanArguments>),
    /// Say why a cluster may or may not pull from a registry, what is attached, and what comes next
    Explain(Box<explain::ExplainArguments>),
    /// Say why a cluster's pulls from a registry would fail, as far as Azure tells
    Check(check::CheckArguments),
    /// Save what is seen, so that a plan can be made anywhere
    #[command(subcommand)]
    Inventory(inventory::InventoryCommand),
    /// Look at a policy file: check it, test it, or get its schema
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Watch tether at work in a pretend Azure on this machine; needs no account and no network
    #[cfg(feature = "emulator")]
    Demo(demo::DemoArguments),
}

/// How the program ends
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well
    Success,
    /// It could not do what it was asked for
    Failure,
    /// All went well, and there is something to change
    Changes,
    /// It was asked to stop. The host starts it again; after a plain success it never would.
    Stopped,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Failure => Self::FAILURE,
            Exit::Changes => Self::from(2),
            Exit::Stopped => Self::from(EXIT_RESTART),
        }
    }
}

/// Does what the arguments say.
pub async fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    match arguments.command {
        Command::Serve => serve::serve().await,
        Command::Send(arguments) => send::send(*arguments).await,
        Command::Plan(arguments) => plan::tell_plan(*arguments).await,
        Command::Explain(arguments) => explain::explain(*arguments).await,
        Command::Check(arguments) => check::check(arguments).await,
        Command::Inventory(command) => inventory::inventory(command).await,
        Command::Adopt(arguments) => adopt::adopt(arguments).await,
        Command::Policy(command) => policy::policy(&command),
        Command::CheckInstall(arguments) => check_install::check_install(arguments).await,
        #[cfg(feature = "emulator")]
        Command::Demo(arguments) => demo::demo(arguments).await,
    }
}

/// Says on stderr why the program ends: one line with all causes, and for a file that is at fault
/// the place in it.
#[expect(clippy::print_stderr, reason = "this is where the program speaks to people")]
pub fn complain(error: &anyhow::Error) {
    let of_settings = match error.downcast_ref::<ConfigError>() {
        Some(ConfigError::Policy(problem)) => Some(problem.as_ref()),
        _ => None,
    };
    match of_settings.or_else(|| error.downcast_ref::<PolicyError>()) {
        Some(problem) => {
            let mut text = String::new();
            match voice::report_handler().render_report(&mut text, problem) {
                Ok(()) => eprintln!("tether: {text}"),
                Err(_) => eprintln!("tether: {}", in_a_line(error)),
            }
        }
        None => eprintln!("tether: {}", in_a_line(error)),
    }
}

/// All causes in one line. Libraries repeat their causes in their own sentences, and break lines.
fn in_a_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        let cause = cause.split_whitespace().collect::<Vec<_>>().join(" ");
        let cause = voice::harmless(&cause, false);
        if line.is_empty() {
            line = cause;
        } else if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn an_error_is_one_line_and_says_nothing_twice() {
        let error = anyhow!("no answer").context("no token:\n  no answer").context("not sent");
        assert_eq!(in_a_line(&error), "not sent: no token: no answer");
    }
}
