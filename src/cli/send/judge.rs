//! Whether a pair is as it was asked for, judged by what Azure shows of it.
//!
//! Pure: what was read comes in, and a sentence for a person comes out.

use super::command::Verb;
use crate::model::{
    Access, Cluster, ClusterState, Identity, PrincipalId, Pulls, Registry, RegistryId,
    RegistryMode, Role,
};

/// What was read of a pair; what is not there is `None`
#[derive(Clone, Debug)]
pub(super) struct Sight {
    pub(super) cluster: Option<Cluster>,
    pub(super) registry: Option<Registry>,
    /// Everything that reaches the kubelet identity at the registry
    pub(super) access: Vec<Access>,
}

/// How things stand
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is as asked for
    So(String),
    /// It may yet become so
    NotYet(String),
    /// Waiting will not help
    Never(String),
}

use Verdict::{Never, NotYet, So};

/// How things stand, for whoever asked to attach or to detach
pub(super) fn judge(verb: Verb, sight: &Sight) -> Verdict {
    let (Some(cluster), Some(registry)) = (&sight.cluster, &sight.registry) else {
        let what = if sight.cluster.is_none() { "cluster" } else { "registry" };
        return Never(format!("there is no such {what}"));
    };
    let principal = match (&cluster.identity, verb) {
        (Identity::Kubelet { principal, .. }, _) => *principal,
        (Identity::Pending, _) => {
            return NotYet("the cluster is still being created and has no kubelet identity".into());
        }
        (Identity::ServicePrincipal { .. }, _) => {
            let text = "the cluster's nodes pull as a service principal, whose object id only the policy knows";
            return Never(text.into());
        }
        (Identity::Missing, Verb::Detach) => {
            return So("the cluster has no kubelet identity, so nothing can be attached".into());
        }
        (Identity::Missing, _) => return NotYet("the cluster has no kubelet identity".into()),
    };
    if verb == Verb::Detach {
        return detached(registry, principal, &sight.access);
    }
    if cluster.state == ClusterState::Deleting {
        return Never("the cluster is being deleted".into());
    }
    match attached(registry, principal, &sight.access) {
        So(how) if cluster.service_account_pull => So(format!(
            "{how}; but its pods pull by their service accounts, which no attachment helps"
        )),
        verdict @ (So(_) | NotYet(_) | Never(_)) => verdict,
    }
}

fn attached(registry: &Registry, principal: PrincipalId, access: &[Access]) -> Verdict {
    let Some(role) = registry.mode.pull_role() else {
        return NotYet("the registry does not say which role lets pull from it".into());
    };
    let own = |role: Role| {
        let mut own = access.iter().filter(move |one| is_own(one, registry, principal));
        own.find(move |one| one.role == role.guid())
    };
    match own(role) {
        Some(found) if !found.conditional => return So(format!("by the role {role}")),
        Some(_) => {
            return NotYet(format!(
                "{role} is assigned under a condition, which may not cover every image"
            ));
        }
        None => {}
    }
    if registry.mode == RegistryMode::Abac && own(Role::AcrPull).is_some() {
        return NotYet(format!(
            "the registry is in ABAC mode, where {} counts for nothing: it needs {role}",
            Role::AcrPull
        ));
    }
    match others(registry, principal, access) {
        None => NotYet(format!("the role {role} is not assigned")),
        Some(Others { text, .. }) => {
            NotYet(format!("{role} is not assigned at the registry itself; it {text}"))
        }
    }
}

fn detached(registry: &Registry, principal: PrincipalId, access: &[Access]) -> Verdict {
    let honoured = registry.mode.pull_role();
    let is_the_role = |one: &&Access| {
        let role = Role::ALL.into_iter().find(|role| role.guid() == one.role);
        role.is_some() && honoured.is_none_or(|honoured| role == Some(honoured))
    };
    let mut own = access.iter().filter(|one| is_own(one, registry, principal));
    if let Some(found) = own.find(is_the_role) {
        return NotYet(format!("{} is still assigned at the registry", found.role_name()));
    }
    let Some(Others { text, is_sure, by_group }) = others(registry, principal, access) else {
        return So("no role lets it pull".into());
    };
    if !is_sure {
        return So(format!("no role is known to let it pull, though it {text}"));
    }
    let advice =
        if by_group { "; a change of a group takes up to a day to reach an identity" } else { "" };
    Never(format!("it has no assignment of its own any more, but {text}{advice}"))
}

/// By what else it may pull
struct Others {
    text: String,
    /// Whether one of them is sure to let it
    is_sure: bool,
    by_group: bool,
}

