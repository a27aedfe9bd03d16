//! Holding a policy against one cluster and one registry.
//!
//! | another tenant | a veto fits | an attaching rule fits | decision    |
//! |----------------|-------------|------------------------|-------------|
//! | yes            | any         | any                    | `OtherTenant` |
//! | no             | yes         | any                    | `Vetoed`    |
//! | no             | no          | yes                    | `Attach`    |
//! | no             | no          | but for its name       | `Ambiguous` |
//! | no             | no          | no                     | `NotWanted` |
//!
//! Only tags, names and tenants are looked at: whether the cluster has an identity, or the registry
//! a known mode, decides nothing here.

use uuid::Uuid;

use crate::model::{Cluster, Registry, RegistryId};

use super::names::{self, DISABLED, RegistryNames};
use super::resource::Resource;
use super::stand::Stand;
use super::{
    Check, Clause, Condition, Decision, Effect, Join, Looked, Match, Policy, Rule, Seen, Side,
    Step, Subject, Verdict, Veto,
};

/// The tag that both sides use to take part, and to refuse
pub(super) const ACR_ATTACH: &str = "acr-attach";

impl Policy {
    /// The verdict on one pair, with everything that led to it
    ///
    /// # Guarantees
    /// The decision is that of [`decision`](Self::decision). The trace never stops early: it has
    /// every rule and every condition, built-in ones first, then rules in the order of names.
    pub fn decide(
        &self,
        cluster: &Cluster,
        registry: &Registry,
        names: &RegistryNames,
    ) -> Verdict<'_> {
        let pair = Pair { cluster, registry, names, stands: None };
        let built_in = [
            Subject::OtherTenant,
            Subject::Disabled(Side::Cluster),
            Subject::Disabled(Side::Registry),
        ];
        let subjects = built_in.into_iter().chain(self.rules.iter().map(Subject::Rule));
        Verdict {
            decision: self.decision(cluster, registry, names),
            trace: subjects.map(|subject| pair.step(subject)).collect(),
        }
    }

    /// The decision on one pair, without its trace
    ///
    /// # Guarantees
    /// A veto wins, the order of rules never matters, and what no rule wants is not wanted. Nothing
    /// is allocated unless a cluster names this registry.
    pub fn decision(
        &self,
        cluster: &Cluster,
        registry: &Registry,
        names: &RegistryNames,
    ) -> Decision<'_> {
        self.decision_on(&Pair { cluster, registry, names, stands: None })
    }

    /// The same for two whose stands are known: what one side decides alone is not looked at again.
    pub fn decision_between(
        &self,
        (cluster, its): (&Cluster, &Stand),
        (registry, theirs): (&Registry, &Stand),
        names: &RegistryNames,
    ) -> Decision<'_> {
        self.decision_on(&Pair { cluster, registry, names, stands: Some((its, theirs)) })
    }

    fn decision_on(&self, pair: &Pair<'_>) -> Decision<'_> {
        if pair.check(Condition::TenantsDiffer).may_be() {
            return Decision::OtherTenant;
        }
        match self.veto(pair) {
            Some(by) => Decision::Vetoed { by },
            None => self.wish(pair),
        }
    }

    /// The entry of `pins` that lets a person attach this pair by a command, or of several the one
    /// with the least name. Vetoes are not looked at.
    pub fn lets_pin(
        &self,
        cluster: &Cluster,
        registry: &Registry,
        names: &RegistryNames,
    ) -> Option<&Rule> {
        let pair = Pair { cluster, registry, names, stands: None };
        self.pins.iter().find(|rule| matches!(pair.fit(rule), Fit::Yes))
    }

    /// Whether every rule that wants this pair, and every entry of `pins` that allows it where these count
    /// too, does so by the registry's bare name in a tag: a name that a registry in another resource group
    /// may have too, unlike a login server or an id
    pub fn is_wanted_by_name(
        &self,
        cluster: &Cluster,
        registry: &Registry,
        names: &RegistryNames,
        with_pins: bool,
    ) -> bool {
        let pair = Pair { cluster, registry, names, stands: None };
        let pins = self.pins.iter().filter(|_| with_pins);
        let rules = self.with(Effect::Attach, &pair).chain(pins);
        let mut wanting = rules.filter(|rule| matches!(pair.fit(rule), Fit::Yes));
        let by_name = |rule: &Rule| {
            rule.joins.iter().any(|join| match join {
                Join::RegistryNamedIn(tag) => !pair.is_named_for_sure(tag),
                Join::SameTag { .. } => false,
            })
        };
        wanting.next().is_some_and(by_name) && wanting.all(by_name)
    }

    fn veto(&self, pair: &Pair<'_>) -> Option<Veto<'_>> {
        let disabled =
            [Side::Cluster, Side::Registry].into_iter().find(|side| pair.is_disabled(*side));
        // A name that may mean this registry is enough to forbid it.
        let rule = || self.with(Effect::Veto, pair).find(|rule| pair.fit(rule).may_be());
        disabled.map(Veto::Disabled).or_else(|| rule().map(Veto::Rule))
    }

    fn wish(&self, pair: &Pair<'_>) -> Decision<'_> {
        let (mut unsuited, mut ambiguous) = (None, None);
        for rule in self.with(Effect::Attach, pair) {
            match pair.fit(rule) {
                Fit::Yes if rule.role.suits(&pair.registry.mode) => {
                    return Decision::Attach { by: rule };
                }
                Fit::Yes => unsuited = unsuited.or(Some(rule)),
                Fit::Ambiguous(name) => ambiguous = ambiguous.or(Some((rule, name))),
                Fit::No => {}
            }
        }
        match (unsuited, ambiguous) {
            (Some(by), _) => Decision::Attach { by },
            (None, Some((by, name))) => {
                Decision::Ambiguous { by, name: name.to_owned(), candidates: pair.candidates(name) }
            }
            (None, None) => Decision::NotWanted,
        }
    }

    /// The rules with this effect, but for those that a known stand rules out
    fn with<'p>(&'p self, effect: Effect, pair: &Pair<'_>) -> impl Iterator<Item = &'p Rule> {
        let stands = pair.stands;
        let may_fit = move |(place, rule): &(usize, &Rule)| {
            rule.effect == effect
                && stands.is_none_or(|(its, theirs)| its.fits(*place) && theirs.fits(*place))
        };
        self.rules.iter().enumerate().filter(may_fit).map(|(_, rule)| rule)
    }
}

/// Whether a pair fits, borrowing the name that is in the way
#[derive(Clone, Copy)]
enum Fit<'a> {
    Yes,
    No,
    Ambiguous(&'a str),
}

impl Fit<'_> {
    fn from_bool(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }

    fn may_be(self) -> bool {
        !matches!(self, Self::No)
    }
}

/// What is decided about
struct Pair<'a> {
    cluster: &'a Cluster,
    registry: &'a Registry,
    names: &'a RegistryNames,
    /// How the cluster and the registry stand to the rules, where that is known already
    stands: Option<(&'a Stand, &'a Stand)>,
}

