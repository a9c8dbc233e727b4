#!/usr/bin/env bash
# A MongoDB-compatible server: FerretDB (the wire protocol) over PostgreSQL with the DocumentDB extension.
# Needs Go 1.24, debootstrap, and root or sudo: PostgreSQL lives in a Debian root of its own, the host stays as it is.
#
#   hack/mongodb.sh up                start it; nothing happens if it runs already
#   hack/mongodb.sh readonly          a second front that PostgreSQL itself holds to reading
#   hack/mongodb.sh operations        what came by that second front so far, as PostgreSQL counts it: FUNCTION NUMBER
#   hack/mongodb.sh rows [DATABASE]   rows read of each collection so far, as PostgreSQL counts them: NAME NUMBER
#   hack/mongodb.sh vacuum DATABASE   have PostgreSQL look over the rows, now and never again: its counts and its use of indexes lag
#   hack/mongodb.sh down [--wipe]     stop all of it and wait for its end; --wipe also deletes the data
#   hack/mongodb.sh install           only fetch what `up` needs
#
# MONGO_PORT (27017)    MONGO_RO_PORT (27018)    PG_PORT (5433)
# MONGO_BIND (127.0.0.1): for clients in containers
# Secured fronts on the same data, each only if its port is given; MONGO_USER and MONGO_PASSWORD sign in (SCRAM), and all
# of them show certificates of MONGO_CERTS, a folder by hack/certs.sh:
#   MONGO_TLS_PORT          TLS with the good certificate
#   MONGO_EXPIRED_PORT      TLS with the expired certificate
#   MONGO_WRONG_HOST_PORT   TLS with the certificate of another host
#   MONGO_MUTUAL_PORT       mutual TLS: the client's certificate must be of ca.crt
# PG_FSYNC (on): `off` is faster; what was written then outlives killed processes, not a power cut. Counts at the first `up`.
# STOCKSTREAM_CACHE (~/.cache/stockstream): downloads, shared by all servers, in documentdb/
# STOCKSTREAM_RUN (STOCKSTREAM_CACHE/run): one server, in mongodb/: ferretdb.pid, ferretdb-ro.pid, postgres.pid,
#   ferretdb.log, postgres/{log,data/}; the secured fronts' are ferretdb-{tls,expired,wrong-host,mutual}.{pid,log}
#
# Servers with run folders and ports of their own live side by side. Data outlives `kill -9` and `down`.
# What it has: guarded updates, update pipelines, upserts, unique and TTL indexes, findAndModify, aggregation.
# What it has not: multi-document transactions (they are accepted, applied at once, and an abort undoes nothing),
# change streams, the bulkWrite command of MongoDB 8. Its `hello` reports wire version 21.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
VERSION=${FERRETDB_VERSION:-v2.7.0}
PORT=${MONGO_PORT:-27017}
RO_PORT=${MONGO_RO_PORT:-27018}
PG=${PG_PORT:-5433}
BIND=${MONGO_BIND:-127.0.0.1}
CACHE=$(cache_folder)
RUN=$(run_folder)
BASE=$CACHE/documentdb
ROOT=$BASE/root
DIR=$RUN/mongodb
CERTS=${MONGO_CERTS:+$(realpath -m "$MONGO_CERTS")}
use_sudo

runs() { alive "$DIR/$1.pid" "$2"; }

# Runs one of PostgreSQL's programs in the Debian root, the data folder at /mnt. All mounts are in a namespace of
# their own: nobody else sees them (the root is shared), and they are gone with the last process in it.
pg() {
  # shellcheck disable=SC2016
  $SUDO unshare --mount --propagation private bash -euc '
    root=$1 data=$2; shift 2
    mount --bind /proc "$root/proc"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mount --bind "$data" "$root/mnt"
    exec chroot --userspec=postgres "$root" env -i PATH=/usr/lib/postgresql/18/bin:/usr/bin LC_ALL=C.UTF-8 "$@"
  ' pg "$ROOT" "$DIR/postgres" "$@"
}
psql() { pg psql -q -h 127.0.0.1 -p "$PG" -U postgres "$@"; }
# Statements from standard input: what is on a command line, every user of the machine can read.
sql() { { echo "set client_min_messages = error;"; cat; } | psql -v ON_ERROR_STOP=1 >/dev/null; }

go_is_new_enough() {
  local have; have=$(go env GOVERSION 2>/dev/null) || return
  at_least 1.24 "${have#go}"
}

