//! What the surroundings of a pair mean for a pull, each thing with what to do about it.

use time::{Duration, OffsetDateTime};

use super::barriers::{of_denials, of_locks};
use crate::cli::findings::{Finding, either, good, note, wrong};
use crate::model::{
    Access, CREDENTIALS_KEPT, Cluster, ClusterState, Door, Identity, PROPAGATION, PrincipalId,
    Pulls, Registry, RegistryMode, WHEN_IT_WORKS, WHEN_NODES_FOLLOW,
};
use crate::reconcile::Surroundings;

/// After so long neither Azure nor a node that failed before may still refuse what is assigned
const SETTLED: Duration = PROPAGATION.saturating_add(CREDENTIALS_KEPT);

/// Everything that matters, in the order in which a pull would meet it. `stated` is the object id that
/// the policy states for the cluster under `service_principals`.
pub(super) fn judge(
    seen: &Surroundings,
    stated: Option<PrincipalId>,
    now: OffsetDateTime,
) -> Vec<Finding> {
    let Surroundings { cluster, registry, door, access, locks, denials } = seen;
    let mut findings = of_cluster(cluster);
    findings.extend(of_former_identity(cluster, stated));
    if let Some((ours, its)) = cluster.tenant.zip(registry.tenant) {
        let apart = "the cluster and the registry live in different tenants";
        let help = "use a registry in the cluster's own tenant";
        findings.push(either(ours == its, "both live in one tenant", apart, help));
    }
    findings.push(of_mode(&registry.mode));
    if let Some(principal) = cluster.identity.principal() {
        match access {
            Some(access) => findings.extend(of_access(access, registry, *door, principal, now)),
            None => findings.push(wrong(
                "the role assignments at the registry may not be read",
                "whoever asks needs Reader on the registry",
            )),
        }
        let groups = access.iter().flatten().map(|one| one.principal);
        let groups = groups.filter(|id| *id != principal).collect();
        findings.extend(of_denials(denials.as_ref(), (principal, &groups), registry));
    }
    findings.extend(of_locks(locks.as_ref()));
    findings.extend(of_door(*door));
    findings
}

fn of_cluster(cluster: &Cluster) -> Vec<Finding> {
    let mut findings = Vec::new();
    if cluster.state == ClusterState::Deleting {
        findings.push(wrong("the cluster is being deleted", "nothing will pull there any more"));
    }
    findings.push(match &cluster.identity {
        Identity::Kubelet { principal, .. } => {
            good(format!("the cluster's nodes pull as identity {principal}"))
        }
        Identity::ServicePrincipal { object_id: Some(id), .. } => {
            good(format!("the cluster's nodes pull as service principal {id}"))
        }
        Identity::Pending => wrong(
            "the cluster has no kubelet identity yet",
            "wait until it is made; what its tags ask for follows by itself",
        ),
        Identity::ServicePrincipal { object_id: None, .. } => wrong(
            "the cluster's nodes pull as a service principal whose object id is not stated",
            "state it under `service_principals` in the policy, or move the cluster to a managed identity",
        ),
        Identity::Missing => wrong(
            "the cluster has no kubelet identity",
            "`az aks update --enable-managed-identity` gives it one",
        ),
    });
    if cluster.service_account_pull {
        findings.push(note(
            "service accounts pull with identities of their own: what is said here is about the nodes' identity only",
        ));
    }
    findings
}

/// What suggests that nodes still pull as an identity that the cluster had before. Resource Manager
/// tells the one that they will use, and no answer of Azure tells which nodes were reimaged since.
fn of_former_identity(cluster: &Cluster, stated: Option<PrincipalId>) -> Option<Finding> {
    // A cluster in the making has had no other identity, and one on its way out pulls nothing.
    let has_identity = matches!(cluster.identity, Identity::Kubelet { .. });
    if cluster.state != ClusterState::Settled || !has_identity {
        return None;
    }
    let sign = if let Some(id) = stated {
        format!("the policy still states service principal {id} for this cluster")
    } else if !cluster.is_succeeded {
        "Azure does not say `Succeeded` of the cluster and each of its agent pools".to_owned()
    } else {
        return None;
    };
    Some(note(format!("{sign}. {WHEN_NODES_FOLLOW} docs/identities.md says how to reimage a pool")))
}

