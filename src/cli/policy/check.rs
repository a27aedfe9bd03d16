//! `tether policy check`: whether a policy can be used, and whether it can be meant.

use std::path::Path;

use super::super::voice::{Voice, answer};
use super::Exit;
use crate::policy::Policy;

pub(super) fn check(file: &Path, is_strict: bool, voice: Voice) -> anyhow::Result<Exit> {
    let text = super::read(file)?;
    let (policy, warnings) = Policy::check(&file.display().to_string(), &text)?;
    let (owner, mode, rules) = (&policy.owner, policy.mode, policy.rules().len());
    answer(&format!(
        "{}: owner `{owner}`, mode {mode}, {rules} rule(s), {} warning(s); it can be used\n",
        file.display(),
        warnings.len()
    ));
    if warnings.is_empty() {
        return Ok(Exit::Success);
    }
    voice.report(&warnings)?;
    Ok(if is_strict { Exit::Failure } else { Exit::Success })
}
