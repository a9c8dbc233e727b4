#!/usr/bin/env bash
# Measures a worker in one run, beside librdkafka reading the same topic and doing nothing, on services of its own.
#   hack/bench.sh [SALES]        default 2,000,000; prints figures, leaves nothing behind
set -euo pipefail
cd "$(dirname "$0")/.."
SALES=${1:-2000000}
cargo build --release --workspace --locked
STOCKSTREAM_RUN=$(mktemp -d); export STOCKSTREAM_RUN PG_FSYNC=on # honest about what the database must do
WORKER=
finish() { [ -z "$WORKER" ] || kill "$WORKER" 2>/dev/null || true; hack/services.sh down || true; }
trap finish EXIT
hack/services.sh up
set -a; eval "$(hack/services.sh env)"; set +a
bench=target/release/stockstream-bench
"$bench" backlog --sales "$SALES"
"$bench" read
STOCKSTREAM_KAFKA_START_FROM=earliest target/release/stockstream worker --listen 127.0.0.1:0 2>"$STOCKSTREAM_RUN/worker.log" & WORKER=$!
"$bench" drain --sales "$SALES"
awk '/VmHWM/ {printf "worker: at most %d MiB of memory\n", $2 / 1024}' "/proc/$WORKER/status"
"$bench" latency --rate 100
"$bench" latency --rate 1000 --probes 60
awk '/VmHWM/ {printf "worker: at most %d MiB of memory in all\n", $2 / 1024}' "/proc/$WORKER/status"
