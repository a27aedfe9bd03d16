//! Ownership by name: how tether knows its own assignments without a store.
//!
//! An assignment is ours if and only if its GUID recomputes from owner, registry, principal and
//! role. The description only says why it is there; nothing is deleted on its word.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use sha1::{Digest as _, Sha1};
use thiserror::Error;
use uuid::{Builder, Uuid, uuid};

use super::{ClusterId, Grant, GrantKey, SubscriptionId};

/// Namespace of every name computed here. Changing it disowns every assignment ever made.
const NAMESPACE: Uuid = uuid!("5b0cf0a4-2f0e-5d1c-9d0c-6a1f3f1c7e11");

/// Version of the recipe below and of the mark in descriptions
const FORMAT: &str = "tether/1";

/// What a mark says besides its kind and its cluster
const SHARED: &str = "shared";
const PRINCIPAL: &str = "service-principal";

/// Longest description: Azure states no limit, so this stays far below any
const DESCRIPTION: usize = 200;

/// Whose assignments they are. Two installations with different owners leave each other's alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner(String);

/// Why a text is no owner
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OwnerError {
    /// Nothing but white space.
    #[error("the owner is empty")]
    Empty,
    /// Longer than 128 bytes, or with line breaks or other control characters.
    #[error("the owner is longer than 128 bytes or holds control characters")]
    Unprintable,
}

impl FromStr for Owner {
    type Err = OwnerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        match text {
            "" => Err(OwnerError::Empty),
            _ if text.len() > 128 || text.chars().any(char::is_control) => {
                Err(OwnerError::Unprintable)
            }
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name that an assignment of ours has
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssignmentName(pub Uuid);

impl AssignmentName {
    /// The one name for this grant by this owner.
    ///
    /// # Guarantees
    /// The same arguments give the same name on every machine and in every version with the same
    /// format; ids that differ only in letter case give the same name.
    pub fn new(owner: &Owner, grant: &GrantKey) -> Self {
        let GrantKey { registry, principal, role } = grant;
        let mut written = [Uuid::encode_buffer(), Uuid::encode_buffer()];
        let [principal_text, role_text] = &mut written;
        let principal = principal.0.hyphenated().encode_lower(principal_text);
        let role = role.guid().hyphenated().encode_lower(role_text);
        let lines = [FORMAT, "\n", &owner.0, "\n", registry.key(), "\n", principal, "\n", role];
        Self(name_of(&lines))
    }

    /// Whether this owner made the assignment
    pub fn is_of(owner: &Owner, grant: &Grant) -> bool {
        Self::new(owner, &grant.key).0 == grant.name
    }
}

impl fmt::Display for AssignmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A cluster's id in 32 hex digits, short enough for a description
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterHash(Uuid);

impl ClusterHash {
    /// The hash of this cluster's id, whatever its letter case
    pub fn of(cluster: &ClusterId) -> Self {
        Self(name_of(&[cluster.key()]))
    }
}

/// The UUID (version 5) of these texts, one behind the other, in the namespace above
fn name_of(texts: &[&str]) -> Uuid {
    let mut hash = Sha1::new_with_prefix(NAMESPACE);
    for text in texts {
        hash.update(text);
    }
    let [head @ .., _, _, _, _] = <[u8; 20]>::from(hash.finalize());
    Builder::from_sha1_bytes(head).into_uuid()
}

/// Why an assignment of ours is there
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// A rule wanted it
    Rule,
    /// A person pinned it
    Pin,
}

/// The machine part at the start of a description
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Why it is there
    pub kind: MarkKind,
    /// For which cluster it was made first
    pub cluster: ClusterHash,
    /// In which subscription that cluster is: only where that is looked at can it be said to be gone
    pub subscription: Option<SubscriptionId>,
    /// Several clusters that wanted the registry have held the identity: each of them may go on using
    /// it after it got another one
    pub shared: bool,
    /// The identity is a service principal, not a kubelet identity
    pub service_principal: bool,
}

impl Mark {
    /// The mark of an assignment that is made for this cluster
    pub fn of(kind: MarkKind, cluster: &ClusterId) -> Self {
        let subscription = Some(cluster.subscription());
        let cluster = ClusterHash::of(cluster);
        Self { kind, cluster, subscription, shared: false, service_principal: false }
    }

    /// Reads the mark at the start of a description. `None` means unreadable: treat it as pinned.
    pub fn read(description: &str) -> Option<Self> {
        let mut words = description.split_whitespace();
        let (format, kind, hash) = (words.next()?, words.next()?, words.next()?);
        let kind = match kind {
            "rule" => MarkKind::Rule,
            "pin" => MarkKind::Pin,
            _ => return None,
        };
        let flags: Vec<_> = if hash.ends_with(':') { Vec::new() } else { flags(words) };
        let hash = hash.trim_end_matches(':');
        let (hash, subscription) = match hash.split_once('@') {
            Some((hash, id)) => (hash, Some(SubscriptionId(Uuid::parse_str(id).ok()?))),
            None => (hash, None),
        };
        let cluster = ClusterHash(Uuid::parse_str(hash).ok()?);
        let (shared, service_principal) = (flags.contains(&SHARED), flags.contains(&PRINCIPAL));
        (format == FORMAT).then_some(Self {
            kind,
            cluster,
            subscription,
            shared,
            service_principal,
        })
    }

