//! The runtime over loopback HTTP, as the host talks to it. What functions do is tested elsewhere.

mod bodies;
mod client;
mod connections;
mod envelopes;
mod lifecycle;
mod limits;
mod logs;
