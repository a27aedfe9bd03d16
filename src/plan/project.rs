//! The world after a plan: what the next observation would find.

use super::Plan;
use crate::model::{Grant, Inventory};

/// The inventory as it is once every change of the plan has been made
pub fn project(inventory: &Inventory, plan: &Plan) -> Inventory {
    let mut after = inventory.clone();
    for attach in &plan.attach {
        let registry = &attach.grant.registry;
        after.add_grant(Grant {
            id: format!(
                "{}/providers/Microsoft.Authorization/roleAssignments/{}",
                registry.as_str(),
                attach.name
            ),
            name: attach.name.0,
            key: attach.grant.clone(),
            conditional: false,
            description: attach.description.clone(),
            updated_on: None,
        });
    }
    for change in &plan.marks {
        let ours = |grant: &&mut Grant| grant.name == change.name.0 && grant.key == change.grant;
        for grant in after.grants.values_mut().filter(ours) {
            grant.description.clone_from(&change.description);
            grant.updated_on = None;
        }
    }
    for detach in &plan.detach {
        after.grants.retain(|_, grant| grant.name != detach.name.0 || grant.key != detach.grant);
    }
    after
}
