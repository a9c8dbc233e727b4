# For the scripts that measure, which source it: programs as they are shipped, or PROFILE=dev a debug build as the tests were;
# services of its own, and an end that leaves nothing behind. A program whose id is in `pids` ends then, too.
# shellcheck shell=bash disable=SC2034

declare -p pids >/dev/null 2>&1 || pids=()
finish() {
  local code=$?
  trap - EXIT
  [ ${#pids[@]} = 0 ] || { kill "${pids[@]}" 2>/dev/null || true; wait; }
  hack/services.sh down || true
  rmdir /sys/fs/cgroup/{memory/,}stockstream-limited-* 2>/dev/null || true # of bench.sh --memory
  rm -rf "$STOCKSTREAM_RUN"
  exit "$code"
}
if [ "${PROFILE:-}" = dev ]; then
  built=${CARGO_TARGET_DIR:-target}/debug
  cargo build --workspace --all-targets --locked # nothing is built twice
else
  built=${CARGO_TARGET_DIR:-target}/dist
  cargo build --profile dist --workspace --locked
fi
STOCKSTREAM_RUN=$(mktemp -d "${TMPDIR:-/tmp}/stockstream-measure.XXXXXX"); export STOCKSTREAM_RUN
trap finish EXIT
trap 'exit 130' INT TERM
hack/services.sh up
set -a; eval "$(hack/services.sh env)"; set +a
