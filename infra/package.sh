#!/usr/bin/env bash
# Makes target/tether.zip: what the Functions host runs, and nothing else.
#
#   infra/package.sh [POLICY]             builds tether, and packs it with this policy
#   infra/package.sh --from ZIP [POLICY]  takes all but the policy from an earlier package
#
# POLICY is policy.yaml if left out. It is checked first; one that tether would refuse is not packed.
# OUT names another package to make.
set -euo pipefail
unset CDPATH

say() { echo "package: $*" >&2; }
stop() { say "$*"; exit 1; }
here=$PWD
cd "$(dirname "$0")/.."
# Paths on the command line are meant from where the command was given.
from_there() { case $1 in /*) echo "$1" ;; *) echo "$here/$1" ;; esac; }

from=
if [ "${1:-}" = --from ]; then
  from=$(from_there "${2:?--from needs the path of a package}")
  [ -f "$from" ] || stop "there is no package $from"
  shift 2
fi
policy=$PWD/policy.yaml
if [ -n "${1:-}" ]; then policy=$(from_there "$1"); fi
[ -f "$policy" ] || stop "there is no policy file $policy"
for tool in zip unzip; do
  command -v "$tool" >/dev/null || stop "needs $tool"
done

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

has_std() { rustc --print target-libdir --target "$1" 2>/dev/null | xargs -r test -d; }

# A static binary needs nothing of the host's image, which changes under a running app. Where it
# cannot be had, one for an old C library is the next best.
build() {
  local musl=x86_64-unknown-linux-musl gnu=x86_64-unknown-linux-gnu
  has_std $musl || rustup target add $musl >&2 || true
  # No path of this machine goes into the binary, so that other machines make the same one.
  # Between the two stands the one separator that no folder's name breaks.
  unset RUSTFLAGS
  export CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"$'\x1f'"--remap-path-prefix=$PWD=/tether"
  local arguments=(--locked --release --no-default-features --bin tether)
  if has_std $musl && [ "$(uname -sm)" = "Linux x86_64" ] && command -v musl-gcc >/dev/null; then
    cargo build "${arguments[@]}" --target $musl >&2
    binary=${CARGO_TARGET_DIR:-target}/$musl/release/tether
  elif has_std $musl && command -v cargo-zigbuild >/dev/null; then
    cargo zigbuild "${arguments[@]}" --target $musl >&2
    binary=${CARGO_TARGET_DIR:-target}/$musl/release/tether
  elif command -v cargo-zigbuild >/dev/null; then
    say "Rust's library for $musl cannot be had here: this is a binary for glibc 2.28 and newer"
    has_std $gnu || rustup target add $gnu >&2
    cargo zigbuild "${arguments[@]}" --target $gnu.2.28 >&2
    binary=${CARGO_TARGET_DIR:-target}/$gnu/release/tether
  else
    stop "needs a C compiler for a static binary: on Debian and Ubuntu \`apt-get install musl-tools\`," \
      "elsewhere \`cargo install cargo-zigbuild\` and \`pip install ziglang\`"
  fi
}

if [ -n "$from" ]; then
  unzip -q "$from" -d "$stage" 2>/dev/null || stop "$from is no package of tether: it is no zip that can be unpacked"
  [ -x "$stage/tether" ] || stop "$from is no package of tether: it holds no program"
else
  build
  install -m 755 "$binary" "$stage/tether"
  install -m 644 host.json "$stage/host.json"
  # The host looks for functions in direct children of its root only.
  for definition in function-definitions/*/function.json; do
    install -D -m 644 "$definition" "$stage/$(basename "$(dirname "$definition")")/function.json"
  done
fi

# The very program that is packed says whether it takes the policy, where it can run.
if [ "$(uname -sm)" = "Linux x86_64" ]; then
  "$stage/tether" policy check "$policy" >&2 || stop "this policy is not packed"
else
  cargo run --locked --quiet -- policy check "$policy" >&2 || stop "this policy is not packed"
fi
install -m 644 "$policy" "$stage/policy.yaml"

# One moment and one order for every entry, so that the same sources give the same zip.
find "$stage" -exec touch -d '2020-01-01T00:00:00Z' {} +
out=$PWD/target/tether.zip
if [ -n "${OUT:-}" ]; then out=$(from_there "$OUT"); fi
mkdir -p "$(dirname "$out")"
rm -f "$out"
(cd "$stage" && find . -type f | sed 's|^\./||' | LC_ALL=C sort | TZ=UTC zip -X -q "$out" -@)
say "$(wc -c <"$out") bytes, of which the program has $(wc -c <"$stage/tether") before packing"
echo "$out"