install() {
  $SUDO unshare --mount --propagation private true 2>/dev/null ||
    needs "the Debian root needs root (or sudo) and the right to mount: in a container, CAP_SYS_ADMIN (docker run --privileged)"
  if [ ! -x "$BASE/ferretdb" ]; then
    go_is_new_enough || needs "FerretDB is built with Go: install Go 1.24 or newer from https://go.dev/dl and put it on the PATH"
    go_program "$BASE/ferretdb" "github.com/FerretDB/FerretDB/v2/cmd/ferretdb@$VERSION"
  fi
  [ -f "$ROOT/.done" ] && return
  have debootstrap || needs "debootstrap is missing: install it (Debian: debootstrap)"
  # shellcheck disable=SC2016
  # In a mount namespace, so that one cut short leaves no mounts behind for the next `rm` to walk into.
  $SUDO unshare --mount --propagation private bash -euc '
    rm -rf --one-file-system "$1" "$1.new"
    PATH=$PATH:/usr/sbin debootstrap --variant=minbase --include=postgresql-18-documentdb sid "$1.new" ${2:+"$2"}
    touch "$1.new/.done"; mv "$1.new" "$1"
  ' install "$ROOT" "${DEBIAN_MIRROR:-}" >"$BASE/debootstrap.log" 2>&1 ||
    { log_end "the Debian root failed" "$BASE/debootstrap.log"; exit 1; }
}

# Two test runs that begin at once must not write the cache at once.
install_once() { locked "$BASE" install; }

start_postgres() {
  runs postgres "$DIR/postgres/data" && return
  port_must_be_free 127.0.0.1 "$PG" PG_PORT
  # After a kill its children live on for a moment and its lock file stays.
  wait_for_children; $SUDO rm -f "$DIR/postgres/data/postmaster.pid"
  # An index orders what is read, as MongoDB's do, only if it is of this kind, and is used for that only where reading in
  # its order is not thought to be dear, by statistics that come with the vacuum.
  if ! $SUDO test -f "$DIR/postgres/data/postgresql.conf"; then
    mkdir -p "$DIR/postgres"
    $SUDO chown "$(awk -F: '$1 == "postgres" { print $3 ":" $4 }' "$ROOT/etc/passwd")" "$DIR/postgres"
    pg initdb -D /mnt/data -U postgres --auth=trust --no-sync >/dev/null
    $SUDO tee -a "$DIR/postgres/data/postgresql.conf" >/dev/null <<CONF
shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb,pg_documentdb_extended_rum,pg_stat_statements'
documentdb.alternate_index_handler_name = 'extended_rum'
random_page_cost = 1.1
autovacuum_naptime = 5s
cron.database_name = 'postgres'
cron.log_run = off
cron.log_statement = off
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 256MB
fsync = ${PG_FSYNC:-on}
CONF
  fi
  pg pg_ctl -D /mnt/data -o "-p $PG" -l /mnt/log -w start </dev/null >/dev/null ||
    { log_end "PostgreSQL did not start" "$DIR/postgres/log"; exit 1; }
  $SUDO head -1 "$DIR/postgres/data/postmaster.pid" >"$DIR/postgres.pid"
  sql <<'SQL' ||
create extension if not exists documentdb cascade;
create extension if not exists documentdb_extended_rum;
create extension if not exists pg_stat_statements;
SQL
    die "PostgreSQL took no extensions; data of an older script are deleted by: hack/mongodb.sh down --wipe"
}

wait_for_children() {
  # shellcheck disable=SC2016
  $SUDO timeout 30 bash -c '
    busy() { for p in /proc/[0-9]*/cwd; do [ "$p" -ef "$1" ] && return; done; false; }
    while busy "$1"; do sleep 0.1; done' wait "$DIR/postgres/data" ||
    die "processes of an earlier PostgreSQL do not end in $DIR/postgres/data"
}

# start_front NAME PORT POSTGRESQL_USER OPTION…
start_front() {
  local dir=$DIR; [ "$1" = ferretdb ] || dir=$DIR/$1
  runs "$1" "$dir" && return
  port_must_be_free "$BIND" "$2" "another by the variables above"
  mkdir -p "$dir"; cd "$dir"
  FERRETDB_POSTGRESQL_URL=postgres://$3@127.0.0.1:$PG/postgres spawn "$DIR/$1.pid" "$DIR/$1.log" "$BASE/ferretdb" \
    "${@:4}" --telemetry=disable --state-dir="$dir" --debug-addr=- --log-level=warn
  wait_for_answer 30 "$DIR/$1.pid" "$dir" "$BIND" "$2" || { log_end "FerretDB did not start" "$DIR/$1.log"; exit 1; }
}

open_front() { start_front "$1" "$2" "$3" --listen-addr="$BIND:$2" --no-auth; }

# secured_front NAME CERTIFICATE PORT OPTION…
secured_front() {
  [ -n "$3" ] || return 0
  [ -f "$CERTS/$2.crt" ] || needs "secured fronts need MONGO_CERTS, a folder that hack/certs.sh made"
  start_front "ferretdb-$1" "$3" postgres --listen-addr= --listen-tls="$BIND:$3" \
    --listen-tls-cert-file="$CERTS/$2.crt" --listen-tls-key-file="$CERTS/$2.key" "${@:4}"
}

