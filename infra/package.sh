#!/usr/bin/env bash
# Makes target/tether.zip: what the Functions host runs, and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

target=x86_64-unknown-linux-musl
if ! rustc --print target-libdir --target "$target" 2>/dev/null | xargs -r test -d; then
  target=$(rustc -vV | sed -n 's/^host: //p')
  echo "package: no musl target here (rustup target add x86_64-unknown-linux-musl):" >&2
  echo "package: building for $target; the host image needs a C library as new as this machine's" >&2
fi

cargo build --locked --release --no-default-features --target "$target" --bin tether

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
install -m 755 "target/$target/release/tether" "$stage/tether"
install -m 644 host.json policy.yaml "$stage/"
for definition in function-definitions/*/function.json; do
  install -D -m 644 "$definition" "$stage/$(basename "$(dirname "$definition")")/function.json"
done

# One moment for every entry, so that the same sources give the same zip.
find "$stage" -exec touch -d '2020-01-01T00:00:00Z' {} +
out=$PWD/target/tether.zip
rm -f "$out"
(cd "$stage" && find . -type f | sed 's|^\./||' | LC_ALL=C sort | TZ=UTC zip -X -q "$out" -@)
echo "$out"
