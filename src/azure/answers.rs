//! Azure's answers, read as the clients here read them, for whoever has one at hand already.
//!
//! Nothing is asked and nothing is sent. Answers are the one input that is read by the megabyte, so
//! what they mean must be open to checks that no server stands in the way of.

use azure_core::http::headers::Headers;
use serde_json::value::RawValue;
use url::Url;

use super::request::{Ask, clusters_version};
use super::wire::{GraphPage, Page};
use super::{ArmError, Endpoint, Listed, Seen, Unreadable, graph, wire};
use crate::model::{
    Access, AssignmentUsage, Cluster, Denial, Door, Grant, Lock, Registry, SubscriptionId,
};

/// A cluster as Resource Manager answers it
pub fn cluster(body: &[u8]) -> Result<Cluster, Unreadable> {
    wire::cluster(body, clusters_version())
}

/// A registry as Resource Manager answers it
pub fn registry(body: &[u8]) -> Result<Registry, Unreadable> {
    wire::registry(body)
}

/// How a registry may be reached, from the same answer
pub fn door(body: &[u8]) -> Result<Door, Unreadable> {
    wire::door(body)
}

/// A page of a list of clusters
pub fn clusters(body: &[u8]) -> Result<Listed<Cluster>, Unreadable> {
    page(body, |item| wire::cluster_item(item, clusters_version()))
}

/// A page of a list of registries
pub fn registries(body: &[u8]) -> Result<Listed<Registry>, Unreadable> {
    page(body, wire::registry_item)
}

/// The pull grants in a page of a list of role assignments
pub fn grants(body: &[u8]) -> Result<Listed<Grant>, Unreadable> {
    let Listed { items, problems } = page(body, wire::grant)?;
    Ok(Listed { items: items.into_iter().flatten().collect(), problems })
}

/// All role assignments in a page of a list of them
pub fn access(body: &[u8]) -> Result<Listed<Access>, Unreadable> {
    page(body, wire::access)
}

/// A page of a list of locks
pub fn locks(body: &[u8]) -> Result<Listed<Lock>, Unreadable> {
    page(body, wire::lock)
}

/// A page of a list of deny assignments
pub fn denials(body: &[u8]) -> Result<Listed<Denial>, Unreadable> {
    page(body, wire::denial)
}

fn page<T>(
    body: &[u8],
    understand: fn(&RawValue) -> Result<T, Unreadable>,
) -> Result<Listed<T>, Unreadable> {
    let (items, problems) = Page::read(body)?.items.read(understand);
    Ok(Listed { items, problems })
}

/// Where a list goes on after this page: at the same host, or not at all
pub fn next_page(endpoint: &Endpoint, body: &[u8]) -> Result<Option<Url>, Unreadable> {
    let Some(link) = Page::read(body)?.next else { return Ok(None) };
    let next = Ask::next(&endpoint.as_https(), &link).ok_or(Unreadable::Link)?;
    Ok(Some(next.url))
}

/// Clusters and registries in a page of Resource Graph's
pub fn resources(body: &[u8]) -> Result<Seen, Unreadable> {
    Ok(graph::seen_on(&GraphPage::read(body)?))
}

/// How many role assignments a subscription holds and may hold
pub fn assignment_usage(
    body: &[u8],
    subscription: SubscriptionId,
) -> Result<AssignmentUsage, Unreadable> {
    wire::assignment_usage(body, subscription)
}

/// What an answer other than success means
pub fn refusal(status: u16, body: &[u8]) -> ArmError {
    ArmError::of_answer(status, &Headers::new(), body)
}
