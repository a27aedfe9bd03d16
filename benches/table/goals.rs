//! The figures of the table, in its order, and what was aimed at. `docs/performance.md` has the same, which
//! a test sees to.

/// What a figure should be
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// At least this percentage of the peer's
    Share(f64),
    /// Less than this
    Below(f64),
    /// Nothing was aimed at
    None,
}

impl Goal {
    /// Whether a figure is what was aimed at, beside its peer's; `None` if nothing was
    pub(crate) fn is_met(self, ours: f64, peer: Option<f64>) -> Option<bool> {
        match self {
            Self::Share(least) => Some(peer.is_some_and(|peer| 100.0 * ours / peer >= least)),
            Self::Below(most) => Some(ours < most),
            Self::None => None,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Share(percent) => write!(f, "≥ {percent:.0} %"),
            Self::Below(most) => write!(f, "< {most:.0}"),
            Self::None => f.write_str("-"),
        }
    }
}

pub(crate) const EVENTS: &str = "events that matter to nobody, a second";
pub(crate) const EVENT_TAIL: &str = "an event that matters to nobody at half load, p99 over p50";
pub(crate) const ATTACHMENTS: &str = "events that end in an attachment, a second";
pub(crate) const ATTACHMENT_TAIL: &str =
    "an event that ends in an attachment at half load, p99 over p50";
pub(crate) const MATCHING: &str = "matching 4,000 clusters × 400 registries, ms";
pub(crate) const PLAN: &str = "planning 10,000 clusters × 1,000 registries, ms";
pub(crate) const LARGE_PLAN: &str = "planning 100,000 clusters × 10,000 registries, ms";
pub(crate) const START: &str = "start to first answer, ms";
pub(crate) const IDLE: &str = "memory when idle, MiB";
pub(crate) const MEMORY: &str = "memory after 100,000 events, MiB";

pub(crate) const GOALS: [(&str, Goal); 10] = [
    (EVENTS, Goal::Share(80.0)),
    (EVENT_TAIL, Goal::Below(4.0)),
    (ATTACHMENTS, Goal::Share(70.0)),
    (ATTACHMENT_TAIL, Goal::Below(4.0)),
    (MATCHING, Goal::None),
    (PLAN, Goal::Below(100.0)),
    (LARGE_PLAN, Goal::None),
    (START, Goal::Below(10.0)),
    (IDLE, Goal::None),
    (MEMORY, Goal::Below(32.0)),
];
