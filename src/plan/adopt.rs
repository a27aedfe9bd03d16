//! What an owner takes over from an earlier one, after the text in the policy was changed.
//!
//! | the assignment's name is of   | found                              | result              |
//! |-------------------------------|------------------------------------|---------------------|
//! | the old owner                 | no condition                       | adopt               |
//! | the old owner                 | a condition, on it or its new name | hold                |
//! | the new owner                 |                                    | nothing to do       |
//! | neither                       |                                    | leave               |
//!
//! To adopt is to remove an assignment and to make the same one under its new name: Azure takes only
//! one for a registry, identity and role, so the new one cannot come first. What to do about one of
//! them is decided again, on fresh reads, by [`Adopt::step`].

use std::collections::BTreeMap;
use std::fmt;

use super::Warning;
use crate::model::{
    AssignmentName, Grant, GrantKey, Inventory, Mark, MarkKind, Owner, RegistryId, Scope,
};

/// Up to how many assignments are told one by one; more are told by registry
const ONE_BY_ONE: usize = 40;

/// What an owner takes over, and what it does not
#[must_use = "an adoption that nobody carries out or shows changes nothing"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Assignments that change their owner
    pub adopt: Vec<Adopt>,
    /// Assignments of the old owner that stay as they are
    pub held: Vec<HeldAdoption>,
    /// How many are the new owner's already
    pub ours: usize,
    /// How many are neither's
    pub others: usize,
    /// How many of those carry the mark of some tether
    pub marked: usize,
}

/// An assignment that changes its owner, and so its name
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Adopt {
    /// Where, for whom, by which role: all of it stays
    pub grant: GrantKey,
    /// The name that it has
    pub from: AssignmentName,
    /// The name that it gets
    pub to: AssignmentName,
    /// The text that it carries on, its mark first
    pub description: String,
}

/// An assignment of the old owner that stays as it is
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldAdoption {
    /// Where, for whom, by which role
    pub grant: GrantKey,
    /// What stands against it
    pub reason: Unfit,
}

/// Why an assignment is not adopted
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unfit {
    /// An assignment has a condition, and a new one would have none: its id
    Conditional(String),
    /// What has the name is another assignment than its name says: its id
    Different(String),
}

/// What is to be done about an assignment, now that it was read
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdoptStep {
    /// Remove the old one and make the new one with this description.
    Replace(String),
    /// Make the new one with this description: the old one is gone already.
    Make(String),
    /// The new one is there.
    Done,
    /// The old one is gone, and not by an adoption: nothing is to be carried on.
    Gone,
    /// Leave both as they are.
    Hold(Unfit),
}

/// Plans what `to` takes over from `from`.
///
/// # Guarantees
/// Total, and in any order of the grants the same. Only assignments whose name recomputes under the
/// old owner are adopted. One owner has nothing to take over from itself.
pub fn adoption<'a>(
    grants: impl IntoIterator<Item = &'a Grant>,
    from: &Owner,
    to: &Owner,
) -> Adoption {
    let by_name: BTreeMap<AssignmentName, &Grant> =
        grants.into_iter().map(|grant| (AssignmentName(grant.name), grant)).collect();
    let mut adoption = Adoption::default();
    for (name, grant) in &by_name {
        let new = AssignmentName::new(to, &grant.key);
        if *name == new {
            adoption.ours += 1;
        } else if AssignmentName::is_of(from, grant) {
            let twin = by_name.get(&new).filter(|twin| twin.conditional);
            adoption.sort_in(grant, new, twin.copied());
        } else {
            adoption.others += 1;
            adoption.marked += usize::from(Mark::read(&grant.description).is_some());
        }
    }
    adoption.adopt.sort();
    adoption.held.sort();
    adoption
}

impl Adoption {
    fn sort_in(&mut self, grant: &Grant, to: AssignmentName, twin: Option<&Grant>) {
        let key = grant.key.clone();
        let conditional = [Some(grant), twin].into_iter().flatten().find(|one| one.conditional);
        if let Some(conditional) = conditional {
            let reason = Unfit::Conditional(conditional.id.clone());
            self.held.push(HeldAdoption { grant: key, reason });
        } else {
            let description = grant.description.clone();
            self.adopt.push(Adopt {
                grant: key,
                from: AssignmentName(grant.name),
                to,
                description,
            });
        }
    }
}

