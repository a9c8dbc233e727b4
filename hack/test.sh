#!/usr/bin/env bash
# All checks and tests, from a fresh Debian or Ubuntu on (as root or with sudo; installs by apt what is missing).
#
#   hack/test.sh              everything: with a real Kafka, two servers that speak MongoDB's protocol and share no code, and
#                             a real one-node Kubernetes, built and started here, empty, and stopped at the end. Kubernetes
#                             is built from source, once: many minutes. Where KAFKA_BOOTSTRAP_SERVERS and MONGODB_URI name
#                             services, those serve all but the pods of the node: so all tests run against any MongoDB
#   hack/test.sh --services   without Kubernetes
#   hack/test.sh --unit       without services and browser too: tests that need them say that they are skipped
#
# STOCKSTREAM_DATA: the Online Retail data set (.csv or .csv.gz), for the tests that run on it. Without, they do not run, and the
# end of the output says so.
# Exit status: 0 all passed, 2 something must be installed first, any other: the stages named in the last line failed. What
# fails in one test stage keeps no other test from running.
#
# On two cores all of it takes about 30 minutes with everything built, 45 where only downloads and Kubernetes are there, and 58
# from nothing. What each stage may take of that is in `budget` below; one that takes longer is named at the end. Whoever adds
# tests looks there.
#
# The store's tests alone, against a MongoDB of your own (docs/databases.md has the lines that start one):
#   MONGODB_URI=mongodb://host:27017/ cargo test --workspace --locked --no-fail-fast --test store
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$top"
unit='' kubernetes=yes
case "${1:-}" in
  '') ;;
  --services) kubernetes= ;;
  --unit) unit=yes kubernetes= ;;
  *) usage ;;
esac
start_services=
if [ -n "$unit" ]; then
  unset KAFKA_BOOTSTRAP_SERVERS MONGODB_URI
elif [ -z "${KAFKA_BOOTSTRAP_SERVERS:-}" ] || [ -z "${MONGODB_URI:-}" ]; then
  start_services=yes
fi

