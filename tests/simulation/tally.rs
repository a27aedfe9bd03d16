//! What really happened in all histories together, so that one sees that they are not empty.

use std::collections::BTreeMap;
use std::fmt;

/// How often what happened
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (what, times) in &other.0 {
            *self.0.entry(what).or_default() += times;
        }
    }

    /// How often anything happened whose name starts so
    pub(crate) fn sum(&self, start: &str) -> u64 {
        let all = self.0.iter().filter(|(what, _)| what.starts_with(start));
        all.map(|(_, times)| times).sum()
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, times) in &self.0 {
            writeln!(f, "  {times:>12}  {what}")?;
        }
        Ok(())
    }
}
