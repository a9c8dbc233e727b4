#!/usr/bin/env bash
# Holds the dependencies against deny.toml: licenses, duplicate versions and where they come from. Seconds once cargo-deny is built.
#
#   hack/deny.sh               check, and build cargo-deny first if it is not there
#   hack/deny.sh advisories    check for known vulnerabilities, by RustSec's database on github.com
#   hack/deny.sh install       only build cargo-deny, from crates.io: about a minute on two cores, once
#
# STOCKSTREAM_CACHE (~/.cache/stockstream): the program, in deny/
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
VERSION=0.20.2
BASE=$(cache_folder)/deny
PROGRAM=$BASE/cargo-deny-$VERSION
cd "$top"

install() {
  [ ! -x "$PROGRAM" ] || return 0
  command -v cargo >/dev/null || needs "cargo is missing: install Rust (https://rustup.rs)"
  say "building cargo-deny $VERSION, once"
  # It runs for seconds: optimizing it takes longer than it saves.
  env -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install cargo-deny --version "$VERSION" --locked --quiet --root "$BASE/new"
  mv "$BASE/new/bin/cargo-deny" "$PROGRAM"
  rm -rf "$BASE/new"
}

check() { locked "$BASE" install; "$PROGRAM" --locked check -D warnings "$@"; }

case "${1:-}" in
  '') check licenses bans sources ;;
  advisories) check advisories ;;
  install) locked "$BASE" install ;;
  *) usage ;;
esac
