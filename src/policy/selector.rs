//! What one side of a pair must be like: conditions on its tags and on what Azure says of it, nested
//! as the operator nested them.
//!
//! How they are spelled in YAML and how they are held against a resource stand elsewhere.

use std::collections::BTreeSet;
use std::fmt;

use super::{Glob, Side};

/// Conditions on one side of a pair, all of which must hold; none fit everything
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The conditions, in an order that the text does not influence
    pub clauses: BTreeSet<Clause>,
}

/// One condition on one side of a pair
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clause {
    /// A tag is so
    Tag {
        /// Its name in lower case
        tag: String,
        /// What it must be like
        test: Test,
    },
    /// Something that Azure says of the resource is so
    Is {
        /// What
        what: Property,
        /// What it must be like; texts are in lower case
        test: Test,
    },
    /// All of these
    All(BTreeSet<Clause>),
    /// At least one of these
    Any(BTreeSet<Clause>),
    /// The opposite
    Not(Box<Clause>),
}

/// What Azure says of a resource. Letter case makes no difference in any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// Its own name
    Name,
    /// The id of its subscription
    Subscription,
    /// The name of its resource group
    ResourceGroup,
    /// Its region
    Location,
}

/// What a text must be like, if it is there at all
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Test {
    /// There, with any value, even an empty one
    Present,
    /// One of these values, exactly as written
    AnyOf(BTreeSet<String>),
    /// One of these patterns
    Like(BTreeSet<Glob>),
    /// The opposite, so it fits what is not there too
    Not(Box<Test>),
}

/// Who answers for a side's part in a rule
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Consent {
    /// Nobody: the side's tags may say anything, or nothing
    Nobody,
    /// The operator, who stated the side's subscription: no one who makes a resource chooses that
    Operator,
    /// Whoever wrote the side's tags: at least one must be there
    Tags,
}

impl Selector {
    /// Who answers for the side that fits
    pub fn consent(&self) -> Consent {
        consent_of_all(&self.clauses)
    }
}

fn consent_of_all(clauses: &BTreeSet<Clause>) -> Consent {
    clauses.iter().map(Clause::consent).max().unwrap_or(Consent::Nobody)
}

impl Clause {
    /// Who answers for a resource that fits. A name, a group and a region are no consent: whoever
    /// makes a resource chooses them. Neither is the opposite of anything: it fits untagged ones.
    pub fn consent(&self) -> Consent {
        match self {
            Self::Tag { test, .. } if test.needs_presence() => Consent::Tags,
            Self::Is { what: Property::Subscription, test: Test::AnyOf(_) } => Consent::Operator,
            Self::Tag { .. } | Self::Is { .. } | Self::Not(_) => Consent::Nobody,
            Self::All(clauses) => consent_of_all(clauses),
            Self::Any(clauses) => {
                clauses.iter().map(Self::consent).min().unwrap_or(Consent::Nobody)
            }
        }
    }

    /// The condition as a sentence about this side
    pub fn about(&self, side: Side) -> impl fmt::Display + '_ {
        Sentence { clause: self, side }
    }
}

impl Test {
    /// The opposite of a test
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Not(test) => *test,
            test @ (Self::Present | Self::AnyOf(_) | Self::Like(_)) => Self::Not(Box::new(test)),
        }
    }

    /// Whether a value fits; `None` is one that is not there
    pub fn fits(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Not(test), value) => !test.fits(value),
            (Self::Present | Self::AnyOf(_) | Self::Like(_), None) => false,
            (Self::Present, Some(_)) => true,
            (Self::AnyOf(values), Some(value)) => values.contains(value),
            (Self::Like(globs), Some(value)) => globs.iter().any(|glob| glob.fits(value)),
        }
    }

    /// Whether only what is there fits
    pub fn needs_presence(&self) -> bool {
        match self {
            Self::Present | Self::AnyOf(_) | Self::Like(_) => true,
            Self::Not(test) => !test.needs_presence(),
        }
    }

    fn tell(&self, f: &mut fmt::Formatter<'_>, is_so: bool) -> fmt::Result {
        match self {
            Self::Not(test) => test.tell(f, !is_so),
            Self::Present => f.write_str(if is_so { "is there" } else { "is not there" }),
            Self::AnyOf(values) => {
                f.write_str(if is_so { "is " } else { "is not " })?;
                quoted(f, values)
            }
            Self::Like(globs) => {
                f.write_str(if is_so { "is like " } else { "is not like " })?;
                quoted(f, globs)
            }
        }
    }
}

impl Property {
    /// Every property
    pub const ALL: [Self; 4] =
        [Self::Name, Self::Subscription, Self::ResourceGroup, Self::Location];

    /// The key of the policy file that asks for it
    pub fn key(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Subscription => "subscription",
            Self::ResourceGroup => "resource_group",
            Self::Location => "location",
        }
    }

    /// What people call it
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Subscription => "subscription",
            Self::ResourceGroup => "resource group",
            Self::Location => "location",
        }
    }
}

