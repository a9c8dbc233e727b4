#!/usr/bin/env bash
# The services that tests need: a Kafka broker and a MongoDB-compatible server, new and empty, on free loopback ports.
#
#   hack/services.sh up         start both; nothing happens if they run already
#   hack/services.sh env        print what a test needs to find them, as KEY=value lines
#   hack/services.sh down       stop both, wait for their end, delete all they held
#   hack/services.sh install    only fetch what `up` needs
#
#   export STOCKSTREAM_RUN=$(mktemp -d); hack/services.sh up
#   set -a; . "$STOCKSTREAM_RUN/env"; set +a; cargo test; hack/services.sh down
#
# STOCKSTREAM_RUN (~/.cache/stockstream/run) is the run folder. In it:
#   env                                  KAFKA_BOOTSTRAP_SERVERS, MONGODB_URI, STOCKSTREAM_RUN and all ports
#   kafka/kafka.pid                      the broker's process id
#   mongodb/{ferretdb,postgres}.pid      those of the database
#   kafka/kafka.log, mongodb/ferretdb.log, mongodb/postgres/log
# With `env` loaded a test may stop a service by `hack/kafka.sh down` (or `kill -9` of its pid) and start it again by
# `hack/kafka.sh up`, on the same port with the same data; likewise hack/mongodb.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$(realpath -m "${STOCKSTREAM_CACHE:-$HOME/.cache/stockstream}")
STOCKSTREAM_RUN=$(realpath -m "${STOCKSTREAM_RUN:-$cache/run}")
export STOCKSTREAM_RUN
env=$STOCKSTREAM_RUN/env

load() { set -a; . "$env"; set +a; }

up() {
  mkdir -p "$STOCKSTREAM_RUN"
  if [ ! -f "$env" ]; then
    read -r kafka controller mongo readonly postgres < <("$here/free-ports.py" 5)
    cat >"$env" <<ENV
KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:$kafka
MONGODB_URI=mongodb://127.0.0.1:$mongo/stock_management
KAFKA_PORT=$kafka
KAFKA_CONTROLLER_PORT=$controller
MONGO_PORT=$mongo
MONGO_RO_PORT=$readonly
PG_PORT=$postgres
STOCKSTREAM_RUN=$(printf %q "$STOCKSTREAM_RUN")
ENV
  fi
  load
  trap down EXIT # one that starts without the other is of no use
  "$here/kafka.sh" up
  # Tests kill processes; none of them cuts the power.
  PG_FSYNC=${PG_FSYNC:-off} "$here/mongodb.sh" up
  trap - EXIT
}

down() {
  "$here/kafka.sh" down --wipe
  "$here/mongodb.sh" down --wipe
  rm -f "$env"
  # Only if nothing else is in it: the folder may be one that its owner keeps other things in.
  rmdir "$STOCKSTREAM_RUN" 2>/dev/null || true
}

case "${1:-}" in
  up) up ;;
  env) [ -f "$env" ] || { echo "services: not up in $STOCKSTREAM_RUN" >&2; exit 1; }; cat "$env" ;;
  down) down ;;
  install) "$here/kafka.sh" install; "$here/mongodb.sh" install ;;
  *) sed -n '2,18{s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac
