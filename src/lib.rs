//! Keeps every AKS cluster able to pull from exactly the container registries that its tags entitle
//! it to. ARCHITECTURE.md is the map of the rooms below.

pub mod azure;
pub mod cli;
pub mod config;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod functions;
pub mod model;
pub mod plan;
pub mod policy;
pub mod reconcile;
pub mod runtime;
