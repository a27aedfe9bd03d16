//! What the app's identity may do in each subscription of the estate: all that it needs, and nothing
//! that could hand out another role.

use std::collections::{BTreeMap, BTreeSet};

use super::app::Stated;
use super::extras;
use crate::azure::{AppId, ArmError, HeldRole, Installed, RoleDefinition};
use crate::cli::findings::{Finding, good, note, unseen, wrong};
use crate::model::{SubscriptionId, action_fits};

/// What is read
const READS: [&str; 5] = [
    "Microsoft.ContainerService/managedClusters/read",
    "Microsoft.ContainerRegistry/registries/read",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.ResourceGraph/resources/read",
];

/// What is written, under the condition
const WRITES: [&str; 2] = [
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleAssignments/delete",
];

/// What limits it to the two pull roles
const CONDITION: &str = include_str!("../../../infra/condition.txt");

/// Roles that an identity has, and what they allow
#[derive(Clone, Debug, Default)]
pub(super) struct Roles {
    pub(super) held: Vec<HeldRole>,
    definitions: BTreeMap<String, RoleDefinition>,
}

impl Roles {
    /// Everything that the identity has in a subscription
    async fn read(
        installed: &Installed,
        subscription: SubscriptionId,
        stated: &Stated,
    ) -> Result<Self, ArmError> {
        let Some(principal) = stated.principal else { return Ok(Self::default()) };
        let held = installed.roles_of(subscription, principal).await?;
        let mut definitions = BTreeMap::new();
        for HeldRole { role, .. } in &held {
            if !definitions.contains_key(role)
                && let Some(definition) = installed.role(role).await?
            {
                definitions.insert(role.clone(), definition);
            }
        }
        Ok(Self { held, definitions })
    }

    pub(super) fn definition(&self, held: &HeldRole) -> Option<&RoleDefinition> {
        self.definitions.get(&held.role)
    }

    fn allowing<'a>(&'a self, action: &'a str) -> impl Iterator<Item = &'a HeldRole> {
        let allows = |one: &RoleDefinition| one.allows(action);
        self.held.iter().filter(move |role| self.definition(role).is_some_and(allows))
    }
}

impl RoleDefinition {
    fn allows(&self, action: &str) -> bool {
        let is_among = |patterns: &[String]| patterns.iter().any(|one| action_fits(one, action));
        self.permissions.iter().any(|(yes, no)| is_among(yes) && !is_among(no))
    }
}

/// Whether tether needs an action
pub(super) fn is_needed(action: &str) -> bool {
    READS.iter().chain(&WRITES).any(|needed| needed.eq_ignore_ascii_case(action))
}

/// Whether a scope is a subscription or stands above it
fn covers(scope: &str, subscription: SubscriptionId) -> bool {
    let scope = scope.trim_end_matches('/');
    scope.is_empty()
        || scope.eq_ignore_ascii_case(&format!("/subscriptions/{subscription}"))
        || scope.to_lowercase().starts_with("/providers/microsoft.management/managementgroups/")
}

/// Conditions that differ only in spaces and letter case are the same.
fn is_same_condition(one: &str, other: &str) -> bool {
    let bare =
        |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    bare(one) == bare(other)
}

/// Looks at every subscription of the estate. The roles are those in the app's own subscription, for
/// whoever looks at the queues.
pub(super) async fn check(
    installed: &Installed,
    id: &AppId,
    stated: &Stated,
) -> (Roles, Vec<Finding>) {
    let mut findings = Vec::new();
    for subscription in &stated.subscriptions {
        let what = format!("what it may do in subscription {subscription}");
        match Roles::read(installed, *subscription, stated).await {
            Ok(roles) => findings.extend(judge(*subscription, &roles)),
            Err(error) => findings.push(unseen(&what, &error)),
        }
    }
    let own = Roles::read(installed, id.subscription(), stated).await;
    let own = own.unwrap_or_else(|error| {
        findings.push(unseen("what it may do in the subscription of the app", &error));
        Roles::default()
    });
    if !stated.subscriptions.is_empty() && !stated.subscriptions.contains(&id.subscription()) {
        findings.extend(outside(id.subscription(), &own));
        findings.extend(extras::judge(&own));
    }
    // What stands above several subscriptions was found in each.
    let mut told = BTreeSet::new();
    findings.retain(|finding| told.insert(finding.show()));
    (own, findings)
}

fn judge(subscription: SubscriptionId, roles: &Roles) -> Vec<Finding> {
    let is_lacking =
        |action: &&&str| !roles.allowing(action).any(|role| covers(&role.scope, subscription));
    let lacking: Vec<_> = READS.iter().filter(is_lacking).copied().collect();
    let mut findings = vec![if lacking.is_empty() {
        good(format!("it reads clusters, registries and role assignments in {subscription}"))
    } else {
        wrong(
            format!("it may not read all it needs in {subscription}: {}", lacking.join(", ")),
            "name the subscription in `subscriptions` and deploy infra/main.bicep again; new roles take minutes to hold",
        )
    }];
    findings.extend(writes(subscription, roles));
    findings.extend(extras::judge(roles));
    findings
}

/// Where it may write role assignments, and which
fn writes(subscription: SubscriptionId, roles: &Roles) -> Vec<Finding> {
    let mut writers: Vec<&HeldRole> = WRITES.iter().flat_map(|one| roles.allowing(one)).collect();
    writers.sort_by(|one, other| (&one.scope, &one.role).cmp(&(&other.scope, &other.role)));
    writers.dedup();
    if writers.is_empty() {
        return vec![note(format!(
            "it writes no role assignment in {subscription}: right for mode `observe` only"
        ))];
    }
    let is_wide = |role: &&HeldRole| covers(&role.scope, subscription);
    let has_narrow = writers.iter().any(|role| !is_wide(role));
    let left_over = writers.iter().filter(|role| has_narrow && is_wide(role)).map(|role| {
        wrong(
            format!("beside its right in single groups it may assign roles at {}, too", role.scope),
            "a deployment takes no right away: if groups are meant, remove that assignment, infra/README.md says how",
        )
    });
    writers.iter().map(|role| condition_of(role)).chain(left_over).collect()
}

