//! `tether policy check`: whether a policy file can be used, before it goes anywhere.

use std::path::PathBuf;

use clap::Subcommand;

use super::Exit;
use crate::config::{self, ConfigError};

/// What may be done with a policy file
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Say whether a policy can be used, and if not, what is wrong and where
    Check {
        /// The policy file
        file: PathBuf,
    },
}

#[expect(clippy::print_stdout, reason = "this is what was asked for")]
pub(super) fn policy(command: &PolicyCommand) -> anyhow::Result<Exit> {
    let PolicyCommand::Check { file } = command;
    let policy = config::read_policy(file).map_err(|error| match error {
        // On a laptop the path comes from the command line, not from a setting.
        ConfigError::PolicyFile { path, source } => {
            anyhow::Error::new(source).context(format!("cannot read `{}`", path.display()))
        }
        error @ (ConfigError::Settings(_) | ConfigError::Policy(_)) => error.into(),
    })?;
    let (owner, mode, rules) = (&policy.owner, policy.mode, policy.rules().len());
    println!("{}: owner `{owner}`, mode {mode}, {rules} rule(s); it can be used", file.display());
    Ok(Exit::Success)
}
