#!/usr/bin/env bash
# Measures how soon a worker counts after it was started, and another what a killed one had, on services of its own.
#   hack/handover.sh [ROUNDS]    default 5; prints figures, leaves nothing behind
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$top"
rounds=${1:-5}
[[ $rounds =~ ^[1-9][0-9]*$ ]] || usage
. hack/measure.sh
"$built/stockstream-bench" backlog --sales 1000
STOCKSTREAM_KAFKA_START_FROM=earliest "$built/stockstream-bench" handover \
  --program "$built/stockstream" --log "$STOCKSTREAM_RUN/workers.log" --rounds "$rounds"
