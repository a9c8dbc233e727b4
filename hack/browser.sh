#!/usr/bin/env bash
# Playwright, axe and a provider of OpenID Connect, at the versions that dashboard/browser/package-lock.json pins, for the
# tests in a real browser.
#   hack/browser.sh install    fetch them from npm and print the folder in which the tests run; nothing happens if they are
#                              there already. The browser is Debian's Chromium: none is fetched
# The tests run by `cargo test --test e2e browser` and `… oidc` with STOCKSTREAM_BROWSER set to that folder; pictures are kept
# in target/browser and target/browser-oidc. CHROMIUM (/usr/bin/chromium) names another browser.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$top"
[ "${1:-}" = install ] || usage
cache=$(cache_folder)/browser
key=$(sha256sum dashboard/browser/package-lock.json | cut -c1-16)
if [ ! -f "$cache/$key/fetched" ]; then
  rm -rf "$cache"; mkdir -p "$cache/$key"
  cp dashboard/browser/package.json dashboard/browser/package-lock.json "$cache/$key"
  (cd "$cache/$key" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --ignore-scripts >&2)
  touch "$cache/$key/fetched"
fi
# Node looks for modules beside the files that want them.
cp dashboard/browser/*.mjs "$cache/$key"
echo "$cache/$key"
