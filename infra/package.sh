#!/usr/bin/env bash
# Makes target/tether.zip: what the Functions host runs, and nothing else.
#
#   infra/package.sh [POLICY]             builds tether, and packs it with this policy
#   infra/package.sh --from ZIP [POLICY]  takes all but the policy from an earlier package
#
# POLICY is policy.yaml if left out. It is checked first; one that tether would refuse is not packed.
# OUT names another package to make.

. "$(dirname "$0")/lib.sh" || exit 1
cd "$root"

from=
if [ "${1:-}" = --from ]; then
  from=$(from_here "${2:?--from needs the path of a package}")
  [ -f "$from" ] || stop "there is no package $from"
  shift 2
fi
policy=$PWD/policy.yaml
if [ -n "${1:-}" ]; then policy=$(from_here "$1"); fi
[ -f "$policy" ] || stop "there is no policy file $policy"
for tool in zip unzip; do
  command -v "$tool" >/dev/null || stop "needs $tool"
done
out=$root/target/tether.zip
if [ -n "${OUT:-}" ]; then out=$(from_here "$OUT"); fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

has_std() {
  local folder
  folder=$(rustc --print target-libdir --target "$1" 2>/dev/null) && [ -d "$folder" ]
}

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
    function=$stage/$(basename "$(dirname "$definition")")
    mkdir "$function"
    install -m 644 "$definition" "$function/function.json"
  done
fi

# The very program that is packed says whether it takes the policy, where it can run.
if runs_packages; then
  "$stage/tether" policy check "$policy" >&2 || stop "this policy is not packed"
else
  cargo run --locked --quiet -- policy check "$policy" >&2 || stop "this policy is not packed"
fi
install -m 644 "$policy" "$stage/policy.yaml"

# One moment and one order for every entry, so that the same sources give the same zip. What was there
# stays until the new one is whole.
TZ=UTC find "$stage" -exec touch -t 202001010000 {} +
mkdir -p "$(dirname "$out")"
new=$out.$$.zip
trap 'rm -rf "$stage" "$new"' EXIT
(cd "$stage" && find . -type f | sed 's|^\./||' | LC_ALL=C sort | TZ=UTC zip -X -q "$new" -@) || stop "zip could not make the package"
mv "$new" "$out"
say "$(($(wc -c <"$out"))) bytes, of which the program has $(($(wc -c <"$stage/tether"))) before packing"
echo "$out"
