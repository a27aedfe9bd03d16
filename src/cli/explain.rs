//! `tether explain`: why a cluster may or may not pull from a registry by the policy, what is attached
//! now, and what comes next. It never writes.

use clap::Args;

use super::Exit;
use super::sight::{self, LOOKING, SETTINGS, SightArguments};
use super::voice::{Colour, Voice, VoiceArguments, answer};
use crate::model::{ClusterId, Inventory, RegistryId};
use crate::plan::{Tone, guard, plan};
use crate::policy::Policy;
use crate::reconcile::find_in;

/// What may be said to `tether explain`
#[derive(Debug, Args)]
#[command(after_help = SETTINGS)]
pub(super) struct ExplainArguments {
    /// The cluster: its id, or a name that only one in the estate has
    cluster: String,
    /// The registry: its id, its login server, or a name that only one in the estate has
    registry: String,
    #[command(flatten)]
    sight: SightArguments,
    #[command(flatten)]
    voice: VoiceArguments,
}

pub(super) async fn explain(arguments: ExplainArguments) -> anyhow::Result<Exit> {
    let voice = Voice::new(arguments.voice);
    let policy = arguments.sight.policy.read()?;
    let (inventory, cluster, registry) = Box::pin(arguments.look(&policy, voice)).await?;
    if let (Some(cluster), Some(registry)) =
        (inventory.clusters.get(&cluster), inventory.registries.get(&registry))
    {
        let planned = guard(plan(&inventory, &policy), &policy, &inventory.scope);
        let paint = |tone, text: &str| voice.paint(colour(tone), text);
        let pair = (cluster, registry);
        answer(&crate::plan::explain(&inventory, &policy, &planned, pair, &paint));
        return Ok(Exit::Success);
    }
    anyhow::bail!("the cluster or the registry is not there any more")
}

impl ExplainArguments {
    async fn look(
        &self,
        policy: &Policy,
        voice: Voice,
    ) -> anyhow::Result<(Inventory, ClusterId, RegistryId)> {
        let Self { cluster, registry, .. } = self;
        if let Some(file) = &self.sight.inventory {
            let inventory = sight::from_file(file, policy)?;
            let (cluster, registry) = find_in(&inventory, cluster, registry).map_err(hinted)?;
            return Ok((inventory, cluster, registry));
        }
        let reconciler = sight::reconciler(policy)?;
        let look = async {
            let (cluster, registry) = reconciler.find_pair(cluster, registry).await?;
            let inventory = reconciler.see_pair(&cluster, &registry).await?;
            Ok((inventory, cluster, registry))
        };
        voice.while_waiting(LOOKING, Box::pin(look)).await.map_err(sight::pair_error)
    }
}

fn colour(tone: Tone) -> Colour {
    match tone {
        Tone::Good => Colour::Good,
        Tone::Bad => Colour::Bad,
        Tone::Open => Colour::Open,
        Tone::Quiet => Colour::Quiet,
        Tone::Strong => Colour::Strong,
    }
}

fn hinted(error: crate::reconcile::NameError) -> anyhow::Error {
    sight::pair_error(error.into())
}
