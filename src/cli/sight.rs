//! What a command looks at: live Azure, with the account of whoever asks, or a file that somebody
//! saved; and by which policy.
//!
//! Nothing here writes to Azure.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;

use super::inventory;
use super::voice::Voice;
use crate::azure::{Arm, Graph, chain, credential, http_client};
use crate::config;
use crate::model::{Inventory, Scope};
use crate::policy::Policy;
use crate::reconcile::{PairError, Reconciler, find_one_in};

/// What to look at, and by which policy
#[derive(Debug, Args)]
pub(super) struct SightArguments {
    /// A file of `tether inventory save`, instead of Azure; no setting is needed then
    #[arg(long, value_name = "FILE")]
    pub(super) inventory: Option<PathBuf>,
    #[command(flatten)]
    pub(super) policy: PolicyArguments,
}

/// By which policy
#[derive(Debug, Args)]
pub(super) struct PolicyArguments {
    /// The policy file [default: `TETHER_POLICY`, or `policy.yaml`]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// Where to look, as a person says it
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// `everything`, or by an id
    Scope(Scope),
    /// By the name of a cluster or a registry, or by a login server
    Called(String),
}

/// The place that a text may mean, or what would be right
pub(super) fn place(text: &str) -> Result<Place, String> {
    let right =
        "give `everything`, the id of a subscription, or the id or name of a cluster or a registry";
    match text.parse() {
        Ok(scope) => Ok(Place::Scope(scope)),
        Err(_) if text.is_empty() || text.contains(|c: char| c == '/' || c.is_whitespace()) => {
            Err(right.to_owned())
        }
        Err(_) => Ok(Place::Called(text.to_owned())),
    }
}

impl Place {
    /// What is meant in the estate; what does not lie in it is refused.
    async fn find(&self, reconciler: &Reconciler) -> anyhow::Result<Scope> {
        let scope = match self {
            Self::Called(name) => reconciler.find_one(name).await.map_err(pair_error)?,
            Self::Scope(scope) => scope.clone(),
        };
        if !reconciler.is_in_estate(&scope).await? {
            bail!("`{scope}` is outside the estate that the environment states");
        }
        Ok(scope)
    }

    /// What is meant among those that were saved
    fn find_in(&self, inventory: &Inventory) -> anyhow::Result<Scope> {
        match self {
            Self::Called(name) => {
                find_one_in(inventory, name).map_err(|error| pair_error(error.into()))
            }
            Self::Scope(scope) => Ok(scope.clone()),
        }
    }
}

/// What a person waits for
pub(super) const LOOKING: &str = "looking at Azure";

/// Help for every command that looks at Azure
pub(super) const SETTINGS: &str = "\
Settings, from the environment:
  TETHER_SUBSCRIPTIONS, or TETHER_MANAGEMENT_GROUP
                   the estate: the subscriptions to look at
  TETHER_TENANT    the tenant, if others are to be left out
  TETHER_AUTH      developer (the account of `az` or `azd`; the default), or managed-identity
  TETHER_CLOUD     public (the default), us-government or china

It only reads: the role Reader on the estate is enough.";

impl PolicyArguments {
    pub(super) fn read(&self) -> anyhow::Result<Policy> {
        let file = config::policy_file(self.policy.as_deref());
        let text = std::fs::read_to_string(&file).with_context(|| {
            format!("cannot read the policy file `{}`; --policy names another one", file.display())
        })?;
        Ok(Policy::parse(&file.display().to_string(), &text)?)
    }
}

impl SightArguments {
    /// What there is, as far as the scope goes. Of a file, everything in it is context.
    pub(super) async fn look(
        &self,
        place: &Place,
        policy: &Policy,
        voice: Voice,
    ) -> anyhow::Result<Inventory> {
        if let Some(file) = &self.inventory {
            let mut saved = from_file(file, policy)?;
            let scope = place.find_in(&saved)?;
            if scope != Scope::Everything {
                saved.scope = scope;
            }
            return Ok(saved);
        }
        see(&reconciler(policy)?, place, voice).await
    }
}

/// What there is in Azure, as far as the scope goes
pub(super) async fn see(
    reconciler: &Reconciler,
    place: &Place,
    voice: Voice,
) -> anyhow::Result<Inventory> {
    let look = async {
        let scope = place.find(reconciler).await?;
        Ok(reconciler.see(&scope).await?)
    };
    voice.while_waiting(LOOKING, Box::pin(look)).await
}

/// A saved inventory
pub(super) fn from_file(file: &Path, policy: &Policy) -> anyhow::Result<Inventory> {
    let mut saved = inventory::read(file)?;
    let clusters = std::mem::take(&mut saved.clusters).into_values();
    for cluster in clusters {
        saved.add_cluster(policy.knowing(cluster));
    }
    Ok(saved)
}

/// Why a pair cannot be looked at, with what to do about it
pub(super) fn pair_error(error: PairError) -> anyhow::Error {
    match error {
        PairError::Name(error) => {
            anyhow!("{}; {}", chain(&error), error.hint())
        }
        PairError::Policy(_) | PairError::Unread(_) => error.into(),
    }
}

/// Live Azure
pub(super) fn reconciler(policy: &Policy) -> anyhow::Result<Reconciler> {
    let settings = config::observer_from_environment()?;
    let arm = Arm::new(&settings.endpoints, credential(&settings.auth)?, http_client()?);
    let graph = Graph::new(arm.clone(), Duration::from_secs(15));
    Ok(Reconciler::new(arm, graph, settings.estate, policy.clone()))
}