fn of_mode(mode: &RegistryMode) -> Finding {
    match mode.pull_role() {
        Some(role) => good(format!("the registry honours {role}")),
        None => wrong(
            "the registry's role assignment mode is not known",
            "look at `roleAssignmentMode` of the registry; a newer version may know it",
        ),
    }
}

fn of_access(
    access: &[Access],
    registry: &Registry,
    door: Door,
    principal: PrincipalId,
    now: OffsetDateTime,
) -> Vec<Finding> {
    let which = |wanted| access.iter().filter(move |one| one.pulls(&registry.mode) == wanted);
    let mut findings: Vec<_> = which(Pulls::Yes)
        .map(|one| good(format!("{} lets it pull", told(one, principal))))
        .collect();
    if !findings.is_empty() {
        if which(Pulls::Yes).all(|one| one.principal != principal) {
            findings.push(note(
                "only through a group: a change of its members takes up to a day to reach the nodes",
            ));
        }
        findings.extend(of_age(which(Pulls::Yes), now));
        return findings;
    }
    let perhaps = which(Pulls::Perhaps).map(|one| {
        let what = told(one, principal);
        if one.conditional {
            let help = "see whether its condition covers the repositories that are pulled";
            wrong(format!("{what} lets it pull under a condition"), help)
        } else {
            wrong(format!("{what} may let it pull"), "see whether that role allows pulling here")
        }
    });
    findings.extend(perhaps);
    if !findings.is_empty() {
        return findings;
    }
    if door.anonymous_pull {
        return vec![note("it has no role that lets it pull, and needs none: see below")];
    }
    let useless = which(Pulls::No).filter(|one| one.pulls_somewhere());
    findings.extend(useless.map(|one| {
        note(format!(
            "{} is not honoured by the registry in its present mode",
            told(one, principal)
        ))
    }));
    findings.push(wrong(
        "nothing lets it pull: no role at the registry, above it or through a group",
        "tag both as the policy asks; `tether explain` says what is missing",
    ));
    findings
}

/// How young the access is, where a node may still be refused
fn of_age<'a>(access: impl Iterator<Item = &'a Access>, now: OffsetDateTime) -> Option<Finding> {
    let eldest = access.map(|one| one.created_on).min()??;
    let age = now - eldest;
    (age < SETTLED).then(|| {
        let minutes = age.whole_minutes().max(0);
        note(format!("that was made {minutes} minute(s) ago. {WHEN_IT_WORKS}"))
    })
}

fn told(access: &Access, principal: PrincipalId) -> String {
    let by = if access.principal == principal {
        String::new()
    } else {
        format!(", through group {},", access.principal)
    };
    format!("{} at {}{by}", access.role_name(), access.scope)
}

