#!/usr/bin/env bash
# The services that tests need, new and empty, on free ports: a Kafka broker and a MongoDB-compatible server, each open and,
# on other ports, secured; and a second server that speaks MongoDB's protocol.
#
#   hack/services.sh up         start them; nothing happens if they run already
#   hack/services.sh env        print what a test needs to find them, as KEY=value lines
#   hack/services.sh down       stop them, wait for their end, delete all they held
#   hack/services.sh install    only fetch what `up` needs
#
#   export STOCKSTREAM_RUN=$(mktemp -d); hack/services.sh up
#   set -a; . "$STOCKSTREAM_RUN/env"; set +a; cargo test; hack/services.sh down
#
# SERVICES_ADDRESS (127.0.0.1): the address of this machine at which they are found, and nowhere else: for clients in
# containers that of their bridge. Nobody is asked for a password at the open ports, so never one that others reach.
# STOCKSTREAM_RUN (~/.cache/stockstream/run) is the run folder. In it:
#   env                                  KAFKA_BOOTSTRAP_SERVERS, MONGODB_URI, SECANTUSDB_URI (the second server),
#                                        STOCKSTREAM_RUN and all ports, and of what is secured: KAFKA_CERTS (the folder of
#                                        hack/certs.sh), KAFKA_SASL_SSL, KAFKA_SSL, KAFKA_EXPIRED, KAFKA_WRONG_HOST,
#                                        MONGODB_TLS, MONGODB_EXPIRED, MONGODB_WRONG_HOST, MONGODB_MUTUAL (host:port),
#                                        KAFKA_USER, KAFKA_PASSWORD, MONGO_USER, MONGO_PASSWORD (random) and MONGODB_TLS_URI
#   kafka/kafka.pid                      the broker's process id
#   mongodb/{ferretdb,postgres}.pid      those of the database
#   secantusdb/secantusdb.pid            that of the second
#   kafka/kafka.log, mongodb/ferretdb.log, mongodb/postgres/log, secantusdb/secantusdb.log
# With `env` loaded a test may stop a service by `hack/kafka.sh down` (or `kill -9` of its pid) and start it again by
# `hack/kafka.sh up`, on the same port with the same data; likewise hack/mongodb.sh and hack/secantusdb.sh.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
STOCKSTREAM_RUN=$(run_folder)
export STOCKSTREAM_RUN
env=$STOCKSTREAM_RUN/env

# Of this run alone. The front keeps to the database's rule: letters, digits and another character.
password() { echo "Aa1-$(head -c 18 /dev/urandom | base64 | tr '+/' '__')"; }

up() {
  mkdir -p "$STOCKSTREAM_RUN"
  if [ ! -f "$env" ]; then
    local kafka controller mongo read_only postgres sasl ssl expired wrong_host tls mongo_expired mongo_wrong_host mutual secantus
    read -r kafka controller mongo read_only postgres sasl ssl expired wrong_host tls mongo_expired mongo_wrong_host mutual secantus < <(free_ports 14)
    local certs; certs=$(printf %q "$STOCKSTREAM_RUN/certs")
    local user=stockstream-test word; word=$(password)
    local host=${SERVICES_ADDRESS:-127.0.0.1}
    (umask 077; cat >"$env") <<ENV
KAFKA_BOOTSTRAP_SERVERS=$host:$kafka
MONGODB_URI=mongodb://$host:$mongo/stock_management
SECANTUSDB_URI=mongodb://$host:$secantus/stock_management
KAFKA_BIND=$host
KAFKA_ADVERTISE=$host
MONGO_BIND=$host
SECANTUSDB_BIND=$host
KAFKA_PORT=$kafka
KAFKA_CONTROLLER_PORT=$controller
MONGO_PORT=$mongo
MONGO_RO_PORT=$read_only
PG_PORT=$postgres
SECANTUSDB_PORT=$secantus
STOCKSTREAM_RUN=$(printf %q "$STOCKSTREAM_RUN")
KAFKA_CERTS=$certs
KAFKA_USER=$user
KAFKA_PASSWORD=$(password)
KAFKA_SASL_SSL_PORT=$sasl
KAFKA_SSL_PORT=$ssl
KAFKA_EXPIRED_PORT=$expired
KAFKA_WRONG_HOST_PORT=$wrong_host
KAFKA_REAUTH_MS=4000
KAFKA_SASL_SSL=$host:$sasl
KAFKA_SSL=$host:$ssl
KAFKA_EXPIRED=$host:$expired
KAFKA_WRONG_HOST=$host:$wrong_host
MONGO_CERTS=$certs
MONGO_USER=$user
MONGO_PASSWORD=$word
MONGO_TLS_PORT=$tls
MONGO_EXPIRED_PORT=$mongo_expired
MONGO_WRONG_HOST_PORT=$mongo_wrong_host
MONGO_MUTUAL_PORT=$mutual
MONGODB_TLS=$host:$tls
MONGODB_EXPIRED=$host:$mongo_expired
MONGODB_WRONG_HOST=$host:$mongo_wrong_host
MONGODB_MUTUAL=$host:$mutual
MONGODB_TLS_URI=mongodb://$user:$word@$host:$tls/stock_management?tls=true
ENV
  fi
  load_env "$env"
  "$hack/certs.sh" "$KAFKA_CERTS" "$KAFKA_ADVERTISE"
  trap down EXIT # one that starts without the others is of no use
  "$hack/kafka.sh" up
  # Tests kill processes; none of them cuts the power.
  PG_FSYNC=${PG_FSYNC:-off} "$hack/mongodb.sh" up
  "$hack/mongodb.sh" readonly
  "$hack/secantusdb.sh" up
  trap - EXIT
}

down() {
  "$hack/kafka.sh" down --wipe
  "$hack/mongodb.sh" down --wipe
  "$hack/secantusdb.sh" down --wipe
  rm -rf "$STOCKSTREAM_RUN/certs" "$env"
  # Only if nothing else is in it: the folder may be one that its owner keeps other things in.
  rmdir "$STOCKSTREAM_RUN" 2>/dev/null || true
}

case "${1:-}" in
  up) up ;;
  env) [ -f "$env" ] || die "not up in $STOCKSTREAM_RUN"; cat "$env" ;;
  down) down ;;
  install) "$hack/kafka.sh" install; "$hack/mongodb.sh" install; "$hack/secantusdb.sh" install ;;
  *) usage ;;
esac
