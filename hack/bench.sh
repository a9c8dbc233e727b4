#!/usr/bin/env bash
# Measures workers in one run, beside librdkafka reading the same topic and doing nothing, on services of its own.
#
#   hack/bench.sh [--sales N] [--products N] [--clients N] [--partitions N] [--workers N] [--history DAYS] [--hot SHARE]
#                 [--memory MIB] [--latency] [--regression]
#
# 2,000,000 sales of 10,000 products to 100,000 clients in 6 partitions for one worker, unless told otherwise; `--clients 0`
# leaves only products and days. Few products sell often, by a square; --hot has that share of the items, 0 to 1, be of the first
# hundredth of the products alone. --history has every product sold on each of so many days before, and keeps them all.
# --memory limits each worker as a container is limited, by a control group of its own, for which root is needed.
# --latency also measures from produce to document at 100 and 1,000 events/s. --regression takes a debug build, which the tests
# have made, 600,000 sales and no clients, and says what part of bench/baseline it reaches.
# STOCKSTREAM_… variables reach the worker: STOCKSTREAM_SALES_DEDUPLICATE_WITHIN=24h measures what telling copies costs.
# Prints figures, leaves nothing behind.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$top"
sales=2000000 products=10000 clients=100000 partitions=6 workers=1 history=0 hot=0 memory='' latency='' baseline=''
while [ $# -gt 0 ]; do
  case "$1" in
    --latency) latency=yes; shift; continue ;;
    --regression) baseline=$(cat bench/baseline) sales=600000 clients=0; shift; continue ;;
  esac
  [ $# -ge 2 ] || usage
  case "$1" in
    --sales) sales=$2 ;;
    --products) products=$2 ;;
    --clients) clients=$2 ;;
    --partitions) partitions=$2 ;;
    --workers) workers=$2 ;;
    --history) history=$2 ;;
    --hot) hot=$2 ;;
    --memory) memory=$2 ;;
    *) usage ;;
  esac
  shift 2
done
export PG_FSYNC=on # honest about what the database must do
PROFILE=${baseline:+dev}
. hack/measure.sh
bench() { "$built/stockstream-bench" --partitions "$partitions" "$@" | tee -a "$STOCKSTREAM_RUN/figures"; }
memory() {
  for pid in "${pids[@]}"; do
    awk -v pid="$pid" '/VmHWM/ {printf "worker %d: at most %d MiB of memory", pid, $2 / 1024}' "/proc/$pid/status"
    awk -v tick="$(getconf CLK_TCK)" '{printf ", %.1f s of processor time\n", ($14 + $15) / tick}' "/proc/$pid/stat"
  done
}
worker() { # log
  local limited=()
  [ -z "$memory" ] || limited=(hack/limited.sh "$memory")
  STOCKSTREAM_KAFKA_START_FROM=earliest "${limited[@]}" "$built/stockstream" worker --listen 127.0.0.1:0 2>"$STOCKSTREAM_RUN/$1.log" &
  pids+=($!)
}
echo "$sales sales, $products products, $clients clients, $partitions partitions, $workers workers, $history days of history, $hot of the items of a hundredth of the products, ${memory:-no} MiB of memory at most"
before=0
if [ "$history" -gt 0 ]; then
  export STOCKSTREAM_ANALYTICS_HISTORY_DAYS=$((history + 1))
  of_history=(history --days "$history" --products "$products")
  before=$("$built/stockstream-bench" "${of_history[@]}" --count)
  bench "${of_history[@]}"
  worker history
  "$built/stockstream-bench" drain --sales "$before" >/dev/null
  kill "${pids[@]}"; wait "${pids[@]}" || true
  pids=()
  bench moved --history-days $((history + 1))
fi
# Half as much again: how fast workers are while they have work is asked, not how they end.
bench backlog --sales $((sales * 3 / 2)) --products "$products" --clients "$clients" --hot "$hot"
bench read --threads "$workers"
for ((n = 0; n < workers; n++)); do
  worker "worker-$n"
done
bench drain --sales "$sales" --before "$before"
memory
"$built/stockstream-bench" drain --sales $((sales * 3 / 2)) --before "$before" >/dev/null
bench read --threads "$workers" # again: the first may have met what the broker had still to write
# rate OF: the most events per second of the lines that begin so
rate() { awk -v of="$1" 'index($0, of) == 1 {for (n = 2; n <= NF; n++) if ($n ~ /^events\/s/ && $(n - 1) > most) most = $(n - 1)} END {print most}' "$STOCKSTREAM_RUN/figures"; }
ratio=$(awk -v worker="$(rate "worker, its second half")" -v reader="$(rate librdkafka)" 'BEGIN {printf "%.4f", worker / reader}')
echo "worker, its second half, to reader, the faster one: $ratio"
if [ -n "$baseline" ]; then awk -v ratio="$ratio" -v baseline="$baseline" 'BEGIN {printf "bench: %.2f of the baseline, %s of the reader\n", ratio / baseline, baseline}'; fi
if [ -n "$latency" ]; then
  bench latency --rate 100 --products "$products" --clients "$clients"
  bench latency --rate 1000 --probes 400 --products "$products" --clients "$clients"
  memory
fi
