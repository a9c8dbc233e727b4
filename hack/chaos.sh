#!/usr/bin/env bash
# The chaos campaign: a seeded schedule of faults on a broker, a database and workers of its own; after each few, everything
# must be what the oracle says. What it does and found: docs/protocol.md.
#
#   hack/chaos.sh [--seed N] [--faults N] [--only KIND,…] [--copies]
#
# --copies: a third of the sales are sent a second time, to workers that tell copies (sales.deduplicate); no log is lost then, and no event odd.
# The seed (random if none is given) is printed first and on failure: the same one is the same schedule.
# STOCKSTREAM_DATA names the Online Retail file; without it only a made-up shop's events are produced.
# It needs what hack/kafka.sh and hack/mongodb.sh need, Go (toxiproxy is built once), and libfaketime (Debian: faketime).
# Everything is in a folder of its own and stopped at the end; it is kept where something failed, services stopped.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$top"
TOXIPROXY_VERSION=v2.12.0

CHAOS_SEED=$((RANDOM << 15 | RANDOM)) CHAOS_FAULTS=200 CHAOS_ONLY='' CHAOS_COPIES=0
while [ $# -gt 0 ]; do
  if [ "$1" = --copies ]; then CHAOS_COPIES=1; shift; continue; fi
  [ $# -ge 2 ] || usage
  case "$1" in
    --seed) CHAOS_SEED=$2 ;;
    --faults) CHAOS_FAULTS=$2 ;;
    --only) CHAOS_ONLY=$2 ;;
    *) usage ;;
  esac
  shift 2
done
[ -z "${STOCKSTREAM_DATA:-}" ] || { STOCKSTREAM_DATA=$(realpath "$STOCKSTREAM_DATA"); export STOCKSTREAM_DATA; }

toxiproxy=$(cache_folder)/chaos/toxiproxy-$TOXIPROXY_VERSION
go_program "$toxiproxy" "github.com/Shopify/toxiproxy/v2/cmd/server@$TOXIPROXY_VERSION"
# shellcheck disable=SC2012
faketime=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null | head -1) || true
[ -n "$faketime" ] || needs "libfaketime is missing: install it (Debian: faketime)"

STOCKSTREAM_RUN=$(mktemp -d "${TMPDIR:-/tmp}/stockstream-chaos.XXXXXX")
read -r KAFKA_PORT KAFKA_CONTROLLER_PORT KAFKA_BEHIND_PORT KAFKA_PROXY_PORT MONGO_PORT MONGO_PROXY_PORT PG_PORT toxic \
  < <(free_ports 8)
export STOCKSTREAM_RUN KAFKA_PORT KAFKA_CONTROLLER_PORT KAFKA_BEHIND_PORT KAFKA_PROXY_PORT MONGO_PORT MONGO_PROXY_PORT PG_PORT
export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:$KAFKA_PORT MONGODB_URI=mongodb://127.0.0.1:$MONGO_PORT/stock_management
export KAFKA_SESSION_MIN_MS=1000 PG_FSYNC=off # processes are killed; nobody cuts the power
export CHAOS_SEED CHAOS_FAULTS CHAOS_ONLY CHAOS_COPIES CHAOS_TOXIPROXY=127.0.0.1:$toxic CHAOS_FAKETIME=$faketime

proxy=
finish() {
  local code=$? wipe=--wipe
  trap - EXIT
  [ $code = 0 ] || { wipe=; say "seed $CHAOS_SEED failed; logs of the services are kept in $STOCKSTREAM_RUN"; }
  [ -z "$proxy" ] || kill "$proxy" 2>/dev/null || true
  hack/kafka.sh down $wipe || true
  hack/mongodb.sh down $wipe || true
  [ $code != 0 ] || rm -rf "$STOCKSTREAM_RUN"
  exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM

say "seed $CHAOS_SEED, $CHAOS_FAULTS faults"
cargo test --workspace --locked --test e2e --no-run
hack/kafka.sh up
hack/mongodb.sh up
setsid "$toxiproxy" -host 127.0.0.1 -port "$toxic" </dev/null >"$STOCKSTREAM_RUN/toxiproxy.log" 2>&1 & proxy=$!
cargo test --workspace --locked --test e2e chaos::campaign::campaign -- --ignored --nocapture
