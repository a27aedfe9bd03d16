//! `tether plan`: what a reconcile would do now, and why. It never writes.

mod json;
mod text;

use clap::{Args, ValueEnum};

use super::Exit;
use super::sight::{self, Place, SETTINGS, SightArguments};
use super::voice::{Voice, VoiceArguments, answer};
use crate::plan::{guard, plan};
use crate::policy::Mode;

/// What may be said to `tether plan`
#[derive(Debug, Args)]
#[command(after_help = SETTINGS)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    sight: SightArguments,
    /// `everything`, a subscription by its id, a cluster by its id or name, or a registry by its id,
    /// name or login server
    #[arg(long, value_name = "PLACE", default_value = "everything", value_parser = sight::place)]
    scope: Place,
    /// As if the policy had this mode
    #[arg(long, value_enum)]
    mode: Option<ModeWord>,
    /// How to tell it
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
    /// List every change, however many there are
    #[arg(long)]
    all: bool,
    /// End with 0 if there is nothing to change, with 2 if there is
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    voice: VoiceArguments,
}

/// A form of a plan
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

/// A mode
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeWord {
    Observe,
    AttachOnly,
    Sync,
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Observe => Self::Observe,
            ModeWord::AttachOnly => Self::AttachOnly,
            ModeWord::Sync => Self::Sync,
        }
    }
}

pub(super) async fn tell_plan(arguments: PlanArguments) -> anyhow::Result<Exit> {
    let voice = Voice::new(arguments.voice);
    let mut policy = arguments.sight.policy.read()?;
    policy.mode = arguments.mode.map_or(policy.mode, Mode::from);
    let inventory = arguments.sight.look(&arguments.scope, &policy, voice).await?;
    let planned = guard(plan(&inventory, &policy), &policy, &inventory.scope);
    answer(&match arguments.output {
        Output::Text => text::told(&planned, arguments.all, voice),
        Output::Json => json::told(&planned, &inventory.scope, policy.mode),
    });
    let changes = arguments.detailed_exitcode && !planned.is_empty();
    Ok(if changes { Exit::Changes } else { Exit::Success })
}
