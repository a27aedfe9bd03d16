//! What the environment tells a test that may run for long.

use std::str::FromStr;

/// The value of a variable, if it is there and can be read
#[expect(clippy::disallowed_methods, reason = "a test is told so by its environment")]
pub(crate) fn told<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}
