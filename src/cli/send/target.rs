//! What a person calls a cluster, a registry or a place to look: an id, or one of its names.
//!
//! Only whether the text could be right is known here, not whether there is such a thing.

use crate::model::{ClusterId, RegistryId, Scope};

/// Longest name of a cluster, and longest host
const LONGEST: [usize; 2] = [63, 253];

/// A cluster or a registry as it was given
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target<I> {
    /// By its id
    Id(I),
    /// By its name or, for a registry, its login server
    Name(String),
}

impl<I: ToString> Target<I> {
    /// As it is written into a command
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Name(name) => name.clone(),
        }
    }
}

/// The cluster that is meant, or what is wrong
pub(super) fn cluster(text: &str) -> Result<Target<ClusterId>, String> {
    let text = text.trim();
    if text.starts_with('/') {
        return text.parse().map(Target::Id).map_err(|error| format!("--cluster: {error}"));
    }
    let [longest, _] = LONGEST;
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_name = text.len() <= longest && is_between(text, is_inner);
    let wrong = || wrong("--cluster", text, "give the id of an AKS cluster, or its name");
    if is_name { Ok(Target::Name(text.to_owned())) } else { Err(wrong()) }
}

/// The registry that is meant, or what is wrong
pub(super) fn registry(text: &str) -> Result<Target<RegistryId>, String> {
    let text = text.trim();
    if text.starts_with('/') {
        return text.parse().map(Target::Id).map_err(|error| format!("--registry: {error}"));
    }
    let [_, longest] = LONGEST;
    let is_label = |label: &str| is_between(label, |c| c.is_ascii_alphanumeric() || c == '-');
    let is_name = (5..=50).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric());
    let is_host = text.contains('.') && text.len() <= longest && text.split('.').all(is_label);
    let right = "give the id of a container registry, its name, or its login server such as \
                 `contoso.azurecr.io`, without a path";
    if is_name || is_host {
        Ok(Target::Name(text.to_owned()))
    } else {
        Err(wrong("--registry", text, right))
    }
}

/// The place to look at, or what is wrong
pub(super) fn scope(text: &str) -> Result<Scope, String> {
    let right = "give `everything`, or the id of a subscription, a cluster or a registry";
    text.parse().map_err(|_| wrong("--scope", text, right))
}

/// One sentence on a flag: what it is, and what would be right
pub(super) fn wrong(flag: &str, text: &str, right: &str) -> String {
    match text.trim() {
        "" => format!("{flag} is empty: {right}"),
        text => {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(100).collect();
            format!("{flag} is `{shown}`: {right}")
        }
    }
}

/// Whether a text is made of such letters, with a letter or a digit at both ends
fn is_between(text: &str, is_inner: impl Fn(char) -> bool) -> bool {
    let is_end = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(is_end) && text.ends_with(is_end) && text.chars().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg";

    #[test]
    fn a_cluster_is_given_by_id_or_name() {
        let id = format!("{GROUP}/providers/Microsoft.ContainerService/managedClusters/aks-1");
        assert!(
            matches!(cluster(&format!(" {id} ")), Ok(Target::Id(found)) if found.as_str() == id)
        );
        for name in ["aks-1", "AKS_shop", "a", &"a".repeat(63)] {
            assert_eq!(cluster(name), Ok(Target::Name(name.to_owned())));
        }
        let long = "a".repeat(64);
        for bad in ["", " ", "-aks", "aks-", "aks shop", "aks/shop", "aks.shop", "äks", &long] {
            let error = cluster(bad).unwrap_err();
            assert!(error.starts_with("--cluster ") && error.contains("or its name"), "{error}");
        }
    }

    #[test]
    fn a_registry_is_given_by_id_name_or_login_server() {
        let id = format!("{GROUP}/providers/Microsoft.ContainerRegistry/registries/acr1");
        assert!(matches!(registry(&id), Ok(Target::Id(_))));
        for name in ["acrshop", "acrshop.azurecr.io", "acrshop-a1b2c3.azurecr.io", "Registry0"] {
            assert_eq!(registry(name), Ok(Target::Name(name.to_owned())));
        }
        let host = format!("{}.io", "a".repeat(251));
        for bad in
            ["", "acr1", "acr-shop", "https://a.azurecr.io", "a.azurecr.io/x", ".io", "a..b", &host]
        {
            let error = registry(bad).unwrap_err();
            assert!(error.starts_with("--registry ") && error.contains("login server"), "{error}");
        }
    }

    #[test]
    fn an_id_of_the_other_kind_says_so() {
        let id = format!("{GROUP}/providers/Microsoft.ContainerRegistry/registries/acr1");
        let error = cluster(&id).unwrap_err();
        assert!(error.contains("--cluster: ") && error.contains("an AKS cluster"), "{error}");
        let error = registry("/subscriptions/x").unwrap_err();
        assert!(error.contains("--registry: ") && error.contains("not a resource id"), "{error}");
    }

    #[test]
    fn a_scope_is_what_the_function_understands() {
        assert_eq!(scope("Everything"), Ok(Scope::Everything));
        let error = scope("all\u{1b}[31m").unwrap_err();
        assert_eq!(
            error,
            "--scope is `all[31m`: give `everything`, or the id of a subscription, a cluster or a registry"
        );
    }
}
