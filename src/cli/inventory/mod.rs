//! `tether inventory save`: what was seen, in a file from which a plan can be made anywhere.
//!
//! No token, no setting and no name of a person is in it; tags and ids are.

mod file;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;

use super::Exit;
use super::sight::{self, Place, PolicyArguments};
use super::voice::{Voice, VoiceArguments};
use crate::model::Inventory;

/// What may be done with an inventory
#[derive(Debug, Subcommand)]
#[command(after_help = sight::SETTINGS)]
pub(super) enum InventoryCommand {
    /// Write what is seen to a file, from which `tether plan --inventory` plans anywhere
    #[command(after_help = sight::SETTINGS)]
    Save {
        /// The file to write
        file: PathBuf,
        /// `everything`, a subscription by its id, a cluster by its id or name, or a registry by its
        /// id, name or login server
        #[arg(long, value_name = "PLACE", default_value = "everything")]
        #[arg(value_parser = sight::place)]
        scope: Place,
        #[command(flatten)]
        policy: PolicyArguments,
        #[command(flatten)]
        voice: VoiceArguments,
    },
}

pub(super) async fn inventory(command: InventoryCommand) -> anyhow::Result<Exit> {
    let InventoryCommand::Save { file, scope, policy, voice } = command;
    let voice = Voice::new(voice);
    let policy = policy.read()?;
    let reconciler = sight::reconciler(&policy)?;
    let seen = sight::see(&reconciler, &scope, voice).await?;
    let text = file::write(&seen)?;
    std::fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    voice.note(format_args!(
        "{}: clusters {}, registries {}, pull assignments {}, not seen {}",
        file.display(),
        seen.clusters.len(),
        seen.registries.len(),
        seen.grants.len(),
        seen.gaps.len()
    ));
    Ok(Exit::Success)
}

/// Reads an inventory that was saved.
pub(super) fn read(file: &Path) -> anyhow::Result<Inventory> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the inventory `{}`", file.display()))?;
    file::read(&text).with_context(|| format!("`{}` is not a saved inventory", file.display()))
}
