//! Paths of ARM, in any letter case, as what they point at.
//!
//! It only reads text: whether the thing exists, and who may see it, is asked elsewhere.

/// What a path points at
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    ManagedIdentityToken,
    EntraToken { tenant: String },
    Subscriptions,
    Subscription(String),
    Everything { subscription: String },
    Graph,
    Operation { subscription: String, name: String },
    Collection(Collection),
    Resource(ResourcePath),
    Tags(ResourcePath),
    Assignments { scope: String },
    AssignmentUsage { subscription: String },
    Assignment { scope: String, name: String },
    Locks { scope: String },
    Denials { scope: String },
    RoleDefinitions { scope: String },
    RoleDefinition { scope: String, name: String },
    Unknown,
}

/// The kinds of resource that this world has
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Cluster,
    Registry,
}

/// All of a kind in a subscription, or in one of its resource groups
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Collection {
    pub(super) kind: Kind,
    pub(super) subscription: String,
    pub(super) group: Option<String>,
}

/// Where one resource is, as the caller wrote it
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResourcePath {
    /// The whole id
    pub(super) id: String,
    pub(super) kind: Kind,
    /// Provider and type as written, for instance `microsoft.containerservice/managedclusters`
    pub(super) type_written: String,
    pub(super) subscription: String,
    pub(super) group: String,
    pub(super) name: String,
}

impl ResourcePath {
    pub(super) fn key(&self) -> String {
        self.id.to_ascii_lowercase()
    }
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Cluster, Self::Registry];

    pub(super) fn provider(self) -> &'static str {
        match self {
            Self::Cluster => "Microsoft.ContainerService",
            Self::Registry => "Microsoft.ContainerRegistry",
        }
    }

    /// The type as permissions and ids spell it
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Cluster => "Microsoft.ContainerService/managedClusters",
            Self::Registry => "Microsoft.ContainerRegistry/registries",
        }
    }

    /// The type as the provider's answers spell it: AKS disagrees with itself.
    pub(super) fn type_answered(self) -> &'static str {
        match self {
            Self::Cluster => "Microsoft.ContainerService/ManagedClusters",
            Self::Registry => "Microsoft.ContainerRegistry/registries",
        }
    }

    fn of(provider: &str, kind: &str) -> Option<Self> {
        let name = format!("{provider}/{kind}");
        Self::ALL.into_iter().find(|known| known.type_name().eq_ignore_ascii_case(&name))
    }
}

/// What this path points at
pub(super) fn parse(path: &str) -> Target {
    let written: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let lower: Vec<String> = written.iter().map(|part| part.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    extension(&lower, &written).or_else(|| plain(&lower, &written)).unwrap_or(Target::Unknown)
}

/// The cluster or registry that this path points at
pub(super) fn parse_resource(path: &str) -> Option<ResourcePath> {
    if let Target::Resource(path) = parse(path) { Some(path) } else { None }
}

/// Resources that hang on another resource
fn extension(lower: &[&str], written: &[&str]) -> Option<Target> {
    let scope = |above: &[&str]| joined(written.iter().take(above.len()));
    let name = || written.last().map(|name| (*name).to_owned());
    Some(match lower {
        [above @ .., "providers", "microsoft.resources", "tags", "default"] => {
            Target::Tags(resource(above, written)?)
        }
        [above @ .., "providers", "microsoft.authorization", "roleassignments"] => {
            Target::Assignments { scope: scope(above) }
        }
        [above @ .., "providers", "microsoft.authorization", "roleassignments", _] => {
            Target::Assignment { scope: scope(above), name: name()? }
        }
        [above @ .., "providers", "microsoft.authorization", "locks"] => {
            Target::Locks { scope: scope(above) }
        }
        [above @ .., "providers", "microsoft.authorization", "denyassignments"] => {
            Target::Denials { scope: scope(above) }
        }
        [above @ .., "providers", "microsoft.authorization", "roledefinitions"] => {
            Target::RoleDefinitions { scope: scope(above) }
        }
        [above @ .., "providers", "microsoft.authorization", "roledefinitions", _] => {
            Target::RoleDefinition { scope: scope(above), name: name()? }
        }
        _ => return None,
    })
}

fn plain(lower: &[&str], written: &[&str]) -> Option<Target> {
    let text = |part: &str| part.to_owned();
    Some(match *lower {
        ["msi", "token"] => Target::ManagedIdentityToken,
        [tenant, "oauth2", "v2.0", "token"] => Target::EntraToken { tenant: text(tenant) },
        ["providers", "microsoft.resourcegraph", "resources"] => Target::Graph,
        ["subscriptions"] => Target::Subscriptions,
        ["subscriptions", subscription] => Target::Subscription(text(subscription)),
        ["subscriptions", subscription, "resources"] => {
            Target::Everything { subscription: text(subscription) }
        }
        ["subscriptions", subscription, "providers", _, "locations", _, "operations", name] => {
            Target::Operation { subscription: text(subscription), name: text(name) }
        }
        [
            "subscriptions",
            subscription,
            "providers",
            "microsoft.authorization",
            "roleassignmentsusagemetrics",
        ] => Target::AssignmentUsage { subscription: text(subscription) },
        ["subscriptions", subscription, "providers", provider, kind] => {
            Target::Collection(collection(subscription, None, provider, kind)?)
        }
        ["subscriptions", subscription, "resourcegroups", group, "providers", provider, kind] => {
            Target::Collection(collection(subscription, Some(group), provider, kind)?)
        }
        _ => Target::Resource(resource(lower, written)?),
    })
}

fn collection(
    subscription: &str,
    group: Option<&str>,
    provider: &str,
    kind: &str,
) -> Option<Collection> {
    let kind = Kind::of(provider, kind)?;
    Some(Collection {
        kind,
        subscription: subscription.to_owned(),
        group: group.map(str::to_owned),
    })
}

fn resource(lower: &[&str], written: &[&str]) -> Option<ResourcePath> {
    let written = written.get(..lower.len())?;
    let (
        ["subscriptions", _, "resourcegroups", _, "providers", provider, kind, _],
        [_, subscription, _, group, _, provider_written, kind_written, name],
    ) = (lower, written)
    else {
        return None;
    };
    Some(ResourcePath {
        id: joined(written),
        kind: Kind::of(provider, kind)?,
        type_written: format!("{provider_written}/{kind_written}"),
        subscription: subscription.to_lowercase(),
        group: (*group).to_owned(),
        name: (*name).to_owned(),
    })
}

fn joined<'a>(parts: impl IntoIterator<Item = &'a &'a str>) -> String {
    parts.into_iter().fold(String::new(), |path, part| path + "/" + part)
}

