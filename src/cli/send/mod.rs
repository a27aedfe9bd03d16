//! `tether send`: puts a command on the queue from wherever a person is, or puts messages back that
//! ended elsewhere.
//!
//! Carrying a command out is the function's business; here it is only written, sent and, if wished,
//! waited for.

mod command;
mod judge;
mod preview;
mod replay;
mod resolve;
mod target;
mod wait;

use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::Exit;
use super::sight::LOOKING;
use super::voice::{Voice, VoiceArguments, print};
use crate::azure::{Arm, Queue, credential, http_client};
use crate::config::{self, SenderSettings};
use command::{Outgoing, Verb};
use replay::ReplayArguments;
use wait::Watch;

/// The queue that takes commands
const COMMANDS: &str = "commands";

/// The queue of what could not be understood
const REJECTED: &str = "rejected";

/// What may be said to `tether send`
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = SETTINGS)]
pub(super) struct SendArguments {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    replay: ReplayArguments,
    /// The Service Bus namespace, such as `contoso.servicebus.windows.net`
    #[arg(long, global = true, value_name = "HOST")]
    namespace: Option<String>,
    #[command(flatten)]
    voice: VoiceArguments,
}

const SETTINGS: &str = "\
Settings, from the environment:
  ServiceBus__fullyQualifiedNamespace  the namespace, unless --namespace gives it
  TETHER_AUTH                          developer (the account of `az` or `azd`; the default), or managed-identity
  TETHER_CLOUD                         public (the default), us-government or china
  TETHER_SUBSCRIPTIONS, TETHER_MANAGEMENT_GROUP, TETHER_TENANT
                                       where --wait looks names up; ids need none of them

Sending needs the role `Azure Service Bus Data Sender` on the queue `commands`; replaying needs
`Azure Service Bus Data Receiver` on the queue replayed, too; --wait needs to read the cluster, the
registry and its role assignments.";

/// A command
#[derive(Debug, Subcommand)]
enum What {
    /// Let a cluster pull from a registry, and keep it so
    ///
    /// The policy decides: the pair must be one that its `pins` allow or a rule wants, and no veto
    /// may be in the way.
    Attach(PairArguments),
    /// Let a cluster no longer pull from a registry
    ///
    /// Refused while a rule of the policy wants the pair. Removes what tether made for the identity that
    /// the cluster has and for those that it had. What others have granted stays.
    Detach(DetachArguments),
    /// Look at everything, or at a part of it, and do what the policy wants
    Reconcile(ReconcileArguments),
}

/// A cluster and a registry
#[derive(Debug, Args)]
struct PairArguments {
    /// The cluster: its id, or a name that only one in the estate has
    #[arg(long, value_name = "ID|NAME")]
    cluster: String,
    /// The registry: its id, its login server, or a name that only one in the estate has
    #[arg(long, value_name = "ID|NAME|LOGIN SERVER")]
    registry: String,
    #[command(flatten)]
    common: CommonArguments,
    /// Watch the pair in Azure until it is so, or say why it is not
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
    /// How long to wait at most, such as 90s, 10m or 1h
    #[arg(long, value_name = "TIME", default_value = "10m", requires = "wait")]
    #[arg(value_parser = command::duration)]
    timeout: Duration,
}

/// A cluster, a registry, and which identities of the cluster
#[derive(Debug, Args)]
struct DetachArguments {
    #[command(flatten)]
    pair: PairArguments,
    /// Only the identities that the cluster does not have any more, even if a rule wants the pair:
    /// once all nodes are reimaged, or at once if such an identity is compromised
    #[arg(long)]
    former_identities: bool,
}

/// Where to look
#[derive(Debug, Args)]
struct ReconcileArguments {
    /// `everything`, or the id of a subscription, a cluster or a registry
    #[arg(long, default_value = "everything")]
    scope: String,
    #[command(flatten)]
    common: CommonArguments,
}

