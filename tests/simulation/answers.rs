//! What Azure's answers say, read naively, and told to the witness.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::facts::{Assignment, Cluster, Written, moment};
use crate::witness::Run;

/// An answer, and what it answers
pub(crate) struct Heard<'a> {
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) asked: &'a [u8],
    pub(crate) status: u16,
}

/// A page of a list. In these worlds there is only one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List<T> {
    value: Vec<T>,
    next_link: Option<String>,
}

/// A role assignment as Azure writes it
#[derive(Deserialize)]
struct Assigned {
    name: Uuid,
    properties: AssignedProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssignedProperties {
    scope: String,
    principal_id: Uuid,
    role_definition_id: String,
    description: Option<String>,
    condition: Option<String>,
    #[serde(default)]
    updated_on: Value,
}

/// An answer of Resource Graph
#[derive(Deserialize)]
struct Rows {
    data: Vec<Value>,
}

impl Heard<'_> {
    /// Tells the witness what is said here of clusters, registries and assignments.
    pub(crate) fn tell(&self, run: &mut Run, body: &[u8]) {
        let path = self.path.to_lowercase();
        let is_there = match self.status {
            200 => true,
            404 => false,
            _ => return,
        };
        let subscription = || path.split('/').nth(2).unwrap();
        match path.split('/').skip(3).collect::<Vec<_>>()[..] {
            ["resources"] if is_there => self.tell_rows(run, read(body)),
            ["providers", _, "managedclusters"] if is_there => {
                let list: List<Written> = read(body);
                let whole = list.next_link.is_none();
                let clusters = list.value.into_iter().map(Written::cluster).collect();
                run.saw_clusters(subscription(), clusters, whole);
            }
            [.., "managedclusters", _] => {
                run.saw_cluster(&path, is_there.then(|| read::<Written>(body).cluster()));
            }
            [.., "registries", _] => {
                run.saw_registry(&path, is_there.then(|| read::<Written>(body).registry()));
            }
            [.., "microsoft.authorization", "roleassignments", name] => {
                let found = is_there.then(|| read::<Assigned>(body).assignment());
                run.saw_assignment(name.parse().unwrap(), found);
            }
            [.., "providers", "microsoft.authorization", "roleassignments"] if is_there => {
                let list: List<Assigned> = read(body);
                let found = list.value.into_iter().map(Assigned::assignment).collect();
                let scope = path.split("/providers/microsoft.authorization/").next().unwrap();
                run.saw_assignments(found, scope, self.assigned_to());
            }
            _ => {}
        }
    }

    fn tell_rows(&self, run: &mut Run, rows: Rows) {
        let (mut clusters, mut assignments) = (Vec::new(), Vec::new());
        let (mut registries, mut subscriptions) = (Vec::new(), BTreeSet::new());
        for row in rows.data {
            let id = row["id"].as_str().unwrap_or_default().to_lowercase();
            if let Some(subscription) = row["subscriptionId"].as_str() {
                subscriptions.insert(subscription.to_lowercase());
            } else if id.contains("/registries/") && !id.contains("/roleassignments/") {
                registries.push(id);
            } else if id.contains("/roleassignments/") {
                assignments.extend(serde_json::from_value(row).map(Assigned::assignment));
            } else if id.contains("/managedclusters/") {
                clusters.extend(cluster(row));
            }
        }
        run.saw_pins(assignments);
        let asked = String::from_utf8_lossy(self.asked);
        if asked.contains("microsoft.resources/subscriptions'") {
            run.saw_subscriptions(subscriptions);
        }
        if asked.contains("microsoft.containerregistry/registries'") {
            run.saw_names(registries);
        }
        if asked.contains("microsoft.containerservice/managedclusters") {
            let whose = asked.split("objectId) =~ '").nth(1);
            run.saw_graph(clusters, whose.and_then(|rest| rest.get(..36)?.parse().ok()));
        }
    }

    fn assigned_to(&self) -> Option<Uuid> {
        let whose = self.query.split("assignedTo(%27").nth(1)?;
        whose.get(..36)?.parse().ok()
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> T {
    serde_json::from_slice(body).unwrap()
}

/// A cluster whose properties are columns, as the query asks for them
fn cluster(mut row: Value) -> Option<Cluster> {
    let columns = ["provisioningState", "identityProfile", "servicePrincipalProfile"];
    let properties = columns.map(|name| (name.to_owned(), row[name].take()));
    let properties: serde_json::Map<_, _> = properties.into_iter().collect();
    row["properties"] = properties.into();
    Some(serde_json::from_value::<Written>(row).ok()?.cluster())
}

impl Assigned {
    fn assignment(self) -> Assignment {
        let Self { name, properties } = self;
        let role = properties.role_definition_id.rsplit('/').next().unwrap();
        Assignment {
            name,
            scope: properties.scope.to_lowercase(),
            principal: properties.principal_id,
            role: role.parse().unwrap(),
            description: properties.description.unwrap_or_default(),
            conditional: properties.condition.is_some(),
            written: moment(&properties.updated_on),
        }
    }
}
