//! What stands in the way at a registry, whatever roles are assigned: locks, which bind whoever would
//! assign a role, and deny assignments, which take from an identity what its roles give.
//!
//! Only looked at to say why something does not work. Nothing is decided on what stands here.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{PrincipalId, Registry, RegistryId, RegistryMode};

/// Who a deny assignment names when it names everyone
const EVERYONE: PrincipalId = PrincipalId(Uuid::nil());

/// What registries in legacy mode ask for when someone pulls
const PULL: &str = "Microsoft.ContainerRegistry/registries/pull/read";

/// What registries in ABAC mode ask for: a data action
const READ_CONTENT: &str = "Microsoft.ContainerRegistry/registries/repositories/content/read";

/// A lock of Resource Manager's
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Its name
    pub name: String,
    /// What is locked, with all that is below
    pub scope: String,
    /// What it forbids
    pub level: LockLevel,
}

/// What a lock forbids
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockLevel {
    /// To write and to delete
    ReadOnly,
    /// To delete
    CannotDelete,
    /// Something else, as Azure spells it
    Other(String),
}

/// A deny assignment
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Its resource id
    pub id: String,
    /// The name that people see
    pub name: String,
    /// What it is about
    pub scope: String,
    /// Whether it is about that alone, and nothing below
    pub there_only: bool,
    /// Whether a condition narrows it, or anything that it denies
    pub conditional: bool,
    /// Whom it names; a group among them stands for its members
    pub principals: Vec<Denied>,
    /// Whom it spares
    pub spared: Vec<Denied>,
    /// What it denies
    pub permissions: Vec<Permission>,
}

/// Someone whom a deny assignment names
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Who
    pub id: PrincipalId,
    /// Whether that is a group, or may be one
    pub group: bool,
}

/// A set of actions, as patterns with stars in them
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// Actions on the resource
    pub actions: Vec<String>,
    /// Those of them that are left out
    pub not_actions: Vec<String>,
    /// Actions on what the resource holds
    pub data_actions: Vec<String>,
    /// Those of them that are left out
    pub not_data_actions: Vec<String>,
}

/// Whether a deny assignment forbids a pull
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbids {
    /// It does
    Yes,
    /// It may: who is in a group is not known, nor what a condition or an unknown mode comes to
    Perhaps,
    /// It does not
    No,
}

impl Lock {
    /// Whether it binds whoever assigns roles at a registry
    pub fn binds(&self, registry: &RegistryId) -> bool {
        is_at_or_above(&self.scope, registry)
    }
}

impl Denial {
    /// Whether it forbids an identity, known to be in these groups, to pull from a registry. What is
    /// not known is never a no.
    pub fn forbids(
        &self,
        identity: PrincipalId,
        groups: &BTreeSet<PrincipalId>,
        registry: &Registry,
    ) -> Forbids {
        let is_here = self.scope.trim_end_matches('/').to_lowercase() == registry.id.key();
        if !is_at_or_above(&self.scope, &registry.id) || self.there_only && !is_here {
            return Forbids::No;
        }
        let is_among = |list: &[Denied], everyone: bool| {
            let named = list.iter().any(|one| {
                one.id == identity || groups.contains(&one.id) || everyone && one.id == EVERYONE
            });
            let perhaps = list.iter().any(|one| one.group);
            if named {
                Forbids::Yes
            } else if perhaps {
                Forbids::Perhaps
            } else {
                Forbids::No
            }
        };
        let mut permissions = self.permissions.iter();
        let (denies, is_sure) = match registry.mode {
            RegistryMode::Legacy => (permissions.any(|one| one.holds(PULL)), true),
            RegistryMode::Abac => (permissions.any(|one| one.holds_data(READ_CONTENT)), true),
            RegistryMode::Unread | RegistryMode::Other(_) => {
                (permissions.any(|one| one.holds(PULL) || one.holds_data(READ_CONTENT)), false)
            }
        };
        match (denies, is_among(&self.principals, true), is_among(&self.spared, false)) {
            (false, ..) | (_, Forbids::No, _) | (_, _, Forbids::Yes) => Forbids::No,
            (true, Forbids::Yes, Forbids::No) if is_sure && !self.conditional => Forbids::Yes,
            (true, ..) => Forbids::Perhaps,
        }
    }
}