fn condition_of(HeldRole { scope, condition, .. }: &HeldRole) -> Finding {
    match condition {
        Some(condition) if is_same_condition(condition, CONDITION) => {
            good(format!("it assigns the two pull roles, and no other, at {scope}"))
        }
        Some(_) => wrong(
            format!("the condition on its right to assign roles at {scope} is not ours"),
            "compare it with infra/condition.txt; deploying infra/main.bicep again puts ours back",
        ),
        None => wrong(
            format!("it may assign any role to anyone at {scope}: there is no condition"),
            "remove that role assignment and deploy infra/main.bicep again",
        ),
    }
}

/// What is left in the app's own subscription once that is no part of the estate
fn outside(subscription: SubscriptionId, roles: &Roles) -> Vec<Finding> {
    let writers = roles
        .held
        .iter()
        .filter(|role| WRITES.iter().any(|one| roles.allowing(one).any(|writer| writer == *role)));
    writers
        .map(|HeldRole { scope, .. }| {
            wrong(
                format!("it may assign roles at {scope}, and {subscription} is not of the estate"),
                "a deployment takes no right away: remove that assignment, infra/README.md says how",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    const SUB: &str = "11111111-1111-4111-8111-111111111111";

    fn subscription() -> SubscriptionId {
        SUB.parse().unwrap()
    }

    #[test]
    fn the_condition_names_the_roles_that_tether_hands_out_and_no_other() {
        let found: Vec<&str> = CONDITION
            .split('{')
            .filter(|part| part.starts_with(|c: char| c.is_ascii_hexdigit()))
            .collect();
        assert_eq!(found.len(), 2);
        let roles = Role::ALL.map(|role| role.guid().to_string()).join(", ");
        for list in found {
            assert_eq!(list.split('}').next(), Some(roles.as_str()));
        }
    }

    #[test]
    fn a_condition_is_known_however_it_is_laid_out() {
        let one_line = CONDITION.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(is_same_condition(&one_line, CONDITION));
        assert!(!is_same_condition(&one_line.replace("write", "delete"), CONDITION));
    }

    /// What is found for one role at this scope
    fn findings(scope: &str, actions: &[&str], condition: Option<&str>) -> Vec<String> {
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        let definition = RoleDefinition {
            name: "some role".into(),
            permissions: vec![(actions, vec![])],
            data: vec![],
        };
        let held = HeldRole {
            role: "r".into(),
            scope: scope.into(),
            condition: condition.map(str::to_owned),
        };
        let roles =
            Roles { held: vec![held], definitions: BTreeMap::from([("r".into(), definition)]) };
        judge(subscription(), &roles).iter().map(Finding::show).collect()
    }

    #[track_caller]
    fn check(found: &[String], expected: &[&str]) {
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found} does not say {expected}");
        }
    }

    #[test]
    fn reading_counts_from_the_subscription_upwards() {
        for scope in [
            &format!("/subscriptions/{SUB}"),
            "/",
            "/providers/Microsoft.Management/managementGroups/all",
        ] {
            check(&findings(scope, &READS, None), &["ok     it reads", "note   it writes no"]);
        }
        let group = format!("/subscriptions/{SUB}/resourceGroups/g");
        check(&findings(&group, &READS, None), &["WRONG  it may not read", "note"]);
    }

    #[test]
    fn writing_needs_our_condition() {
        let scope = format!("/subscriptions/{SUB}/resourceGroups/g");
        let check = |condition, expected| {
            check(&findings(&scope, &WRITES, condition), &["WRONG", expected]);
        };
        check(Some(CONDITION), "ok     it assigns the two pull roles");
        check(None, "WRONG  it may assign any role");
        check(Some("(!(ActionMatches{'x'}))"), "WRONG  the condition");
    }

    #[test]
    fn a_right_that_a_narrower_one_was_to_replace_is_found() {
        let group = format!("/subscriptions/{SUB}/resourceGroups/g");
        let held = [group, format!("/subscriptions/{SUB}")].map(|scope| HeldRole {
            role: "w".into(),
            scope,
            condition: Some(CONDITION.into()),
        });
        let actions = WRITES.map(str::to_owned).to_vec();
        let writer =
            RoleDefinition { name: "w".into(), permissions: vec![(actions, vec![])], data: vec![] };
        let roles =
            Roles { held: held.to_vec(), definitions: BTreeMap::from([("w".into(), writer)]) };
        let found: Vec<_> = writes(subscription(), &roles).iter().map(Finding::show).collect();
        check(&found, &["at /subscriptions/", "resourceGroups/g", "WRONG  beside its right"]);
        let found: Vec<_> = outside(subscription(), &roles).iter().map(Finding::show).collect();
        check(&found, &["not of the estate", "not of the estate"]);
    }

    #[test]
    fn a_wide_role_is_noted() {
        let scope = format!("/subscriptions/{SUB}");
        let wide = ["*/read", WRITES[0], WRITES[1], "Microsoft.Support/*"];
        check(
            &findings(&scope, &wide, Some(CONDITION)),
            &["ok     it reads", "ok     it assigns", "note   the role `some role`"],
        );
    }
}
