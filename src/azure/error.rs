//! Why Azure did not do what it was asked, by what can be done about it.
//!
//! Judged by Azure's codes, since a status alone may mean opposite things: 409 is both "it is there
//! already" and "a lock forbids it". What to do about it is the caller's decision.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::StatusCode;
use azure_core::http::headers::Headers;
use thiserror::Error;

use super::refusal::{Refusal, retry_after};
use super::wire::Unreadable;

/// Why Azure did not do what it was asked
#[derive(Clone, Debug, Error)]
pub enum ArmError {
    /// Too many requests, from whomever.
    #[error("Azure asks to slow down: {refusal}")]
    Throttled {
        /// How long Azure asks to wait
        retry_after: Option<Duration>,
        /// Azure's words
        refusal: Refusal,
    },
    /// A fault on Azure's side; it may have done what it was asked.
    #[error("Azure is out of order: {refusal}")]
    Unavailable {
        /// How long Azure asks to wait
        retry_after: Option<Duration>,
        /// Azure's words
        refusal: Refusal,
    },
    /// No such identity, or it is too young to be known everywhere.
    #[error("the identity is not known, or not yet: {0}")]
    PrincipalNotFound(Refusal),
    /// The same scope, identity and role have an assignment of another name.
    #[error("there is such an assignment already: {0}")]
    RoleAssignmentExists(Refusal),
    /// A lock on the scope or above it.
    #[error("a lock forbids it: {0}")]
    ScopeLocked(Refusal),
    /// The subscription holds as many role assignments as it can.
    #[error(
        "the subscription has no room for another role assignment; where former roles are kept, `former_roles: remove` in the policy makes room in mode `sync`: {0}"
    )]
    RoleAssignmentLimitExceeded(Refusal),
    /// The assignment's name belongs to an assignment of something else.
    #[error("the name of the assignment is taken: {0}")]
    RoleAssignmentUpdateNotPermitted(Refusal),
    /// The right to do it is missing, or is too young.
    #[error("the right to do that is missing: {0}")]
    AuthorizationFailed(Refusal),
    /// A deny assignment forbids it, whatever rights there are.
    #[error("a deny assignment forbids it: {0}")]
    DenyAssignment(Refusal),
    /// Azure Policy forbids it.
    #[error("Azure Policy forbids it: {0}")]
    DisallowedByPolicy(Refusal),
    /// Azure says that what was named does not exist.
    #[error("there is no such thing: {0}")]
    NotFound(Refusal),
    /// The token was not accepted.
    #[error("the token was not accepted: {0}")]
    Unauthenticated(Refusal),
    /// Anything else that Azure refuses.
    #[error("Azure refused: {0}")]
    Refused(Refusal),
    /// An answer that makes no sense.
    #[error("the answer was not understood")]
    Malformed(#[from] Unreadable),
    /// No answer came.
    #[error("no answer came")]
    Transport(#[source] Arc<azure_core::Error>),
    /// There is no token to ask with.
    #[error("there is no token to ask with")]
    Token(#[source] Arc<azure_core::Error>),
}

impl ArmError {
    /// What an answer other than success means
    pub(super) fn of_answer(status: u16, headers: &Headers, body: &[u8]) -> Self {
        let refusal = Refusal::read(status, headers, body);
        let retry_after = retry_after(headers);
        let code = refusal.code.to_ascii_lowercase();
        match (status, code.as_str()) {
            (429, _) => Self::Throttled { retry_after, refusal },
            (408 | 500..=599, _) => Self::Unavailable { retry_after, refusal },
            (401, _) => Self::Unauthenticated(refusal),
            (_, "principalnotfound") => Self::PrincipalNotFound(refusal),
            (_, "roleassignmentexists") => Self::RoleAssignmentExists(refusal),
            (_, "scopelocked") => Self::ScopeLocked(refusal),
            (_, "roleassignmentlimitexceeded") => Self::RoleAssignmentLimitExceeded(refusal),
            (_, "roleassignmentupdatenotpermitted") => {
                Self::RoleAssignmentUpdateNotPermitted(refusal)
            }
            (_, "denyassignmentauthorizationfailed") => Self::DenyAssignment(refusal),
            (_, "requestdisallowedbypolicy") => Self::DisallowedByPolicy(refusal),
            (403, _) => Self::AuthorizationFailed(refusal),
            // A page of some proxy is a 404 too, and proves nothing: the code must be Azure's.
            (404, code) if is_absence(code) => Self::NotFound(refusal),
            _ => Self::Refused(refusal),
        }
    }

    /// A request that was not sent, since its turn would have come too late
    pub fn out_of_turn(retry_after: Option<Duration>) -> Self {
        let refusal = Refusal {
            status: 429,
            code: "TooManyRequests".to_owned(),
            message: "not sent: its turn would have come too late".to_owned(),
            request_id: None,
        };
        Self::Throttled { retry_after, refusal }
    }

    /// What it means that the library gave no answer
    pub(super) fn of_library(error: azure_core::Error) -> Self {
        if matches!(error.kind(), ErrorKind::Credential) {
            Self::Token(Arc::new(error))
        } else {
            Self::Transport(Arc::new(error))
        }
    }

    /// Azure's code, such as `ScopeLocked`, or a word of ours where no answer came
    pub fn code(&self) -> &str {
        match (self.refusal(), self) {
            (Some(refusal), _) => &refusal.code,
            (None, Self::Token(_)) => "NoToken",
            (None, Self::Transport(_)) => "NoAnswer",
            (None, _) => "Malformed",
        }
    }

    /// Whether the same request may succeed later without anyone doing anything
    pub fn is_later(&self) -> bool {
        if let Self::Token(error) = self {
            return may_pass(error);
        }
        matches!(
            self,
            Self::Throttled { .. }
                | Self::Unavailable { .. }
                | Self::PrincipalNotFound(_)
                | Self::Transport(_)
        )
    }

    /// Whether it is forbidden, by a missing right or by a rule above all rights
    pub fn is_denied(&self) -> bool {
        matches!(
            self,
            Self::AuthorizationFailed(_) | Self::DenyAssignment(_) | Self::DisallowedByPolicy(_)
        )
    }

    /// Whether a right is missing, or so young that it has not spread yet. Rules that stand above all
    /// rights are told apart: they do not pass.
    pub fn lacks_right(&self) -> bool {
        let Self::AuthorizationFailed(refusal) = self else { return false };
        !refusal.code.eq_ignore_ascii_case("LinkedAuthorizationFailed")
    }

    /// How long Azure asks to wait, where it says so
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Throttled { retry_after, .. } | Self::Unavailable { retry_after, .. } = self {
            *retry_after
        } else {
            None
        }
    }

    /// Whether asking again at once, with the same request, is worth it.
    ///
    /// A write whose answer got lost is not repeated: that may have taken long, and a person may have
    /// pinned meanwhile what it would remove. What it rests on has to be read anew.
    pub(super) fn is_worth_repeating(&self, is_write: bool) -> bool {
        let is_lost =
            |error: &azure_core::Error| is_write && *error.kind() != ErrorKind::Connection;
        matches!(self, Self::Throttled { .. } | Self::Unavailable { .. } | Self::Unauthenticated(_))
            || matches!(self, Self::Transport(error) if !is_lost(error))
    }

    /// Azure's words, where there are any
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Throttled { refusal, .. }
            | Self::Unavailable { refusal, .. }
            | Self::PrincipalNotFound(refusal)
            | Self::RoleAssignmentExists(refusal)
            | Self::ScopeLocked(refusal)
            | Self::RoleAssignmentLimitExceeded(refusal)
            | Self::RoleAssignmentUpdateNotPermitted(refusal)
            | Self::AuthorizationFailed(refusal)
            | Self::DenyAssignment(refusal)
            | Self::DisallowedByPolicy(refusal)
            | Self::NotFound(refusal)
            | Self::Unauthenticated(refusal)
            | Self::Refused(refusal) => Some(refusal),
            Self::Malformed(_) | Self::Transport(_) | Self::Token(_) => None,
        }
    }
}

