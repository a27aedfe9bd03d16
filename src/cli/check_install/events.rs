//! Events: whether each subscription of the estate has an event subscription that leads here.

use super::app::Stated;
use crate::azure::{AppId, EventSubscription, Installed, Topic};
use crate::cli::findings::{Finding, good, unseen, wrong};
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
            Ok(found) => findings.push(judge(*subscription, found.as_ref())),
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

/// The event subscription that leads here
async fn of(
    installed: &Installed,
    subscription: SubscriptionId,
    ours: &[String],
) -> Result<Option<EventSubscription>, Finding> {
    let unseen = |error| unseen(&format!("the system topics of {subscription}"), &error);
    let source = format!("/subscriptions/{subscription}");
    let is_its = |topic: &Topic| {
        topic.source.eq_ignore_ascii_case(&source) && topic.kind.eq_ignore_ascii_case(KIND)
    };
    let topics = installed.topics(subscription).await.map_err(unseen)?;
    for topic in topics.iter().filter(|topic| is_its(topic)) {
        let found = installed.event_subscriptions(&topic.id).await.map_err(unseen)?;
        let leads_here = |one: &EventSubscription| {
            ours.iter().any(|id| !id.is_empty() && one.destination.eq_ignore_ascii_case(id))
        };
        if let Some(found) = found.into_iter().find(leads_here) {
            return Ok(Some(found));
        }
    }
    Ok(None)
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