/// Other roles that count, roles from above, and those of groups
fn others(registry: &Registry, principal: PrincipalId, access: &[Access]) -> Option<Others> {
    let pulls = access.iter().map(|one| (one, one.pulls(&registry.mode)));
    let mut found: Vec<_> = pulls.filter(|(_, pulls)| *pulls != Pulls::No).collect();
    let is_sure = found.iter().any(|(_, pulls)| *pulls == Pulls::Yes);
    // What only may be is of no interest beside what is.
    found.retain(|(_, pulls)| !is_sure || *pulls == Pulls::Yes);
    let shown = found.iter().map(|(one, _)| {
        let place = if is_at(&registry.id, &one.scope) { "the registry" } else { &one.scope };
        let whose = if one.principal == principal {
            String::new()
        } else {
            format!(" through the group {}", one.principal)
        };
        format!("by {} at {place}{whose}", one.role_name())
    });
    let shown = shown.collect::<Vec<_>>().join(" and ");
    let may = if is_sure { "can pull" } else { "may perhaps pull" };
    let by_group = found.iter().any(|(one, _)| one.principal != principal);
    (!found.is_empty()).then(|| Others { text: format!("{may} {shown}"), is_sure, by_group })
}

fn is_own(one: &Access, registry: &Registry, principal: PrincipalId) -> bool {
    one.principal == principal && is_at(&registry.id, &one.scope)
}

fn is_at(registry: &RegistryId, scope: &str) -> bool {
    scope.trim_end_matches('/').eq_ignore_ascii_case(registry.as_str())
}

#[cfg(test)]
mod tests {
    use uuid::{Uuid, uuid};

    use super::*;
    use crate::model::{BootRegistry, IdentityOrigin, Tags};

    const SUB: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";
    const ME: Uuid = uuid!("22222222-2222-2222-2222-222222222222");
    const GROUP: Uuid = uuid!("33333333-3333-3333-3333-333333333333");
    const PUSH: Uuid = uuid!("8311e382-0749-4cb8-b61a-304f252e45ec");
    const OWNER: Uuid = uuid!("8e3af657-a8ff-443c-a75c-2fe8c4bcb635");
    const PULL: Uuid = Role::AcrPull.guid();
    const READ: Uuid = Role::RepositoryReader.guid();

    fn registry_id() -> String {
        format!("{SUB}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acr1")
    }

    fn sight(mode: RegistryMode, access: Vec<Access>) -> Sight {
        let id = format!(
            "{SUB}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/a"
        );
        let identity =
            Identity::Kubelet { principal: PrincipalId(ME), origin: IdentityOrigin::Aks };
        let cluster = Cluster {
            id: id.parse().unwrap(),
            tags: Tags::default(),
            location: String::new(),
            tenant: None,
            state: ClusterState::Settled,
            identity,
            service_account_pull: false,
            created_at: None,
            is_succeeded: true,
            boot_registry: BootRegistry::None,
        };
        let registry = Registry {
            id: registry_id().parse().unwrap(),
            login_server: String::new(),
            tags: Tags::default(),
            location: String::new(),
            tenant: None,
            mode,
        };
        Sight { cluster: Some(cluster), registry: Some(registry), access }
    }

    /// A grant at the registry, in another letter case than its id
    fn here(role: Uuid) -> Access {
        let scope = registry_id().to_uppercase();
        let principal = PrincipalId(ME);
        Access {
            assignment: String::new(),
            scope,
            role,
            principal,
            conditional: false,
            created_on: None,
        }
    }

    fn above(role: Uuid) -> Access {
        Access { scope: SUB.to_owned(), ..here(role) }
    }

    fn by_group(role: Uuid) -> Access {
        Access { principal: PrincipalId(GROUP), ..here(role) }
    }

    #[track_caller]
    fn check(verb: Verb, sight: &Sight, expected: &str) {
        let shown = match judge(verb, sight) {
            So(text) => format!("so: {text}"),
            NotYet(text) => format!("not yet: {text}"),
            Never(text) => format!("never: {text}"),
        };
        assert_eq!(shown, expected);
    }

    #[track_caller]
    fn attach(mode: RegistryMode, access: Vec<Access>, expected: &str) {
        check(Verb::Attach, &sight(mode, access), expected);
    }

    #[track_caller]
    fn detach(mode: RegistryMode, access: Vec<Access>, expected: &str) {
        check(Verb::Detach, &sight(mode, access), expected);
    }

