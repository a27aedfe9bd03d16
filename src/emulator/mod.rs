//! A pretend world to run in: what Azure and the Functions host answer, for the demo and the tests.
//! It imports nothing of ours: a fake that shares code with what it tests agrees with its mistakes.

pub mod graph;
