//! `tether policy test`: whether a policy comes to what its cases say.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::super::voice::{Colour, Voice, answer};
use super::Exit;
use crate::policy::{CaseResult, Cases, Policy};

pub(super) fn test(file: &Path, cases: Option<&Path>, voice: Voice) -> anyhow::Result<Exit> {
    let policy = Policy::parse(&file.display().to_string(), &super::read(file)?)?;
    let beside = cases.map_or_else(|| beside(file), Path::to_owned);
    let text = super::read(&beside).context(
        "there are no cases: `policy.tests.yaml` of tether shows how to write them, and --cases names \
         another file",
    )?;
    let cases = Cases::parse(&beside.display().to_string(), &text)?;
    let results = cases.run(&policy);
    for result in &results {
        answer(&told(result, voice));
    }
    let passed = results.iter().filter(|result| result.differences.is_empty()).count();
    answer(&format!("{passed} of {} cases come out as they should\n", results.len()));
    Ok(if passed == results.len() { Exit::Success } else { Exit::Failure })
}

/// The cases of `policy.yaml` stand in `policy.tests.yaml`.
fn beside(file: &Path) -> PathBuf {
    file.with_extension("tests.yaml")
}

fn told(result: &CaseResult<'_>, voice: Voice) -> String {
    let name = &result.case.name;
    if result.differences.is_empty() {
        return format!("{}  {name}\n", voice.paint(Colour::Good, "ok   "));
    }
    let mut text = format!("{}  {name}\n", voice.paint(Colour::Bad, "wrong"));
    for difference in &result.differences {
        let name = difference.registry.name();
        let (sign, what) = if difference.expected {
            ('+', "should be attached")
        } else {
            ('-', "should not be attached")
        };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  {sign} {name} {what}: {}", difference.verdict);
        for reason in &difference.because {
            let _ = writeln!(text, "      {}", voice.paint(Colour::Quiet, reason));
        }
    }
    text
}