/// A condition about a side
struct Sentence<'a> {
    clause: &'a Clause,
    side: Side,
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clause, side } = self;
        match clause {
            Clause::Tag { tag, test: Test::Present } => write!(f, "the {side} has a tag `{tag}`"),
            Clause::Tag { tag, test: Test::Not(test) } if **test == Test::Present => {
                write!(f, "the {side} has no tag `{tag}`")
            }
            Clause::Tag { tag, test } => {
                write!(f, "the {side}'s tag `{tag}` ")?;
                test.tell(f, true)
            }
            Clause::Is { what, test } => {
                write!(f, "the {side}'s {} ", what.word())?;
                test.tell(f, true)
            }
            Clause::All(clauses) => self.joined(f, clauses, "and"),
            Clause::Any(clauses) => self.joined(f, clauses, "or"),
            Clause::Not(clause) => write!(f, "it is not so that {}", clause.about(*side)),
        }
    }
}

impl Sentence<'_> {
    fn joined(
        &self,
        f: &mut fmt::Formatter<'_>,
        clauses: &BTreeSet<Clause>,
        word: &str,
    ) -> fmt::Result {
        let parts: Vec<_> =
            clauses.iter().map(|clause| clause.about(self.side).to_string()).collect();
        match &parts[..] {
            [one] => f.write_str(one),
            several => write!(f, "({})", several.join(&format!(" {word} "))),
        }
    }
}

fn quoted<T: fmt::Display>(f: &mut fmt::Formatter<'_>, words: &BTreeSet<T>) -> fmt::Result {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    f.write_str(&words.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any_of(value: &str) -> Test {
        Test::AnyOf(BTreeSet::from([value.to_owned()]))
    }

    fn tag(test: Test) -> Clause {
        Clause::Tag { tag: "team".to_owned(), test }
    }

    #[test]
    fn the_opposite_fits_what_is_not_there() {
        let not = any_of("a").opposite();
        let fits = |test: &Test| [None, Some("a"), Some("b")].map(|value| test.fits(value));
        assert_eq!(fits(&not), [true, false, true]);
        assert_eq!(fits(&not.opposite()), [false, true, false]);
        assert_eq!(fits(&Test::Present), [false, true, true]);
        assert_eq!(fits(&Test::Present.opposite()), [true, false, false]);
        let glob = Test::Like(BTreeSet::from([Glob::new("a*"), Glob::new("c")]));
        assert_eq!(fits(&glob), [false, true, false]);
    }

    #[test]
    fn only_a_tag_that_must_be_there_and_a_stated_subscription_are_consent() {
        #[track_caller]
        fn check(clauses: &[Clause], consent: Consent) {
            let selector = Selector { clauses: clauses.iter().cloned().collect() };
            assert_eq!(selector.consent(), consent, "{clauses:?}");
        }
        let is = |what, test| Clause::Is { what, test };
        let some = tag(any_of("a"));
        let subscription = is(Property::Subscription, any_of("s"));
        check(&[], Consent::Nobody);
        check(std::slice::from_ref(&some), Consent::Tags);
        check(&[tag(Test::Present)], Consent::Tags);
        check(&[tag(Test::Present.opposite())], Consent::Nobody);
        check(&[tag(any_of("a").opposite())], Consent::Nobody);
        check(&[Clause::Not(Box::new(tag(any_of("a").opposite())))], Consent::Nobody);
        for what in [Property::Name, Property::ResourceGroup, Property::Location] {
            check(&[is(what, any_of("a"))], Consent::Nobody);
        }
        check(std::slice::from_ref(&subscription), Consent::Operator);
        check(&[is(Property::Subscription, any_of("s").opposite())], Consent::Nobody);
        check(&[subscription.clone(), some.clone()], Consent::Tags);
        let any = |clauses: &[Clause]| Clause::Any(clauses.iter().cloned().collect());
        check(&[any(&[subscription.clone(), some.clone()])], Consent::Operator);
        check(&[any(&[is(Property::Name, any_of("a")), some.clone()])], Consent::Nobody);
        check(&[Clause::All([subscription, some].into())], Consent::Tags);
    }

    #[test]
    fn a_condition_reads_as_a_sentence() {
        #[track_caller]
        fn check(clause: &Clause, expected: &str) {
            assert_eq!(clause.about(Side::Cluster).to_string(), expected);
        }
        check(&tag(Test::Present), "the cluster has a tag `team`");
        check(&tag(Test::Present.opposite()), "the cluster has no tag `team`");
        check(&tag(any_of("a")), "the cluster's tag `team` is `a`");
        check(&tag(any_of("a").opposite()), "the cluster's tag `team` is not `a`");
        let glob = Test::Like(BTreeSet::from([Glob::new("b*"), Glob::new("a*")]));
        let group = Clause::Is { what: Property::ResourceGroup, test: glob };
        check(&group, "the cluster's resource group is like `a*` or `b*`");
        let any = Clause::Any([tag(any_of("a")), group].into());
        check(
            &Clause::Not(Box::new(any)),
            "it is not so that (the cluster's tag `team` is `a` or the cluster's resource group is like `a*` or `b*`)",
        );
    }
}
