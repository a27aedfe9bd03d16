//! Clusters and registries as ARM treats them alike: get, list, put, patch, delete.
//!
//! What is in a resource of one kind is the business of `clusters` and `registries`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::answer::{Answer, Answered};
use super::clusters::{self, Kubelet};
use super::events::{Happened, event_time};
use super::locks::Operation;
use super::paging::page;
use super::paths::{Collection, Kind, ResourcePath};
use super::registries;
use super::routes::Call;
use super::world::World;

/// A cluster or a registry
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) kind: Kind,
    pub(super) subscription: String,
    pub(super) group: String,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) sku: Value,
    pub(super) identity: Value,
    pub(super) properties: Map<String, Value>,
    pub(super) kubelet: Kubelet,
    /// When it was created, if it tells
    pub(super) created_at: Option<OffsetDateTime>,
    /// From when the list of its subscription has it; none for at once
    pub(super) listed_from: Option<OffsetDateTime>,
    /// Until when it is being created
    pub(super) ready_at: Option<OffsetDateTime>,
    /// The event that may be due when it is finished
    pub(super) creation: Option<Happened>,
}

impl Resource {
    /// A resource that is new, as far as a put says
    pub(super) fn new(path: &ResourcePath, body: &Value) -> Result<Self, Answer> {
        let location = body.get("location").and_then(Value::as_str).ok_or_else(|| {
            let message = "The location property is required for this definition.";
            Answer::refused(400, "LocationRequired", message)
        })?;
        Ok(Self {
            kind: path.kind,
            subscription: path.subscription.clone(),
            group: path.group.clone(),
            name: path.name.clone(),
            location: location.to_owned(),
            tags: BTreeMap::new(),
            sku: Value::Null,
            identity: Value::Null,
            properties: Map::new(),
            kubelet: Kubelet::None,
            created_at: None,
            listed_from: None,
            ready_at: None,
            creation: None,
        })
    }

    /// The id as its provider writes it: AKS writes `resourcegroups`.
    pub(super) fn id(&self) -> String {
        let Self { kind, subscription, group, name, .. } = self;
        let groups = match kind {
            Kind::Cluster => "resourcegroups",
            Kind::Registry => "resourceGroups",
        };
        let type_name = kind.type_name();
        format!("/subscriptions/{subscription}/{groups}/{group}/providers/{type_name}/{name}")
    }

    pub(super) fn group_id(&self) -> String {
        format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.group)
    }

    /// The tags, or null if there are none
    pub(super) fn shown_tags(&self) -> Value {
        if self.tags.is_empty() { Value::Null } else { json!(self.tags) }
    }

    pub(super) fn set(&mut self, property: &str, value: impl Into<Value>) {
        self.properties.insert(property.to_owned(), value.into());
    }

    /// Lays the given properties over those that are there
    pub(super) fn overlay(&mut self, properties: Option<&Value>, but_not: &[&str]) {
        let given = properties.and_then(Value::as_object).into_iter().flatten();
        for (name, value) in given.filter(|(name, _)| !but_not.contains(&name.as_str())) {
            self.properties.insert(name.clone(), value.clone());
        }
    }

    /// As an answer to a get
    pub(super) fn shown(&self, api_version: &str) -> Value {
        let mut shown = json!({
            "id": self.id(),
            "name": self.name,
            "type": self.kind.type_answered(),
            "location": self.location,
            "properties": match self.kind {
                Kind::Cluster => clusters::properties(self, api_version),
                Kind::Registry => registries::properties(self, api_version),
            },
        });
        let optional = [
            ("tags", self.shown_tags()),
            ("sku", self.sku.clone()),
            ("identity", self.identity.clone()),
            ("systemData", self.system_data()),
        ];
        if let Some(shown) = shown.as_object_mut() {
            let present = optional.into_iter().filter(|(_, value)| !value.is_null());
            shown.extend(present.map(|(name, value)| (name.to_owned(), value)));
        }
        shown
    }

    fn system_data(&self) -> Value {
        self.created_at.map_or(Value::Null, |at| json!({"createdAt": event_time(at)}))
    }

    /// As a row of the generic list, which has no properties
    fn summary(&self) -> Value {
        json!({
            "id": self.id(), "name": self.name, "type": self.kind.type_answered(),
            "location": self.location, "tags": self.tags, "sku": self.sku,
        })
    }
}

