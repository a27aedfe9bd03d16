//! Why a request is refused, and how the service says it.
//!
//! The shapes are those of recorded answers, and so are all codes but `UnknownColumn`, for which
//! no recording was found. The time and the correlation id of a real answer are constants here,
//! since the answer is a pure function of what was asked.

use serde_json::{Value, json};

const SUPPORT: &str = "Please provide below info when asking for support: \
    timestamp = 2026-01-01T00:00:00.0000000Z, \
    correlationId = 00000000-0000-0000-0000-000000000000.";

const INVALID_QUERY: &str = "Query is invalid. Please refer to the documentation for the Azure \
    Resource Graph service and fix the error before retrying.";

/// Why a request is refused
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The query does not read on from here
    Unexpected { token: String, line: usize, character: usize },
    /// KQL, but not of the kind that is served
    Unsupported { token: String, reason: String },
    /// No such function, or not with so many arguments
    UnknownFunction(String),
    /// No such table
    UnknownTable(String),
    /// No such column at this point of the query
    UnknownColumn(String),
    /// More than an answer can be made of
    TooLarge,
    /// The request around the query is malformed
    Request(String),
    /// A subscription is not named by a GUID
    NotGuids(String),
    /// None of the subscriptions asked for can be read
    NoSubscription(Vec<String>),
    /// Nothing can be read in the management groups, or at all
    AccessDenied,
}

impl Refusal {
    /// The HTTP status
    pub(super) fn status(&self) -> u16 {
        if matches!(self, Self::AccessDenied) { 403 } else { 400 }
    }

    /// The body in ARM's error shape
    pub(super) fn body(&self) -> Value {
        let code = if matches!(self, Self::AccessDenied) { "AccessDenied" } else { "BadRequest" };
        let mut details = vec![self.detail()];
        if self.blames_the_query() {
            details.insert(0, json!({ "code": "InvalidQuery", "message": INVALID_QUERY }));
        }
        json!({ "error": { "code": code, "message": SUPPORT, "details": details } })
    }

    fn blames_the_query(&self) -> bool {
        match self {
            Self::Unexpected { .. }
            | Self::Unsupported { .. }
            | Self::UnknownFunction(_)
            | Self::UnknownTable(_)
            | Self::UnknownColumn(_) => true,
            Self::TooLarge
            | Self::Request(_)
            | Self::NotGuids(_)
            | Self::NoSubscription(_)
            | Self::AccessDenied => false,
        }
    }

    fn detail(&self) -> Value {
        let (code, message) = match self {
            Self::Unexpected { token, line, character } => {
                return parser_failure(token, *line, *character);
            }
            Self::Unsupported { token, reason } => return unsupported(token, reason),
            Self::UnknownFunction(name) => {
                ("UnknownFunction", format!("Unknown function: '{name}'."))
            }
            Self::UnknownTable(name) => (
                "DisallowedLogicalTableName",
                format!("Logical table {name} is invalid, unsupported or disallowed."),
            ),
            Self::UnknownColumn(name) => {
                ("UnknownColumn", format!("Failed to resolve scalar expression named '{name}'"))
            }
            Self::TooLarge => (
                "ResponsePayloadTooLarge",
                "The response is too large. Please query less data at a time.".to_owned(),
            ),
            Self::Request(reason) => ("BadRequest", reason.clone()),
            Self::NotGuids(given) => (
                "SubscriptionsContainInvalidGuids",
                format!("The subscriptions in the request must be GUIDs. Given: '{given}'."),
            ),
            Self::NoSubscription(given) => (
                "NoValidSubscriptionsInQueryRequest",
                format!(
                    "There must be at least one subscription that is eligible to contain \
                     resources. Given: '{}'.",
                    given.join(",")
                ),
            ),
            Self::AccessDenied => (
                "AccessDenied",
                "Access is denied to the requested resource. The user might not have enough \
                 permission."
                    .to_owned(),
            ),
        };
        json!({ "code": code, "message": message })
    }
}

fn parser_failure(token: &str, line: usize, character: usize) -> Value {
    let mut detail = json!({ "code": "ParserFailure", "message": "ParserFailure", "line": line, "token": token });
    // The service leaves out a position of zero, as its serializer does with defaults.
    if let (Some(detail), true) = (detail.as_object_mut(), character > 0) {
        detail.insert("characterPositionInLine".to_owned(), json!(character));
    }
    detail
}

fn unsupported(token: &str, reason: &str) -> Value {
    json!({
        "code": "InvalidQueryLanguage",
        "message": reason,
        "line": -1,
        "characterPositionInLine": -1,
        "token": token,
    })
}