# FerretDB's users are PostgreSQL's.
make_user() {
  # It stands in two languages that quote differently; these characters are the same in both.
  [[ "${MONGO_USER:-}:${MONGO_PASSWORD:-}" =~ ^[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+$ ]] ||
    needs "secured fronts need MONGO_USER and MONGO_PASSWORD, of letters, digits, '_', '.' and '-'"
  sql <<SQL
do \$\$ begin if not exists (select from pg_roles where rolname = '$MONGO_USER') then
  perform documentdb_api.create_user('{"createUser":"$MONGO_USER","pwd":"$MONGO_PASSWORD","roles":[{"role":"clusterAdmin","db":"admin"},{"role":"readWriteAnyDatabase","db":"admin"}]}');
end if; end \$\$
SQL
}

up() {
  install_once
  mkdir -p "$DIR"
  start_postgres
  open_front ferretdb "$PORT" postgres
  if [ -n "${MONGO_TLS_PORT:-}${MONGO_EXPIRED_PORT:-}${MONGO_WRONG_HOST_PORT:-}${MONGO_MUTUAL_PORT:-}" ]; then
    make_user
    secured_front tls server "${MONGO_TLS_PORT:-}"
    secured_front expired expired "${MONGO_EXPIRED_PORT:-}"
    secured_front wrong-host wrong-host "${MONGO_WRONG_HOST_PORT:-}"
    secured_front mutual server "${MONGO_MUTUAL_PORT:-}" --listen-tls-ca-file="$CERTS/ca.crt"
  fi
  echo "mongodb: mongodb://$BIND:$PORT/stock_management"
}

# FerretDB gives each user it makes every right. So this is a login of PostgreSQL that only reads. Nobody needs to know its
# password, since the front comes from the machine itself.
readonly_front() {
  up >/dev/null
  local word; word=Aa1-$(head -c 18 /dev/urandom | base64 | tr '+/' '__')
  sql <<SQL
do \$\$ begin if not exists (select from pg_roles where rolname = 'ro') then
  perform documentdb_api.create_user('{"createUser":"ro","pwd":"$word","roles":[{"role":"readAnyDatabase","db":"admin"}]}');
end if; end \$\$;
SQL
  open_front ferretdb-ro "$RO_PORT" ro
  echo "read-only: mongodb://$BIND:$RO_PORT/stock_management"
}

# Answers to statements from standard input, a row a line.
ask() { psql -At -F ' '; }

# Each command of MongoDB is a call of one of the extension's functions.
operations() {
  ask <<'SQL'
select call[1], sum(calls)
from pg_stat_statements, regexp_match(query, 'documentdb_api(?:_internal)?\.(\w+) *\(') call
where userid = 'ro'::regrole and call is not null
group by 1 order by 1
SQL
}

# Sessions tell their counts when they rest, within ten seconds.
rows() {
  local of=; [ $# = 0 ] || of="where c.database_name = '${1//[^A-Za-z0-9_]/}'"
  sleep 11
  ask <<SQL
select c.collection_name, s.seq_tup_read + coalesce(s.idx_tup_fetch, 0)
from documentdb_api_catalog.collections c
join pg_stat_user_tables s on s.schemaname = 'documentdb_data' and s.relname = 'documents_' || c.collection_id
$of
order by 1
SQL
}

# What autovacuum does at some time, and on a busy server late; it does not come after this, since its estimates may be others.
# Rows are looked over in full only once no transaction that is older than they are runs any more, of whichever database.
vacuum() {
  local of="database_name = '${1//[^A-Za-z0-9_]/}' and view_definition is null" left
  for _ in $(seq 60); do
    left=$(psql -At -v ON_ERROR_STOP=1 <<SQL
select format(statement, 'documentdb_data.documents_' || collection_id)
from documentdb_api_catalog.collections,
  unnest(array['alter table %s set (autovacuum_enabled = off)', 'vacuum (analyze) %s']) with ordinality as of_each(statement, nth)
where $of
order by collection_id, nth
\gexec
select count(*) from documentdb_api_catalog.collections
join pg_class on oid = format('documentdb_data.documents_%s', collection_id)::regclass
where $of and relallvisible < relpages
SQL
    )
    [ "$left" != 0 ] || return 0
    sleep 1
  done
  die "$left collections of $1 are not looked over in full after a minute: an old transaction is still running"
}

down() {
  [ -d "$DIR" ] || return 0
  for front in ferretdb-ro ferretdb-tls ferretdb-expired ferretdb-wrong-host ferretdb-mutual; do stop_process "$DIR/$front.pid" "$DIR/$front"; done
  stop_process "$DIR/ferretdb.pid" "$DIR"
  # PostgreSQL's own file is there even if `up` was cut short before it could save the id. INT is its fast shutdown.
  $SUDO head -1 "$DIR/postgres/data/postmaster.pid" >"$DIR/postgres.pid" 2>/dev/null || rm -f "$DIR/postgres.pid"
  stop_process "$DIR/postgres.pid" "$DIR/postgres/data" INT
  wait_for_children
  if [ "${1:-}" = --wipe ]; then $SUDO rm -rf --one-file-system "$DIR"; fi
}

case "${1:-}" in
  up) up ;;
  readonly) readonly_front ;;
  down) shift; down "$@" ;;
  operations) operations ;;
  rows) shift; rows "$@" ;;
  vacuum) vacuum "${2:?vacuum needs the name of a database}" ;;
  install) install_once ;;
  *) usage ;;
esac
