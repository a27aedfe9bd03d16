//! What clusters and registries have in common: id, region, tags, tenant.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::model::Tags;

/// A resource as Resource Manager answers it
#[derive(Debug, Deserialize)]
pub(super) struct Resource<P> {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) properties: P,
}

/// The part that every resource has
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    pub(super) id: String,
    location: Option<String>,
    tags: Option<BTreeMap<String, Value>>,
    /// Resource Graph's column
    tenant_id: Option<String>,
    /// Resource Manager says the tenant only here
    identity: Option<ResourceIdentity>,
    /// Resource Graph does not have it
    system_data: Option<SystemData>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceIdentity {
    tenant_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SystemData {
    created_at: Option<String>,
}

impl Head {
    pub(super) fn location(&self) -> String {
        self.location.clone().unwrap_or_default()
    }

    pub(super) fn tags(&self) -> Tags {
        let tags = self.tags.iter().flatten();
        tags.map(|(name, value)| (name, tag_value(value))).collect()
    }

    pub(super) fn tenant(&self) -> Option<Uuid> {
        let of_identity = self.identity.as_ref().and_then(|identity| identity.tenant_id.as_ref());
        let text = self.tenant_id.as_ref().or(of_identity)?;
        Uuid::parse_str(text).ok()
    }

    pub(super) fn created_at(&self) -> Option<OffsetDateTime> {
        self.system_data.as_ref()?.created_at.as_deref().and_then(moment)
    }
}

/// Tags are strings; what is not, by some odd writer, is taken as it would be shown.
fn tag_value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// A time as Azure writes it; one that cannot be read is not known
pub(super) fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok().filter(|time| time.year() > 1)
}

/// A text that says something: Resource Graph writes an empty one for what is not there.
pub(super) fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
