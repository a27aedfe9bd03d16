//! When a new role assignment works, and when nodes use another identity.

use time::Duration;

/// How long a new role assignment may take to work everywhere, as Azure documents it
/// (learn.microsoft.com/azure/role-based-access-control/troubleshooting)
pub const PROPAGATION: Duration = Duration::minutes(10);

/// The longest that kubelet keeps a registry's credentials: `defaultCacheTTL` of Azure's credential
/// provider. It is 5 minutes up to v1.34.6 and in 1.35, and 60 from v1.34.7 and v1.36.0 on
/// (kubernetes-sigs/cloud-provider-azure#9974).
pub const CREDENTIALS_KEPT: Duration = Duration::minutes(60);

/// When a new assignment works, in the words of `tether check`, `tether send --wait`, the status page
/// and the documents
pub const WHEN_IT_WORKS: &str = "A new role assignment may need up to ten minutes to work. A node \
     that failed to pull before may go on failing for as long as kubelet keeps its registry \
     credentials, 5 or 60 minutes by version: restarting kubelet or replacing the node clears them, \
     restarting pods does not.";

/// When nodes use the identity that Resource Manager tells, in the words of `tether check`, the status
/// page and the documents (learn.microsoft.com/azure/aks/use-managed-identity)
pub const WHEN_NODES_FOLLOW: &str =
    "Nodes use a new identity only after their pool was reimaged, and the former one until then.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_say_the_same() {
        let readme = include_str!("../../README.md");
        let infra = include_str!("../../infra/README.md");
        let identities = include_str!("../../docs/identities.md");
        for (name, text) in
            [("README.md", readme), ("infra/README.md", infra), ("docs/identities.md", identities)]
        {
            assert!(text.contains(WHEN_IT_WORKS), "{name} does not say: {WHEN_IT_WORKS}");
        }
        for (name, text) in [("README.md", readme), ("docs/identities.md", identities)] {
            assert!(text.contains(WHEN_NODES_FOLLOW), "{name} does not say: {WHEN_NODES_FOLLOW}");
        }
    }

    #[test]
    fn the_words_are_those_of_the_figures() {
        assert_eq!(PROPAGATION.whole_minutes(), 10);
        assert!(WHEN_IT_WORKS.contains("up to ten minutes"));
        let kept = format!("5 or {} minutes", CREDENTIALS_KEPT.whole_minutes());
        assert!(WHEN_IT_WORKS.contains(&kept), "{kept}");
    }
}
