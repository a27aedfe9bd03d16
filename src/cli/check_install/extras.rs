//! Roles of the app's identity that tether does not need: whoever steers tether steers those, too.

use super::rights::{Roles, is_needed};
use crate::azure::{HeldRole, RoleDefinition};
use crate::cli::findings::{Finding, note, wrong};

/// Built-in roles for its own queues, storage and log, each at one resource or below it
const OWN: [&str; 5] = [
    "090c5cfd-751d-490a-894a-3ce6f1109419", // Azure Service Bus Data Owner
    "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0", // Azure Service Bus Data Receiver
    "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39", // Azure Service Bus Data Sender
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", // Storage Blob Data Owner
    "3913510d-42f4-4e42-8a64-420c390055eb", // Monitoring Metrics Publisher
];

const HELP: &str = "its roles are in infra/README.md; whoever can steer tether can use this one, so remove it, and give other programs an identity of their own";

/// What is not in the table of `infra/README.md`, at whatever scope
pub(super) fn judge(roles: &Roles) -> Vec<Finding> {
    roles.held.iter().filter_map(|role| one(role, roles.definition(role))).collect()
}

fn one(held: &HeldRole, definition: Option<&RoleDefinition>) -> Option<Finding> {
    let HeldRole { role, scope, .. } = held;
    let id = role.to_lowercase();
    if OWN.iter().any(|own| id.ends_with(own)) {
        let name = definition.map_or(role, |definition| &definition.name);
        let text = format!("the role `{name}` at {scope} reaches further than one resource");
        return (!is_resource(scope)).then(|| wrong(text, HELP));
    }
    let Some(RoleDefinition { name, permissions, data }) = definition else {
        return Some(note(format!("what the role {role} at {scope} allows could not be seen")));
    };
    let mut actions = permissions.iter().flat_map(|(yes, _)| yes).chain(data).peekable();
    if actions.peek().is_none() {
        return Some(note(format!("the role `{name}` at {scope} is none of tether's")));
    }
    let more: Vec<_> = actions.filter(|action| !is_needed(action)).collect();
    if more.iter().any(|action| changes(action)) {
        let text = format!("the role `{name}` at {scope} allows changes that tether never makes");
        return Some(wrong(text, HELP));
    }
    let text = format!("the role `{name}` at {scope} allows more than tether needs");
    (!more.is_empty()).then(|| note(text))
}

/// Whether more than reading is allowed. To open a support request changes nothing.
fn changes(action: &str) -> bool {
    let action = action.to_lowercase();
    !action.ends_with("/read") && !action.starts_with("microsoft.support/")
}

/// Whether a scope is one resource, or a part of one
fn is_resource(scope: &str) -> bool {
    let scope = scope.to_lowercase();
    scope.split_once("/resourcegroups/").is_some_and(|(_, rest)| rest.contains("/providers/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/s/resourceGroups/g";

    /// What is said of a role with these actions, those with data after `data `
    #[track_caller]
    fn check(role: &str, scope: &str, actions: &[&str], expected: Option<&str>) {
        let data = actions.iter().filter_map(|one| one.strip_prefix("data "));
        let actions = actions.iter().filter(|one| !one.starts_with("data "));
        let definition = RoleDefinition {
            name: "some role".into(),
            permissions: vec![(actions.map(|one| (*one).to_owned()).collect(), vec![])],
            data: data.map(str::to_owned).collect(),
        };
        let held = HeldRole { role: role.into(), scope: scope.into(), condition: None };
        let found = one(&held, Some(&definition)).map(|finding| finding.show());
        match (&found, expected) {
            (None, None) => {}
            (Some(found), Some(expected)) => assert!(found.contains(expected), "{found}"),
            _ => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn what_tether_needs_is_not_told_of() {
        check("r", GROUP, &["Microsoft.Authorization/roleAssignments/write"], None);
        let queue = format!("{GROUP}/providers/Microsoft.ServiceBus/namespaces/n/queues/commands");
        check(&format!("/x/{}", OWN[1].to_uppercase()), &queue, &["data x/receive/action"], None);
    }

    #[test]
    fn what_only_reads_is_noted() {
        check("r", GROUP, &["*/read"], Some("note   the role `some role` at /subs"));
        check("r", GROUP, &["*/read", "Microsoft.Support/*"], Some("note   the role"));
        check("r", GROUP, &["data Microsoft.Storage/x/blobs/read"], Some("note   the role"));
        check("r", GROUP, &[], Some("none of tether's"));
    }

    #[test]
    fn what_changes_things_is_wrong_in_a_group_too() {
        check("r", GROUP, &["*"], Some("WRONG  the role `some role`"));
        check("r", GROUP, &["Microsoft.Authorization/*"], Some("WRONG  the role"));
        check("r", GROUP, &["data Microsoft.KeyVault/x/getSecret/action"], Some("WRONG  the role"));
        check(OWN[0], GROUP, &[], Some("WRONG  the role `some role` at /subscriptions/s/res"));
        check(OWN[3], "/subscriptions/s", &[], Some("reaches further than one resource"));
    }

    #[test]
    fn a_role_that_cannot_be_seen_is_told_of() {
        let held = HeldRole { role: "r".into(), scope: GROUP.into(), condition: None };
        assert!(one(&held, None).unwrap().show().contains("could not be seen"));
    }
}