fn of_door(door: Door) -> Vec<Finding> {
    let mut findings = vec![match (door.public, door.listed_only) {
        (false, _) => note(
            "the registry takes no public traffic: nodes need a private endpoint to it and its DNS, or pulls end with 403",
        ),
        (true, true) => note(
            "the registry takes traffic from listed networks only: the nodes' must be among them, or pulls end with 403",
        ),
        (true, false) => good("the registry may be reached from everywhere"),
    }];
    if door.anonymous_pull {
        findings.push(note("the registry lets everyone pull, without any role"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use uuid::{Uuid, uuid};

    use super::*;
    use crate::azure::Listed;
    use crate::model::{BootRegistry, IdentityOrigin, Role, Tags};

    const ME: PrincipalId = PrincipalId(Uuid::from_u128(1));
    const GROUP: PrincipalId = PrincipalId(Uuid::from_u128(2));
    const PUSH: Uuid = uuid!("8311e382-0749-4cb8-b61a-304f252e45ec");

    fn id(kind: &str) -> String {
        format!(
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/{kind}"
        )
    }

    /// A pair that is near, open and legacy, with this access
    fn seen(access: Vec<Access>) -> Surroundings {
        Surroundings {
            cluster: Cluster {
                id: id("Microsoft.ContainerService/managedClusters/aks1").parse().unwrap(),
                tags: Tags::default(),
                location: String::new(),
                tenant: None,
                state: ClusterState::Settled,
                identity: Identity::Kubelet { principal: ME, origin: IdentityOrigin::Aks },
                service_account_pull: false,
                created_at: None,
                is_succeeded: true,
                boot_registry: BootRegistry::None,
            },
            registry: Registry {
                id: id("Microsoft.ContainerRegistry/registries/acr1").parse().unwrap(),
                login_server: "acr1.azurecr.io".into(),
                tags: Tags::default(),
                location: String::new(),
                tenant: None,
                mode: RegistryMode::Legacy,
            },
            door: Door { public: true, listed_only: false, anonymous_pull: false },
            access: Some(access),
            locks: Some(Listed { items: Vec::new(), problems: Vec::new() }),
            denials: Some(Listed { items: Vec::new(), problems: Vec::new() }),
        }
    }

    fn access(role: Uuid) -> Access {
        let scope = "/subscriptions/s".into();
        Access {
            assignment: String::new(),
            scope,
            role,
            principal: ME,
            conditional: false,
            created_on: Some(OffsetDateTime::UNIX_EPOCH),
        }
    }

    fn pull() -> Access {
        access(Role::AcrPull.guid())
    }

    /// Whether all is fine, and all of these words are said, when ten hours have passed
    #[track_caller]
    fn check(seen: &Surroundings, is_fine: bool, words: &[&str]) {
        check_stated(seen, None, is_fine, words);
    }

    #[track_caller]
    fn check_stated(
        seen: &Surroundings,
        stated: Option<PrincipalId>,
        is_fine: bool,
        words: &[&str],
    ) {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::hours(10);
        let findings = judge(seen, stated, now);
        let shown: Vec<String> = findings.iter().map(Finding::show).collect();
        let shown = shown.join("\n");
        assert_eq!(findings.iter().all(Finding::is_fine), is_fine, "{shown}");
        for word in words {
            assert!(shown.contains(word), "`{word}` is not in:\n{shown}");
        }
    }

    #[test]
    fn the_right_role_from_anywhere_lets_pull() {
        check(&seen(vec![pull()]), true, &["AcrPull at /subscriptions/s lets it pull"]);
        check(&seen(vec![access(PUSH)]), true, &["AcrPush at"]);
        let group = Access { principal: GROUP, ..pull() };
        check(&seen(vec![group.clone()]), true, &["through group", "up to a day"]);
        check(&seen(vec![group, pull()]), true, &["AcrPull at /subscriptions/s lets it pull"]);
    }

    #[test]
    fn a_role_that_the_registry_does_not_honour_lets_nobody_pull() {
        let mut seen = seen(vec![pull()]);
        seen.registry.mode = RegistryMode::Abac;
        check(
            &seen,
            false,
            &["AcrPull at /subscriptions/s is not honoured", "nothing lets it pull"],
        );
        seen.access = Some(Vec::new());
        check(&seen, false, &["nothing lets it pull", "`tether explain` says what is missing"]);
        seen.access = None;
        check(&seen, false, &["may not be read"]);
    }

    #[test]
    fn what_may_not_cover_it_is_not_fine() {
        let conditional = Access { conditional: true, ..pull() };
        check(&seen(vec![conditional]), false, &["under a condition", "covers the repositories"]);
        check(&seen(vec![access(Uuid::from_u128(9))]), false, &["may let it pull"]);
    }

    #[test]
    fn what_is_young_may_not_work_yet() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::hours(10);
        let young = Access { created_on: Some(now - Duration::seconds(130)), ..pull() };
        check(&seen(vec![young.clone()]), true, &["made 2 minute(s) ago. ", WHEN_IT_WORKS]);
        // A node that was refused before may keep what kubelet has for longer than Azure needs.
        let kept = Access { created_on: Some(now - Duration::minutes(69)), ..pull() };
        check(&seen(vec![kept]), true, &["made 69 minute(s) ago", WHEN_IT_WORKS]);
        let old = Access { created_on: Some(now - Duration::minutes(70)), ..pull() };
        let findings = judge(&seen(vec![old]), None, now);
        assert!(!findings.iter().any(|finding| finding.what.contains("minute(s) ago")));
        let findings = judge(&seen(vec![young, pull()]), None, now);
        assert!(!findings.iter().any(|finding| finding.what.contains("minute(s) ago")));
        let ahead = Access { created_on: Some(now + Duration::seconds(130)), ..pull() };
        check(&seen(vec![ahead]), true, &["made 0 minute(s) ago"]);
    }

    #[test]
    fn the_network_and_anonymous_pull_are_told() {
        let mut seen = seen(vec![pull()]);
        check(&seen, true, &["may be reached from everywhere"]);
        seen.door.listed_only = true;
        check(&seen, true, &["listed networks only"]);
        seen.door.public = false;
        check(&seen, true, &["no public traffic", "403"]);
        seen.door.anonymous_pull = true;
        seen.access = Some(Vec::new());
        check(&seen, true, &["needs none", "lets everyone pull"]);
    }

    #[test]
    fn nodes_that_may_use_the_former_identity_are_told_of_where_something_suggests_it() {
        let says = |seen: &Surroundings, stated| {
            let findings = judge(seen, stated, OffsetDateTime::UNIX_EPOCH + Duration::hours(10));
            findings.iter().any(|finding| finding.what.contains(WHEN_NODES_FOLLOW))
        };
        let mut seen = seen(vec![pull()]);
        assert!(!says(&seen, None));
        let sign = "still states service principal 00000000-0000-0000-0000-000000000002";
        check_stated(&seen, Some(GROUP), true, &[sign, WHEN_NODES_FOLLOW, "docs/identities.md"]);
        seen.cluster.is_succeeded = false;
        check(
            &seen,
            true,
            &["not say `Succeeded` of the cluster", WHEN_NODES_FOLLOW, "lets it pull"],
        );
        for state in [ClusterState::Creating, ClusterState::Deleting] {
            seen.cluster.state = state;
            assert!(!says(&seen, Some(GROUP)), "{state:?}");
        }
        seen.cluster.state = ClusterState::Settled;
        seen.cluster.identity =
            Identity::ServicePrincipal { client_id: "app".into(), object_id: Some(ME) };
        assert!(!says(&seen, Some(ME)));
    }

    #[test]
    fn a_cluster_without_a_usable_identity_cannot_pull() {
        let mut seen = seen(vec![pull()]);
        let client_id = "app".to_owned();
        for (identity, words) in [
            (Identity::Pending, "wait until it is made"),
            (Identity::Missing, "--enable-managed-identity"),
            (Identity::ServicePrincipal { client_id, object_id: None }, "`service_principals`"),
        ] {
            seen.cluster.identity = identity;
            check(&seen, false, &[words]);
        }
        seen.cluster.identity =
            Identity::ServicePrincipal { client_id: "app".into(), object_id: Some(ME) };
        check(&seen, true, &["pull as service principal"]);
        seen.cluster.service_account_pull = true;
        check(&seen, true, &["identities of their own"]);
        seen.cluster.state = ClusterState::Deleting;
        check(&seen, false, &["being deleted"]);
        seen.cluster.tenant = Some(Uuid::from_u128(1));
        seen.registry.tenant = Some(Uuid::from_u128(2));
        check(&seen, false, &["different tenants"]);
    }
}
