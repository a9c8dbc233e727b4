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
# All of them pinned: a test must not change because somebody released something.
PACKAGES=(
  SecantusDB==0.7.0b3 pymongo==4.20.1 dnspython==2.9.2 python-dateutil==4.0.0 tzdata==2026.6
  s2sphere==0.2.5 future==1.0.0 shapely==2.2.0 numpy==2.4.6
)
PORT=${SECANTUSDB_PORT:-27019}
BIND=${SECANTUSDB_BIND:-127.0.0.1}
CACHE=$(realpath -m "${STOCKSTREAM_CACHE:-$HOME/.cache/stockstream}")
RUN=$(realpath -m "${STOCKSTREAM_RUN:-$CACHE/run}")
BASE=$CACHE/secantusdb
DIR=$RUN/secantusdb

say() { echo "secantusdb: $*" >&2; }
# The working folder tells the server from a stranger that got the same process id later.
runs() { [ -f "$DIR/secantusdb.pid" ] && [ "/proc/$(cat "$DIR/secantusdb.pid")/cwd" -ef "$DIR" ]; }
answers() { (: >/dev/tcp/"$BIND"/"$PORT") 2>/dev/null; }

# A list that changed makes a new environment.
install() {
  [ "$(cat "$BASE/venv/packages" 2>/dev/null)" = "${PACKAGES[*]}" ] && return
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    { say "Python 3.11 or newer is missing: install it (Debian: python3)"; exit 2; }
  python3 -c 'import ensurepip, venv' 2>/dev/null ||
    { say "Python's venv and pip are missing: install them (Debian: python3-venv)"; exit 2; }
  rm -rf "$BASE/venv"
  { python3 -m venv "$BASE/venv" &&
    "$BASE/venv/bin/pip" install --only-binary :all: --no-deps --disable-pip-version-check "${PACKAGES[@]}"; } >"$BASE/install.log" 2>&1 ||
    { say "the Python environment failed; the end of $BASE/install.log:"; tail -20 "$BASE/install.log" >&2; exit 1; }
  echo "${PACKAGES[*]}" >"$BASE/venv/packages"
}

# Two test runs that begin at once must not write the cache at once.
install_once() { mkdir -p "$BASE"; (flock 9; install) 9>"$BASE/lock"; }

up() {
  install_once
  mkdir -p "$DIR"; cd "$DIR"
  if runs; then echo "secantusdb: mongodb://$BIND:$PORT/stock_management"; return; fi
  for _ in $(seq 25); do answers || break; sleep 0.2; done # one killed just now lets go of its port a little later
  if answers; then say "port $PORT is taken by another program: set SECANTUSDB_PORT"; exit 1; fi
  # A session of its own: a Ctrl-C or a hangup meant for the caller does not reach it.
  setsid "$BASE/venv/bin/secantusd-py" --host "$BIND" --port "$PORT" --storage-path "$DIR/data" --cache-size 256M \
    --sync-on-commit --enable-test-commands --log-level WARNING </dev/null >>secantusdb.log 2>&1 &
  echo $! >secantusdb.pid
  for _ in $(seq 240); do
    answers && runs && { echo "secantusdb: mongodb://$BIND:$PORT/stock_management"; return; }
    [ -e "/proc/$(cat secantusdb.pid)" ] || break
    sleep 0.25
  done
  say "SecantusDB did not start; the end of $DIR/secantusdb.log:"; tail -20 secantusdb.log >&2; down; exit 1
}

down() {
  if runs; then
    pid=$(cat "$DIR/secantusdb.pid"); kill "$pid"
    for _ in $(seq 150); do runs || break; sleep 0.2; done
    if runs; then say "still there after 30 s, killed"; kill -KILL "$pid"; while runs; do sleep 0.1; done; fi
  fi
  rm -f "$DIR/secantusdb.pid"
  if [ "${1:-}" = --wipe ]; then rm -rf "$DIR"; fi
}

case "${1:-}" in
  up) up ;;
  down) shift; down "$@" ;;
  install) install_once ;;
  *) sed -n '2,16{s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac
