#!/usr/bin/env bash
# Plays so many seeded histories of the simulation, on every core: a million if not told otherwise.
#
#   tests/simulate.sh [COUNT [FIRST]]
#
# Says how far it is, and in the end what happened and whether a promise broke. A seed that breaks one
# is printed with the shortest history that still does; TETHER_SIM_SEED replays it. TETHER_SIM_PLAIN=1
# leaves out what takes several steps: identities, roles and clusters that are replaced.
set -euo pipefail
cd "$(dirname "$0")/.."

# The libraries make a backtrace for each header that is missing.
export RUST_BACKTRACE=0
export TETHER_SIM_COUNT=${1:-1000000} TETHER_SIM_FIRST=${2:-0}
cargo test --locked --profile simulation --test simulation -- --nocapture --exact tests::no_promise_breaks_in_any_history
