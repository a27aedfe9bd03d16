//! Tags as Azure means them: names without letter case, values as written.
//!
//! What a tag entitles a resource to is the policy's business.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The tags of a resource. Clones share them: whoever looks at a whole estate has clusters and registries
/// of an answer that others look at, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tags {
    by_name: Arc<BTreeMap<String, String>>,
}

impl Tags {
    /// The value of a tag, its name in any letter case
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_lower(name).or_else(|| self.get_lower(&name.to_lowercase()))
    }

    /// The value of a tag whose name is in lower case already: for whoever asks very often, and mostly for
    /// what is not there
    pub fn get_lower(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str)
    }

    /// Names (in lower case) and values, in the order of names
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_name.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Tags {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(tags: I) -> Self {
        let by_name: BTreeMap<_, _> = tags
            .into_iter()
            .map(|(name, value)| (name.as_ref().to_lowercase(), value.into()))
            .collect();
        Self { by_name: by_name.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_any_case_and_its_value_is_kept() {
        let tags: Tags = [("Acr-Attach", "Auto")].into_iter().collect();
        assert_eq!(tags.get("acr-attach"), Some("Auto"));
        assert_eq!(tags.get("ACR-ATTACH"), Some("Auto"));
        assert_eq!(tags.get("team"), None);
    }
}
