//! How the program speaks: answers on standard output, everything else on standard error, colour
//! only for a person who has not declined it.
//!
//! What is said is the commands' business. Nothing is said by colour alone, and whatever was taken
//! along into it from Azure or a message, nothing but our own colours gets to a terminal as a command.

use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use crate::config;
use crate::model::is_misleading;

/// What a person may say about how they want to be spoken to
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct VoiceArguments {
    /// Say nothing but the answer and what went wrong
    #[arg(long, short, global = true)]
    quiet: bool,
}

/// A colour, by what it is for
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// Something that comes, or is well
    Good,
    /// Something that goes, or is wrong
    Bad,
    /// Something that waits, or needs a look
    Open,
    /// Something that matters less
    Quiet,
    /// A heading, or what it comes to
    Strong,
}

const GOOD: &str = "\u{1b}[32m";
const BAD: &str = "\u{1b}[31m";
const OPEN: &str = "\u{1b}[33m";
const QUIET: &str = "\u{1b}[2m";
const STRONG: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// How to speak
#[derive(Clone, Copy, Debug)]
pub(super) struct Voice {
    is_quiet: bool,
    is_coloured: bool,
}

impl Voice {
    pub(super) fn new(arguments: VoiceArguments) -> Self {
        let is_coloured = io::stdout().is_terminal() && config::wants_colour();
        Self { is_quiet: arguments.quiet, is_coloured }
    }

    /// A text in a colour, or as it is where colour is not wanted
    pub(super) fn paint(self, colour: Colour, text: impl Display) -> String {
        if !self.is_coloured {
            return text.to_string();
        }
        let start = match colour {
            Colour::Good => GOOD,
            Colour::Bad => BAD,
            Colour::Open => OPEN,
            Colour::Quiet => QUIET,
            Colour::Strong => STRONG,
        };
        format!("{start}{text}{PLAIN}")
    }

    /// Something that helps, but is not the answer
    pub(super) fn note(self, text: impl Display) {
        if !self.is_quiet {
            let _ = writeln!(io::stderr(), "{}", harmless(&text.to_string(), false));
        }
    }

    /// What is to be said of a file, with the place of each. It has colours of its own, and `policy`
    /// makes harmless what it quotes.
    pub(super) fn report(self, problem: &dyn Diagnostic) -> anyhow::Result<()> {
        let mut told = String::new();
        report_handler().render_report(&mut told, problem)?;
        if !self.is_quiet {
            let _ = writeln!(io::stderr(), "{}", told.trim_end());
        }
        Ok(())
    }
}

impl Voice {
    /// Does work, and after a second shows a person at a terminal that it is being done.
    pub(super) async fn while_waiting<T>(self, what: &str, work: impl Future<Output = T>) -> T {
        if self.is_quiet || !io::stderr().is_terminal() {
            return work.await;
        }
        let mut work = std::pin::pin!(work);
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.tick().await;
        let mut seconds = 0_usize;
        loop {
            tokio::select! {
                done = &mut work => {
                    if seconds > 0 {
                        // The line is for the waiting only.
                        let _ = write!(io::stderr(), "\r\u{1b}[K");
                    }
                    return done;
                }
                _ = ticks.tick() => {
                    seconds += 1;
                    let bar = ".".repeat(seconds % 10 + 1);
                    let _ = write!(io::stderr(), "\r\u{1b}[K{what} {seconds} s {bar}");
                }
            }
        }
    }
}

/// A part of the answer
pub(super) fn answer(text: &str) {
    // Whoever closed the pipe does not want to know.
    let is_coloured = io::stdout().is_terminal() && config::wants_colour();
    let _ = io::stdout().write_all(harmless(text, is_coloured).as_bytes());
}

/// A line of the answer
pub(super) fn print(line: impl Display) {
    answer(&format!("{line}\n"));
}

/// Something that went wrong: said however little a person wants to hear
pub(super) fn warn(text: impl Display) {
    let _ = writeln!(io::stderr(), "{}", harmless(&text.to_string(), false));
}

/// The text with what would move the cursor or turn the direction of reading written out, as JSON has
/// it: JSON stays the same JSON. Line breaks stay, and where colours are wanted the colours of
/// [`Voice::paint`].
pub(super) fn harmless(text: &str, is_coloured: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = [GOOD, BAD, OPEN, QUIET, STRONG, PLAIN].into_iter();
        let colour = colour.filter(|_| is_coloured && c == '\u{1b}');
        let taken = match colour.into_iter().find(|colour| rest.starts_with(colour)) {
            Some(colour) => {
                out.push_str(colour);
                colour.len()
            }
            None if is_misleading(c) && c != '\n' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
                c.len_utf8()
            }
            None => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}

/// How problems in a file are shown on standard error
pub(super) fn report_handler() -> GraphicalReportHandler {
    let is_coloured = io::stderr().is_terminal() && config::wants_colour();
    let theme =
        if is_coloured { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    GraphicalReportHandler::new_themed(theme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_colours_get_to_a_terminal() {
        let text = format!("{GOOD}+ a\u{1b}[2J\u{1b}[8mb{PLAIN}\n\u{202e}c\u{9b}d");
        let kept = format!("{GOOD}+ a\\u001b[2J\\u001b[8mb{PLAIN}\n\\u202ec\\u009bd");
        assert_eq!(harmless(&text, true), kept);
        let plain = harmless(&text, false);
        assert!(!plain.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{plain}");
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({ "tag": "a\u{7f}\u{9b}\u{2028}\u{202e}\u{1b}\n" });
        let text = serde_json::to_string_pretty(&value).unwrap();
        assert_ne!(harmless(&text, false), text);
        let read: serde_json::Value = serde_json::from_str(&harmless(&text, false)).unwrap();
        assert_eq!(read, value);
    }
}
