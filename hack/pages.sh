#!/usr/bin/env bash
# Measures a dashboard over 10,000 products and 100,000 clients, on services of its own: each page alone, and all of them
# mixed at a rate beside live connections while sales come in.
#   hack/pages.sh [SALES]        default 300,000; prints figures, leaves nothing behind
#   PAGES_ROWS=1 hack/pages.sh   also how many rows of each collection a page reads, as PostgreSQL counts them (slow)
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$top"
SALES=${1:-300000}
[[ $SALES =~ ^[1-9][0-9]*$ ]] || usage
. hack/measure.sh
bench=$built/stockstream-bench
"$bench" backlog --records --sales "$SALES"
STOCKSTREAM_KAFKA_START_FROM=earliest "$built/stockstream" worker --listen 127.0.0.1:0 2>"$STOCKSTREAM_RUN/worker.log" & pids+=($!)
"$bench" drain --sales "$SALES"
read_only=mongodb://127.0.0.1:$MONGO_RO_PORT/stock_management
listen=127.0.0.1:$(free_ports 1)
MONGODB_URI=$read_only "$built/stockstream" dashboard --listen "$listen" 2>"$STOCKSTREAM_RUN/dashboard.log" & page=$!
pids+=("$page")
until curl -sf "http://$listen/readyz" >/dev/null; do [ -e "/proc/$page" ] || { cat "$STOCKSTREAM_RUN/dashboard.log"; exit 1; }; sleep 0.2; done
until ! curl -sf "http://$listen/api/v1/status" | grep -Eq '"lag":([1-9]|null)'; do sleep 1; done # the clients' records too
before=$(hack/mongodb.sh operations)
if [ -n "${PAGES_ROWS:-}" ]; then "$bench" pages --address "$listen" --rate 0 --rows "hack/mongodb.sh rows"; fi
echo "nothing changes:"
"$bench" pages --address "$listen"
echo "ten sales a second:"
"$bench" latency --rate 10 --probes 500 >"$STOCKSTREAM_RUN/latency.log" & pids+=($!)
"$bench" pages --address "$listen" --times 0
awk '/VmHWM/ {printf "dashboard: at most %d MiB of memory\n", $2 / 1024}' "/proc/$page/status"
echo "what the dashboard's database user asked for, by the server's own count:"
{ diff <(echo "$before") <(hack/mongodb.sh operations) || true; } | sed -n 's/^> /  /p'