/// Whether a code of a 404 says that the named thing itself is not there
fn is_absence(code: &str) -> bool {
    matches!(
        code,
        "resourcenotfound"
            | "resourcegroupnotfound"
            | "subscriptionnotfound"
            | "roleassignmentnotfound"
    )
}

/// An error with all that led to it, on one line
pub fn chain(error: &dyn std::error::Error) -> String {
    let errors = std::iter::successors(Some(error), |error| (*error).source());
    let text = errors.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a missing token is a matter of time: its source is out of order or not reached, and did
/// not say no.
fn may_pass(error: &azure_core::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        match error.downcast_ref::<azure_core::Error>().map(azure_core::Error::kind) {
            Some(ErrorKind::Io | ErrorKind::Connection) => return true,
            Some(ErrorKind::HttpResponse { status, .. }) => {
                return *status == StatusCode::TooManyRequests || status.is_server_error();
            }
            Some(ErrorKind::DataConversion | ErrorKind::Credential | ErrorKind::Other) | None => {}
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use azure_core::Error;

    use super::*;

    fn answer(status: u16, code: &str) -> ArmError {
        let body = format!(r#"{{"error":{{"code":"{code}","message":"text"}}}}"#);
        ArmError::of_answer(status, &Headers::new(), body.as_bytes())
    }

    #[test]
    fn a_chain_is_one_line_with_every_cause() {
        let cause = std::io::Error::other("the line\n  was cut");
        let error = Error::new(ErrorKind::Io, cause);
        let chained = chain(anyhow::Error::new(error).context("not read").as_ref());
        assert!(chained.starts_with("not read: "), "{chained}");
        assert!(chained.ends_with("the line was cut"), "{chained}");
    }

    #[test]
    fn one_status_has_opposite_meanings_by_its_code() {
        assert!(matches!(answer(409, "RoleAssignmentExists"), ArmError::RoleAssignmentExists(_)));
        assert!(matches!(answer(409, "ScopeLocked"), ArmError::ScopeLocked(_)));
        assert!(matches!(answer(409, "Other"), ArmError::Refused(_)));
        assert_eq!(answer(409, "scopeLocked").code(), "scopeLocked");
    }

    #[test]
    fn what_passes_by_itself_is_later() {
        for (status, code) in
            [(429, "X"), (503, "X"), (500, "X"), (408, "X"), (400, "PrincipalNotFound")]
        {
            assert!(answer(status, code).is_later(), "{status} {code}");
        }
        for (status, code) in [(400, "X"), (401, "X"), (403, "X"), (404, "X"), (409, "ScopeLocked")]
        {
            assert!(!answer(status, code).is_later(), "{status} {code}");
        }
    }

    #[test]
    fn every_403_is_a_denial_even_as_a_web_page() {
        for code in [
            "AuthorizationFailed",
            "LinkedAuthorizationFailed",
            "DenyAssignmentAuthorizationFailed",
            "RequestDisallowedByPolicy",
        ] {
            assert!(answer(403, code).is_denied(), "{code}");
        }
        let page = ArmError::of_answer(403, &Headers::new(), b"<html>no</html>");
        assert!(page.is_denied());
        assert_eq!(page.code(), "Forbidden");
        assert!(!answer(404, "ResourceNotFound").is_denied());
        assert!(page.lacks_right() && answer(403, "AuthorizationFailed").lacks_right());
        assert!(!answer(403, "LinkedAuthorizationFailed").lacks_right());
        assert!(!answer(403, "RequestDisallowedByPolicy").lacks_right());
    }

    #[test]
    fn only_a_404_in_azures_words_proves_absence() {
        for code in [
            "ResourceNotFound",
            "ResourceGroupNotFound",
            "SubscriptionNotFound",
            "RoleAssignmentNotFound",
        ] {
            assert!(matches!(answer(404, code), ArmError::NotFound(_)), "{code}");
        }
        for body in ["<html>404</html>", "", r#"{"error":{"code":"InvalidResourceType"}}"#] {
            let error = ArmError::of_answer(404, &Headers::new(), body.as_bytes());
            assert!(matches!(error, ArmError::Refused(_)), "{body}");
        }
    }

    #[test]
    fn a_missing_token_is_later_unless_its_source_said_no() {
        #[track_caller]
        fn check(cause: Error, later: bool) {
            let error = Error::with_error(ErrorKind::Credential, cause, "no token");
            let error = Error::with_error(ErrorKind::Credential, error, "sign in");
            let error = ArmError::of_library(error);
            assert!(matches!(error, ArmError::Token(_)));
            assert_eq!(error.is_later(), later);
        }
        let http = |status| {
            Error::new(ErrorKind::HttpResponse { status, error_code: None, raw_response: None }, "")
        };
        check(Error::with_message(ErrorKind::Connection, "refused"), true);
        check(http(StatusCode::ServiceUnavailable), true);
        check(http(StatusCode::TooManyRequests), true);
        check(http(StatusCode::BadRequest), false);
        check(Error::with_message(ErrorKind::Other, "az is not installed"), false);
    }
}
