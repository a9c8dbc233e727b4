#!/usr/bin/env bash
# Whether kind decodes kind-config.yaml, and refuses what is wrong in one. It goes no further: a cluster of kind's needs a
# container engine and kind's own node image. Takes a second, with the kind that hack/kube.sh install builds.
#
#   hack/kind-check.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# = 0 ] || { sed -n '2,5{s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }
PATH=$(realpath -m "${STOCKSTREAM_CACHE:-$HOME/.cache/stockstream}")/kube/bin:$PATH
command -v kind >/dev/null || { echo "kind-check: kind is missing: hack/kube.sh install" >&2; exit 2; }
fail() { echo "kind-check: FAILED: $*" >&2; exit 1; }

# A stand-in for the engine: it says yes until a node is to be started, and keeps what it was asked.
stub=$(mktemp -d)
trap 'rm -rf "$stub"' EXIT
cat >"$stub/docker" <<'SH'
#!/bin/sh
echo "$*" >>"${0%/*}/asked"
case "$*" in
  -v) echo "Docker version 28.0.0" ;;
  "info --format {{json .}}") echo '{"CgroupVersion": "2", "MemoryLimit": true, "PidsLimit": true, "CPUShares": true}' ;;
  "info --format '{{json .SecurityOptions}}'") echo "'[]'" ;;
  run*) exit 1 ;;
esac
SH
chmod +x "$stub/docker"
create() { KIND_EXPERIMENTAL_PROVIDER=docker PATH=$stub:$PATH kind create cluster --kubeconfig "$stub/kubeconfig" --config "$1" 2>&1; }

sed 's/^nodes:/nodez:/' "$here/../kind-config.yaml" >"$stub/wrong.yaml"
said=$(create "$stub/wrong.yaml") && fail "a wrong field is taken"
grep -q 'field nodez not found' <<<"$said" || fail "a wrong field is refused otherwise: $said"
if grep -qs '^run' "$stub/asked"; then fail "a node was asked for in spite of a wrong field"; fi
said=$(create "$here/../kind-config.yaml") && fail "a cluster without an engine"
grep -q '^run --name stockstream-control-plane' "$stub/asked" || fail "no node was asked for: $said"
echo "kind-check: kind-config.yaml is decoded"
