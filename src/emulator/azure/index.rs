//! Resource Graph's index: what it knows of the world, a while later.
//!
//! It shapes the rows; it does not understand queries.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::options::{GraphHides, Tables};
use super::paths::subscription_of;
use super::world::World;

/// Table and key of a row
type Place = (&'static str, String);

const RESOURCES: &str = "resources";
const CONTAINERS: &str = "resourcecontainers";
const AUTHORIZATION: &str = "authorizationresources";

/// Rows that can be seen, and changes that cannot yet
#[derive(Debug, Default)]
pub(super) struct Index {
    rows: BTreeMap<Place, Value>,
    coming: BTreeMap<(OffsetDateTime, u64), (Place, Option<Value>)>,
    changes: u64,
    tables: Option<Arc<Tables>>,
}

impl Index {
    /// Makes visible what is due
    pub(super) fn catch_up(&mut self, now: OffsetDateTime) {
        while let Some(next) = self.coming.first_entry().filter(|next| next.key().0 <= now) {
            let (place, row) = next.remove();
            self.tables = None;
            match row {
                Some(row) => self.rows.insert(place, row),
                None => self.rows.remove(&place),
            };
        }
    }

    /// Makes everything visible
    pub(super) fn catch_up_fully(&mut self) {
        if let Some((last, _)) = self.coming.last_key_value().map(|(key, _)| *key) {
            self.catch_up(last);
        }
    }

    /// The tables as they can be seen
    pub(super) fn tables(&mut self) -> Arc<Tables> {
        let rows = &self.rows;
        Arc::clone(self.tables.get_or_insert_with(|| {
            let mut tables: Tables = [RESOURCES, CONTAINERS, AUTHORIZATION]
                .into_iter()
                .map(|table| (table.to_owned(), Vec::new()))
                .collect();
            for ((table, _), row) in rows {
                tables.entry((*table).to_owned()).or_default().push(row.clone());
            }
            Arc::new(tables)
        }))
    }

    fn change(&mut self, visible_at: OffsetDateTime, place: Place, row: Option<Value>) {
        self.changes += 1;
        self.coming.insert((visible_at, self.changes), (place, row));
    }
}

impl World {
    /// Tells the index how a resource is since `at`
    pub(super) fn index_resource(&mut self, key: &str, at: OffsetDateTime) {
        let visible_at = at + self.options.graph_lag;
        let row = self.resources.get(key).map(|resource| self.resource_row(resource));
        if let Some(resource) = self.resources.get(key) {
            let group = self.group_row(&resource.subscription, &resource.group);
            let place = (CONTAINERS, resource.group_id().to_lowercase());
            self.index.change(visible_at, place, Some(group));
        }
        self.index.change(visible_at, (RESOURCES, key.to_owned()), row);
        self.index.catch_up(self.now);
    }

    /// Tells the index how an assignment is now
    pub(super) fn index_assignment(&mut self, name: Uuid) {
        let row = self.assignments.get(&name).map(|assignment| {
            let subscription = subscription_of(&assignment.scope).unwrap_or_default();
            json!({
                "id": assignment.id(),
                "name": name,
                "type": "microsoft.authorization/roleassignments",
                "tenantId": self.options.tenant,
                "kind": "", "location": "", "resourceGroup": "",
                "subscriptionId": subscription,
                "properties": self.shown_by_graph(assignment.properties()),
                "tags": null,
            })
        });
        let visible_at = self.now + self.options.graph_lag;
        self.index.change(visible_at, (AUTHORIZATION, name.to_string()), row);
        self.index.catch_up(self.now);
    }

    pub(super) fn index_subscriptions(&mut self) {
        for (id, subscription) in &self.subscriptions {
            let row = json!({
                "id": format!("/subscriptions/{id}"),
                "name": subscription.name,
                "type": "microsoft.resources/subscriptions",
                "tenantId": self.options.tenant,
                "kind": "", "location": "", "resourceGroup": "",
                "subscriptionId": id,
                "properties": {
                    "state": "Enabled",
                    "managementGroupAncestorsChain": [{
                        "name": self.options.management_group,
                        "displayName": self.options.management_group,
                    }],
                },
                "tags": {},
            });
            self.index.change(self.now, (CONTAINERS, format!("/subscriptions/{id}")), Some(row));
        }
    }

    fn shown_by_graph(&self, mut properties: Value) -> Value {
        if self.options.graph_hides == GraphHides::Descriptions
            && let Some(shown) = properties.as_object_mut()
        {
            shown.retain(|name, _| {
                !["description", "condition", "conditionVersion"].contains(&&**name)
            });
        }
        properties
    }

    fn resource_row(&self, resource: &super::resources::Resource) -> Value {
        let mut properties = resource.properties.clone();
        if self.options.graph_hides == GraphHides::RegistryModes {
            properties.remove("roleAssignmentMode");
        }
        json!({
            "id": resource.id(),
            "name": resource.name,
            "type": resource.kind.type_name().to_lowercase(),
            "tenantId": self.options.tenant,
            "kind": "",
            "location": resource.location,
            // Resource Graph lower-cases this column and no other.
            "resourceGroup": resource.group.to_lowercase(),
            "subscriptionId": resource.subscription,
            "managedBy": "",
            "sku": resource.sku,
            "plan": null,
            "properties": properties,
            "tags": resource.shown_tags(),
            "identity": resource.identity,
        })
    }

    fn group_row(&self, subscription: &str, group: &str) -> Value {
        json!({
            "id": format!("/subscriptions/{subscription}/resourceGroups/{group}"),
            "name": group,
            "type": "microsoft.resources/subscriptions/resourcegroups",
            "tenantId": self.options.tenant,
            "kind": "", "location": "",
            "resourceGroup": group.to_lowercase(),
            "subscriptionId": subscription,
            "properties": {"provisioningState": "Succeeded"},
            "tags": null,
        })
    }
}
