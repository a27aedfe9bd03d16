//! Why a text is no policy, told so that the operator can mend it: every problem at once, each with
//! the line it is in, the word at fault and the words that would be right.
//!
//! What is right and wrong is decided by the reader; how an error is printed, by whoever prints it.

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

use super::Side;
use crate::model::{OwnerError, ResourceIdError, is_misleading};

/// Why a text is no policy
#[derive(Debug, Error, Diagnostic)]
#[error("`{}` is not a valid {what}", .text.name())]
pub struct PolicyError {
    #[source_code]
    text: NamedSource<String>,
    what: &'static str,
    #[related]
    problems: Vec<Problem>,
}

impl PolicyError {
    pub(super) fn new(name: &str, text: &str, problems: Vec<Problem>) -> Self {
        Self { text: NamedSource::new(name, visible(text)), what: "policy", problems }
    }

    /// The same about a list of cases
    pub(super) fn of_cases(name: &str, text: &str, problems: Vec<Problem>) -> Self {
        Self { what: "list of cases", ..Self::new(name, text, problems) }
    }

    /// Everything that is wrong, in the order of the text
    pub fn problems(&self) -> impl Iterator<Item = &dyn Diagnostic> {
        self.problems.iter().map(|problem| problem as &dyn Diagnostic)
    }
}

/// The text with a question mark for every byte that would act on a terminal instead of being seen, and
/// without carriage returns, so that places in it stay the same
pub(super) fn visible(text: &str) -> String {
    let acts = |c: char| is_misleading(c) && !matches!(c, '\n' | '\t');
    if !text.contains(acts) {
        return text.to_owned();
    }
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\r' {
            visible.push(' ');
        } else if acts(c) {
            visible.extend(std::iter::repeat_n('?', c.len_utf8()));
        } else {
            visible.push(c);
        }
    }
    visible
}

/// One thing that is wrong, and where
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
pub(super) enum Problem {
    /// The text is not one small YAML document.
    #[error("this is not readable as YAML: {message}")]
    Yaml {
        message: String,
        #[label("here")]
        at: SourceSpan,
    },
    /// The text is larger, deeper or more entangled than any policy needs to be.
    #[error("this is too large, too deep or refers to itself too often")]
    #[diagnostic(help(
        "a policy is one small document; write rules out instead of referring to them"
    ))]
    TooMuch {
        #[label("up to here")]
        at: SourceSpan,
    },
    /// A line is longer than any report could show.
    #[error("line {line} has more than {most} characters")]
    #[diagnostic(help("lists and texts may go over several lines: break it"))]
    LongLine { line: usize, most: usize, at: SourceSpan },
    /// A key means nothing where it stands.
    #[error("unknown key `{found}`")]
    #[diagnostic(help("{help}"))]
    UnknownKey {
        found: String,
        help: String,
        #[label("not a key of {place}")]
        at: SourceSpan,
        place: &'static str,
    },
    /// A key stands twice in one map.
    #[error("`{found}` is there twice")]
    #[diagnostic(help("{help}"))]
    RepeatedKey {
        found: String,
        help: &'static str,
        #[label("first here")]
        first: SourceSpan,
        #[label("and again here")]
        at: SourceSpan,
    },
    /// A key that must be there is not.
    #[error("`{key}` is missing")]
    #[diagnostic(help("{help}"))]
    MissingKey {
        key: &'static str,
        help: &'static str,
        #[label("beside this")]
        at: SourceSpan,
    },
    /// A value is of the wrong kind.
    #[error("{what} must be {expected}, not {found}")]
    #[diagnostic(help("{help}"))]
    WrongKind {
        what: String,
        expected: &'static str,
        found: &'static str,
        help: String,
        #[label("this is {found}")]
        at: SourceSpan,
    },
    /// A word is none of those that are known.
    #[error("`{found}` is no {what}")]
    #[diagnostic(help("{help}"))]
    UnknownWord {
        found: String,
        what: &'static str,
        help: String,
        #[label("not known here")]
        at: SourceSpan,
    },
    /// The owner is still the placeholder.
    #[error("the owner is still `change-me`")]
    #[diagnostic(help(
        "any text unique to this installation will do, such as `contoso-production`; role assignments made under one owner are strangers to another, so choose it once"
    ))]
    OwnerUnchanged {
        #[label("change this")]
        at: SourceSpan,
    },
    /// The owner can't be one.
    #[error("this is no owner")]
    #[diagnostic(help(
        "any text unique to this installation will do, such as `contoso-production`"
    ))]
    Owner {
        #[label("here")]
        at: SourceSpan,
        #[source]
        reason: OwnerError,
    },
    /// A limit is not a number that it can be.
    #[error("`{key}` must be a whole number from 1 to {most}")]
    #[diagnostic(help("{help}"))]
    Limit {
        key: &'static str,
        most: u64,
        help: &'static str,
        #[label("this is not")]
        at: SourceSpan,
    },
    /// A rule's name is empty, long, or would not fit on a line.
    #[error("a rule's name must be one line of 1 to {most} characters")]
    #[diagnostic(help("plans, reports and role assignments call the rule by its name"))]
    RuleName {
        most: usize,
        #[label("this is not")]
        at: SourceSpan,
    },
    /// Two rules have one name.
    #[error("two rules are called `{name}`")]
    #[diagnostic(help("give each rule a name of its own; its name is how a plan refers to it"))]
    RepeatedRuleName {
        name: String,
        #[label("first here")]
        first: SourceSpan,
        #[label("and again here")]
        at: SourceSpan,
    },
    /// An attaching rule asks one side for nothing.
    #[error("rule `{name}` attaches without asking the {side}")]
    #[diagnostic(help("both sides must consent: {help}"))]
    NoConsent {
        name: String,
        side: Side,
        help: &'static str,
        #[label("no tag that the {side} must have")]
        at: SourceSpan,
    },
    /// A veto asks for nothing at all.
    #[error("rule `{name}` has no condition, so it would forbid every pair")]
    #[diagnostic(help(
        "say what it forbids under `cluster`, `registry` or `join`; to change nothing at all, use `mode: observe`"
    ))]
    VetoOfEverything {
        name: String,
        #[label("forbids everything")]
        at: SourceSpan,
    },
    /// An entry of `pins` asks for nothing at all.
    #[error("entry `{name}` of `pins` has no condition, so a command could attach any pair")]
    #[diagnostic(help(
        "say what may be pinned under `cluster`, `registry` or `join`, such as `registry: {{tags: {{acr-attach: {{present: true}}}}}}`"
    ))]
    PinOfEverything {
        name: String,
        #[label("allows everything")]
        at: SourceSpan,
    },
    /// A tag's name is one that Azure does not allow.
    #[error("`{name}` is no tag name: {reason}")]
    #[diagnostic(help("write the name as Azure shows it; its letter case does not matter"))]
    TagName {
        name: String,
        reason: &'static str,
        #[label("no resource can have this tag")]
        at: SourceSpan,
    },
    /// A tag's value is one that Azure does not allow.
    #[error("a tag's value has at most {most} characters, this one has {length}")]
    #[diagnostic(help("no resource can have this value, so the condition could never be met"))]
    TagValue {
        most: usize,
        length: usize,
        #[label("too long")]
        at: SourceSpan,
    },
    /// A list of values is empty.
    #[error("no value fits {what}: its list is empty")]
    #[diagnostic(help("list what fits, or leave the condition out"))]
    NoValues {
        what: String,
        #[label("empty")]
        at: SourceSpan,
    },
    /// A pattern fits only the empty text.
    #[error("an empty pattern fits nothing but an empty value")]
    #[diagnostic(help("`*` stands for any characters and `?` for one, such as `prod-*`"))]
    EmptyGlob {
        #[label("empty")]
        at: SourceSpan,
    },
    /// `present` or `absent` is not `true`.
    #[error("`{key}` can only be `true`")]
    #[diagnostic(help(
        "write `{{present: true}}` for what has the tag, `{{absent: true}}` for what has it not"
    ))]
    NotTrue {
        key: &'static str,
        #[label("this is not `true`")]
        at: SourceSpan,
    },
    /// A condition says nothing, or two things.
    #[error("{place} says exactly one thing")]
    #[diagnostic(help("{help}"))]
    NotOneTest {
        place: &'static str,
        help: &'static str,
        #[label("not one thing")]
        at: SourceSpan,
    },
    /// `all` or `any` has nothing in it.
    #[error("{place} has no condition in it")]
    #[diagnostic(help(
        "list selectors, such as `- tags: {{team: payments}}`, or leave {place} out"
    ))]
    NoParts {
        place: &'static str,
        #[label("empty")]
        at: SourceSpan,
    },
    /// A selector inside of another fits everything.
    #[error("a selector in {place} has no condition, so it would fit everything")]
    #[diagnostic(help(
        "say what it asks for, such as `{{tags: {{team: payments}}}}`, or leave it out"
    ))]
    EmptyPart {
        place: &'static str,
        #[label("fits everything")]
        at: SourceSpan,
    },
    /// A subscription is not given by its id.
    #[error("`{found}` is no subscription id")]
    #[diagnostic(help(
        "state the id, a GUID: names of subscriptions may change and may be shared"
    ))]
    Subscription {
        found: String,
        #[label("not a GUID")]
        at: SourceSpan,
    },
    /// A name or a group is no name.
    #[error("`{found}` cannot be {what} of anything")]
    #[diagnostic(help(
        "give the name alone, without a `/`; a subscription and a resource group have keys of their own"
    ))]
    NotAName {
        what: String,
        found: String,
        #[label("no name")]
        at: SourceSpan,
    },
    /// A veto is told which role to attach with.
    #[error("a veto attaches nothing, so it has no `role`")]
    #[diagnostic(help("leave `role` out, or `effect: veto`"))]
    RoleOfVeto {
        #[label("no use here")]
        at: SourceSpan,
    },
    /// A service principal is stated for something that is no cluster.
    #[error("`service_principals` are stated by cluster id")]
    #[diagnostic(help("`az aks show -g <group> -n <name> --query id` tells the id"))]
    ClusterId {
        #[label("no cluster id")]
        at: SourceSpan,
        #[source]
        reason: ResourceIdError,
    },
    /// An object id is no GUID.
    #[error("`{found}` is no object id")]
    #[diagnostic(help(
        "a GUID: `az ad sp show --id <application id> --query id` tells it; the application id itself is another one"
    ))]
    ObjectId {
        found: String,
        #[label("not a GUID")]
        at: SourceSpan,
    },
    /// A case expects a registry that it has not, or a name that fits several of its registries.
    #[error("`{found}` fits {count} of the case's registries")]
    #[diagnostic(help("{help}"))]
    NotOneRegistry {
        found: String,
        count: usize,
        help: String,
        #[label("not one registry")]
        at: SourceSpan,
    },
    /// What a case says of a resource cannot be.
    #[error("no resource can be called so")]
    #[diagnostic(help("names are of letters, digits and `-`; a subscription is given by its id"))]
    CaseId {
        #[label("here")]
        at: SourceSpan,
        #[source]
        reason: ResourceIdError,
    },
    /// A join says nothing, or two things.
    #[error("a join says exactly one thing")]
    #[diagnostic(help(
        "write one entry for each: `- same_tag: team` or `- registry_named_in: acr-attach`"
    ))]
    Join {
        #[label("not one thing")]
        at: SourceSpan,
    },
}

