//! What locks and deny assignments mean for a pull.

use std::collections::BTreeSet;

use crate::azure::Listed;
use crate::cli::findings::{Finding, good, note, wrong};
use crate::model::{Denial, Forbids, Lock, LockLevel, PrincipalId, Registry};

/// What deny assignments take from an identity that is in these groups
pub(super) fn of_denials(
    denials: Option<&Listed<Denial>>,
    (principal, groups): (PrincipalId, &BTreeSet<PrincipalId>),
    registry: &Registry,
) -> Vec<Finding> {
    let Some(Listed { items, problems }) = denials else {
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
    let mut findings: Vec<_> = items.iter().filter_map(finding).collect();
    if !problems.is_empty() {
        let count = problems.len();
        findings.push(note(format!(
            "{count} deny assignment(s) could not be understood: whether one of them forbids it is not known"
        )));
    } else if findings.is_empty() {
        findings.push(good("no deny assignment forbids it"));
    }
    findings
}

/// A lock stops no pull, but whoever assigns or takes away what a pull needs.
pub(super) fn of_locks(locks: Option<&Listed<Lock>>) -> Vec<Finding> {
    let Some(Listed { items, problems }) = locks else {
        return vec![note(
            "whether a lock stops role assignments is not known: that takes Reader on the subscription",
        )];
    };
    let finding = |Lock { name, scope, level }: &Lock| {
        let what = match level {
            LockLevel::ReadOnly => "roles can be neither assigned nor taken away there",
            LockLevel::CannotDelete => "roles can be assigned there, and not taken away",
            LockLevel::Other(_) => "whether roles can be assigned or taken away there is not known",
        };
        note(format!("lock `{name}` at {scope}: {what} as long as it stands"))
    };
    let unknown = (!problems.is_empty()).then(|| {
        let count = problems.len();
        note(format!(
            "{count} lock(s) of the subscription could not be understood: whether one of them stops role assignments is not known"
        ))
    });
    items.iter().map(finding).chain(unknown).collect()
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

    /// A list of these, in which so many more could not be understood
    fn list<T>(items: Vec<T>, others: usize) -> Listed<T> {
        Listed { items, problems: vec!["odd".to_owned(); others] }
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

    /// Everything that a registry in legacy mode asks for is denied to this one
    fn denial(id: PrincipalId, group: bool) -> Denial {
        Denial {
            id: "/d".into(),
            name: "stack".into(),
            scope: SUBSCRIPTION.into(),
            there_only: false,
            conditional: false,
            principals: vec![Denied { id, group }],
            spared: Vec::new(),
            permissions: vec![Permission { actions: vec!["*".into()], ..Permission::default() }],
        }
    }

    #[test]
    fn a_deny_assignment_wins_over_every_role() {
        let of = |id, group| {
            let denials = list(vec![denial(id, group)], 0);
            of_denials(Some(&denials), (ME, &BTreeSet::from([GROUP])), &registry())
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
    fn what_is_not_understood_hides_nothing_and_is_no_matter_of_rights() {
        let of = |denials: &Listed<Denial>| {
            of_denials(Some(denials), (ME, &BTreeSet::new()), &registry())
        };
        let odd = "note   2 deny assignment(s) could not be understood";
        check(&of(&list(vec![denial(ME, false)], 2)), false, &["forbids it to pull", odd]);
        let none_known = of(&list(vec![denial(OTHER, false)], 2));
        check(&none_known, true, &[odd]);
        assert_eq!(none_known.len(), 1, "{none_known:?}");
        let lock = Lock { name: "keep".into(), scope: "/s".into(), level: LockLevel::CannotDelete };
        let locks = of_locks(Some(&list(vec![lock], 1)));
        check(&locks, true, &["lock `keep` at /s", "1 lock(s) of the subscription could not be"]);
    }

    #[test]
    fn a_lock_stops_no_pull_and_is_told() {
        let locked = |level| {
            let lock = Lock { name: "keep".into(), scope: "/subscriptions/s".into(), level };
            of_locks(Some(&list(vec![lock], 0)))
        };
        let here = "lock `keep` at /subscriptions/s: ";
        check(&locked(LockLevel::ReadOnly), true, &[here, "roles can be neither assigned"]);
        check(&locked(LockLevel::CannotDelete), true, &[here, "and not taken away"]);
        check(&locked(LockLevel::Other("x".into())), true, &[here, "is not known as long as"]);
        check(&of_locks(None), true, &["whether a lock stops role assignments is not known"]);
        assert_eq!(of_locks(Some(&list(Vec::new(), 0))), []);
    }
}
