#!/usr/bin/env bash
# Puts the package under load: a burst of events, then a steady rate while Azure and the queue make
# trouble. Prints how long the burst took and how much memory the program has, every minute.
#
#   tests/soak.sh [MINUTES] [EVENTS]
#
# Needs the package: infra/package.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
export TETHER_TEST_MINUTES="${1:-30}" TETHER_TEST_EVENTS="${2:-10000}"
cargo test --locked --test package soak:: -- --nocapture
