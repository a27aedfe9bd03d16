//! What a person may call a cluster or a registry in a command: its id, its name, or for a registry
//! its login server.
//!
//! Names are compared without letter case. Whether what they mean is still there is not asked here.

use std::str::FromStr;

use thiserror::Error;

use crate::model::{
    Cluster, ClusterId, Inventory, Registry, RegistryId, ResourceId, ResourceIdError, Scope,
};

/// The most candidates that are told
const CANDIDATES: usize = 10;

/// Longest text quoted back in an error
const SHOWN: usize = 200;

/// Why what a command calls a cluster or a registry cannot be used
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// It starts like an id and is none.
    #[error("`{text}` is not the id of a {what}")]
    NotAnId {
        /// What it should be
        what: &'static str,
        /// The text, shortened
        text: String,
        /// What is wrong with it
        #[source]
        source: ResourceIdError,
    },
    /// It can't be the name of anything.
    #[error("`{text}` cannot be the name of a {what}")]
    NotAName {
        /// What it should be
        what: &'static str,
        /// The text, shortened
        text: String,
    },
    /// Nothing of that name was seen in the estate.
    #[error("there is no {what} called `{text}` in the estate")]
    Unknown {
        /// What it should be
        what: &'static str,
        /// The text
        text: String,
    },
    /// The name fits several.
    #[error("{} of the estate are called `{text}`: {}", several(*.count, what), candidates.join(", "))]
    Several {
        /// What it should be
        what: &'static str,
        /// The text
        text: String,
        /// How many
        count: usize,
        /// Their ids, or the first of many
        candidates: Vec<String>,
    },
    /// Not all of the estate could be seen, so the name may fit others too.
    #[error("not all of the estate can be seen, so `{text}` may fit more than one {what}")]
    PartlySeen {
        /// What it should be
        what: &'static str,
        /// The text
        text: String,
    },
    /// It lies outside the estate.
    #[error("the {what} `{text}` is outside the estate")]
    Outside {
        /// What it is
        what: &'static str,
        /// Its id
        text: String,
    },
    /// Azure says that it does not exist.
    #[error("there is no {what} `{text}`")]
    Gone {
        /// What it was to be
        what: &'static str,
        /// Its id
        text: String,
    },
}

fn several(count: usize, what: &str) -> String {
    let plural = match what {
        CLUSTER => "clusters",
        REGISTRY => "registries",
        _ => "clusters and registries",
    };
    format!("{count} {plural}")
}

/// The field of a command that names a cluster
pub(super) const CLUSTER: &str = "cluster";
/// The field of a command that names a registry
pub(super) const REGISTRY: &str = "registry";
/// Where either will do
const EITHER: &str = "cluster or registry";

impl NameError {
    /// A name that fits one of those that were seen, and perhaps one of the others
    pub(super) fn of_part(name: &str) -> Self {
        Self::PartlySeen { what: EITHER, text: name.trim().to_owned() }
    }

    /// The field of the command at fault
    pub fn field(&self) -> &'static str {
        match self {
            Self::NotAnId { what, .. }
            | Self::NotAName { what, .. }
            | Self::Unknown { what, .. }
            | Self::Several { what, .. }
            | Self::PartlySeen { what, .. }
            | Self::Outside { what, .. }
            | Self::Gone { what, .. } => what,
        }
    }

    /// What to do about it
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotAnId { .. } | Self::NotAName { .. } if self.field() == CLUSTER => {
                "give the cluster's id or its name"
            }
            Self::NotAnId { .. } | Self::NotAName { .. } if self.field() == EITHER => {
                "give an id, a name, or the login server of a registry"
            }
            Self::NotAnId { .. } | Self::NotAName { .. } => {
                "give the registry's id, its name or its login server"
            }
            Self::Unknown { .. } => {
                "check the spelling; what was made within the last minutes is found by its id only"
            }
            Self::Several { .. } => "give the id of the one that is meant",
            Self::PartlySeen { .. } => "give its id",
            Self::Outside { .. } => {
                "the settings TETHER_SUBSCRIPTIONS and TETHER_MANAGEMENT_GROUP state the estate"
            }
            Self::Gone { .. } => "check the id: Azure says that nothing is there",
        }
    }
}

/// What a command calls something
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Called<Id> {
    Id(Id),
    Name(String),
}

impl<Id: FromStr<Err = ResourceIdError>> Called<Id> {
    /// Reads an id or a name; names are Azure's letters, digits and `-_.`
    pub(super) fn read(what: &'static str, text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        let shown = || text.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
        if text.starts_with('/') {
            let id = text.parse();
            return id.map(Self::Id).map_err(|source| NameError::NotAnId {
                what,
                text: shown(),
                source,
            });
        }
        let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > 260 || !text.chars().all(is_inner) {
            return Err(NameError::NotAName { what, text: shown() });
        }
        Ok(Self::Name(text.to_owned()))
    }
}

/// The one cluster of this name
pub(super) fn cluster(clusters: &[Cluster], name: &str) -> Result<ClusterId, NameError> {
    let named = clusters.iter().map(|cluster| &cluster.id);
    the_one(CLUSTER, name, named.filter(|id| id.name().eq_ignore_ascii_case(name)).cloned())
}

/// The one registry of this name or this login server
pub(super) fn registry(registries: &[Registry], name: &str) -> Result<RegistryId, NameError> {
    let named = registries.iter().filter(|registry| is_called(registry, name));
    the_one(REGISTRY, name, named.map(|registry| registry.id.clone()))
}

