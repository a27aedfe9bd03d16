//! What locks and deny assignments mean for a pull.

use std::collections::BTreeSet;

use crate::cli::findings::{Finding, good, note, wrong};
use crate::model::{Denial, Forbids, Lock, LockLevel, PrincipalId, Registry};

/// What deny assignments take from an identity that is in these groups
pub(super) fn of_denials(
    denials: Option<&[Denial]>,
    (principal, groups): (PrincipalId, &BTreeSet<PrincipalId>),
    registry: &Registry,
) -> Vec<Finding> {
    let Some(denials) = denials else {
        return vec![note(
            "whether a deny assignment forbids it is not known: that takes Reader on the registry",
        )];
    };
    let finding = |denial: &Denial| {
        let what = format!("deny assignment `{}` at {}", denial.name, denial.scope);
        match denial.forbids(principal, groups, registry) {
            Forbids::Yes => Some(wrong(
                format!("{what} forbids it to pull"),
                "no role helps against that: change the deployment stack or the managed application that made it",
            )),
            Forbids::Perhaps => Some(wrong(
                format!("{what} may forbid it to pull"),
                format!(
                    "see whom it denies what: `az rest --url '{}?api-version=2022-04-01'`",
                    denial.id
                ),
            )),
            Forbids::No => None,
        }
    };
    let findings: Vec<_> = denials.iter().filter_map(finding).collect();
    if findings.is_empty() { vec![good("no deny assignment forbids it")] } else { findings }
}

/// A lock stops no pull, but whoever assigns or takes away what a pull needs.
pub(super) fn of_locks(locks: Option<&[Lock]>) -> Vec<Finding> {
    let Some(locks) = locks else {
        return vec![note(
            "whether a lock stops role assignments is not known: that takes Reader on the subscription",
        )];
    };
    let finding = |Lock { name, scope, level }: &Lock| {
        let what = match level {
            LockLevel::ReadOnly => "roles can be neither assigned nor taken away there",
            LockLevel::CannotDelete => "roles can be assigned there, and not taken away",
            LockLevel::Other(_) => "roles may not be assigned or taken away there",
        };
        note(format!("lock `{name}` at {scope}: {what} as long as it stands"))
    };
    locks.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{Denied, Permission, RegistryMode, Tags};

    const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";
    const ME: PrincipalId = PrincipalId(Uuid::from_u128(1));
    const GROUP: PrincipalId = PrincipalId(Uuid::from_u128(2));
    const OTHER: PrincipalId = PrincipalId(Uuid::from_u128(3));

    fn registry() -> Registry {
        let id = format!(
            "{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acr1"
        );
        Registry {
            id: id.parse().unwrap(),
            login_server: "acr1.azurecr.io".into(),
            tags: Tags::default(),
            location: String::new(),
            tenant: None,
            mode: RegistryMode::Legacy,
        }
    }

    /// Whether all is fine, and all of these words are said
    #[track_caller]
    fn check(findings: &[Finding], is_fine: bool, words: &[&str]) {
        let shown: Vec<String> = findings.iter().map(Finding::show).collect();
        let shown = shown.join("\n");
        assert_eq!(findings.iter().all(Finding::is_fine), is_fine, "{shown}");
        for word in words {
            assert!(shown.contains(word), "`{word}` is not in:\n{shown}");
        }
    }

    #[test]
    fn a_deny_assignment_wins_over_every_role() {
        let of = |id, group| {
            let denial = Denial {
                id: "/d".into(),
                name: "stack".into(),
                scope: SUBSCRIPTION.into(),
                there_only: false,
                conditional: false,
                principals: vec![Denied { id, group }],
                spared: Vec::new(),
                permissions: vec![Permission {
                    actions: vec!["*".into()],
                    ..Permission::default()
                }],
            };
            of_denials(Some(&[denial]), (ME, &BTreeSet::from([GROUP])), &registry())
        };
        check(&of(ME, false), false, &["`stack` at /subscriptions/1", "forbids it to pull"]);
        check(&of(GROUP, true), false, &["forbids it to pull"]);
        let perhaps = ["may forbid it to pull", "az rest --url '/d?api-version=2022-04-01'"];
        check(&of(OTHER, true), false, &perhaps);
        check(&of(OTHER, false), true, &["no deny assignment forbids it"]);
        let unread = of_denials(None, (ME, &BTreeSet::new()), &registry());
        check(&unread, true, &["whether a deny assignment forbids it is not known"]);
    }

    #[test]
    fn a_lock_stops_no_pull_and_is_told() {
        let locked = |level| {
            let lock = Lock { name: "keep".into(), scope: "/subscriptions/s".into(), level };
            of_locks(Some(&[lock]))
        };
        let here = "lock `keep` at /subscriptions/s: roles can be";
        check(&locked(LockLevel::ReadOnly), true, &[here, "neither assigned nor taken away"]);
        check(&locked(LockLevel::CannotDelete), true, &[here, "and not taken away"]);
        check(&locked(LockLevel::Other("x".into())), true, &["may not be assigned"]);
        check(&of_locks(None), true, &["whether a lock stops role assignments is not known"]);
        assert_eq!(of_locks(Some(&[])), []);
    }
}