impl<'a> Pair<'a> {
    /// Whether all conditions hold: no wins, then the first name in the way. Where the stands are known,
    /// what is asked of one side alone holds.
    fn fit(&self, rule: &Rule) -> Fit<'a> {
        let mut fit = Fit::Yes;
        let asked = |condition: &Condition<'_>| {
            self.stands.is_none() || matches!(condition, Condition::Join(_))
        };
        for condition in rule.conditions().filter(asked) {
            match self.check(condition) {
                Fit::No => return Fit::No,
                Fit::Ambiguous(name) if matches!(fit, Fit::Yes) => fit = Fit::Ambiguous(name),
                Fit::Yes | Fit::Ambiguous(_) => {}
            }
        }
        fit
    }

    fn check(&self, condition: Condition<'_>) -> Fit<'a> {
        match condition {
            Condition::TenantsDiffer => {
                let tenants = self.cluster.tenant.zip(self.registry.tenant);
                Fit::from_bool(tenants.is_some_and(|(cluster, registry)| cluster != registry))
            }
            Condition::SaysDisabled(side) => Fit::from_bool(says_disabled(self.side(side))),
            Condition::Clause { side, clause } => Fit::from_bool(self.side(side).fits(clause)),
            Condition::Join(Join::SameTag { cluster, registry }) => {
                let value = self.tag(Side::Cluster, cluster).filter(|value| !is_blank(value));
                Fit::from_bool(value.is_some() && value == self.tag(Side::Registry, registry))
            }
            Condition::Join(Join::RegistryNamedIn(tag)) => {
                self.tag(Side::Cluster, tag).map_or(Fit::No, |value| self.named_in(value))
            }
        }
    }

    fn is_disabled(&self, side: Side) -> bool {
        match (side, self.stands) {
            (Side::Cluster, Some((its, _))) => its.is_disabled,
            (Side::Registry, Some((_, theirs))) => theirs.is_disabled,
            (_, None) => says_disabled(self.side(side)),
        }
    }

    /// Whether a list of names has one for this registry, and better one for it alone
    fn named_in(&self, value: &'a str) -> Fit<'a> {
        let mut shared = None;
        for word in names::words(value).filter(|word| names::fits(word, self.registry)) {
            if self.names.several(word).is_none() {
                return Fit::Yes;
            }
            shared = shared.or(Some(word));
        }
        shared.map_or(Fit::No, Fit::Ambiguous)
    }

    /// Whether the tag has the registry's id or login server, which no other registry can have
    fn is_named_for_sure(&self, tag: &str) -> bool {
        let [_, server, id] = names::called(self.registry);
        let mut words = self.tag(Side::Cluster, tag).into_iter().flat_map(names::words);
        words.any(|word| word.eq_ignore_ascii_case(server) || word.eq_ignore_ascii_case(id))
    }

    fn tag(&self, side: Side, name: &str) -> Option<&'a str> {
        self.side(side).tag(name)
    }

    fn side(&self, side: Side) -> Resource<'a> {
        match side {
            Side::Cluster => self.cluster.into(),
            Side::Registry => self.registry.into(),
        }
    }

    fn candidates(&self, name: &str) -> Vec<RegistryId> {
        self.names.several(name).into_iter().flatten().cloned().collect()
    }

    fn step<'p>(&self, subject: Subject<'p>) -> Step<'p> {
        let (checks, fit): (Vec<Check<'p>>, _) = match subject {
            Subject::OtherTenant => self.single(Condition::TenantsDiffer),
            Subject::Disabled(side) => self.single(Condition::SaysDisabled(side)),
            Subject::Rule(rule) => {
                let checks = rule.conditions().map(|condition| self.traced(condition)).collect();
                let fit = match (rule.effect, self.fit(rule)) {
                    (Effect::Veto, fit) => Fit::from_bool(fit.may_be()),
                    (Effect::Attach | Effect::Pin, fit) => fit,
                };
                (checks, fit)
            }
        };
        Step { subject, outcome: self.outcome(fit), checks }
    }

    fn single<'p>(&self, condition: Condition<'p>) -> (Vec<Check<'p>>, Fit<'a>) {
        (vec![self.traced(condition)], self.check(condition))
    }

    fn traced<'p>(&self, condition: Condition<'p>) -> Check<'p> {
        let outcome = self.outcome(self.check(condition));
        let parts = match condition {
            Condition::Clause { side, clause } => parts(clause)
                .map(|clause| self.traced(Condition::Clause { side, clause }))
                .collect(),
            Condition::TenantsDiffer | Condition::SaysDisabled(_) | Condition::Join(_) => {
                Vec::new()
            }
        };
        Check { condition, seen: self.seen(condition), outcome, parts }
    }

    fn outcome(&self, fit: Fit<'_>) -> Match {
        match fit {
            Fit::Yes => Match::Yes,
            Fit::No => Match::No,
            Fit::Ambiguous(name) => {
                Match::Ambiguous { name: name.to_owned(), candidates: self.candidates(name) }
            }
        }
    }

    fn seen<'p>(&self, condition: Condition<'p>) -> Vec<Seen<'p>> {
        let tag = |side, name| {
            let value = self.tag(side, name).map(str::to_owned);
            Seen { side, what: Looked::Tag(name), value }
        };
        let tenant = |side, id: Option<Uuid>| {
            let value = id.map(|id| id.to_string());
            Seen { side, what: Looked::Tenant, value }
        };
        match condition {
            Condition::TenantsDiffer => vec![
                tenant(Side::Cluster, self.cluster.tenant),
                tenant(Side::Registry, self.registry.tenant),
            ],
            Condition::SaysDisabled(side) => vec![tag(side, ACR_ATTACH)],
            Condition::Clause { side, clause: Clause::Tag { tag: name, .. } } => {
                vec![tag(side, name)]
            }
            Condition::Clause { side, clause: Clause::Is { what, .. } } => {
                let value = Some(self.side(side).property(*what).into_owned());
                vec![Seen { side, what: Looked::Property(*what), value }]
            }
            // Its parts say what they saw.
            Condition::Clause {
                clause: Clause::All(_) | Clause::Any(_) | Clause::Not(_), ..
            } => Vec::new(),
            Condition::Join(Join::SameTag { cluster, registry }) => {
                vec![tag(Side::Cluster, cluster), tag(Side::Registry, registry)]
            }
            Condition::Join(Join::RegistryNamedIn(name)) => vec![tag(Side::Cluster, name)],
        }
    }
}

/// The conditions that a condition is made of
fn parts(clause: &Clause) -> Box<dyn Iterator<Item = &Clause> + '_> {
    match clause {
        Clause::Tag { .. } | Clause::Is { .. } => Box::new(std::iter::empty()),
        Clause::All(clauses) | Clause::Any(clauses) => Box::new(clauses.iter()),
        Clause::Not(clause) => Box::new(std::iter::once(&**clause)),
    }
}

/// Whether one side refuses to take part
pub(super) fn says_disabled(side: Resource<'_>) -> bool {
    let mut words = side.tag(ACR_ATTACH).into_iter().flat_map(names::words);
    words.any(|word| word.eq_ignore_ascii_case(DISABLED))
}

fn is_blank(value: &str) -> bool {
    value.trim().is_empty()
}