    #[test]
    fn attached_means_the_role_that_the_registry_honours_at_the_registry_itself() {
        use RegistryMode::{Abac, Legacy, Unread};
        attach(Legacy, vec![here(PULL)], "so: by the role AcrPull");
        attach(Abac, vec![here(READ)], "so: by the role Container Registry Repository Reader");
        attach(Legacy, vec![], "not yet: the role AcrPull is not assigned");
        attach(Legacy, vec![here(READ)], "not yet: the role AcrPull is not assigned");
        attach(
            Abac,
            vec![here(PULL)],
            "not yet: the registry is in ABAC mode, where AcrPull counts for nothing: it needs Container Registry Repository Reader",
        );
        attach(
            Legacy,
            vec![above(PULL), by_group(PUSH)],
            "not yet: AcrPull is not assigned at the registry itself; it can pull by AcrPull at \
             /subscriptions/11111111-1111-1111-1111-111111111111 and by AcrPush at the registry \
             through the group 33333333-3333-3333-3333-333333333333",
        );
        attach(
            Legacy,
            vec![Access { conditional: true, ..here(PULL) }],
            "not yet: AcrPull is assigned under a condition, which may not cover every image",
        );
        attach(
            Unread,
            vec![here(PULL)],
            "not yet: the registry does not say which role lets pull from it",
        );
    }

    #[test]
    fn an_attachment_that_helps_nobody_says_so() {
        let mut sight = sight(RegistryMode::Legacy, vec![here(PULL)]);
        sight.cluster.as_mut().unwrap().service_account_pull = true;
        check(
            Verb::Attach,
            &sight,
            "so: by the role AcrPull; but its pods pull by their service accounts, which no attachment helps",
        );
    }

    #[test]
    fn detached_means_that_nothing_lets_it_pull_and_what_still_does_is_named() {
        use RegistryMode::{Abac, Legacy, Unread};
        detach(Legacy, vec![], "so: no role lets it pull");
        detach(Legacy, vec![here(READ)], "so: no role lets it pull");
        detach(Abac, vec![here(PULL), above(OWNER)], "so: no role lets it pull");
        detach(Legacy, vec![here(PULL)], "not yet: AcrPull is still assigned at the registry");
        detach(
            Unread,
            vec![here(READ)],
            "not yet: Container Registry Repository Reader is still assigned at the registry",
        );
        detach(
            Legacy,
            vec![above(OWNER)],
            "never: it has no assignment of its own any more, but can pull by Owner at \
             /subscriptions/11111111-1111-1111-1111-111111111111",
        );
        detach(
            Legacy,
            vec![by_group(PULL), here(PUSH)],
            "never: it has no assignment of its own any more, but can pull by AcrPull at the \
             registry through the group 33333333-3333-3333-3333-333333333333 and by AcrPush at the \
             registry; a change of a group takes up to a day to reach an identity",
        );
    }

    #[test]
    fn a_role_that_is_not_known_is_told_and_not_waited_for() {
        let custom = uuid!("44444444-4444-4444-4444-444444444444");
        let perhaps = "so: no role is known to let it pull, though it may perhaps pull by \
                       44444444-4444-4444-4444-444444444444 at the registry";
        detach(RegistryMode::Legacy, vec![here(custom)], perhaps);
        attach(
            RegistryMode::Legacy,
            vec![here(custom), above(OWNER)],
            "not yet: AcrPull is not assigned at the registry itself; it can pull by Owner at \
             /subscriptions/11111111-1111-1111-1111-111111111111",
        );
    }

    #[test]
    fn what_is_not_there_or_has_no_identity_is_said() {
        let base = || sight(RegistryMode::Legacy, vec![]);
        let with = |identity: Identity| {
            let mut sight = base();
            sight.cluster.as_mut().unwrap().identity = identity;
            sight
        };
        let pending = "not yet: the cluster is still being created and has no kubelet identity";
        check(Verb::Attach, &with(Identity::Pending), pending);
        check(Verb::Detach, &with(Identity::Pending), pending);
        let missing = with(Identity::Missing);
        check(Verb::Attach, &missing, "not yet: the cluster has no kubelet identity");
        check(
            Verb::Detach,
            &missing,
            "so: the cluster has no kubelet identity, so nothing can be attached",
        );
        let principal = with(Identity::ServicePrincipal { client_id: "x".into(), object_id: None });
        assert!(matches!(judge(Verb::Attach, &principal), Never(_)));
        let mut deleting = base();
        deleting.cluster.as_mut().unwrap().state = ClusterState::Deleting;
        check(Verb::Attach, &deleting, "never: the cluster is being deleted");
        let gone = Sight { cluster: None, ..base() };
        check(Verb::Attach, &gone, "never: there is no such cluster");
        let gone = Sight { registry: None, ..base() };
        check(Verb::Detach, &gone, "never: there is no such registry");
    }
}
