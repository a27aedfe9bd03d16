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

use crate::model::{AssignmentName, Grant, GrantKey, Mark, MarkKind, Owner, RegistryId};

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

#[cfg(test)]
mod tests {
    use super::super::build::{By, cluster_id, grant, policy, registry_id};
    use super::*;
    use crate::model::{ClusterHash, Role};

    fn owner(name: &str) -> Owner {
        name.parse().unwrap()
    }

    /// An assignment as this owner would have made it
    fn made_by(name: &str, by: By, registry: &str, identity: u128) -> Grant {
        let mut grant = grant(by, registry, identity, Role::AcrPull);
        grant.name = AssignmentName::new(&owner(name), &grant.key).0;
        grant.id = format!("{}/{}", grant.key.registry, grant.name);
        grant
    }

    fn conditional(grant: Grant) -> Grant {
        Grant { conditional: true, ..grant }
    }

    fn mixed() -> Vec<Grant> {
        vec![
            made_by("old", By::Rule("c1"), "r2", 1),
            made_by("old", By::Pin("c2"), "r1", 2),
            made_by("old", By::Unreadable, "r1", 3),
            conditional(made_by("old", By::Rule("c4"), "r1", 4)),
            made_by("contoso", By::Rule("c5"), "r1", 5),
            made_by("third", By::Rule("c6"), "r1", 6),
            grant(By::Foreign, "r1", 7, Role::AcrPull),
        ]
    }

    fn of(grants: &[Grant]) -> Adoption {
        adoption(grants, &owner("old"), &owner("contoso"))
    }

    #[test]
    fn only_what_is_the_old_owners_is_adopted_and_keeps_everything_but_its_name() {
        let grants = mixed();
        let adoption = of(&grants);
        let names: Vec<_> = adoption.adopt.iter().map(|item| item.from.0).collect();
        assert_eq!(names, [grants[1].name, grants[2].name, grants[0].name], "by registry");
        for item in &adoption.adopt {
            let old = grants.iter().find(|grant| grant.name == item.from.0).unwrap();
            assert_eq!((&old.key, &old.description), (&item.grant, &item.description));
            assert_eq!(item.to, AssignmentName::new(&policy().owner, &item.grant));
        }
        assert_eq!((adoption.ours, adoption.others, adoption.marked), (1, 2, 1));
        let id = |name: &str| format!("identity 00000000-0000-0000-0000-00000000000{name} →");
        assert_eq!(
            render_adoption(&adoption),
            format!(
                "adopt   {} r1 as AcrPull, pinned\nadopt   {} r1 as AcrPull, pinned\n\
                 adopt   {} r2 as AcrPull\nheld    {} r1 as AcrPull: the assignment `{}` has a \
                 condition, which a new one would not have\n",
                id("2"),
                id("3"),
                id("1"),
                id("4"),
                grants[3].id,
            )
        );
    }

    #[test]
    fn the_order_of_what_was_found_does_not_matter_nor_what_was_found_twice() {
        let mut grants = mixed();
        let expected = of(&grants);
        for turn in 0..grants.len() {
            grants.rotate_left(turn);
            assert_eq!(of(&grants), expected);
        }
        grants.extend(mixed());
        assert_eq!(of(&grants), expected);
    }

    #[test]
    fn once_adopted_there_is_nothing_left_to_adopt() {
        let mut grants = mixed();
        for item in of(&grants).adopt {
            let grant = grants.iter_mut().find(|grant| grant.name == item.from.0).unwrap();
            grant.name = item.to.0;
        }
        let again = of(&grants);
        assert_eq!((again.adopt, again.ours, again.others), (Vec::new(), 4, 2));
    }

    #[test]
    fn one_owner_adopts_nothing_from_itself() {
        let adoption = adoption(&mixed(), &owner("old"), &owner("old"));
        assert_eq!((adoption.adopt, adoption.held, adoption.ours), (Vec::new(), Vec::new(), 4));
    }

    #[test]
    fn a_condition_under_the_new_name_holds_too() {
        let old = made_by("old", By::Rule("c1"), "r1", 1);
        let new = conditional(made_by("contoso", By::Rule("c1"), "r1", 1));
        let adoption = of(&[old, new.clone()]);
        assert_eq!(adoption.adopt, []);
        assert_eq!(adoption.held[0].reason, Unfit::Conditional(new.id));
    }

    #[test]
    fn many_are_told_by_registry() {
        let some = |registry, by, numbers: std::ops::Range<u128>| {
            numbers.map(move |number| made_by("old", by, registry, number))
        };
        let grants: Vec<_> = some("r1", By::Rule("c1"), 1..60)
            .chain(some("r2", By::Rule("c1"), 60..61))
            .chain(some("r1", By::Pin("c1"), 61..63))
            .collect();
        assert_eq!(
            render_adoption(&of(&grants)),
            "adopt   61 at r1, 2 of them pinned\nadopt   1 at r2, 0 of them pinned\n"
        );
    }

    #[test]
    fn what_to_do_hangs_on_what_is_there_now() {
        let old = made_by("old", By::Rule("c1"), "r1", 1);
        let new = made_by("contoso", By::Rule("c1"), "r1", 1);
        let item = of(std::slice::from_ref(&old)).adopt.remove(0);
        let text = || item.description.clone();
        let (old, new) = (Some(&old), Some(&new));
        for is_begun in [false, true] {
            assert_eq!(item.step(old, None, is_begun), AdoptStep::Replace(text()));
            assert_eq!(item.step(old, new, is_begun), AdoptStep::Replace(text()));
            assert_eq!(item.step(None, new, is_begun), AdoptStep::Done);
        }
        assert_eq!(item.step(None, None, false), AdoptStep::Gone, "somebody else removed it");
        assert_eq!(item.step(None, None, true), AdoptStep::Make(text()), "we removed it");
        let narrow = conditional(new.unwrap().clone());
        let hold = AdoptStep::Hold(Unfit::Conditional(narrow.id.clone()));
        assert_eq!(item.step(old, Some(&narrow), true), hold);
        let mut odd = old.unwrap().clone();
        odd.key.registry = registry_id("r2");
        let hold = AdoptStep::Hold(Unfit::Different(odd.id.clone()));
        assert_eq!(item.step(Some(&odd), None, true), hold);
    }

    #[test]
    fn a_pin_stays_one_whoever_made_the_assignment_again_in_between() {
        let rule = made_by("old", By::Rule("c1"), "r1", 1);
        let pin = made_by("old", By::Pin("c1"), "r1", 1);
        let new = made_by("contoso", By::Rule("c1"), "r1", 1);
        let item = of(std::slice::from_ref(&pin)).adopt.remove(0);
        assert!(item.is_pinned());
        let text = || pin.description.clone();
        assert_eq!(item.step(Some(&rule), None, true), AdoptStep::Replace(text()));
        assert_eq!(item.step(None, Some(&new), true), AdoptStep::Make(text()));
        let fresh = of(std::slice::from_ref(&rule)).adopt.remove(0);
        assert_eq!(fresh.step(Some(&pin), None, true), AdoptStep::Replace(text()));
        let mark = Mark::read(&text()).unwrap();
        assert_eq!(mark.cluster, ClusterHash::of(&cluster_id("c1")));
    }
}
