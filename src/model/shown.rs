//! Texts of others, fit to be shown: a tag may hold anything, and whoever writes it is nobody to trust.

use std::fmt;
use std::fmt::Write as _;

/// A text on one line, in which nothing moves a cursor or turns the direction of reading. What would is
/// written as JSON has it, so that it can be told from what is meant.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_misleading(c) {
                write!(f, "\\u{:04x}", u32::from(c))?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Whether a character does something where it should only be seen
pub fn is_misleading(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_line_moves_the_cursor_or_turns_the_text() {
        for (text, shown) in [
            ("grüße, 東京 😀", "grüße, 東京 😀"),
            ("a\r\nattach 7", "a\\u000d\\u000aattach 7"),
            ("\u{1b}[2J\u{9b}8m", "\\u001b[2J\\u009b8m"),
            ("\u{202e}abc\u{2069}", "\\u202eabc\\u2069"),
        ] {
            assert_eq!(Shown(text).to_string(), shown);
        }
    }
}
