//! Why a text is no policy, told so that the operator can mend it: every problem at once, each with
//! its line, the word at fault and the words that would be right.
//!
//! How an error is printed is not decided here.

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

/// Why a text is no policy
#[derive(Debug, Error, Diagnostic)]
#[error("`{}` is not a valid policy", .source_text.name())]
pub struct PolicyError {
    #[source_code]
    source_text: NamedSource<String>,
    #[related]
    problems: Vec<Problem>,
}

impl PolicyError {
    pub(super) fn new(name: &str, text: &str, problems: Vec<Problem>) -> Self {
        Self { source_text: NamedSource::new(name, text.to_owned()), problems }
    }

    /// Everything that is wrong, in the order of the text
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// One thing that is wrong
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
#[error("{message}")]
pub struct Problem {
    /// What is wrong, with the operator's own words
    pub message: String,
    /// Where it stands
    #[label]
    pub at: SourceSpan,
    /// What would be right
    #[help]
    pub help: String,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>, at: SourceSpan, help: impl Into<String>) -> Self {
        Self { message: message.into(), at, help: help.into() }
    }
}
