#!/usr/bin/env bash
# Lets two workers and a dashboard work at a steady rate, restarts one of the workers again and again, and samples memory, file
# descriptors, threads and connections of those that stay, on services of its own.
#   hack/soak.sh [MINUTES [RATE]]    default 30 minutes, 500 events/s; prints samples and what grew, leaves nothing behind
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$top"
minutes=${1:-30} rate=${2:-500}
[[ "$minutes $rate" =~ ^[1-9][0-9]*\ [1-9][0-9]*$ ]] || usage
[ "$minutes" -ge 3 ] || needs "3 minutes at least: what grew is told from the second on"
declare -A pids
. hack/measure.sh
worker() { STOCKSTREAM_KAFKA_START_FROM=earliest "$built/stockstream" worker --listen 127.0.0.1:0 2>>"$STOCKSTREAM_RUN/$1.log" & pids[$1]=$!; }
"$built/stockstream-bench" backlog --records --sales 200000
worker stays; worker restarted
listen=127.0.0.1:$(free_ports 1)
MONGODB_URI=mongodb://127.0.0.1:$MONGO_RO_PORT/stock_management "$built/stockstream" dashboard --listen "$listen" 2>"$STOCKSTREAM_RUN/dashboard.log" & pids[dashboard]=$!
"$built/stockstream-bench" drain --sales 200000
for _ in 1 2 3 4 5 6 7 8; do curl -sN "http://$listen/live" >/dev/null & pids[live-$_]=$!; done
"$built/stockstream-bench" latency --rate "$rate" --probes 1000000000 >"$STOCKSTREAM_RUN/latency" 2>&1 & pids[load]=$!
# NAME: minute, name, KiB of memory, descriptors, threads, connections
sample() {
  local pid=${pids[$1]} sockets
  sockets=$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)
  awk -v minute="$minute" -v name="$1" -v fds="$(find "/proc/$pid/fd" -type l | wc -l)" -v sockets="$sockets" '
    /^VmRSS/ {memory = $2} /^Threads/ {threads = $2}
    END {printf "%4d %-10s %8d KiB %4d descriptors %3d threads %3d sockets\n", minute, name, memory, fds, threads, sockets}
  ' "/proc/$pid/status" | tee -a "$STOCKSTREAM_RUN/samples"
}
for ((minute = 0; minute <= minutes; minute++)); do
  for name in stays dashboard; do sample "$name"; done
  [ "$minute" != "$minutes" ] || break
  sleep 60
  if [ $((minute % 3)) = 2 ]; then
    # In turn in order and by force.
    if [ $((minute % 2)) = 0 ]; then kill "${pids[restarted]}"; else kill -9 "${pids[restarted]}"; fi
    wait "${pids[restarted]}" 2>/dev/null || true
    worker restarted
  fi
  curl -sf "http://$listen/product-winners" >/dev/null
done
echo "from the second minute to the last, of those that stayed:"
awk -v last="$minutes" '$1 == 2 {for (n = 3; n <= 9; n += 2) first[$2, n] = $n}
  $1 == last {printf "  %s: memory %+d %%, descriptors %+d, threads %+d, sockets %+d\n", $2, ($3 / first[$2, 3] - 1) * 100, $5 - first[$2, 5], $7 - first[$2, 7], $9 - first[$2, 9]}' "$STOCKSTREAM_RUN/samples"
curl -sf "http://$listen/api/v1/status" | grep -o '"events":{"applied":[0-9]*,"rejected":[0-9]*' || true
