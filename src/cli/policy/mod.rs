//! `tether policy`: looks at a policy file, before it goes anywhere. Nothing here asks Azure.

mod check;
mod test;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;

use super::Exit;
use super::voice::{Voice, VoiceArguments, answer};
use crate::policy::schema;

/// What may be done with a policy file
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Say whether a policy can be used; if not, everything that is wrong and where
    ///
    /// Warns of rules that can never fit, that another one covers, that forbid everything, or that
    /// let the tags of one side alone decide.
    Check {
        /// The policy file
        file: PathBuf,
        /// End with 1 if there is anything to warn of
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        voice: VoiceArguments,
    },
    /// Hold a policy against cases: this cluster, these registries, these attachments
    ///
    /// The cases of `policy.yaml` stand in `policy.tests.yaml` beside it. Ends with 1 if any of them
    /// comes out otherwise.
    Test {
        /// The policy file
        file: PathBuf,
        /// The file of cases, if it is another one
        #[arg(long, value_name = "FILE")]
        cases: Option<PathBuf>,
        #[command(flatten)]
        voice: VoiceArguments,
    },
    /// Write the JSON Schema of policy files, for editors that complete and check
    Schema,
}

pub(super) fn policy(command: &PolicyCommand) -> anyhow::Result<Exit> {
    match command {
        PolicyCommand::Check { file, strict, voice } => {
            check::check(file, *strict, Voice::new(*voice))
        }
        PolicyCommand::Test { file, cases, voice } => {
            test::test(file, cases.as_deref(), Voice::new(*voice))
        }
        PolicyCommand::Schema => {
            answer(&schema());
            Ok(Exit::Success)
        }
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))
}