/// Whether an estate looks as if the owner had been changed without an adoption
pub(super) fn none_of_ours(inventory: &Inventory, owner: &Owner) -> Option<Warning> {
    let grants = || inventory.grants.values();
    if inventory.scope != Scope::Everything
        || grants().any(|grant| AssignmentName::is_of(owner, grant))
    {
        return None;
    }
    let marked = grants().filter(|grant| Mark::read(&grant.description).is_some()).count();
    (marked > 0).then_some(Warning::NoneOfOurs(marked))
}

impl Adopt {
    /// Decides again, by what has the old name now and what has the new one. `is_begun` says that an
    /// earlier adoption may have removed the old one.
    ///
    /// # Guarantees
    /// A pin stays one, whichever of the texts has it. No condition is ever lost.
    pub fn step(&self, old: Option<&Grant>, new: Option<&Grant>, is_begun: bool) -> AdoptStep {
        for grant in [old, new].into_iter().flatten() {
            if grant.key != self.grant {
                return AdoptStep::Hold(Unfit::Different(grant.id.clone()));
            }
            if grant.conditional {
                return AdoptStep::Hold(Unfit::Conditional(grant.id.clone()));
            }
        }
        let recorded = is_begun.then_some(self.description.as_str());
        let description = carried_on([text(old), recorded, text(new)]);
        match (old, new) {
            (Some(_), _) => AdoptStep::Replace(description.to_owned()),
            (None, Some(new)) if new.description == description => AdoptStep::Done,
            (None, _) if is_begun => AdoptStep::Make(description.to_owned()),
            (None, Some(_)) => AdoptStep::Done,
            (None, None) => AdoptStep::Gone,
        }
    }

    /// Whether it stays whatever the tags say
    pub fn is_pinned(&self) -> bool {
        is_pin(&self.description)
    }
}

fn text(grant: Option<&Grant>) -> Option<&str> {
    grant.map(|grant| grant.description.as_str())
}

/// The first text that says pinned, else the first of all
fn carried_on(texts: [Option<&str>; 3]) -> &str {
    let mut said = texts.into_iter().flatten();
    let first = said.clone().next().unwrap_or_default();
    said.find(|text| is_pin(text)).unwrap_or(first)
}

/// Whether a text says pinned, or nothing that can be read, which counts the same
fn is_pin(description: &str) -> bool {
    Mark::read(description).is_none_or(|mark| mark.kind == MarkKind::Pin)
}

/// The adoption as lines for people, each ending in a line break: one by one if they are few, else a
/// line for each registry
pub fn render_adoption(adoption: &Adoption) -> String {
    let Adoption { adopt, held, .. } = adoption;
    let adopt: Vec<String> = if adopt.len() <= ONE_BY_ONE {
        adopt.iter().map(|item| format!("adopt   {item}\n")).collect()
    } else {
        by_registry(adopt)
    };
    let held = held.iter().map(|item| format!("held    {item}\n"));
    adopt.into_iter().chain(held).collect()
}

fn by_registry(adopt: &[Adopt]) -> Vec<String> {
    let mut counts: BTreeMap<&RegistryId, (usize, usize)> = BTreeMap::new();
    for item in adopt {
        let (all, pinned) = counts.entry(&item.grant.registry).or_default();
        *all += 1;
        *pinned += usize::from(item.is_pinned());
    }
    let line = |(registry, (all, pinned)): (&RegistryId, (usize, usize))| {
        format!("adopt   {all} at {}, {pinned} of them pinned\n", registry.name())
    };
    counts.into_iter().map(line).collect()
}

fn who(grant: &GrantKey) -> String {
    format!("identity {} → {} as {}", grant.principal, grant.registry.name(), grant.role)
}

impl fmt::Display for Adopt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pinned = if self.is_pinned() { ", pinned" } else { "" };
        write!(f, "{}{pinned}", who(&self.grant))
    }
}

impl fmt::Display for HeldAdoption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", who(&self.grant), self.reason)
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conditional(id) => {
                write!(f, "the assignment `{id}` has a condition, which a new one would not have")
            }
            Self::Different(id) => {
                write!(f, "the assignment `{id}` is another one than its name says")
            }
        }
    }
}
