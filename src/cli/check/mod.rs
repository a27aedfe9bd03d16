//! `tether check`: why would a pull fail? What can be known of it without entering the cluster.
//!
//! It reads, and never writes. Whether nodes reach the registry over the network, and what their
//! caches hold, only a node can tell.

mod barriers;
mod judge;

use clap::Args;
use time::OffsetDateTime;

use super::Exit;
use super::sight::{self, LOOKING, PolicyArguments, SETTINGS};
use super::voice::{Colour, Voice, VoiceArguments, answer};
use crate::reconcile::{PairError, Reconciler, Surroundings};
use judge::judge;

/// What may be said to `tether check`
#[derive(Debug, Args)]
#[command(after_help = SETTINGS)]
pub(super) struct CheckArguments {
    /// The cluster: its id, or a name that only one in the estate has
    cluster: String,
    /// The registry: its id, its login server, or a name that only one in the estate has
    registry: String,
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    voice: VoiceArguments,
}

pub(super) async fn check(arguments: CheckArguments) -> anyhow::Result<Exit> {
    let CheckArguments { cluster, registry, policy, voice } = arguments;
    let voice = Voice::new(voice);
    let policy = policy.read()?;
    let reconciler = sight::reconciler(&policy)?;
    let look = Box::pin(look(&reconciler, &cluster, &registry));
    let seen = voice.while_waiting(LOOKING, look).await.map_err(sight::pair_error)?;
    let stated = policy.service_principals.get(&seen.cluster.id).copied();
    let findings = judge(&seen, stated, OffsetDateTime::now_utc());
    for finding in &findings {
        answer(&format!("{}\n", finding.show()));
    }
    let (cluster, registry) = (seen.cluster.id.name(), seen.registry.id.name());
    let wrong = findings.iter().filter(|finding| !finding.is_fine()).count();
    let (colour, sum) = if wrong == 0 {
        (Colour::Good, format!("{cluster} can pull from {registry}, as far as Azure tells"))
    } else {
        (
            Colour::Bad,
            format!("{cluster} cannot pull from {registry}, or not surely: {wrong} thing(s) above"),
        )
    };
    answer(&format!("{}\n", voice.paint(colour, sum)));
    Ok(if wrong == 0 { Exit::Success } else { Exit::Failure })
}

async fn look(
    reconciler: &Reconciler,
    cluster: &str,
    registry: &str,
) -> Result<Surroundings, PairError> {
    let (cluster, registry) = reconciler.find_pair(cluster, registry).await?;
    reconciler.surroundings(&cluster, &registry).await
}