/// What every command may say
#[derive(Debug, Args)]
struct CommonArguments {
    /// Only have it reported what would be done
    #[arg(long)]
    dry_run: bool,
    /// The queue for the report; the function must be set up to allow it
    #[arg(long, value_name = "QUEUE")]
    reply_to: Option<String>,
    /// An id of your own for the message: a second one with the same id within some minutes is
    /// dropped by the queue
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Who asks, for the report; no log has it
    #[arg(long, value_name = "WHO")]
    requested_by: Option<String>,
}

pub(super) async fn send(arguments: SendArguments) -> anyhow::Result<Exit> {
    let SendArguments { what, replay, namespace, voice } = arguments;
    if what.is_some() && replay.is_wanted() {
        bail!("nothing is sent: send a command or replay, one at a time");
    }
    // What is wrong in itself is said before any setting is missed.
    let outgoing = what.as_ref().map(command::outgoing).transpose()?;
    let settings = config::sender_from_environment(namespace.as_deref())?;
    let bus = Bus::new(&settings, Voice::new(voice))?;
    let (Some(what), Some(outgoing)) = (what, outgoing) else {
        return replay::replay(&bus, &replay).await;
    };
    match what {
        What::Attach(pair) | What::Detach(DetachArguments { pair, .. }) if pair.wait => {
            bus.send_and_wait(&settings, outgoing, pair.timeout).await
        }
        What::Attach(_) | What::Detach(_) | What::Reconcile(_) => {
            bus.send(&outgoing).await?;
            Ok(Exit::Success)
        }
    }
}

/// The queues, and what people call the place where they are
struct Bus {
    queue: Queue,
    host: String,
    voice: Voice,
}

impl Bus {
    fn new(settings: &SenderSettings, voice: Voice) -> anyhow::Result<Self> {
        let SenderSettings { auth, endpoints, .. } = settings;
        let (credential, client) = (credential(auth)?, http_client()?);
        let queue = Queue::new(&endpoints.service_bus, endpoints.cloud, credential, client)?;
        let url = endpoints.service_bus.url();
        let host = url.host_str().unwrap_or_default().to_owned();
        let host = url.port().map_or(host.clone(), |port| format!("{host}:{port}"));
        Ok(Self { queue, host, voice })
    }

    async fn send(&self, outgoing: &Outgoing) -> anyhow::Result<()> {
        let send = Box::pin(self.queue.send(COMMANDS, outgoing.message()?));
        let done = self.voice.while_waiting("sending", send).await;
        done.with_context(|| format!("sending to `{}` failed", self.host))?;
        print(format_args!("message id  {}", outgoing.id));
        print(format_args!("queue       {COMMANDS}"));
        print(format_args!("namespace   {}", self.host));
        if outgoing.verb == Verb::Reconcile {
            self.voice.note("Sent. The function's log tells what comes of it.");
        }
        Ok(())
    }

    async fn send_and_wait(
        &self,
        settings: &SenderSettings,
        mut outgoing: Outgoing,
        timeout: Duration,
    ) -> anyhow::Result<Exit> {
        let SenderSettings { auth, endpoints, estate } = settings;
        let arm = Arm::new(endpoints, credential(auth)?, http_client()?);
        let prepare = async {
            let pair = resolve::resolve(&arm, estate.as_ref(), &outgoing).await?;
            let watch = Watch::new(arm.clone(), outgoing.verb, pair, self.voice);
            watch.may_begin().await.map(|()| watch)
        };
        let watch = self.voice.while_waiting(LOOKING, Box::pin(prepare)).await?;
        outgoing.pin(watch.pair());
        self.send(&outgoing).await?;
        watch.until(timeout).await
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        send: SendArguments,
    }

    #[test]
    fn the_lines_of_the_readme_are_understood() {
        let readme = include_str!("../../../README.md");
        let lines: Vec<_> = readme
            .lines()
            .map(|line| line.trim_start_matches("$ "))
            .filter_map(|line| line.strip_prefix("tether send "))
            .collect();
        assert!(lines.len() >= 6, "{lines:?}");
        for line in lines {
            let words = std::iter::once("send").chain(line.split(' '));
            let program = Program::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
            let Some(what) = program.send.what else { continue };
            // In the place of ids it says that they are ids.
            let is_whole = !line.contains('<');
            assert_eq!(command::outgoing(&what).is_ok(), is_whole, "{line}");
        }
    }
}
