//! The body of a request, read and checked.
//!
//! What the query in it means, and whether its subscriptions can be read, is decided elsewhere.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::refusal::Refusal;

const LARGEST_PAGE: usize = 1000;

/// A request for rows
#[derive(Debug)]
pub(super) struct Request {
    /// The KQL text
    pub(super) query: String,
    /// Where the caller wants it asked
    pub(super) asked: Asked,
    /// Which assignments above and below the scope count
    pub(super) filter: ScopeFilter,
    /// The form of the rows
    pub(super) format: ResultFormat,
    /// The size of a page, if stated
    pub(super) top: Option<usize>,
    /// How many rows to pass over, if stated
    pub(super) skip: Option<usize>,
    /// Where an earlier answer left off
    pub(super) skip_token: Option<String>,
}

/// Where a query is asked, in lower case
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Wherever the caller can read
    Everywhere,
    /// In these subscriptions
    Subscriptions(BTreeSet<String>),
    /// Below these management groups
    ManagementGroups(BTreeSet<String>),
}

/// `authorizationScopeFilter`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum ScopeFilter {
    /// Only what is assigned at the scope or below
    #[default]
    #[serde(rename = "AtScopeAndBelow")]
    AndBelow,
    /// Only what is assigned at the scope or inherited by it
    #[serde(rename = "AtScopeAndAbove")]
    AndAbove,
    /// Both
    #[serde(rename = "AtScopeAboveAndBelow")]
    AboveAndBelow,
    /// Only what is assigned at the scope itself
    #[serde(rename = "AtScopeExact")]
    Exact,
}

/// `resultFormat`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum ResultFormat {
    /// An object per row
    #[default]
    #[serde(rename = "objectArray")]
    ObjectArray,
    /// Columns, and an array per row
    #[serde(rename = "table")]
    Table,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    query: String,
    subscriptions: Option<Vec<String>>,
    management_groups: Option<Vec<String>>,
    options: Option<Options>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    #[serde(rename = "$top")]
    top: Option<usize>,
    #[serde(rename = "$skip")]
    skip: Option<usize>,
    #[serde(rename = "$skipToken")]
    skip_token: Option<String>,
    result_format: Option<ResultFormat>,
    authorization_scope_filter: Option<ScopeFilter>,
}

impl Request {
    /// Reads a body. Fields that are not known, such as `facets`, are passed over.
    pub(super) fn read(body: &Value) -> Result<Self, Refusal> {
        let body = Body::deserialize(body).map_err(|error| Refusal::Request(error.to_string()))?;
        let options = body.options.unwrap_or_default();
        if options.top.is_some_and(|top| top == 0 || top > LARGEST_PAGE) {
            return Err(Refusal::Request(format!("$top must lie in 1 to {LARGEST_PAGE}.")));
        }
        Ok(Self {
            query: body.query,
            asked: asked(body.subscriptions, body.management_groups)?,
            filter: options.authorization_scope_filter.unwrap_or_default(),
            format: options.result_format.unwrap_or_default(),
            top: options.top,
            skip: options.skip,
            skip_token: options.skip_token.filter(|token| !token.is_empty()),
        })
    }

    /// What a skip token is bound to: the query and where it is asked
    pub(super) fn fingerprint(&self) -> Uuid {
        let identity = format!("{:?}", (&self.query, &self.asked, self.filter));
        Uuid::new_v5(&Uuid::NAMESPACE_OID, identity.as_bytes())
    }
}

fn asked(
    subscriptions: Option<Vec<String>>,
    management_groups: Option<Vec<String>>,
) -> Result<Asked, Refusal> {
    let subscriptions = lowered(subscriptions);
    let management_groups = lowered(management_groups);
    match (subscriptions.is_empty(), management_groups.is_empty()) {
        (true, true) => Ok(Asked::Everywhere),
        (true, false) => Ok(Asked::ManagementGroups(management_groups)),
        (false, true) => match subscriptions.iter().find(|id| Uuid::parse_str(id).is_err()) {
            Some(id) => Err(Refusal::NotGuids(id.clone())),
            None => Ok(Asked::Subscriptions(subscriptions)),
        },
        (false, false) => {
            let reason = "Give either subscriptions or managementGroups, not both.";
            Err(Refusal::Request(reason.to_owned()))
        }
    }
}

fn lowered(names: Option<Vec<String>>) -> BTreeSet<String> {
    names.unwrap_or_default().iter().map(|name| name.to_lowercase()).collect()
}