# Seconds from nothing, on two cores. Downloads run beside the first checks, and tests in two lanes at a time.
declare -A budget=(
  [downloads]=600 [browser]=60 [kubernetes]=760 [format]=5 [circles]=5 [clippy]=600 [deny]=150 [services]=20 [control-plane]=20 [chart]=45 [kind]=5
  [build]=500 [end-to-end]=800 [others]=1100 [operator]=260 [second-database]=300 [docs]=15 [bench]=100 [stop]=10 [node]=30
  [image]=20 [load]=15 [cluster]=480
)
run=
cluster=
logs=
stage=preparation
over=
times=
failed=
unrun=
declare -A lanes=()
finish() {
  status=$?
  trap - EXIT; trap '' INT TERM HUP # a second Ctrl-C must not leave a service behind
  for name in "${!lanes[@]}"; do
    kill -TERM -- "-${lanes[$name]}" 2>/dev/null || true
    echo "== $name, until it was ended:"; tail -50 "$logs/$name" || true
  done
  stop || true
  for name in ${failed//,/ }; do
    if [ -f "$logs/$name" ]; then why "$name"; fi
  done
  [ -z "$logs" ] || rm -rf "$logs"
  [ -z "$over" ] || echo "test: over their budget, which hack/test.sh has: ${over%, }" >&2
  if [ -n "$unrun" ]; then
    say "************************************************************************"
    say "NOT RUN: $unrun"
    say "************************************************************************"
  fi
  if [ "$status" = 0 ]; then echo "test: passed in $SECONDS s${unrun:+, WITHOUT REAL DATA} (${times%, })"
  else echo "test: FAILED in $stage after $SECONDS s${times:+ (passed: ${times%, })}" >&2; fi
  exit "$status"
}
# Stops what this script started; the cluster first, since its pods use the services.
stop() {
  local left=''
  if [ -n "$cluster" ]; then
    if STOCKSTREAM_RUN=$cluster hack/kube.sh down; then rm -rf "$cluster"; else left+=" a cluster in $cluster"; fi
  fi
  if [ -n "$run" ]; then STOCKSTREAM_RUN=$run hack/services.sh down || left+=" services in $run"; fi
  cluster='' run=''
  [ -z "$left" ] || { echo "test: still there:$left" >&2; return 1; }
}
trap finish EXIT
trap 'exit 130' INT; trap 'exit 143' TERM; trap 'exit 129' HUP

# Why a lane failed, in a few lines at the end of what is said: its tests that failed or hung, and their panics.
why() {
  echo "== $1 failed:"
  python3 - "$logs/$1" <<'PYTHON'
import re, sys
lines = open(sys.argv[1], errors="replace").read().splitlines()
ended = {line.split()[1] for line in lines if re.match(r"test \S+ \.\.\. (ok|FAILED|ignored)", line)}
for at, line in enumerate(lines):
    hung = re.match(r"test (\S+) has been running for over 60 seconds", line)
    if re.match(r"test .* FAILED$|error|ended after", line) or hung and hung[1] not in ended:
        print(line)
    elif " panicked at " in line:
        print(*(part[:1000] for part in lines[at:at + 3]), sep="\n")
PYTHON
}

# stage NAME COMMAND…
stage() {
  stage=$1; shift
  local from=$SECONDS
  echo "== $stage: $*"
  "$@"
  took "$stage" $((SECONDS - from))
}

# took STAGE SECONDS
took() {
  times+="$1 $2 s, "
  [ "$2" -le "${budget[$1]:-0}" ] || over+="$1 $2 s of ${budget[$1]:-none}, "
}

# A stage whose failure hides nothing: the others run all the same, then all of it fails.
tests() {
  local from=$SECONDS name=$1; shift
  echo "== $name: $*"
  if "$@"; then took "$name" $((SECONDS - from)); else failed+="$name, "; fi
}

# Begins tests beside others. One that hangs is ended.
# lane NAME COMMAND…
lane() {
  local name=$1; shift
  echo "== $name: $*"
  # shellcheck disable=SC2016
  setsid bash -c 'log=$1; shift; SECONDS=0 status=0
    timeout --kill-after=60 2400 "$@" >"$log" 2>&1 & tests=$!
    trap "kill -TERM -- -$tests" TERM # timeout has made a process group of its own
    wait "$tests" || status=$?
    [ "$status" != 124 ] || echo "ended after 40 minutes" >>"$log"
    echo "$SECONDS" >"$log.seconds"; exit "$status"' lane "$logs/$name" "$@" &
  lanes[$name]=$!
}

# Waits until one of the lanes ends, and tells what it said.
join() {
  local name status=0
  while :; do
    for name in "${!lanes[@]}"; do kill -0 "${lanes[$name]}" 2>/dev/null || break 2; done
    sleep 1
  done
  stage=$name
  wait "${lanes[$name]}" || status=$?
  unset "lanes[$name]"
  echo "== $name said:"; cat "$logs/$name"
  if [ "$status" = 0 ]; then took "$name" "$(cat "$logs/$name.seconds")"; else failed+="$name, "; fi
}

# Every test target but those that have a lane of their own.
others() {
  cargo metadata --no-deps --locked --format-version 1 | python3 -c '
import json, sys
targets = (target for package in json.load(sys.stdin)["packages"] for target in package["targets"])
print(*sorted({"--test=" + target["name"] for target in targets if "test" in target["kind"] and target["name"] not in ("e2e", "control_plane", "services")}))'
}

packages() {
  local want=()
  have cc || want+=(build-essential)
  have make || want+=(make)
  # OpenSSL's build needs modules that Debian's perl-base has not.
  perl -MFindBin -MIPC::Cmd -e 1 2>/dev/null || want+=(perl)
  have pkg-config || want+=(pkg-config)
  have python3 || want+=(python3)
  [ -z "$start_services$kubernetes" ] || python3 -c 'import ensurepip, venv' 2>/dev/null || want+=(python3-venv)
  if [ -n "$start_services$kubernetes" ]; then
    have java || want+=(default-jdk-headless)
    have mvn || want+=(maven)
    have debootstrap || want+=(debootstrap)
    have openssl || want+=(openssl)
    have node || want+=(nodejs)
    have npm || want+=(npm)
    have chromium || want+=(chromium)
  fi
  [ ${#want[@]} -gt 0 ] || return 0
  use_sudo
  [ -z "$SUDO" ] || have sudo || needs "please install, as root: ${want[*]}"
  have apt-get || needs "please install what Debian calls: ${want[*]}"
  apt_install "${want[@]}"
}

toolchain() {
  PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin:/usr/local/go/bin
  local found installed channel component
  channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
  grep -q "^FROM rust:$channel-" Dockerfile || needs "please have the Dockerfile build with Rust $channel, as rust-toolchain.toml does"
  # A machine that has this compiler by the name of `stable` need not download it again.
  if have rustup && [ -z "${RUSTUP_TOOLCHAIN:-}" ]; then
    installed=$(rustup toolchain list)
    if ! grep -q "^$channel-" <<<"$installed" && grep -q '^stable-' <<<"$installed" &&
      [ "$(rustc +stable --version | cut -d' ' -f2)" = "$channel" ]; then export RUSTUP_TOOLCHAIN=stable; fi
  fi
  found=$(rustc --version 2>/dev/null | cut -d' ' -f2) || true
  at_least 1.90 "${found:-0}" ||
    needs "please install rustup (https://rustup.rs), then run: rustup toolchain install $channel; found: ${found:-none}"
  for component in fmt clippy; do
    cargo "$component" --version >/dev/null 2>&1 || needs "please run: rustup component add rustfmt clippy"
  done
}

browser() {
  local major; major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
  [ "$major" -ge 20 ] || needs "please install Node.js 20 or newer, for the tests in a browser; found: $(node --version)"
  STOCKSTREAM_BROWSER=$(hack/browser.sh install); export STOCKSTREAM_BROWSER
}

# Services of its own: nothing of this run's may reach it. It reports; no speed of a shared machine is a reason to fail.
regression() {
  env -i PATH="$PATH" HOME="$HOME" ${CARGO_HOME:+CARGO_HOME="$CARGO_HOME"} ${RUSTUP_HOME:+RUSTUP_HOME="$RUSTUP_HOME"} \
    ${RUSTUP_TOOLCHAIN:+RUSTUP_TOOLCHAIN="$RUSTUP_TOOLCHAIN"} \
    ${CARGO_TARGET_DIR:+CARGO_TARGET_DIR="$CARGO_TARGET_DIR"} \
    ${CARGO_INCREMENTAL:+CARGO_INCREMENTAL="$CARGO_INCREMENTAL"} hack/bench.sh --regression ||
    echo "test: the bench did not come to its end" >&2
}

# A folder for services: in memory where there is room, since nothing of theirs outlives the run and every write that a
# database waits for would wait for the disk.
room() {
  local folder=${TMPDIR:-/tmp} free
  free=$(df --output=avail -k /dev/shm 2>/dev/null | tail -1) || free=0
  if [ "${free:-0}" -gt 6000000 ] && [ "$(awk '/^MemAvailable/ {print $2}' /proc/meminfo)" -gt 10000000 ]; then folder=/dev/shm; fi
  mktemp -d "$folder/stockstream-test.XXXXXX"
}

# The one that the tests were just run with.
binary() { echo "${CARGO_TARGET_DIR:-target}/debug/stockstream"; }

packages
toolchain
if [ -n "${STOCKSTREAM_DATA:-}" ]; then
  [ -r "$STOCKSTREAM_DATA" ] || needs "STOCKSTREAM_DATA names no readable file: $STOCKSTREAM_DATA"
  STOCKSTREAM_DATA=$(realpath "$STOCKSTREAM_DATA"); export STOCKSTREAM_DATA # each crate's tests run in its own folder
else
  unrun="the tests on real data. Set STOCKSTREAM_DATA to the Online Retail file (.csv or .csv.gz)"
  say "STOCKSTREAM_DATA is not set: the tests on real data will not run"
fi
logs=$(mktemp -d "${TMPDIR:-/tmp}/stockstream-logs.XXXXXX")
# It waits for the network most of the time.
if [ -n "$start_services$kubernetes" ]; then lane downloads hack/services.sh install; fi
if [ -n "$start_services" ]; then stage browser browser; fi
stage format cargo fmt --all --check
stage circles hack/circles.py
stage clippy cargo clippy --workspace --all-targets --locked -- -D warnings
if [ -n "$kubernetes" ]; then stage kubernetes hack/kube.sh install; fi
if [ -n "$start_services$kubernetes" ]; then
  join # the downloads
  [ -z "$failed" ] || { stage=downloads; exit 1; }
fi
tests deny hack/deny.sh
if [ -n "$start_services" ]; then
  run=$(room)
  stage services env STOCKSTREAM_RUN="$run" hack/services.sh up
  load_env "$run/env"
fi
if [ -n "$kubernetes" ]; then
  cluster=$(mktemp -d "${TMPDIR:-/tmp}/stockstream-cluster.XXXXXX")
  stage control-plane env STOCKSTREAM_RUN="$cluster" hack/kube.sh up control-plane
  # shellcheck disable=SC1091
  STOCKSTREAM_KUBECONFIG=$(. "$cluster/kube/env"; echo "$KUBECONFIG"); export STOCKSTREAM_KUBECONFIG
  stage chart hack/chart.sh
  stage kind hack/kind-check.sh
fi
stage build cargo test --workspace --locked --no-run
targets=$(others)
read -ra targets <<<"$targets"
# The tests of the store, but for those of twenty thousand rows; and those of end to end that say most about a database. This
# server takes minutes for what takes others seconds.
# shellcheck disable=SC2016
second='status=0
  cargo test --workspace --locked --no-fail-fast --test store on_mongodb -- --skip a_search_looks_at_the_first_rows_only || status=1
  cargo test --workspace --locked --no-fail-fast --test e2e -- single_worker::odd_rows during_many_publications || status=1
  exit "$status"'
# No more than two at a time: where more is asked of two cores than they can do, what waits for an answer gives up.
lane others cargo test --workspace --locked --no-fail-fast --lib --bins "${targets[@]}"
lane end-to-end cargo test --workspace --locked --no-fail-fast --test e2e -- --test-threads 3
join
lane operator cargo test --workspace --locked --no-fail-fast --test=control_plane --test=services
if [ -n "$start_services" ]; then
  join
  lane second-database env MONGODB_URI="$SECANTUSDB_URI" STOCKSTREAM_PUBLICATIONS=100 bash -c "$second"
fi
while [ ${#lanes[@]} -gt 0 ]; do join; done
tests docs cargo test --workspace --locked --no-fail-fast --doc
if [ -n "$start_services" ]; then stage bench regression; fi

# Pods reach this machine at an address of its own, so for them there are other services.
if [ -n "$kubernetes" ]; then
  stage stop stop
  unset STOCKSTREAM_KUBECONFIG
  cluster=$(mktemp -d "${TMPDIR:-/tmp}/stockstream-cluster.XXXXXX")
  stage node env STOCKSTREAM_RUN="$cluster" hack/kube.sh up node
  load_env "$cluster/kube/env"
  stage image env STOCKSTREAM_BINARY="$(binary)" hack/image.sh "$cluster/image.tar"
  stage load env STOCKSTREAM_RUN="$cluster" hack/kube.sh load "$cluster/image.tar"
  run=$(room)
  stage services env STOCKSTREAM_RUN="$run" SERVICES_ADDRESS="$KUBE_HOST_ADDRESS" hack/services.sh up
  load_env "$run/env"
  tests cluster cargo test --workspace --locked --test e2e cluster
fi
if [ -n "$failed" ]; then stage=${failed%, }; exit 1; fi
