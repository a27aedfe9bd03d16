//! Subscriptions: reading them, and the refusal for those that do not exist.
//!
//! They are given at the start; nobody can make or cancel one.

use serde_json::{Value, json};

use super::answer::{Answer, Answered};
use super::options::Subscription;
use super::paging::page;
use super::routes::Call;
use super::world::World;

/// Those that the caller can read
pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    let readable = |id: &&String| call.caller.subscriptions.contains(*id);
    let keys = world.subscriptions.keys().filter(readable);
    let shown = keys.filter_map(|id| Some(shown(world, world.subscriptions.get(id)?)));
    page(world, call.asked, shown.collect())
}

/// One of them
pub(super) fn get(world: &World, call: &Call<'_>, id: &str) -> Answered {
    let subscription = world.subscription(id)?;
    let scope = format!("/subscriptions/{id}");
    world.authorize(call.caller, "Microsoft.Resources/subscriptions/read", &scope)?;
    Ok(Answer::json(200, shown(world, subscription)))
}

impl World {
    /// The subscription with this id in lower case, or ARM's refusal
    pub(super) fn subscription(&self, id: &str) -> Result<&Subscription, Answer> {
        self.subscriptions.get(id).ok_or_else(|| {
            let message = format!("The subscription '{id}' could not be found.");
            Answer::refused(404, "SubscriptionNotFound", message)
        })
    }
}

fn shown(world: &World, subscription: &Subscription) -> Value {
    json!({
        "id": format!("/subscriptions/{}", subscription.id),
        "authorizationSource": "RoleBased",
        "subscriptionId": subscription.id,
        "tenantId": world.options.tenant,
        "displayName": subscription.name,
        "state": "Enabled",
    })
}