impl Permission {
    /// Whether an action on the resource is among its own
    pub fn holds(&self, action: &str) -> bool {
        fits_any(&self.actions, action) && !fits_any(&self.not_actions, action)
    }

    /// The same for a data action
    pub fn holds_data(&self, action: &str) -> bool {
        fits_any(&self.data_actions, action) && !fits_any(&self.not_data_actions, action)
    }
}

fn fits_any(patterns: &[String], action: &str) -> bool {
    patterns.iter().any(|pattern| action_fits(pattern, action))
}

/// Whether an action fits a pattern with stars in it. Letter case makes no difference.
pub fn action_fits(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| action.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether a scope is a registry or stands above it. Every management group that Azure tells of with a
/// registry stands above it.
fn is_at_or_above(scope: &str, registry: &RegistryId) -> bool {
    let scope = scope.trim_end_matches('/').to_lowercase();
    let rest = registry.key().strip_prefix(&scope);
    scope.starts_with("/providers/microsoft.management/")
        || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tags;

    const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";
    const ME: PrincipalId = PrincipalId(Uuid::from_u128(1));
    const OTHER: PrincipalId = PrincipalId(Uuid::from_u128(2));

    fn registry(mode: RegistryMode) -> Registry {
        let id = format!(
            "{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acr1"
        );
        Registry {
            id: id.parse().unwrap(),
            login_server: String::new(),
            tags: Tags::default(),
            location: String::new(),
            tenant: None,
            mode,
        }
    }

    fn one(id: PrincipalId) -> Denied {
        Denied { id, group: false }
    }

    /// Everything is denied to everyone in the subscription
    fn everything() -> Denial {
        let all = vec!["*".to_owned()];
        let permission =
            Permission { actions: all.clone(), data_actions: all, ..Permission::default() };
        Denial {
            id: "/all".into(),
            name: "all".into(),
            scope: SUBSCRIPTION.into(),
            there_only: false,
            conditional: false,
            principals: vec![one(EVERYONE)],
            spared: Vec::new(),
            permissions: vec![permission],
        }
    }

    #[track_caller]
    fn check(denial: &Denial, groups: &[PrincipalId], expected: Forbids) {
        let groups = groups.iter().copied().collect();
        for mode in [RegistryMode::Legacy, RegistryMode::Abac] {
            assert_eq!(denial.forbids(ME, &groups, &registry(mode)), expected, "{denial:?}");
        }
    }

    #[test]
    fn whom_it_names_or_everyone_but_not_whom_it_spares() {
        check(&everything(), &[], Forbids::Yes);
        let names = |principals: &[PrincipalId]| {
            let principals = principals.iter().copied().map(one).collect();
            Denial { principals, ..everything() }
        };
        check(&names(&[ME]), &[], Forbids::Yes);
        check(&names(&[OTHER]), &[], Forbids::No);
        check(&names(&[OTHER]), &[OTHER], Forbids::Yes);
        check(&names(&[]), &[], Forbids::No);
        let spares = |id| Denial { spared: vec![one(id)], ..everything() };
        check(&spares(ME), &[], Forbids::No);
        check(&spares(OTHER), &[], Forbids::Yes);
        check(&spares(OTHER), &[OTHER], Forbids::No);
    }

    #[test]
    fn what_is_not_known_may_forbid() {
        let group = vec![Denied { id: OTHER, group: true }];
        check(&Denial { principals: group.clone(), ..everything() }, &[], Forbids::Perhaps);
        check(&Denial { spared: group, ..everything() }, &[], Forbids::Perhaps);
        check(&Denial { conditional: true, ..everything() }, &[], Forbids::Perhaps);
        let unknown = registry(RegistryMode::Unread);
        assert_eq!(everything().forbids(ME, &BTreeSet::new(), &unknown), Forbids::Perhaps);
        let nothing = Denial { permissions: Vec::new(), ..everything() };
        assert_eq!(nothing.forbids(ME, &BTreeSet::new(), &unknown), Forbids::No);
    }

    #[test]
    fn whom_it_does_not_name_it_forbids_nothing_whatever_the_mode() {
        let unknown = registry(RegistryMode::Other("New".to_owned()));
        let forbids = |denial: &Denial| denial.forbids(ME, &BTreeSet::new(), &unknown);
        let names = |id| Denial { principals: vec![one(id)], ..everything() };
        assert_eq!(forbids(&names(ME)), Forbids::Perhaps);
        assert_eq!(forbids(&names(OTHER)), Forbids::No);
        assert_eq!(forbids(&Denial { spared: vec![one(ME)], ..everything() }), Forbids::No);
    }

    #[test]
    fn only_where_it_stands_and_below() {
        let at = |scope: &str, there_only| Denial {
            scope: scope.to_owned(),
            there_only,
            ..everything()
        };
        let own = registry(RegistryMode::Legacy).id.to_string();
        check(&at(&own.to_uppercase(), true), &[], Forbids::Yes);
        check(&at(SUBSCRIPTION, true), &[], Forbids::No);
        check(&at("/", false), &[], Forbids::Yes);
        check(&at("/providers/Microsoft.Management/managementGroups/m", false), &[], Forbids::Yes);
        check(&at(&format!("{SUBSCRIPTION}/resourceGroups/r"), false), &[], Forbids::No);
    }

    #[test]
    fn each_mode_asks_for_an_action_of_its_own() {
        let denies = |actions: &str, not: &str, mode| {
            let list = |text: &str| text.split_whitespace().map(str::to_owned).collect();
            let permission = match mode {
                RegistryMode::Abac => Permission {
                    data_actions: list(actions),
                    not_data_actions: list(not),
                    ..Permission::default()
                },
                RegistryMode::Legacy | RegistryMode::Unread | RegistryMode::Other(_) => {
                    Permission {
                        actions: list(actions),
                        not_actions: list(not),
                        ..Permission::default()
                    }
                }
            };
            let denial = Denial { permissions: vec![permission], ..everything() };
            denial.forbids(ME, &BTreeSet::new(), &registry(mode)) == Forbids::Yes
        };
        for (actions, not, legacy, abac) in [
            ("*/read", "", true, true),
            ("Microsoft.ContainerRegistry/registries/*", "", true, true),
            ("microsoft.containerregistry/registries/PULL/read", "", true, false),
            ("*", "*/pull/read", false, true),
            ("*", "*/content/read", true, false),
            ("*/write Microsoft.Compute/*", "", false, false),
            ("Microsoft.ContainerRegistry/*/re", "", false, false),
        ] {
            assert_eq!(denies(actions, not, RegistryMode::Legacy), legacy, "{actions} - {not}");
            assert_eq!(denies(actions, not, RegistryMode::Abac), abac, "{actions} - {not}");
        }
    }

    #[test]
    fn a_lock_binds_where_it_stands_and_below() {
        let id = registry(RegistryMode::Legacy).id;
        for (scope, binds) in [
            (SUBSCRIPTION.to_uppercase(), true),
            (format!("{SUBSCRIPTION}/resourcegroups/RG/"), true),
            (format!("{SUBSCRIPTION}/resourceGroups/r"), false),
            (format!("{id}/tokens/t"), false),
            (id.to_string(), true),
        ] {
            let lock = Lock { name: String::new(), scope, level: LockLevel::ReadOnly };
            assert_eq!(lock.binds(&id), binds, "{}", lock.scope);
        }
    }

    #[test]
    fn stars_stand_for_anything() {
        const WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
        #[track_caller]
        fn check(pattern: &str, action: &str, expected: bool) {
            assert_eq!(action_fits(pattern, action), expected, "{pattern} {action}");
        }
        check("*", PULL, true);
        check("*/read", PULL, true);
        check("*/read", WRITE, false);
        check("Microsoft.Authorization/*/write", WRITE, true);
        check("Microsoft.Authorization/*", WRITE, true);
        check("microsoft.authorization/ROLEASSIGNMENTS/write", WRITE, true);
        check("Microsoft.Authorization/roleAssignments", WRITE, false);
        check("Microsoft.Author*Assignments/*", WRITE, true);
        check("Microsoft.Author*Definitions/*", WRITE, false);
        check("", WRITE, false);
    }
}