    /// The mark, then a sentence for people, cut at 200 characters
    pub fn describe(&self, sentence: impl fmt::Display) -> String {
        let kind = match self.kind {
            MarkKind::Rule => "rule",
            MarkKind::Pin => "pin",
        };
        let mut buffer = Uuid::encode_buffer();
        let mut text = String::with_capacity(DESCRIPTION);
        text.extend([FORMAT, " ", kind, " ", self.cluster.0.simple().encode_lower(&mut buffer)]);
        if let Some(id) = self.subscription {
            text.extend(["@", id.0.simple().encode_lower(&mut buffer)]);
        }
        for (is_set, flag) in [(self.shared, SHARED), (self.service_principal, PRINCIPAL)] {
            text.extend(is_set.then_some([" ", flag]).into_iter().flatten());
        }
        // Writing to a text never fails.
        let _ = write!(text, ": {sentence}");
        // Most are far shorter, in bytes even.
        let cut =
            if text.len() > DESCRIPTION { text.char_indices().nth(DESCRIPTION) } else { None };
        if let Some((end, _)) = cut {
            text.truncate(end);
        }
        text
    }
}

/// The words behind a mark's cluster, up to the colon that ends the mark
fn flags<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut is_over = false;
    let flags = words.take_while(|word| !std::mem::replace(&mut is_over, word.ends_with(':')));
    flags
        .map(|word| word.trim_end_matches(':'))
        .take_while(|word| [SHARED, PRINCIPAL].contains(word))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    fn key(registry: &str, role: Role) -> GrantKey {
        let id = format!(
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/{registry}"
        );
        let principal = "77777777-7777-7777-7777-777777777777".parse().unwrap();
        GrantKey { registry: id.parse().unwrap(), principal, role }
    }

    #[test]
    fn names_are_what_they_were_in_the_first_version() {
        let owner = "contoso".parse().unwrap();
        let name = |key| AssignmentName::new(&owner, &key).to_string();
        assert_eq!(name(key("acr1", Role::AcrPull)), "4ce938a1-2bdb-555b-a206-fdbbbcae50b3");
        assert_eq!(
            name(key("acr1", Role::RepositoryReader)),
            "b1a1b00d-7b28-53cf-ae67-b2a6fa5b005c"
        );
        assert_eq!(name(key("ACR1", Role::AcrPull)), name(key("acr1", Role::AcrPull)));
        let other = "fabrikam".parse().unwrap();
        assert_ne!(
            AssignmentName::new(&other, &key("acr1", Role::AcrPull)).to_string(),
            name(key("acr1", Role::AcrPull))
        );
    }

    #[test]
    fn a_name_is_the_uuid_of_its_text() {
        // Lengths around the blocks of the hash
        for length in (0..300).chain([1_000, 10_000]) {
            let text = "é/".repeat(length);
            let expected = Uuid::new_v5(&NAMESPACE, format!("{text}x\n").as_bytes());
            assert_eq!(name_of(&[&text, "x", "\n"]), expected, "{length}");
        }
    }

    #[test]
    fn a_mark_survives_being_written_and_read() {
        let cluster = ClusterHash(Uuid::from_u128(7));
        let somewhere = Some(SubscriptionId(Uuid::from_u128(9)));
        for (kind, subscription, flags) in [
            (MarkKind::Rule, None, (false, false)),
            (MarkKind::Pin, None, (true, false)),
            (MarkKind::Rule, somewhere, (false, true)),
            (MarkKind::Pin, somewhere, (true, true)),
        ] {
            let (shared, service_principal) = flags;
            let mark = Mark { kind, cluster, subscription, shared, service_principal };
            let text = mark.describe("é".repeat(500));
            assert_eq!(Mark::read(&text), Some(mark));
            assert_eq!(text.chars().count(), 200);
        }
    }

    #[test]
    fn words_of_the_sentence_are_no_part_of_the_mark() {
        let hash = Uuid::from_u128(7).simple();
        let is_shared = |text: String| Mark::read(&text).unwrap().shared;
        assert!(is_shared(format!("tether/1 rule {hash} shared: lets cluster aks pull")));
        assert!(is_shared(format!("tether/1 rule {hash} service-principal shared")));
        assert!(!is_shared(format!("tether/1 rule {hash}: shared")));
        assert!(!is_shared(format!("tether/1 rule {hash} is shared")));
        assert!(!is_shared(format!("tether/1 rule {hash} service-principal: shared: yes")));
    }

    #[test]
    fn a_description_of_anyone_else_has_no_mark() {
        let hash = Uuid::from_u128(7).simple().to_string();
        for text in
            ["", "tether/1", "tether/2 rule x", &format!("tether/2 rule {hash}"), "for my cluster"]
        {
            assert_eq!(Mark::read(text), None, "{text}");
        }
    }

    #[test]
    fn an_owner_is_one_printable_line() {
        assert_eq!(" contoso ".parse::<Owner>().unwrap().to_string(), "contoso");
        assert_eq!("  ".parse::<Owner>(), Err(OwnerError::Empty));
        assert_eq!("a\nb".parse::<Owner>(), Err(OwnerError::Unprintable));
    }
}
