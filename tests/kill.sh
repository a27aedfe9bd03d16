#!/usr/bin/env bash
# Kills handlers and hosts under load, at random moments, while everything else goes wrong as well, and
# checks that the world comes out right and no command is lost.
#
#   tests/kill.sh [KILLS] [SEED]
set -euo pipefail
cd "$(dirname "$0")/.."
export TETHER_TEST_KILLS="${1:-200}" TETHER_TEST_SEED="${2:-1}"
cargo test --locked --test it havoc:: -- --nocapture --test-threads 1
