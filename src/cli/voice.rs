//! How the program speaks: answers on standard output, everything else on standard error, colour
//! only for a person who has not declined it.
//!
//! What is said is the commands' business. Nothing is said by colour alone.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use miette::{GraphicalReportHandler, GraphicalTheme};

use crate::config;

/// What a person may say about how they want to be spoken to
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct VoiceArguments {
    /// Say nothing but the answer and what went wrong
    #[arg(long, short)]
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
        let code = match colour {
            Colour::Good => "32",
            Colour::Bad => "31",
            Colour::Open => "33",
            Colour::Quiet => "2",
            Colour::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Something that helps, but is not the answer
    pub(super) fn note(self, text: impl Display) {
        if !self.is_quiet {
            let _ = writeln!(io::stderr(), "{text}");
        }
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
    let _ = io::stdout().write_all(text.as_bytes());
}

/// How problems in a file are shown on standard error
pub(super) fn report_handler() -> GraphicalReportHandler {
    let is_coloured = io::stderr().is_terminal() && config::wants_colour();
    let theme =
        if is_coloured { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    GraphicalReportHandler::new_themed(theme)
}
