//! `tether inventory save`: what was seen, in a file from which a plan can be made anywhere.
//!
//! No token, no setting and no name of a person is in it; tags and ids are.

mod file;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;

use super::Exit;
use super::sight::{self, LOOKING, PolicyArguments};
use super::voice::{Voice, VoiceArguments};
use crate::model::{Inventory, Scope};

/// What may be done with an inventory
#[derive(Debug, Subcommand)]
#[command(after_help = sight::SETTINGS)]
pub(super) enum InventoryCommand {
    /// Write what is seen to a file, from which `tether plan --inventory` plans anywhere
    #[command(after_help = sight::SETTINGS)]
    Save {
        /// The file to write
        file: PathBuf,
        /// `everything`, or the id of a subscription, a cluster or a registry
        #[arg(long, default_value = "everything", value_parser = scope)]
        scope: Scope,
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
    let seen = voice.while_waiting(LOOKING, Box::pin(reconciler.see(&scope))).await?;
    let text = file::write(&seen)?;
    std::fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    let (clusters, registries) = (seen.clusters.len(), seen.registries.len());
    voice.note(format_args!(
        "{}: {clusters} cluster(s), {registries} registr(ies), {} pull assignment(s), {} thing(s) that could not be seen",
        file.display(),
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

/// The place to look at, or what is wrong
pub(super) fn scope(text: &str) -> Result<Scope, String> {
    let right = "give `everything`, or the id of a subscription, a cluster or a registry";
    text.parse().map_err(|_| right.to_owned())
}