/// Tags as a body gives them
pub(super) fn tags_in(tags: &Value) -> Result<BTreeMap<String, String>, Answer> {
    serde_json::from_value(tags.clone()).map_err(|_| {
        Answer::refused(400, "InvalidRequestContent", "Tags must be an object of strings.")
    })
}

/// One resource
pub(super) fn get(world: &World, call: &Call<'_>, path: &ResourcePath) -> Answered {
    world.authorize(call.caller, &action(path.kind, "read"), &path.id)?;
    let resource = world.resource(path)?;
    Ok(Answer::json(200, resource.shown(&call.asked.api_version())))
}

/// All of a kind
pub(super) fn list(world: &World, call: &Call<'_>, which: &Collection) -> Answered {
    let scope = format!("/subscriptions/{}", which.subscription);
    world.subscription(&which.subscription)?;
    world.authorize(call.caller, &action(which.kind, "read"), &scope)?;
    let api_version = call.asked.api_version();
    let wanted = |resource: &&Resource| {
        resource.kind == which.kind
            && resource.subscription == which.subscription
            && match &which.group {
                Some(group) => group.eq_ignore_ascii_case(&resource.group),
                None => resource.listed_from.is_none_or(|at| at <= world.now),
            }
    };
    let found =
        world.resources.values().filter(wanted).map(|resource| resource.shown(&api_version));
    Ok(page(world, call.asked, found.collect()))
}

/// Everything in a subscription, perhaps of one type only
pub(super) fn list_everything(world: &World, call: &Call<'_>, subscription: &str) -> Answered {
    world.subscription(subscription)?;
    let scope = format!("/subscriptions/{subscription}");
    world.authorize(call.caller, "Microsoft.Resources/subscriptions/resources/read", &scope)?;
    let filter = call.asked.parameter("$filter").unwrap_or_default();
    let kind = super::filter::quoted(&filter, "resourceType eq ");
    let found = world
        .resources
        .values()
        .filter(|resource| resource.subscription == subscription)
        .filter(|one| kind.is_none_or(|kind| kind.eq_ignore_ascii_case(one.kind.type_name())))
        .map(Resource::summary);
    Ok(page(world, call.asked, found.collect()))
}

/// Creates or replaces
pub(super) fn put(world: &mut World, call: &Call<'_>, path: &ResourcePath) -> Answered {
    world.subscription(&path.subscription)?;
    world.authorize(call.caller, &action(path.kind, "write"), &path.id)?;
    world.unlocked(&path.id, Operation::Write)?;
    let body = call.asked.json()?;
    let old = world.resources.get(&path.key()).cloned();
    let existed = old.is_some();
    let mut resource = match path.kind {
        Kind::Cluster => clusters::put(world, path, &body, old)?,
        Kind::Registry => registries::put(world.now, path, &body, old)?,
    };
    resource.tags = body.get("tags").map(tags_in).transpose()?.unwrap_or_default();
    let happened = happened(call, path, "write", existed);
    if resource.ready_at.is_some() {
        resource.creation = Some(happened.clone());
    }
    let shown = resource.shown(&call.asked.api_version());
    let unfinished = resource.ready_at.is_some();
    changed(world, path, resource);
    if !unfinished || world.options.creation_event == super::CreationEvent::Accepted {
        world.emit(&happened);
    }
    let answer = Answer::json(if existed { 200 } else { 201 }, shown);
    Ok(if unfinished {
        answer.with("Azure-AsyncOperation", operation(world, path))
    } else {
        answer
    })
}

