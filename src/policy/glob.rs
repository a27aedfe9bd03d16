//! Patterns with `*` for any characters and `?` for exactly one: nothing more, on purpose.
//!
//! Two patterns are equal if their texts are; the matching itself is a library's.

use std::cmp::Ordering;
use std::fmt;

use wildmatch::WildMatch;

/// A pattern
#[derive(Clone, Debug)]
pub struct Glob {
    text: String,
    pattern: WildMatch,
}

impl Glob {
    /// The pattern that a text spells
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), pattern: WildMatch::new(text) }
    }

    /// Whether a text fits, letter by letter
    pub fn fits(&self, text: &str) -> bool {
        self.pattern.matches(text)
    }

    /// Whether it fits every text there is
    pub fn fits_everything(&self) -> bool {
        !self.text.is_empty() && self.text.chars().all(|c| c == '*')
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

impl PartialOrd for Glob {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Glob {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_characters_and_a_question_mark_exactly_one() {
        #[track_caller]
        fn check(pattern: &str, text: &str, fits: bool) {
            assert_eq!(Glob::new(pattern).fits(text), fits, "{pattern} {text}");
        }
        check("prod-*", "prod-eu", true);
        check("prod-*", "prod-", true);
        check("prod-*", "prod", false);
        check("*-eu", "prod-eu-eu", true);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("*", "", true);
        check("", "", true);
        check("", "a", false);
        check("a.c", "abc", false);
        check("[ab]", "a", false);
        check("Prod*", "production", false);
        check(&"*a".repeat(100), &"a".repeat(256), true);
        check(&format!("{}b", "*a".repeat(100)), &"a".repeat(256), false);
    }
}
