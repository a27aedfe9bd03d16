//! What Azure's answers mean: JSON to the model.
//!
//! Lenient where Azure is known to vary: letter case, fields left out or null, numbers as strings.
//! One item that cannot be read never spoils a list. Nothing is sent or decided here.

mod assignment;
mod barrier;
mod cluster;
mod list;
mod registry;
mod resource;
mod row;
mod usage;

use std::sync::Arc;

use thiserror::Error;

use crate::model::{ResourceIdError, Shown};

pub(super) use assignment::{access, grant};
pub(super) use barrier::{denial, lock};
pub(super) use cluster::{cluster, cluster_item};
pub(super) use list::{GraphPage, Page};
pub(super) use registry::{door, registry, registry_item};
pub(super) use row::{Row, assignment_count, subscription};
pub(super) use usage::assignment_usage;

/// Why an answer, or an item of one, was not understood
#[derive(Clone, Debug, Error)]
pub enum Unreadable {
    /// It is no JSON, or lacks what it must have.
    #[error("it does not have the form that is documented")]
    Json(#[source] Arc<serde_json::Error>),
    /// It has another id than it could have.
    #[error("it has an id that is not understood")]
    Id(#[source] ResourceIdError),
    /// A field that should hold a GUID does not.
    #[error("`{found}` is no GUID, which `{field}` should be")]
    Guid {
        /// The field's name
        field: &'static str,
        /// What stands there, cut
        found: String,
    },
    /// A number is missing, negative or beyond all sense, or the numbers contradict each other.
    #[error("its numbers cannot be")]
    Numbers,
    /// It is about another subscription than was asked about.
    #[error("it is about another subscription")]
    OtherSubscription,
    /// What a lock is about does not stand in its id.
    #[error("its id does not say what it is about")]
    NoScope,
    /// The next page is at another host, which must not get the token.
    #[error("the list goes on at another host")]
    Link,
    /// The list has more pages than any real one.
    #[error("the list does not end")]
    Endless,
    /// Items are missing and there is no way to get them.
    #[error("the list is cut short")]
    Truncated,
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(Arc::new(error))
    }
}

impl From<ResourceIdError> for Unreadable {
    fn from(error: ResourceIdError) -> Self {
        Self::Id(error)
    }
}

impl Unreadable {
    fn guid(field: &'static str, found: &str) -> Self {
        let found: String = found.chars().take(60).collect();
        Self::Guid { field, found: Shown(&found).to_string() }
    }
}
