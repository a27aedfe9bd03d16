//! What a registry may be called in a cluster's tag: its name, its login server, its resource id.
//!
//! Names are compared without letter case. Which tag is read is the rule's business.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Registry, RegistryId};

/// Words that have a meaning of their own in the tag `acr-attach`. `disabled` could be the name of
/// a registry; such a one is called by its login server or its id.
const RESERVED: [&str; 2] = [AUTO, DISABLED];
const AUTO: &str = "auto";

/// The word that forbids every attachment
pub(super) const DISABLED: &str = "disabled";

/// Every registry of the estate, by everything it may be called
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryNames {
    by_name: BTreeMap<String, BTreeSet<RegistryId>>,
}

impl RegistryNames {
    /// The names of these registries
    ///
    /// # Assumptions
    /// All registries of the estate are among them: a name that fits two of them is ambiguous only
    /// if both are known here.
    pub fn new<'a>(registries: impl Iterator<Item = &'a Registry>) -> Self {
        let mut by_name: BTreeMap<String, BTreeSet<RegistryId>> = BTreeMap::new();
        for registry in registries {
            for name in called(registry) {
                by_name.entry(name.to_lowercase()).or_default().insert(registry.id.clone());
            }
        }
        Self { by_name }
    }

    /// The registries that a name fits, if there are several
    pub(super) fn several(&self, name: &str) -> Option<&BTreeSet<RegistryId>> {
        self.by_name.get(&name.to_lowercase()).filter(|registries| registries.len() > 1)
    }
}

/// Everything this registry may be called
pub(super) fn called(registry: &Registry) -> [&str; 3] {
    let id = registry.id.key();
    // The id's last segment, looked for from behind: this is asked for every pair.
    [id.rsplit('/').next().unwrap_or(id), &registry.login_server, id]
}

/// Whether a word in a tag means this registry, and perhaps others too
pub(super) fn fits(word: &str, registry: &Registry) -> bool {
    let fits = called(registry).iter().any(|name| word.eq_ignore_ascii_case(name));
    fits && !is_reserved(word)
}

/// Whether a word in a tag has a meaning of its own and names nothing
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved))
}

/// The words between the commas of a tag's value, without the blanks around them
pub(super) fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|word| !word.is_empty())
}
