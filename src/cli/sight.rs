//! What a command looks at: live Azure, with the account of whoever asks, or a file that somebody
//! saved; and by which policy.
//!
//! Nothing here writes to Azure.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use super::inventory;
use super::voice::Voice;
use crate::azure::{Arm, Graph, credential, http_client};
use crate::config;
use crate::model::{Inventory, Scope};
use crate::policy::Policy;
use crate::reconcile::{PairError, Reconciler};

/// What to look at, and by which policy
#[derive(Debug, Args)]
pub(super) struct SightArguments {
    /// A file of `tether inventory save`, instead of Azure
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

/// What a person waits for
pub(super) const LOOKING: &str = "looking at Azure";

/// Help for every command that looks at Azure
pub(super) const SETTINGS: &str = "\
Settings, from the environment:
  TETHER_SUBSCRIPTIONS, or TETHER_MANAGEMENT_GROUP
                   the estate: the subscriptions to look at; none of it is needed with --inventory
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
        scope: &Scope,
        policy: &Policy,
        voice: Voice,
    ) -> anyhow::Result<Inventory> {
        if let Some(file) = &self.inventory {
            return from_file(file, scope, policy);
        }
        let reconciler = reconciler(policy)?;
        if !reconciler.is_in_estate(scope).await? {
            bail!("`{scope}` is outside the estate that the environment states");
        }
        Ok(voice.while_waiting(LOOKING, Box::pin(reconciler.see(scope))).await?)
    }
}

/// A saved inventory, in another scope if one is asked for
pub(super) fn from_file(file: &Path, scope: &Scope, policy: &Policy) -> anyhow::Result<Inventory> {
    let mut saved = inventory::read(file)?;
    let clusters = std::mem::take(&mut saved.clusters).into_values();
    for cluster in clusters {
        saved.add_cluster(policy.knowing(cluster));
    }
    if *scope != Scope::Everything {
        saved.scope = scope.clone();
    }
    Ok(saved)
}

/// Why a pair cannot be looked at, with what to do about it
pub(super) fn pair_error(error: PairError) -> anyhow::Error {
    match error {
        PairError::Name(error) => {
            let hint = error.hint();
            anyhow::Error::new(error).context(format!("nothing to look at; {hint}"))
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
