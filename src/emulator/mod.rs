//! A pretend world for the demo and the tests: it speaks the wire formats of Azure and of the
//! Functions host as published.
//!
//! It knows nothing of ours on purpose. A fake that shares code with what it tests agrees with its
//! mistakes, so even ids and role GUIDs are spelled out here a second time.

pub mod azure;
pub mod clock;
pub mod event_grid;
pub mod graph;
pub mod havoc;
pub mod host;
mod loopback;
pub mod queue;
pub mod world;

pub use clock::Clock;
