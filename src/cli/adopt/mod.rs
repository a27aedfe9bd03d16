//! `tether adopt`: a new owner takes over what an earlier one made, plan first.
//!
//! Which assignments that are and what becomes of each is decided in `plan`; here it is looked up,
//! shown, and with `--yes` done.

mod carry;
mod look;
mod record;

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use super::Exit;
use super::voice::{answer, print, tell};
use crate::azure::{Arm, chain, credential, http_client};
use crate::config::{self, ConfigError};
use crate::model::Owner;
use crate::plan::{Adopt, Adoption, adoption, render_adoption};
use carry::Carrier;
use look::{Looked, look};
use record::Record;

const HELP: &str = "\
Without --yes nothing is changed: you see what would be.

With --yes each assignment is read, removed, and at once made again under its new name, with the same
registry, identity, role and mark. Azure takes only one assignment for a registry, identity and role, so
the new one cannot come first: each is away for well under a second, longer only if Azure asks to slow
down. Nodes pull on meanwhile with the credentials that kubelet has.

Before an assignment is removed, it is noted in the file of --record. If the program is stopped in
between, the same command in the same folder makes what is missing and goes on; the file goes when
nothing is missing.

Deploy the policy with its new owner first: a function with the old one would make again what is away.

Settings, from the environment:
  TETHER_SUBSCRIPTIONS, or TETHER_MANAGEMENT_GROUP
                   the estate: the subscriptions to look at
  TETHER_AUTH      developer (the account of `az` or `azd`; the default), or managed-identity
  TETHER_CLOUD     public (the default), us-government or china

It needs to read role assignments in the estate, and with --yes to write and delete them at its
registries, as `Role Based Access Control Administrator` may.";

/// What may be said to `tether adopt`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct AdoptArguments {
    /// The owner that the policy had before
    #[arg(long, value_name = "OLD OWNER")]
    from: Owner,
    /// The policy file, with the new owner [default: `TETHER_POLICY`, or `policy.yaml`]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Do it
    #[arg(long)]
    yes: bool,
    /// Where to note what is under way; the next run reads it
    #[arg(long, value_name = "FILE", default_value = "tether-adopt.jsonl")]
    record: PathBuf,
}

pub(super) async fn adopt(arguments: AdoptArguments) -> anyhow::Result<Exit> {
    let AdoptArguments { from, policy, yes, record } = arguments;
    let to = new_owner(policy.as_deref())?;
    if from == to {
        bail!("the policy's owner is `{to}` itself: --from is the owner that it had before");
    }
    let record = Record::open(&record)?;
    let begun = record.begun_for(&to)?;
    let settings = config::observer_from_environment()?;
    let arm = Arm::new(&settings.endpoints, credential(&settings.auth)?, http_client()?);
    let looked = look(&arm, &settings.estate).await?;
    let mut adoption = adoption(&looked.grants, &from, &to);
    adoption.adopt.retain(|item| begun.iter().all(|one| one.to != item.to));
    adoption.held.retain(|item| begun.iter().all(|one| one.grant != item.grant));
    show(&adoption, &begun, &record);
    let begun = begun.into_iter().map(|item| (item, true));
    let fresh = adoption.adopt.iter().map(|item| (item.clone(), false));
    let work: Vec<(Adopt, bool)> = begun.chain(fresh).collect();
    if !yes {
        sum_up(&adoption, work.len(), &looked, (&from, &to));
        return Ok(if looked.unread.is_empty() { Exit::Success } else { Exit::Failure });
    }
    if work.is_empty() {
        tell_nothing(&adoption, &looked, &from);
    }
    let counts = Carrier::new(arm, &record, &to).carry(work).await;
    tell_unread(&looked, &from);
    let held = adoption.held.len() + counts.held;
    let unread = looked.unread.len();
    print(&format!(
        "{} adopted, {} done already or without need, {held} held, {} left; {unread} subscription(s) not seen",
        counts.adopted, counts.settled, counts.left,
    ));
    record.finish()?;
    let all_done = held + counts.left + unread == 0;
    Ok(if all_done { Exit::Success } else { Exit::Failure })
}

fn new_owner(policy: Option<&Path>) -> anyhow::Result<Owner> {
    let file = config::policy_file(policy);
    let policy = config::read_policy(&file).map_err(|error| match error {
        ConfigError::PolicyFile { path, source } => anyhow::Error::new(source).context(format!(
            "cannot read the policy file `{}`; --policy names another one",
            path.display()
        )),
        error @ (ConfigError::Settings(_) | ConfigError::Policy(_)) => error.into(),
    })?;
    Ok(policy.owner)
}

fn show(adoption: &Adoption, begun: &[Adopt], record: &Record) {
    for item in begun {
        print(&format!("finish  {item}"));
    }
    if !begun.is_empty() {
        let path = record.path().display();
        tell(&format!("`{path}` says that {} of them were begun and not finished.", begun.len()));
    }
    answer(&render_adoption(adoption));
}

/// What it comes to, where nothing is changed
fn sum_up(adoption: &Adoption, work: usize, looked: &Looked, (from, to): (&Owner, &Owner)) {
    let Adoption { adopt, held, ours, others, .. } = adoption;
    let pinned = adopt.iter().filter(|item| item.is_pinned()).count();
    print(&format!(
        "{} to adopt, {pinned} of them pinned; {} held; {ours} of `{to}` already; {others} of others",
        adopt.len(),
        held.len(),
    ));
    tell_unread(looked, from);
    if work == 0 {
        tell_nothing(adoption, looked, from);
    } else {
        tell(
            "Nothing was changed. With --yes each of them is removed and at once made again under its \
             new name; what is held stays as it is.",
        );
    }
}

fn tell_nothing(adoption: &Adoption, looked: &Looked, from: &Owner) {
    let Adoption { held, marked, .. } = adoption;
    if !held.is_empty() {
        return tell("There is nothing to adopt but what is held.");
    }
    let seen = looked.subscriptions - looked.unread.len();
    tell(&format!("Nothing of `{from}` was found in {seen} subscription(s)."));
    if *marked > 0 {
        tell(&format!(
            "{marked} carry tether's mark and are of neither owner: is `{from}` spelled as it was?"
        ));
    }
}

fn tell_unread(looked: &Looked, from: &Owner) {
    for (subscription, error) in &looked.unread {
        let why = chain(error);
        tell(&format!(
            "Subscription {subscription} was not seen ({}: {why}): what is there stays with `{from}`. \
             Run this again once you may read its role assignments.",
            error.code(),
        ));
    }
}

impl Record {
    /// What is begun, if it is this owner's
    fn begun_for(&self, to: &Owner) -> anyhow::Result<Vec<Adopt>> {
        let path = self.path().display();
        let begun = self.begun();
        if let Some(other) = begun.iter().find(|begun| begun.to != *to) {
            bail!(
                "`{path}` is of an adoption by `{}` that is not finished, and the policy's owner is \
                 `{to}`: finish that one first, with its policy",
                other.to
            );
        }
        let items = begun.into_iter().map(|begun| begun.item);
        Ok(items.collect())
    }
}
