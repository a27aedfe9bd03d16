//! What an Event Grid event is about: a scope to look at, or nothing.
//!
//! An event is a hint. Only its type, its operation and its resource id are read; what it claims of
//! the resource is not, and the personal data in its `claims` is never touched.

use std::fmt;

use serde_json::Value;

use crate::model::{ResourceId, Scope};

/// What an event comes to
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A cluster or a registry was written or deleted
    Look(Scope),
    /// Nothing that matters here
    Nothing(Reason),
}

/// Why an event comes to nothing
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It is no event in either schema.
    NoEvent,
    /// An event of a type that nobody here listens to, such as a failure or an image push.
    Type(String),
    /// An operation on something else, such as an agent pool or a role assignment.
    Operation(String),
    /// The resource is neither a cluster nor a registry.
    Resource(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEvent => f.write_str("not an event"),
            Self::Type(name) => write!(f, "events of type `{name}` do not matter"),
            Self::Operation(name) => write!(f, "operation `{name}` does not matter"),
            Self::Resource(id) => write!(f, "`{id}` is neither a cluster nor a registry"),
        }
    }
}

/// The operations on clusters, registries and their tags. An exact list, so that their children
/// (agent pools, replications) fall through.
const OPERATIONS: [&str; 6] = [
    "microsoft.containerservice/managedclusters/write",
    "microsoft.containerservice/managedclusters/delete",
    "microsoft.containerregistry/registries/write",
    "microsoft.containerregistry/registries/delete",
    "microsoft.resources/tags/write",
    "microsoft.resources/tags/delete",
];

const RESOURCE_EVENTS: [&str; 2] =
    ["microsoft.resources.resourcewritesuccess", "microsoft.resources.resourcedeletesuccess"];

const NOTIFICATION_EVENTS: [&str; 2] = [
    "microsoft.resourcenotifications.resources.createdorupdated",
    "microsoft.resourcenotifications.resources.deleted",
];

/// What tag operations append to the id of the resource whose tags they write
const TAGS_SUFFIX: &str = "/providers/microsoft.resources/tags/default";

/// Longest text of an event that is quoted in a log line
const SHOWN: usize = 200;

/// Whether a message is an event, and not a command: its `type` (`CloudEvents`) or `eventType` (Event
/// Grid schema) starts with `Microsoft.`
pub(super) fn is_event(message: &Value) -> bool {
    event_type(message).is_some_and(|name| {
        name.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("microsoft."))
    })
}

/// What an event comes to
pub(super) fn hear(event: &Value) -> Heard {
    let Some(name) = event_type(event) else { return Heard::Nothing(Reason::NoEvent) };
    let known = name.to_lowercase();
    let id = if RESOURCE_EVENTS.contains(&known.as_str()) {
        let operation = text(event, "/data/operationName").unwrap_or_default();
        // Every field is optional on the wire. Without an operation the id alone decides.
        if !operation.is_empty() && !OPERATIONS.contains(&operation.to_lowercase().as_str()) {
            return Heard::Nothing(Reason::Operation(shown(operation)));
        }
        text(event, "/data/resourceUri").or_else(|| text(event, "/subject"))
    } else if NOTIFICATION_EVENTS.contains(&known.as_str()) {
        text(event, "/data/resourceInfo/id").or_else(|| text(event, "/subject"))
    } else {
        return Heard::Nothing(Reason::Type(shown(name)));
    };
    let id = id.unwrap_or_default();
    match without_tags_suffix(id).parse() {
        Ok(ResourceId::Cluster(id)) => Heard::Look(Scope::Cluster(id)),
        Ok(ResourceId::Registry(id)) => Heard::Look(Scope::Registry(id)),
        Err(_) => Heard::Nothing(Reason::Resource(shown(id))),
    }
}

fn event_type(event: &Value) -> Option<&str> {
    let named = |field| event.get(field).and_then(Value::as_str);
    named("eventType").or_else(|| named("type"))
}

fn text<'a>(event: &'a Value, pointer: &str) -> Option<&'a str> {
    event.pointer(pointer)?.as_str()
}