/// Changes tags, and properties of registries
pub(super) fn patch(world: &mut World, call: &Call<'_>, path: &ResourcePath) -> Answered {
    world.authorize(call.caller, &action(path.kind, "write"), &path.id)?;
    world.unlocked(&path.id, Operation::Write)?;
    let body = call.asked.json()?;
    let mut resource = world.resource(path)?.clone();
    if let Some(tags) = body.get("tags") {
        resource.tags = tags_in(tags)?;
    }
    if path.kind == Kind::Registry {
        resource.overlay(body.get("properties"), registries::READ_ONLY);
    }
    let shown = resource.shown(&call.asked.api_version());
    changed(world, path, resource);
    world.emit(&happened(call, path, "write", true));
    Ok(Answer::json(200, shown))
}

/// Deletes; the assignments stay behind, as they do in Azure.
pub(super) fn delete(world: &mut World, call: &Call<'_>, path: &ResourcePath) -> Answered {
    world.authorize(call.caller, &action(path.kind, "delete"), &path.id)?;
    world.unlocked(&path.id, Operation::Delete)?;
    let Some(gone) = world.take(&path.key()) else {
        return Ok(Answer::empty(204));
    };
    if let Some(principal) = clusters::own_principal(&gone) {
        world.principals.remove(&principal);
    }
    world.index_resource(&path.key(), world.now);
    world.emit(&happened(call, path, "delete", true));
    Ok(Answer::empty(match path.kind {
        Kind::Cluster => 202,
        Kind::Registry => 200,
    }))
}

/// How far the creation of a cluster is
pub(super) fn operation_status(world: &World, subscription: &str, name: &str) -> Answered {
    let found = world.resources.iter().find(|(key, resource)| {
        resource.subscription == subscription
            && world.operation_name(key).to_string().eq_ignore_ascii_case(name)
    });
    let (_, resource) = found.ok_or_else(|| {
        Answer::refused(404, "NotFound", format!("The operation '{name}' was not found."))
    })?;
    let status = if resource.ready_at.is_some() { "InProgress" } else { "Succeeded" };
    Ok(Answer::json(200, json!({"name": name, "status": status})))
}

impl World {
    /// The resource there, or ARM's refusal
    pub(super) fn resource(&self, path: &ResourcePath) -> Result<&Resource, Answer> {
        self.subscription(&path.subscription)?;
        self.resources.get(&path.key()).ok_or_else(|| {
            let message = format!(
                "The Resource '{}/{}' under resource group '{}' was not found. For more details \
                 please go to https://aka.ms/ARMResourceNotFoundFix",
                path.kind.type_name(),
                path.name,
                path.group
            );
            Answer::refused(404, "ResourceNotFound", message)
        })
    }

    fn operation_name(&self, key: &str) -> Uuid {
        self.made_up(&format!("operation {key}"))
    }
}

/// Puts a changed resource in its place
pub(super) fn changed(world: &mut World, path: &ResourcePath, resource: Resource) {
    world.keep(path.key(), resource);
    world.index_resource(&path.key(), world.now);
}

fn action(kind: Kind, verb: &str) -> String {
    format!("{}/{verb}", kind.type_name())
}

fn operation(world: &World, path: &ResourcePath) -> String {
    let World { endpoint, .. } = world;
    let (subscription, provider) = (&path.subscription, path.kind.provider());
    let name = world.operation_name(&path.key());
    format!(
        "{endpoint}/subscriptions/{subscription}/providers/{provider}/locations/pretend/operations/\
         {name}?api-version=2016-03-30"
    )
}

fn happened(call: &Call<'_>, path: &ResourcePath, verb: &str, existed: bool) -> Happened {
    Happened {
        operation: format!("{}/{verb}", path.type_written),
        provider: path.kind.provider(),
        subject: path.id.clone(),
        scope: path.id.clone(),
        existed,
        caller: call.caller.clone(),
        asked: call.asked.clone(),
        correlation: call.correlation,
    }
}
