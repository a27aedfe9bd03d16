//! What Azure says about the parts of an installation, as far as it matters.
//!
//! Lenient where Azure is known to vary: fields left out or null, letter case.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::azure::wire::Unreadable;
use crate::model::PrincipalId;

/// A function app
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Such as `Running`
    pub state: String,
    /// Whether plain http is turned away
    pub https_only: bool,
    /// The runtime that Flex Consumption was told to start; `None` on another plan
    pub runtime: Option<String>,
    /// The identities that are assigned to it
    pub identities: Vec<AppIdentity>,
}

/// A user-assigned identity of an app
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppIdentity {
    /// What settings name it by
    pub client_id: String,
    /// What role assignments name it by
    pub principal_id: String,
}

/// A function that the host found
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// Its name
    pub name: String,
    /// Whether it was switched off
    pub is_disabled: bool,
}

/// A role assignment
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldRole {
    /// The role definition's id
    #[serde(rename = "roleDefinitionId")]
    pub role: String,
    /// Where it holds
    pub scope: String,
    /// What narrows it
    #[serde(default)]
    pub condition: Option<String>,
}

/// A role definition
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleDefinition {
    /// What people call it
    pub name: String,
    /// What it allows: what is allowed and what is taken out again, for each of its permissions
    pub permissions: Vec<(Vec<String>, Vec<String>)>,
    /// What it allows with data, such as secrets and messages
    pub data: Vec<String>,
}

/// A Service Bus namespace
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its id
    pub id: String,
    /// Its host, such as `contoso.servicebus.windows.net`
    pub host: String,
    /// Whether keys are refused
    pub refuses_keys: bool,
}

/// A queue of Service Bus
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BusQueue {
    /// Whether a message id is taken only once
    pub requires_duplicate_detection: bool,
    /// For how long, as ISO 8601 writes it
    pub duplicate_detection_history_time_window: String,
    /// Whether it takes only messages of sessions
    pub requires_session: bool,
    /// How often a message is delivered before it counts as dead
    pub max_delivery_count: u32,
    /// Such as `Active`
    pub status: String,
}

/// A system topic of Event Grid
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its id
    pub id: String,
    /// Whose events it passes on
    pub source: String,
    /// Which kind of events
    pub kind: String,
    /// The identity that Azure made for it
    pub principal: Option<PrincipalId>,
}

/// An event subscription
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSubscription {
    /// Its name
    pub name: String,
    /// Such as `Succeeded`
    pub state: String,
    /// The id of what it delivers to
    pub destination: String,
    /// The types of events it lets through; `None` means every type
    pub types: Option<Vec<String>>,
    /// The operations it lets through; `None` means every operation
    pub operations: Option<Vec<String>>,
}

/// What nearly everything of Azure's looks like
#[derive(Deserialize)]
struct Resource<T> {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    properties: T,
}

fn resource<T: DeserializeOwned>(item: &RawValue) -> Result<Resource<T>, Unreadable> {
    Ok(serde_json::from_str(item.get())?)
}

/// The text at a path, empty if there is none
fn text(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn flag(value: &Value, path: &str) -> bool {
    value.pointer(path).and_then(Value::as_bool).unwrap_or_default()
}

/// The texts of a list at a path; `None` if there is no list
fn texts(value: &Value, path: &str) -> Option<Vec<String>> {
    let list = value.pointer(path)?.as_array()?;
    Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

pub(super) fn app(body: &[u8]) -> Result<App, Unreadable> {
    #[derive(Deserialize)]
    struct Site {
        #[serde(default)]
        identity: Option<Identity>,
        properties: Value,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Identity {
        #[serde(default)]
        user_assigned_identities: Option<BTreeMap<String, AppIdentity>>,
    }
    let Site { identity, properties } = serde_json::from_slice(body)?;
    let identities = identity.and_then(|identity| identity.user_assigned_identities);
    Ok(App {
        state: text(&properties, "/state"),
        https_only: flag(&properties, "/httpsOnly"),
        runtime: Some(text(&properties, "/functionAppConfig/runtime/name"))
            .filter(|name| !name.is_empty()),
        identities: identities.unwrap_or_default().into_values().collect(),
    })
}

pub(super) fn settings(body: &[u8]) -> Result<BTreeMap<String, String>, Unreadable> {
    let Resource { properties, .. } = serde_json::from_slice(body)?;
    Ok(properties)
}

pub(super) fn function(item: &RawValue) -> Result<Deployed, Unreadable> {
    let Resource { name, properties, .. } = resource::<Value>(item)?;
    // The list names a function `<app>/<function>`.
    let name = name.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(Deployed { name, is_disabled: flag(&properties, "/isDisabled") })
}

pub(super) fn held_role(item: &RawValue) -> Result<HeldRole, Unreadable> {
    Ok(resource(item)?.properties)
}

pub(super) fn role(body: &[u8]) -> Result<RoleDefinition, Unreadable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Role {
        role_name: String,
        permissions: Vec<Permission>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    #[derive(Default)]
    struct Permission {
        actions: Vec<String>,
        not_actions: Vec<String>,
        data_actions: Vec<String>,
    }
    let Resource { properties: Role { role_name, permissions }, .. } =
        serde_json::from_slice(body)?;
    let data = permissions.iter().flat_map(|one| one.data_actions.clone()).collect();
    let permissions = permissions.into_iter().map(|one| (one.actions, one.not_actions)).collect();
    Ok(RoleDefinition { name: role_name, permissions, data })
}

pub(super) fn namespace(item: &RawValue) -> Result<Namespace, Unreadable> {
    let Resource { id, properties, .. } = resource::<Value>(item)?;
    // `https://contoso.servicebus.windows.net:443/`
    let endpoint = text(&properties, "/serviceBusEndpoint");
    let host = endpoint.split("//").nth(1).unwrap_or_default();
    let host = host.split([':', '/']).next().unwrap_or_default().to_owned();
    Ok(Namespace { id, host, refuses_keys: flag(&properties, "/disableLocalAuth") })
}

pub(super) fn queue(body: &[u8]) -> Result<BusQueue, Unreadable> {
    let Resource { properties, .. } = serde_json::from_slice(body)?;
    Ok(properties)
}

pub(super) fn topic(item: &RawValue) -> Result<Topic, Unreadable> {
    let Resource { id, properties, .. } = resource::<Value>(item)?;
    let whole: Value = serde_json::from_str(item.get())?;
    Ok(Topic {
        id,
        source: text(&properties, "/source"),
        kind: text(&properties, "/topicType"),
        principal: text(&whole, "/identity/principalId").parse().ok(),
    })
}

pub(super) fn event_subscription(item: &RawValue) -> Result<EventSubscription, Unreadable> {
    let Resource { name, properties, .. } = resource::<Value>(item)?;
    let destination = ["/deliveryWithResourceIdentity/destination", "/destination"]
        .map(|path| text(&properties, &format!("{path}/properties/resourceId")))
        .into_iter()
        .find(|id| !id.is_empty());
    let filters = properties.pointer("/filter/advancedFilters").and_then(Value::as_array);
    let operations = filters.into_iter().flatten().find(|filter| {
        text(filter, "/key").eq_ignore_ascii_case("data.operationName")
            && text(filter, "/operatorType").eq_ignore_ascii_case("StringIn")
    });
    Ok(EventSubscription {
        name,
        state: text(&properties, "/provisioningState"),
        destination: destination.unwrap_or_default(),
        types: texts(&properties, "/filter/includedEventTypes"),
        operations: operations.and_then(|filter| texts(filter, "/values")),
    })
}
