//! What holds for any input, however hostile, at each of tether's doors. A fuzzer feeds these
//! functions; the tests replay what it was given and what it found.
//!
//! Each takes bytes as they would come and panics if a promise is broken. None touches the network.

mod answers;
mod doors;
mod ids;
mod policies;
mod runtime;

pub use answers::answer;
pub use doors::{command, event};
pub use ids::resource_id;
pub use policies::policy;
pub use runtime::envelope;

/// One line that is fit to be shown: bounded, and without anything that moves a cursor
#[track_caller]
fn check_text(text: &str, longest: usize) {
    assert!(text.chars().count() <= longest, "{} characters: {text:?}", text.chars().count());
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
