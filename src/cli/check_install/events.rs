//! Events: whether each subscription of the estate has an event subscription that leads here.

use super::app::Stated;
use super::bus::{OWNER, SENDER, is_at_or_above};
use crate::azure::{AppId, EventSubscription, Installed, Topic};
use crate::cli::findings::{Finding, either, good, note, unseen, wrong};
use crate::model::SubscriptionId;

/// Which kind of topic has the events of a subscription
const KIND: &str = "Microsoft.Resources.Subscriptions";

const TYPES: [&str; 2] =
    ["Microsoft.Resources.ResourceWriteSuccess", "Microsoft.Resources.ResourceDeleteSuccess"];

const OPERATIONS: [&str; 6] = [
    "Microsoft.ContainerService/managedClusters/write",
    "Microsoft.ContainerService/managedClusters/delete",
    "Microsoft.ContainerRegistry/registries/write",
    "Microsoft.ContainerRegistry/registries/delete",
    "Microsoft.Resources/tags/write",
    "Microsoft.Resources/tags/delete",
];

const BLOB_CONTRIBUTOR: &str = "ba92f5b4-2d11-453d-a403-e96b0029c9fe";
const BLOB_OWNER: &str = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b";

const REDEPLOY: &str =
    "deploy infra/events.bicep; until then the timer finds changes, a quarter of an hour later";

pub(super) async fn check(
    installed: &Installed,
    id: &AppId,
    stated: &Stated,
    queue: Option<&str>,
) -> Vec<Finding> {
    let ours = [queue.unwrap_or_default().to_owned(), id.function("resource-changed")];
    let mut findings = Vec::new();
    for subscription in &stated.subscriptions {
        match of(installed, *subscription, &ours).await {
            Ok(found) => {
                findings.push(judge(*subscription, found.as_ref().map(|(_, found)| found)));
                if let Some((topic, found)) = found {
                    findings.extend(rights(installed, id, stated, &topic, &found).await);
                }
            }
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

/// The event subscription that leads here, with its topic
async fn of(
    installed: &Installed,
    subscription: SubscriptionId,
    ours: &[String],
) -> Result<Option<(Topic, EventSubscription)>, Finding> {
    let unseen = |error| unseen(&format!("the system topics of {subscription}"), &error);
    let source = format!("/subscriptions/{subscription}");
    let is_its = |topic: &Topic| {
        topic.source.eq_ignore_ascii_case(&source) && topic.kind.eq_ignore_ascii_case(KIND)
    };
    let topics = installed.topics(subscription).await.map_err(unseen)?;
    for topic in topics.into_iter().filter(is_its) {
        let found = installed.event_subscriptions(&topic.id).await.map_err(unseen)?;
        let leads_here = |one: &EventSubscription| {
            ours.iter().any(|id| !id.is_empty() && one.destination.eq_ignore_ascii_case(id))
        };
        if let Some(found) = found.into_iter().find(leads_here) {
            return Ok(Some((topic, found)));
        }
    }
    Ok(None)
}

/// Whether the topic's identity may send to the queue, and put away what cannot be delivered
async fn rights(
    installed: &Installed,
    id: &AppId,
    stated: &Stated,
    topic: &Topic,
    found: &EventSubscription,
) -> Vec<Finding> {
    let Some(principal) = topic.principal else {
        return vec![note(format!("{} has no identity of its own to look at", topic.id))];
    };
    let held = match installed.roles_of(id.subscription(), principal).await {
        Ok(held) => held,
        Err(error) => return vec![unseen(&format!("what {} may do", topic.id), &error)],
    };
    let may = |roles: [&str; 2], what: &str| {
        held.iter().any(|held| {
            is_at_or_above(&held.scope, what)
                && roles.iter().any(|role| held.role.to_lowercase().ends_with(role))
        })
    };
    let mut findings = Vec::new();
    if found.destination.to_lowercase().contains("/queues/") {
        findings.push(either(
            may([SENDER, OWNER], &found.destination),
            "the identity of its topic may send to the queue",
            &format!("the identity of {} may not send to the queue", topic.id),
            REDEPLOY,
        ));
    }
    let app = id.to_string();
    let group = app.split("/providers/").next().unwrap_or_default();
    if let Some(account) = &stated.storage {
        let container = format!(
            "{group}/providers/Microsoft.Storage/storageAccounts/{account}/blobServices/default/containers/dead-events"
        );
        findings.push(either(
            may([BLOB_CONTRIBUTOR, BLOB_OWNER], &container),
            "it may put events away that cannot be delivered",
            &format!("the identity of {} may not write to `dead-events`", topic.id),
            "deploy infra/events.bicep; until then events that cannot be delivered leave no trace",
        ));
    }
    findings
}

fn judge(subscription: SubscriptionId, found: Option<&EventSubscription>) -> Finding {
    let Some(found) = found else {
        return wrong(format!("no event of {subscription} is delivered here"), REDEPLOY);
    };
    let EventSubscription { name, state, types, operations, .. } = found;
    let lacking = lacking(types.as_deref(), &TYPES)
        .chain(lacking(operations.as_deref(), &OPERATIONS))
        .collect::<Vec<_>>();
    if !state.eq_ignore_ascii_case("succeeded") {
        wrong(format!("the event subscription `{name}` of {subscription} is `{state}`"), REDEPLOY)
    } else if lacking.is_empty() {
        good(format!("events of {subscription} are delivered here"))
    } else {
        let lacking = lacking.join(", ");
        wrong(
            format!("the event subscription `{name}` of {subscription} leaves out {lacking}"),
            REDEPLOY,
        )
    }
}

/// What a filter does not let through
fn lacking<'a>(
    filter: Option<&'a [String]>,
    needed: &'a [&'static str],
) -> impl Iterator<Item = &'static str> {
    let is_let_through = move |needed: &str| {
        filter.is_none_or(|values| values.iter().any(|value| value.eq_ignore_ascii_case(needed)))
    };
    needed.iter().copied().filter(move |needed| !is_let_through(needed))
}