/// The subscription that a scope lies in; what lies above subscriptions has none.
pub(super) fn subscription_of(scope: &str) -> Option<String> {
    let mut parts = scope.split('/').filter(|part| !part.is_empty());
    let first = parts.next()?;
    first.eq_ignore_ascii_case("subscriptions").then(|| parts.next().map(str::to_lowercase))?
}

/// Whether `above` is `below` or contains it. Every management group is above every subscription.
pub(super) fn contains(above: &str, below: &str) -> bool {
    let (above, below) = (trimmed(above), trimmed(below));
    if subscription_of(&above).is_none() {
        return above == below || above.is_empty() || subscription_of(&below).is_some();
    }
    below.strip_prefix(&above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn trimmed(scope: &str) -> String {
    scope.trim_end_matches('/').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/Subscriptions/S/ResourceGroups/Rg";

    #[track_caller]
    fn check(path: &str, fits: impl Fn(&Target) -> bool) {
        let target = parse(path);
        assert!(fits(&target), "{path} is {target:?}");
    }

    #[test]
    fn letter_case_does_not_matter_but_is_kept() {
        let path = format!("{GROUP}/Providers/microsoft.containerservice/MANAGEDCLUSTERS/Aks");
        check(&path, |target| {
            matches!(target, Target::Resource(found) if found.kind == Kind::Cluster
                && found.id == path
                && found.group == "Rg"
                && found.type_written == "microsoft.containerservice/MANAGEDCLUSTERS")
        });
        let tags = format!("{path}/providers/microsoft.resources/TAGS/default");
        check(&tags, |target| matches!(target, Target::Tags(found) if found.id == path));
    }

    #[test]
    fn extensions_may_hang_on_any_scope() {
        for scope in ["", "/providers/Microsoft.Management/managementGroups/m", GROUP] {
            let path = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/N");
            check(&path, |target| {
                *target == Target::Assignment { scope: scope.to_owned(), name: "N".to_owned() }
            });
        }
    }

    #[test]
    fn what_nobody_knows_is_unknown() {
        for path in ["/", "/x", "/subscriptions/s/providers/a/b", "/subscriptions/s/x"] {
            check(path, |target| *target == Target::Unknown);
        }
    }

    #[test]
    fn a_scope_contains_itself_and_what_is_below() {
        assert!(contains("/subscriptions/A", "/subscriptions/a/resourceGroups/r"));
        assert!(contains("/subscriptions/a", "/subscriptions/a/"));
        assert!(!contains("/subscriptions/a", "/subscriptions/ab"));
        assert!(contains("/", "/subscriptions/a"));
        assert!(contains("/providers/Microsoft.Management/managementGroups/m", "/subscriptions/a"));
        assert!(!contains("/subscriptions/a", "/"));
    }
}