impl Problem {
    /// Where it is, as bytes of the text
    pub(super) fn at(&self) -> SourceSpan {
        match self {
            Self::Yaml { at, .. }
            | Self::TooMuch { at }
            | Self::LongLine { at, .. }
            | Self::UnknownKey { at, .. }
            | Self::RepeatedKey { at, .. }
            | Self::MissingKey { at, .. }
            | Self::WrongKind { at, .. }
            | Self::UnknownWord { at, .. }
            | Self::OwnerUnchanged { at }
            | Self::Owner { at, .. }
            | Self::Limit { at, .. }
            | Self::RuleName { at, .. }
            | Self::RepeatedRuleName { at, .. }
            | Self::NoConsent { at, .. }
            | Self::VetoOfEverything { at, .. }
            | Self::PinOfEverything { at, .. }
            | Self::TagName { at, .. }
            | Self::TagValue { at, .. }
            | Self::NoValues { at, .. }
            | Self::EmptyGlob { at }
            | Self::NotTrue { at, .. }
            | Self::NotOneTest { at, .. }
            | Self::NoParts { at, .. }
            | Self::EmptyPart { at, .. }
            | Self::Subscription { at, .. }
            | Self::NotAName { at, .. }
            | Self::RoleOfVeto { at }
            | Self::NotOneRegistry { at, .. }
            | Self::CaseId { at, .. }
            | Self::ClusterId { at, .. }
            | Self::ObjectId { at, .. }
            | Self::Join { at } => *at,
        }
    }
}
