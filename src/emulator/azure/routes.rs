//! Which part of the pretend Azure answers what.
//!
//! It knows methods and targets; it does not know HTTP connections, faults or the log.

use std::sync::Arc;

use uuid::Uuid;

use super::answer::{Answer, Answered};
use super::paths::Target;
use super::request::Asked;
use super::rights::Caller;
use super::world::World;
use super::{assignment_lists, assignments, denials, locks, resources, roles, subscriptions, tags};

/// A request whose sender is known
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) caller: &'a Caller,
    pub(super) asked: &'a Asked,
    pub(super) correlation: Uuid,
}

/// Answers a request to ARM
pub(super) fn answer(world: &mut World, call: &Call<'_>, target: &Target) -> Answered {
    match (call.asked.method.as_str(), target) {
        (_, Target::Unknown) => Err(unknown(call)),
        ("POST", Target::Graph) => graph(world, call),
        ("GET", _) => read(world, call, target),
        ("PUT", Target::Resource(path)) => resources::put(world, call, path),
        ("PATCH", Target::Resource(path)) => resources::patch(world, call, path),
        ("DELETE", Target::Resource(path)) => resources::delete(world, call, path),
        ("PUT", Target::Tags(path)) => tags::put(world, call, path),
        ("PATCH", Target::Tags(path)) => tags::patch(world, call, path),
        ("DELETE", Target::Tags(path)) => tags::delete(world, call, path),
        ("PUT", Target::Assignment { scope, name }) => assignments::put(world, call, scope, name),
        ("DELETE", Target::Assignment { scope, name }) => {
            assignments::delete(world, call, scope, name)
        }
        _ => Err(wrong_method(call)),
    }
}

fn read(world: &World, call: &Call<'_>, target: &Target) -> Answered {
    match target {
        Target::Subscriptions => Ok(subscriptions::list(world, call)),
        Target::Subscription(id) => subscriptions::get(world, call, id),
        Target::Everything { subscription } => {
            resources::list_everything(world, call, subscription)
        }
        Target::Operation { subscription, name } => {
            resources::operation_status(world, subscription, name)
        }
        Target::Collection(which) => resources::list(world, call, which),
        Target::Resource(path) => resources::get(world, call, path),
        Target::Tags(path) => tags::get(world, call, path),
        Target::Assignments { scope } => assignment_lists::list(world, call, scope),
        Target::Assignment { scope, name } => assignments::get(world, call, scope, name),
        Target::AssignmentUsage { subscription } => {
            assignment_lists::usage(world, call, subscription)
        }
        Target::Locks { scope } => locks::list(world, call, scope),
        Target::Denials { scope } => denials::list(world, call, scope),
        Target::RoleDefinitions { scope } => roles::list(world, call.caller, scope, call.asked),
        Target::RoleDefinition { scope, name } => roles::get(world, call.caller, scope, name),
        Target::Graph | Target::ManagedIdentityToken | Target::EntraToken { .. } => {
            Err(wrong_method(call))
        }
        Target::Unknown => Err(unknown(call)),
    }
}

fn graph(world: &mut World, call: &Call<'_>) -> Answered {
    let body = call.asked.json()?;
    let tables = world.index.tables();
    let graph = Arc::clone(&world.options.graph);
    let (status, body) = graph(&tables, &body, call.caller);
    Ok(Answer::json(status, body))
}

fn unknown(call: &Call<'_>) -> Answer {
    let message =
        format!("The resource type could not be found for the path '{}'.", call.asked.path);
    Answer::refused(404, "InvalidResourceType", message)
}

fn wrong_method(call: &Call<'_>) -> Answer {
    let message = format!("The method '{}' is not allowed on this resource.", call.asked.method);
    Answer::refused(405, "MethodNotAllowed", message)
}
