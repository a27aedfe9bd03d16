//! Azure's answers, read as the clients here read them, for whoever has one at hand already.
//!
//! Nothing is asked and nothing is sent. Answers are the one input that is read by the megabyte, so
//! what they mean must be open to checks that no server stands in the way of.

use azure_core::http::headers::Headers;
use url::Url;

use super::request::Ask;
use super::wire::{GraphPage, Page, Row};
use super::{ArmError, Endpoint, Listed, Seen, Unreadable, wire};
use crate::model::{Access, Cluster, Door, Grant, Registry};

/// A cluster as Resource Manager answers it
pub fn cluster(body: &[u8]) -> Result<Cluster, Unreadable> {
    wire::cluster(body)
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
    let (items, problems) = Page::read(body)?.items.read(wire::cluster_item);
    Ok(Listed { items, problems })
}

/// A page of a list of registries
pub fn registries(body: &[u8]) -> Result<Listed<Registry>, Unreadable> {
    let (items, problems) = Page::read(body)?.items.read(wire::registry_item);
    Ok(Listed { items, problems })
}

/// The pull grants in a page of a list of role assignments
pub fn grants(body: &[u8]) -> Result<Listed<Grant>, Unreadable> {
    let (items, problems) = Page::read(body)?.items.read(wire::grant);
    Ok(Listed { items: items.into_iter().flatten().collect(), problems })
}

/// All role assignments in a page of a list of them
pub fn access(body: &[u8]) -> Result<Listed<Access>, Unreadable> {
    let (items, problems) = Page::read(body)?.items.read(wire::access);
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
    let page = GraphPage::read(body)?;
    let (rows, problems) = page.items.read(Row::read);
    let complete = problems.is_empty() && !page.is_cut_short();
    let mut seen = Seen { clusters: Vec::new(), registries: Vec::new(), complete, problems };
    for row in rows {
        match row {
            Row::Cluster(cluster) => seen.clusters.push(cluster),
            Row::Registry(registry) => seen.registries.push(registry),
        }
    }
    Ok(seen)
}

/// What an answer other than success means
pub fn refusal(status: u16, body: &[u8]) -> ArmError {
    ArmError::of_answer(status, &Headers::new(), body)
}
