//! The tags resource that hangs on every resource: what `az tag` and the portal use.
//!
//! Its events name another operation than those of the resource, and sometimes another subject.

use serde_json::{Value, json};

use super::answer::{Answer, Answered};
use super::events::Happened;
use super::locks::Operation;
use super::paths::ResourcePath;
use super::resources::{Resource, changed, tags_in};
use super::routes::Call;
use super::world::World;

const SUFFIX: &str = "/providers/Microsoft.Resources/tags/default";

/// The tags of a resource
pub(super) fn get(world: &World, call: &Call<'_>, path: &ResourcePath) -> Answered {
    world.authorize(call.caller, "Microsoft.Resources/tags/read", &path.id)?;
    Ok(Answer::json(200, shown(world.resource(path)?)))
}

/// Replaces all tags
pub(super) fn put(world: &mut World, call: &Call<'_>, path: &ResourcePath) -> Answered {
    change(world, call, path, "replace")
}

/// Merges, replaces or deletes tags
pub(super) fn patch(world: &mut World, call: &Call<'_>, path: &ResourcePath) -> Answered {
    let body = call.asked.json()?;
    let operation = body.get("operation").and_then(Value::as_str).unwrap_or_default();
    change(world, call, path, &operation.to_lowercase())
}

/// Removes all tags
pub(super) fn delete(world: &mut World, call: &Call<'_>, path: &ResourcePath) -> Answered {
    world.authorize(call.caller, "Microsoft.Resources/tags/delete", &path.id)?;
    world.unlocked(&path.id, Operation::Delete)?;
    let mut resource = world.resource(path)?.clone();
    resource.tags.clear();
    changed(world, path, resource);
    world.emit(&happened(call, path, "delete"));
    Ok(Answer::empty(200))
}

fn change(world: &mut World, call: &Call<'_>, path: &ResourcePath, how: &str) -> Answered {
    world.authorize(call.caller, "Microsoft.Resources/tags/write", &path.id)?;
    world.unlocked(&path.id, Operation::Write)?;
    let body = call.asked.json()?;
    let given = tags_in(body.pointer("/properties/tags").unwrap_or(&json!({})))?;
    let mut resource = world.resource(path)?.clone();
    match how {
        "replace" => resource.tags = given,
        "merge" => {
            resource.tags.retain(|name, _| !given.keys().any(|one| one.eq_ignore_ascii_case(name)));
            resource.tags.extend(given);
        }
        "delete" => resource.tags.retain(|name, value| {
            !given.iter().any(|(one, old)| one.eq_ignore_ascii_case(name) && old == value)
        }),
        _ => {
            let message = "The operation must be one of 'Merge', 'Replace', 'Delete'.";
            return Err(Answer::refused(400, "InvalidTagsOperation", message));
        }
    }
    let answer = Answer::json(200, shown(&resource));
    changed(world, path, resource);
    world.emit(&happened(call, path, "write"));
    Ok(answer)
}

fn shown(resource: &Resource) -> Value {
    json!({
        "id": format!("{}{SUFFIX}", resource.id()),
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": resource.tags},
    })
}

/// The subject has been seen with and without the suffix: here a put has it and a patch has not.
fn happened(call: &Call<'_>, path: &ResourcePath, verb: &str) -> Happened {
    let scope = format!("{}{SUFFIX}", path.id);
    let subject = if call.asked.method == "PATCH" { path.id.clone() } else { scope.clone() };
    Happened {
        operation: format!("Microsoft.Resources/tags/{verb}"),
        provider: "Microsoft.Resources",
        subject,
        scope,
        existed: true,
        caller: call.caller.clone(),
        asked: call.asked.clone(),
        correlation: call.correlation,
    }
}
