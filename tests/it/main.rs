//! Integration tests, one binary. A new test goes where its door is.

// `cfg(test)` tells clippy that helpers in here are tests too and may panic.
#[cfg(test)]
mod adopt;
#[cfg(test)]
mod arm;
#[cfg(test)]
mod assignment_limits;
#[cfg(test)]
mod check_install;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod cloud;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod corridor;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod estate;
#[cfg(test)]
mod estate_host;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod havoc;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod infra;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod long_runs;
#[cfg(test)]
mod looking;
#[cfg(test)]
mod pace;
#[cfg(test)]
mod person;
#[cfg(test)]
mod planner_cases;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod pretend_azure;
#[cfg(test)]
mod pretend_host;
#[cfg(test)]
mod pretend_queue;
#[cfg(test)]
mod program;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod receive;
#[cfg(test)]
mod resource_graph;
#[cfg(test)]
mod runtime;
#[cfg(test)]
mod script;
#[cfg(test)]
mod send;
#[cfg(test)]
mod several;
#[cfg(test)]
mod status;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod told;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod whole_estate;