fn is_called(registry: &Registry, name: &str) -> bool {
    registry.id.name().eq_ignore_ascii_case(name)
        || registry.login_server.eq_ignore_ascii_case(name)
}

/// The scope of the one cluster or registry of an inventory that is called so
pub fn find_one_in(inventory: &Inventory, text: &str) -> Result<Scope, NameError> {
    let name = match Called::<ResourceId>::read(EITHER, text)? {
        Called::Id(ResourceId::Cluster(id)) => return Ok(Scope::Cluster(id)),
        Called::Id(ResourceId::Registry(id)) => return Ok(Scope::Registry(id)),
        Called::Name(name) => name,
    };
    let clusters = inventory.clusters.keys().filter(|id| id.name().eq_ignore_ascii_case(&name));
    let clusters = clusters.cloned().map(ResourceId::Cluster);
    let registries = inventory.registries.values().filter(|registry| is_called(registry, &name));
    let registries = registries.map(|registry| ResourceId::Registry(registry.id.clone()));
    Ok(match the_one(EITHER, &name, clusters.chain(registries))? {
        ResourceId::Cluster(id) => Scope::Cluster(id),
        ResourceId::Registry(id) => Scope::Registry(id),
    })
}

/// The cluster and the registry that are called so, among those of an inventory
pub fn find_in(
    inventory: &Inventory,
    cluster_name: &str,
    registry_name: &str,
) -> Result<(ClusterId, RegistryId), NameError> {
    let gone = |what, id: &dyn ToString| NameError::Gone { what, text: id.to_string() };
    let found = match Called::read(CLUSTER, cluster_name)? {
        Called::Id(id) if inventory.clusters.contains_key(&id) => id,
        Called::Id(id) => return Err(gone(CLUSTER, &id)),
        Called::Name(name) => {
            let clusters: Vec<_> = inventory.clusters.values().cloned().collect();
            cluster(&clusters, &name)?
        }
    };
    let registry = match Called::read(REGISTRY, registry_name)? {
        Called::Id(id) if inventory.registries.contains_key(&id) => id,
        Called::Id(id) => return Err(gone(REGISTRY, &id)),
        Called::Name(name) => {
            let registries: Vec<_> = inventory.registries.values().cloned().collect();
            registry(&registries, &name)?
        }
    };
    Ok((found, registry))
}

fn the_one<Id: Clone + Ord + ToString>(
    what: &'static str,
    name: &str,
    found: impl Iterator<Item = Id>,
) -> Result<Id, NameError> {
    let text = name.to_owned();
    let mut found: Vec<Id> = found.collect();
    found.sort();
    found.dedup();
    match &found[..] {
        [] => Err(NameError::Unknown { what, text }),
        [one] => Ok(one.clone()),
        several => {
            let candidates = several.iter().take(CANDIDATES).map(Id::to_string).collect();
            Err(NameError::Several { what, text, count: several.len(), candidates })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RegistryMode, Tags};

    fn found(group: &str, name: &str, login_server: &str) -> Registry {
        let id = format!(
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/{group}/providers/Microsoft.ContainerRegistry/registries/{name}"
        );
        Registry {
            id: id.parse().unwrap(),
            login_server: login_server.to_owned(),
            tags: Tags::default(),
            location: String::new(),
            tenant: None,
            mode: RegistryMode::Legacy,
        }
    }

    #[test]
    fn a_registry_is_found_by_its_name_and_by_its_login_server() {
        let all = [found("a", "Images", "images-h4sh.azurecr.io"), found("a", "other", "")];
        for name in ["images", "IMAGES", "images-H4SH.azurecr.io"] {
            assert_eq!(registry(&all, name), Ok(all[0].id.clone()), "{name}");
        }
        let error = registry(&all, "image").unwrap_err();
        assert_eq!(error.to_string(), "there is no registry called `image` in the estate");
    }

    #[test]
    fn a_name_that_fits_two_is_refused_with_both() {
        let all = [found("b", "images", "x.azurecr.io"), found("a", "images", "y.azurecr.io")];
        let error = registry(&all, "images").unwrap_err();
        let [b, a] = all.each_ref().map(|registry| registry.id.to_string());
        assert_eq!(
            error.to_string(),
            format!("2 registries of the estate are called `images`: {a}, {b}")
        );
        assert_eq!(registry(&all, "x.azurecr.io"), Ok(all[0].id.clone()));
    }

    #[test]
    fn ids_are_told_from_names_and_rubbish_from_both() {
        let id = found("a", "images", "").id;
        assert_eq!(Called::read(REGISTRY, &format!(" {id}/ ")), Ok(Called::Id(id)));
        let named: Result<Called<RegistryId>, _> = Called::read(REGISTRY, " images ");
        assert_eq!(named, Ok(Called::Name("images".to_owned())));
        for text in ["", " ", "a b", "a'b", "a/b", "ä", "https://images.azurecr.io", "a\nb"] {
            let error = Called::<RegistryId>::read(REGISTRY, text).unwrap_err();
            assert!(matches!(error, NameError::NotAName { .. }), "{text}");
            assert_eq!(error.field(), REGISTRY);
        }
        let cluster = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks1";
        let error = Called::<RegistryId>::read(REGISTRY, cluster).unwrap_err();
        assert!(matches!(error, NameError::NotAnId { .. }), "{error}");
    }
}
