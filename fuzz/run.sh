#!/usr/bin/env bash
# Runs the fuzz targets one after the other and prints what came of them.
#
#   fuzz/run.sh [SECONDS_PER_TARGET] [TARGET...]
#
# Needs nightly Rust, a C++ compiler and cargo-fuzz. Inputs that were found stay in fuzz/corpus, what
# breaks a promise in fuzz/artifacts; the exit code is 1 if there is any. One input may take five
# seconds and two gigabytes at most.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-600}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(envelope event command policy answer resource_id)

# Where the seeds of a target are: its own, and what the tests have.
seeds() {
  case $1 in
    envelope) echo ../tests/fixtures/host ;;
    policy) echo ../tests/policies/broken ../tests/policies/doubtful ;;
    answer) echo ../tests/fixtures/arm ../tests/fixtures/azure-api/odd ;;
  esac
  echo "seeds/$1"
}

# Policies are small documents; a message and an answer are as large as it takes to be interesting.
longest() {
  case $1 in
    resource_id) echo 1024 ;;
    policy) echo 8192 ;;
    *) echo 32768 ;;
  esac
}

# With the versions that tether itself is built with
cp ../Cargo.lock Cargo.lock
cargo +nightly fuzz build
built=target/$(rustc +nightly -vV | sed -n 's/^host: //p')/release
mkdir -p logs
printf '%-12s %12s %9s %8s %8s %10s %9s %8s %8s\n' \
  target executions seconds exec/s edges features corpus rss_MB crashes
failed=0
for target in "${targets[@]}"; do
  folders=("corpus/$target")
  for folder in $(seeds "$target"); do
    if [ -d "$folder" ]; then folders+=("$folder"); fi
  done
  mkdir -p "corpus/$target" "artifacts/$target"
  log=logs/$target.log
  "$built/$target" "${folders[@]}" -artifact_prefix="artifacts/$target/" \
    -max_total_time="$seconds" -max_len="$(longest "$target")" -timeout=5 -rss_limit_mb=2048 \
    -print_final_stats=1 >"$log" 2>&1 || failed=1
  stat() { sed -n "s/^stat::$1: *//p" "$log" | tail -1; }
  last=$(grep -E '^#[0-9]+.* cov: ' "$log" | tail -1 || true)
  part() { sed -nE "s/.* $1: ([0-9]+).*/\1/p" <<<"$last"; }
  took=$(sed -nE 's/^Done [0-9]+ runs in ([0-9]+) second.*/\1/p' "$log" | tail -1)
  printf '%-12s %12s %9s %8s %8s %10s %9s %8s %8s\n' "$target" \
    "$(stat number_of_executed_units)" "${took:-stopped}" "$(stat average_exec_per_sec)" \
    "$(part cov)" "$(part ft)" "$(find "corpus/$target" -type f | wc -l)" \
    "$(stat peak_rss_mb)" "$(find "artifacts/$target" -type f | wc -l)"
done
exit $failed
