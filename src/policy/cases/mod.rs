//! Cases that a policy is tested with: this cluster, these registries, these attachments.
//!
//! A case is about the policy alone: no grants, no modes and no limits, only what should be.

mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::{Decision, Effect, Match, Policy, PolicyError, RegistryNames, Rule, Subject};
use crate::model::{Cluster, Registry, RegistryId};

/// The most rules that an unfulfilled expectation is explained with
const NEAR: usize = 3;

/// Cases, in the order of their text
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cases {
    /// The cases
    pub cases: Vec<Case>,
}

/// A cluster, the registries there are, and those of them that it should be attached to
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What the case shows
    pub name: String,
    /// The cluster
    pub cluster: Cluster,
    /// The registries
    pub registries: Vec<Registry>,
    /// Those that should be attached
    pub attached: BTreeSet<RegistryId>,
}

/// What came of a case
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult<'c> {
    /// Which case
    pub case: &'c Case,
    /// Where the policy says something else, in the order of registries
    pub differences: Vec<Difference>,
}

/// A registry about which the case and the policy differ
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which registry
    pub registry: RegistryId,
    /// Whether it was expected to be attached
    pub expected: bool,
    /// What the policy says
    pub verdict: String,
    /// What kept the rules from wanting it
    pub because: Vec<String>,
}

impl Cases {
    /// Reads cases. `name` is what errors call the text, such as its file name.
    pub fn parse(name: &str, text: &str) -> Result<Self, PolicyError> {
        read::cases(text).map_err(|problems| PolicyError::of_cases(name, text, problems))
    }

    /// Holds every case against a policy.
    pub fn run(&self, policy: &Policy) -> Vec<CaseResult<'_>> {
        self.cases.iter().map(|case| CaseResult { case, differences: case.run(policy) }).collect()
    }
}

impl Case {
    fn run(&self, policy: &Policy) -> Vec<Difference> {
        let names = RegistryNames::new(self.registries.iter());
        let difference = |registry: &Registry| {
            let decision = policy.decision(&self.cluster, registry, &names);
            let is_wanted = matches!(decision, Decision::Attach { .. });
            let is_attached =
                matches!(decision, Decision::Attach { by } if by.role.suits(&registry.mode));
            let unsuited = is_wanted && !is_attached;
            let expected = self.attached.contains(&registry.id);
            (is_attached != expected).then(|| Difference {
                registry: registry.id.clone(),
                expected,
                verdict: if unsuited {
                    format!("{decision}, with a role that the registry does not honour")
                } else {
                    decision.to_string()
                },
                because: if decision == Decision::NotWanted {
                    near_misses(policy, &self.cluster, registry, &names)
                } else {
                    Vec::new()
                },
            })
        };
        self.registries.iter().filter_map(difference).collect()
    }
}

/// What kept the attaching rules from fitting, those first that came closest
fn near_misses(
    policy: &Policy,
    cluster: &Cluster,
    registry: &Registry,
    names: &RegistryNames,
) -> Vec<String> {
    let verdict = policy.decide(cluster, registry, names);
    let steps = verdict.trace.iter().filter_map(|step| match step.subject {
        Subject::Rule(rule @ Rule { effect: Effect::Attach, .. }) => Some((rule, &step.checks)),
        Subject::Rule(_) | Subject::OtherTenant | Subject::Disabled(_) => None,
    });
    let mut misses: Vec<(usize, String)> = steps
        .map(|(rule, checks)| {
            let missed: Vec<String> = checks
                .iter()
                .filter(|check| check.outcome == Match::No)
                .map(|check| format!("not so: {}", check.sentence()))
                .collect();
            (missed.len(), format!("rule `{}`: {}", rule.name, missed.join("; ")))
        })
        .collect();
    misses.sort();
    misses.into_iter().take(NEAR).map(|(_, miss)| miss).collect()
}
