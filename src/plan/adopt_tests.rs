//! What an owner takes over, in small worlds, and what becomes of one assignment whatever is found.

use super::Warning;
use super::adopt::{AdoptStep, Adoption, Unfit, adoption, none_of_ours, render_adoption};
use super::build::{By, World, cluster_id, grant, policy, principal, registry_id, world};
use crate::model::{AssignmentName, ClusterHash, Grant, Inventory, Mark, Owner, Role, Scope};

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
fn an_estate_in_which_nothing_is_ours_and_much_was_ours_is_told_of() {
    let all = |grants: Vec<Grant>| grants.into_iter().fold(world(), World::grant).0;
    let told = |inventory| none_of_ours(&inventory, &owner("contoso"));
    assert_eq!(told(all(mixed())), None, "one is ours");
    let others = || mixed().into_iter().filter(|grant| grant.key.principal != principal(5));
    assert_eq!(told(all(others().collect())), Some(Warning::NoneOfOurs(4)));
    let part = Inventory { scope: Scope::Registry(registry_id("r1")), ..all(mixed()) };
    assert_eq!(none_of_ours(&part, &owner("nobody")), None, "only part of it was seen");
    assert_eq!(told(all(vec![grant(By::Foreign, "r1", 7, Role::AcrPull)])), None);
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
