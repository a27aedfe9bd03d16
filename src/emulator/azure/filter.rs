//! The few `$filter` expressions that ARM's lists understand.
//!
//! The rest is refused as the service refuses it: role assignments cannot be filtered by
//! `principalId eq` and `atScope()` at once.

use uuid::Uuid;

use super::answer::Answer;

/// What a list of role assignments is narrowed to
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AssignmentFilter {
    /// At and above the scope, not below
    pub(super) at_scope: bool,
    pub(super) who: Option<Who>,
}

/// Whose assignments are listed
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Exactly this principal's
    Principal(Uuid),
    /// This principal's and those of the groups that hold it
    AssignedTo(Uuid),
}

impl AssignmentFilter {
    pub(super) fn parse(text: &str) -> Result<Self, Answer> {
        let refused = || unsupported(text);
        let mut filter = Self::default();
        for term in terms(text) {
            if term.eq_ignore_ascii_case("atScope()") && !filter.at_scope {
                filter.at_scope = true;
            } else if filter.who.is_none() {
                filter.who = Some(who(term).ok_or_else(refused)?);
            } else {
                return Err(refused());
            }
        }
        match filter.who {
            Some(Who::Principal(_)) if filter.at_scope => Err(refused()),
            _ => Ok(filter),
        }
    }
}

/// The terms between `and`s, which may lack spaces after a bracket
fn terms(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let lower = rest.to_ascii_lowercase();
        let end = lower.find(" and ").or_else(|| lower.find(")and ").map(|at| at + 1));
        let (term, after) = match end {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let after = after.trim_start();
        rest = after.get(3..).unwrap_or_default().trim_start();
        Some(term.trim())
    })
}

fn who(term: &str) -> Option<Who> {
    let id = |text: &str| text.parse::<Uuid>().ok();
    if let Some(principal) = quoted(term, "principalId eq ") {
        return id(principal).map(Who::Principal);
    }
    let inner = term.strip_suffix(')')?;
    id(quoted(inner, "assignedTo(")?).map(Who::AssignedTo)
}

/// The text in quotes after a beginning in any letter case, if nothing comes after it
pub(super) fn quoted<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let text = text.trim();
    let head = text.get(..beginning.len())?;
    if !head.eq_ignore_ascii_case(beginning) {
        return None;
    }
    text.get(beginning.len()..)?.trim().strip_prefix('\'')?.strip_suffix('\'')
}

fn unsupported(text: &str) -> Answer {
    Answer::refused(
        400,
        "BadRequestFormat",
        format!(
            "The filter '{text}' is not supported. Supported filters are either 'atScope()' or \
             'principalId eq '{{value}}' or assignedTo('{{value}}')'."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ce2ce14e-85d7-4629-bdbc-454d0519d987";

    #[track_caller]
    fn check(text: &str, expected: Option<(bool, Option<Who>)>) {
        let text = text.replace("ID", ID);
        let parsed = AssignmentFilter::parse(&text).ok();
        let expected = expected.map(|(at_scope, who)| AssignmentFilter { at_scope, who });
        assert_eq!(parsed, expected, "{text}");
    }

    #[test]
    fn the_documented_filters_are_understood() {
        let id = ID.parse().unwrap();
        check("", Some((false, None)));
        check("atScope()", Some((true, None)));
        check("atscope() and assignedTo('ID')", Some((true, Some(Who::AssignedTo(id)))));
        check("atScope()and assignedTo('ID')", Some((true, Some(Who::AssignedTo(id)))));
        check("assignedTo('ID')", Some((false, Some(Who::AssignedTo(id)))));
        check("principalId eq 'ID'", Some((false, Some(Who::Principal(id)))));
        check("PrincipalId EQ 'ID'", Some((false, Some(Who::Principal(id)))));
    }

    #[test]
    fn the_rest_is_refused() {
        check("principalId eq 'ID' and atScope()", None);
        check("atScope() and principalId eq 'ID'", None);
        check("assignedTo('x')", None);
        check("atScope() and atScope()", None);
        check("principalId eq 'ID' and assignedTo('ID')", None);
        check("name eq 'x'", None);
        check("atScope() and ", None);
    }
}
