//! What a check found, and how it is shown.

use crate::azure::{ArmError, chain};

/// How a finding is to be taken
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// As it should be
    Good,
    /// Worth knowing
    Note,
    /// Not as it should be
    Wrong,
    /// Could not be seen
    Unknown,
}

/// One thing that was looked at
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) mark: Mark,
    pub(super) what: String,
    /// What to do about it
    pub(super) help: Option<String>,
}

pub(super) fn good(what: impl Into<String>) -> Finding {
    Finding { mark: Mark::Good, what: what.into(), help: None }
}

pub(super) fn note(what: impl Into<String>) -> Finding {
    Finding { mark: Mark::Note, what: what.into(), help: None }
}

pub(super) fn wrong(what: impl Into<String>, help: impl Into<String>) -> Finding {
    Finding { mark: Mark::Wrong, what: what.into(), help: Some(help.into()) }
}

/// Something that Azure did not tell
pub(super) fn unseen(what: &str, error: &ArmError) -> Finding {
    let help = if error.is_denied() {
        "who checks needs Reader here, and Website Contributor on the function app for its settings"
    } else {
        "try again; if it stays so, the reason above is Azure's own"
    };
    let what = format!("{what} could not be read: {}", chain(error));
    Finding { mark: Mark::Unknown, what, help: Some(help.to_owned()) }
}

/// Right or wrong
pub(super) fn either(is_right: bool, right: &str, wrongly: &str, help: &str) -> Finding {
    if is_right { good(right) } else { wrong(wrongly, help) }
}

impl Finding {
    /// A line or two
    pub(super) fn show(&self) -> String {
        let mark = match self.mark {
            Mark::Good => "ok     ",
            Mark::Note => "note   ",
            Mark::Wrong => "WRONG  ",
            Mark::Unknown => "UNSEEN ",
        };
        let help = self.help.iter().map(|help| format!("\n         {help}"));
        format!("  {mark}{}{}", self.what, help.collect::<String>())
    }

    pub(super) fn is_fine(&self) -> bool {
        matches!(self.mark, Mark::Good | Mark::Note)
    }
}
