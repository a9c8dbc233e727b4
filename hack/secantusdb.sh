#!/usr/bin/env bash
# A second server that speaks MongoDB's protocol and that shares nothing with FerretDB: SecantusDB, from PyPI, in a Python
# environment of its own. A tool of the tests, not a dependency of the product. Needs Python 3.11 with venv and pip.
#
#   hack/secantusdb.sh up                start it; nothing happens if it runs already
#   hack/secantusdb.sh down [--wipe]     stop it and wait for its end; --wipe also deletes the data
#   hack/secantusdb.sh install           only fetch what `up` needs
#
# SECANTUSDB_PORT (27019)    SECANTUSDB_BIND (127.0.0.1)
# STOCKSTREAM_CACHE (~/.cache/stockstream): the environment, shared by all servers, in secantusdb/
# STOCKSTREAM_RUN (STOCKSTREAM_CACHE/run): one server, in secantusdb/: secantusdb.pid, secantusdb.log, data/
#
# Servers with run folders and ports of their own live side by side. Acknowledged writes outlive `kill -9` and `down`: each
# commit is synced. What it has and FerretDB lacks: MongoDB's own storage engine (WiredTiger), a `hello` of a replica set
# with wire version 27, transactions that abort, change streams, bulkWrite, configureFailPoint. It is slow: a check, not a
# bench.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# All of them pinned: a test must not change because somebody released something.
PACKAGES=(
  SecantusDB==0.7.0b3 pymongo==4.20.1 dnspython==2.9.2 python-dateutil==4.0.0 tzdata==2026.6
  s2sphere==0.2.5 future==1.0.0 shapely==2.2.0 numpy==2.4.6
)
PORT=${SECANTUSDB_PORT:-27019}
BIND=${SECANTUSDB_BIND:-127.0.0.1}
CACHE=$(cache_folder)
RUN=$(run_folder)
BASE=$CACHE/secantusdb
DIR=$RUN/secantusdb

process=("$DIR/secantusdb.pid" "$DIR")

# A list that changed makes a new environment.
install() {
  [ "$(cat "$BASE/venv/packages" 2>/dev/null)" = "${PACKAGES[*]}" ] && return
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    needs "Python 3.11 or newer is missing: install it (Debian: python3)"
  python3 -c 'import ensurepip, venv' 2>/dev/null ||
    needs "Python's venv and pip are missing: install them (Debian: python3-venv)"
  rm -rf "$BASE/venv"
  { python3 -m venv "$BASE/venv" &&
    "$BASE/venv/bin/pip" install --only-binary :all: --no-deps --disable-pip-version-check "${PACKAGES[@]}"; } >"$BASE/install.log" 2>&1 ||
    { log_end "the Python environment failed" "$BASE/install.log"; exit 1; }
  echo "${PACKAGES[*]}" >"$BASE/venv/packages"
}

# Two test runs that begin at once must not write the cache at once.
install_once() { locked "$BASE" install; }

up() {
  install_once
  mkdir -p "$DIR"; cd "$DIR"
  if alive "${process[@]}"; then echo "secantusdb: mongodb://$BIND:$PORT/stock_management"; return; fi
  port_must_be_free "$BIND" "$PORT" SECANTUSDB_PORT
  spawn "$DIR/secantusdb.pid" "$DIR/secantusdb.log" "$BASE/venv/bin/secantusd-py" --host "$BIND" --port "$PORT" --storage-path "$DIR/data" --cache-size 256M \
    --sync-on-commit --enable-test-commands --log-level WARNING
  wait_for_answer 60 "${process[@]}" "$BIND" "$PORT" || { log_end "SecantusDB did not start" "$DIR/secantusdb.log"; down; exit 1; }
  echo "secantusdb: mongodb://$BIND:$PORT/stock_management"
}

down() {
  stop_process "${process[@]}"
  if [ "${1:-}" = --wipe ]; then rm -rf "$DIR"; fi
}

case "${1:-}" in
  up) up ;;
  down) shift; down "$@" ;;
  install) install_once ;;
  *) usage ;;
esac
