//! What is allowed and yet can hardly be meant: rules that never fit, that another rule makes
//! needless, that forbid everything, or that let the tags of one side alone decide.
//!
//! A warning never keeps a policy from being used.

mod covers;
mod fits;
mod logic;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

use super::error::visible;
use super::{Consent, Effect, Policy, Rule, Side};

/// Everything that a policy says and can hardly mean
#[derive(Debug, Error, Diagnostic)]
#[error("`{}` can be used, but look at this", .text.name())]
#[diagnostic(severity(Warning))]
pub struct PolicyWarnings {
    #[source_code]
    text: NamedSource<String>,
    #[related]
    warnings: Vec<Warning>,
}

impl PolicyWarnings {
    /// Looks at a policy, whose rules stand at these places of the text.
    pub(super) fn of(
        name: &str,
        text: &str,
        policy: &Policy,
        places: &BTreeMap<String, SourceSpan>,
    ) -> Self {
        let mut warnings = Vec::new();
        for rule in &policy.rules {
            let at = places.get(&rule.name).copied().unwrap_or_else(|| (0, 0).into());
            warnings.extend(look_at(policy, rule, at));
        }
        warnings.sort_by_key(|warning| warning.at().offset());
        Self { text: NamedSource::new(name, visible(text)), warnings }
    }

    /// Whether there is nothing to warn of
    pub fn is_empty(&self) -> bool {
        self.warnings.is_empty()
    }

    /// How many there are
    pub fn len(&self) -> usize {
        self.warnings.len()
    }
}

/// One thing that can hardly be meant, and where
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
enum Warning {
    /// No pair can ever fit the rule.
    #[error("rule `{name}` can never fit: {why}")]
    #[diagnostic(severity(Warning), help("change what contradicts, or take the rule out"))]
    NeverFits {
        name: String,
        why: String,
        #[label("never fits")]
        at: SourceSpan,
    },
    /// All that the rule wants is forbidden anyway.
    #[error("rule `{name}` can never attach anything: {by} forbids all that it fits")]
    #[diagnostic(
        severity(Warning),
        help("a veto always wins: narrow the veto, or take the rule out")
    )]
    AlwaysVetoed {
        name: String,
        by: String,
        #[label("always vetoed")]
        at: SourceSpan,
    },
    /// Another rule does all that this one does.
    #[error("rule `{name}` does nothing that `{by}` does not do already")]
    #[diagnostic(
        severity(Warning),
        help("take one of the two out, or make `{name}` ask for something else")
    )]
    Covered {
        name: String,
        by: String,
        #[label("covered by `{by}`")]
        at: SourceSpan,
    },
    /// A veto fits every pair.
    #[error("rule `{name}` forbids every pair there is")]
    #[diagnostic(
        severity(Warning),
        help("narrow it; to change nothing at all, use `mode: observe`")
    )]
    ForbidsAll {
        name: String,
        #[label("fits everything")]
        at: SourceSpan,
    },
    /// Only one side's tags are asked.
    #[error("rule `{name}` lets whoever tags the {side} decide alone")]
    #[diagnostic(
        severity(Warning),
        help(
            "for the {other} only its subscription is asked: add a tag or a `join`, unless you answer for everything in there"
        )
    )]
    OneSide {
        name: String,
        side: Side,
        other: Side,
        #[label("no tag of the {other} is asked for")]
        at: SourceSpan,
    },
}

impl Warning {
    fn at(&self) -> SourceSpan {
        match self {
            Self::NeverFits { at, .. }
            | Self::AlwaysVetoed { at, .. }
            | Self::Covered { at, .. }
            | Self::ForbidsAll { at, .. }
            | Self::OneSide { at, .. } => *at,
        }
    }
}

fn look_at(policy: &Policy, rule: &Rule, at: SourceSpan) -> Vec<Warning> {
    let name = rule.name.clone();
    if let Some(why) = fits::why_never(rule) {
        return vec![Warning::NeverFits { name, why, at }];
    }
    let mut warnings = Vec::new();
    if rule.effect == Effect::Veto && covers::fits_everything(rule) {
        warnings.push(Warning::ForbidsAll { name: name.clone(), at });
    }
    if let Some(by) = always_vetoed(policy, rule) {
        warnings.push(Warning::AlwaysVetoed { name: name.clone(), by, at });
    } else if let Some(by) = covered(policy, rule) {
        warnings.push(Warning::Covered { name: name.clone(), by, at });
    }
    let consents = (rule.consent(Side::Cluster), rule.consent(Side::Registry));
    let decides = match consents {
        (Consent::Tags, Consent::Operator) => Some((Side::Cluster, Side::Registry)),
        (Consent::Operator, Consent::Tags) => Some((Side::Registry, Side::Cluster)),
        _ => None,
    };
    if let (Effect::Attach, Some((side, other))) = (rule.effect, decides) {
        warnings.push(Warning::OneSide { name, side, other, at });
    }
    warnings
}

/// What forbids all that an attaching rule wants
fn always_vetoed(policy: &Policy, rule: &Rule) -> Option<String> {
    if rule.effect != Effect::Attach {
        return None;
    }
    if let Some(side) = fits::says_disabled(rule) {
        return Some(format!("`acr-attach: disabled` on the {side}"));
    }
    let mut vetoes = policy.rules.iter().filter(|veto| veto.effect == Effect::Veto);
    let veto = vetoes.find(|veto| covers::covers(veto, rule))?;
    Some(format!("the veto `{}`", veto.name))
}

/// A rule that does all that this one does; of two that do the same, the one with the lesser name
fn covered(policy: &Policy, rule: &Rule) -> Option<String> {
    let does_as_much = |other: &&Rule| {
        other.name != rule.name
            && other.effect == rule.effect
            && (other.role == rule.role || other.role == super::RoleChoice::Auto)
            && covers::covers(other, rule)
    };
    let same = |other: &Rule| covers::covers(rule, other) && rule.role == other.role;
    let mut others = policy.rules.iter().filter(does_as_much);
    let other = others.find(|other| !same(other) || other.name < rule.name)?;
    Some(other.name.clone())
}
