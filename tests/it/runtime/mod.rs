//! The runtime over loopback HTTP, as the host talks to it. What functions do is tested elsewhere.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test ends with a panic where it fails, in its helpers too"
)]

mod bodies;
mod client;
mod envelopes;
mod lifecycle;
mod limits;
mod logs;