fn without_tags_suffix(id: &str) -> &str {
    let id = id.trim().trim_end_matches('/');
    let at = id.len().saturating_sub(TAGS_SUFFIX.len());
    match (id.get(..at), id.get(at..)) {
        (Some(resource), Some(suffix)) if suffix.eq_ignore_ascii_case(TAGS_SUFFIX) => resource,
        _ => id,
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GROUP: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg";

    fn cluster() -> String {
        format!("{GROUP}/providers/Microsoft.ContainerService/managedClusters/aks1")
    }

    fn registry() -> String {
        format!("{GROUP}/providers/Microsoft.ContainerRegistry/registries/acr1")
    }

    fn classic(kind: &str, operation: &str, id: &str) -> Value {
        json!({
            "id": "1", "topic": GROUP, "subject": id, "dataVersion": "2", "metadataVersion": "1",
            "eventType": format!("Microsoft.Resources.{kind}"),
            "eventTime": "2026-09-01T10:00:04.6117357Z",
            "data": {
                "operationName": operation, "resourceUri": id, "status": "Succeeded",
                "claims": { "name": "someone" },
            },
        })
    }

    fn cloud(kind: &str, operation: &str, id: &str) -> Value {
        let mut event = classic(kind, operation, id);
        let object = event.as_object_mut().unwrap();
        let kind = object.remove("eventType").unwrap();
        object.insert("type".into(), kind);
        object.insert("specversion".into(), "1.0".into());
        object.insert("source".into(), GROUP.into());
        event
    }

    /// In both schemas, this operation on this id leads to this scope.
    #[track_caller]
    fn check(kind: &str, operation: &str, id: &str, expected: Option<&str>) {
        for event in [classic(kind, operation, id), cloud(kind, operation, id)] {
            assert!(is_event(&event));
            let scope = match hear(&event) {
                Heard::Look(scope) => Some(scope.key()),
                Heard::Nothing(_) => None,
            };
            assert_eq!(scope, expected.map(str::to_lowercase), "{event}");
        }
    }

    #[test]
    fn writes_and_deletes_of_clusters_and_registries_name_their_scope() {
        for (kind, verb) in [("ResourceWriteSuccess", "write"), ("ResourceDeleteSuccess", "delete")]
        {
            let operation = format!("Microsoft.ContainerService/managedClusters/{verb}");
            check(kind, &operation, &cluster(), Some(&cluster()));
            let operation = format!("Microsoft.ContainerRegistry/registries/{verb}");
            check(kind, &operation, &registry(), Some(&registry()));
        }
    }

    #[test]
    fn tag_operations_name_the_tagged_resource_with_and_without_their_suffix() {
        for id in [cluster(), registry()] {
            let suffixed = format!("{id}/providers/Microsoft.Resources/tags/default");
            for subject in [id.clone(), format!("{id}/"), suffixed.clone(), suffixed.to_uppercase()]
            {
                check(
                    "ResourceWriteSuccess",
                    "Microsoft.Resources/tags/write",
                    &subject,
                    Some(&id),
                );
                check(
                    "ResourceDeleteSuccess",
                    "MICROSOFT.RESOURCES/TAGS/DELETE",
                    &subject,
                    Some(&id),
                );
            }
        }
    }

    #[test]
    fn any_letter_case_is_understood() {
        let id = cluster().to_uppercase();
        check(
            "resourcewritesuccess",
            "microsoft.containerservice/MANAGEDCLUSTERS/write",
            &id,
            Some(&id),
        );
    }

    #[test]
    fn what_does_not_matter_maps_to_nothing() {
        let pool = format!("{}/agentPools/pool1", cluster());
        let assignment =
            format!("{}/providers/Microsoft.Authorization/roleAssignments/1", registry());
        let machine = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/vm1");
        let write = "ResourceWriteSuccess";
        for (kind, operation, id) in [
            (write, "Microsoft.ContainerService/managedClusters/agentPools/write", pool.as_str()),
            (write, "Microsoft.ContainerRegistry/registries/webhooks/write", &registry()),
            (write, "Microsoft.Authorization/roleAssignments/write", &assignment),
            (write, "Microsoft.Resources/deployments/write", GROUP),
            (write, "Microsoft.Resources/tags/write", &machine),
            (write, "Microsoft.Resources/tags/write", ""),
            (
                "ResourceWriteFailure",
                "Microsoft.ContainerService/managedClusters/write",
                &cluster(),
            ),
            ("ResourceWriteCancel", "Microsoft.ContainerService/managedClusters/write", &cluster()),
            (
                "ResourceActionSuccess",
                "Microsoft.ContainerService/managedClusters/write",
                &cluster(),
            ),
            ("Nobody.Knows", "Microsoft.ContainerService/managedClusters/write", &cluster()),
        ] {
            check(kind, operation, id, None);
        }
    }

    #[test]
    fn resource_notifications_name_their_resource() {
        for kind in ["CreatedOrUpdated", "Deleted"] {
            let event = json!({
                "specversion": "1.0", "id": "1", "source": GROUP, "subject": cluster(),
                "type": format!("Microsoft.ResourceNotifications.Resources.{kind}"),
                "data": { "resourceInfo": { "id": cluster(), "tags": "odd" }, "apiVersion": "x" },
            });
            assert_eq!(hear(&event), Heard::Look(cluster().parse().unwrap()));
        }
    }

    #[test]
    fn what_is_no_event_is_told_apart() {
        let good = classic("ResourceWriteSuccess", "", &registry());
        let odd = json!({ "eventType": null, "type": "Microsoft.Unheard.Of" });
        assert!(is_event(&odd));
        let heard = [json!(7), json!(null), json!({}), json!({ "eventType": 3 }), good];
        let heard = heard.each_ref().map(hear);
        let nothing = Heard::Nothing(Reason::NoEvent);
        let look = Heard::Look(registry().parse().unwrap());
        assert_eq!(heard, [nothing.clone(), nothing.clone(), nothing.clone(), nothing, look]);
    }

    #[test]
    fn a_command_is_no_event() {
        for message in [
            json!({ "command": "reconcile" }),
            json!({ "specversion": "1.0", "type": "com.contoso.command", "data": {} }),
            json!("Microsoft.x"),
            json!({ "type": "micröso" }),
        ] {
            assert!(!is_event(&message), "{message}");
        }
    }
}
