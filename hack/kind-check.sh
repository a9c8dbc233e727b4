#!/usr/bin/env bash
# Whether kind decodes kind-config.yaml, and refuses what is wrong in one; and which commands hack/kind.sh runs, in which order. It
# goes no further: a cluster of kind's needs a container engine and kind's own node image. Takes seconds, with the kind that
# hack/kube.sh install builds.
#
#   hack/kind-check.sh
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
[ $# = 0 ] || usage
PATH=$(cache_folder)/kube/bin:$PATH
command -v kind >/dev/null || needs "kind is missing: hack/kube.sh install"
fail() { die "FAILED: $*"; }

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

sed 's/^nodes:/nodez:/' "$top/kind-config.yaml" >"$stub/wrong.yaml"
said=$(create "$stub/wrong.yaml") && fail "a wrong field is taken"
grep -q 'field nodez not found' <<<"$said" || fail "a wrong field is refused otherwise: $said"
if grep -qs '^run' "$stub/asked"; then fail "a node was asked for in spite of a wrong field"; fi
said=$(create "$top/kind-config.yaml") && fail "a cluster without an engine"
grep -q '^run --name stockstream-control-plane' "$stub/asked" || fail "no node was asked for: $said"
echo "kind-check: kind-config.yaml is decoded"

# hack/kind.sh on a machine without Rust: every program that it calls only records what it is asked.
rm -f "$stub/asked"
for program in kind kubectl helm docker; do
  cat >"$stub/$program" <<'SH'
#!/bin/sh
echo "${0##*/} $*" >>"${0%/*}/asked"
case "${0##*/} $*" in
  "helm list "*) echo stockstream ;;
  "kind get clusters") echo stockstream ;;
  "docker save -o "*) : >"$4" ;;
  "kubectl"*" get deployments "*) echo deployment.apps/one ;;
  "kubectl"*" get analyticspipelines "*) echo "shop stock" ;;
  *" --filename -") cat >/dev/null ;;
esac
SH
  chmod +x "$stub/$program"
done
mkdir "$stub/system"
for program in bash sh env cat sed grep uname dirname mkdir head tail; do ln -s "$(command -v $program)" "$stub/system/$program"; done
last=$(KIND_EXPERIMENTAL_PROVIDER=docker PATH=$stub:$stub/system "$hack/kind.sh" --demo 2>"$stub/said" | tail -1) ||
  fail "hack/kind.sh --demo: $(tail -5 "$stub/said")"
[ "$last" = 'kubectl --context kind-stockstream --namespace shop port-forward service/stock-dashboard 8080:80' ] ||
  fail "the last line of hack/kind.sh --demo is: $last"
# asked PATTERN…: these were asked for, in this order
asked() {
  local line=0 found pattern
  for pattern in "$@"; do
    found=$(grep -nE -- "$pattern" "$stub/asked" | cut -d: -f1 | while read -r n; do [ "$n" -le "$line" ] || { echo "$n"; break; }; done)
    [ -n "$found" ] || fail "not asked for, or too early: $pattern. Asked: $(cat "$stub/asked")"
    line=$found
  done
}
asked '^docker build .*docker.io/library/stockstream:' '^docker save -o ' '^kind load image-archive .*\.tar --name stockstream' \
  '^helm upgrade --install stockstream ' '^kubectl .* rollout restart .*instance=stockstream' \
  '^kubectl .* rollout restart deployment --namespace shop .*instance=stock$' '^kubectl .*kafka.yaml .*mongodb.yaml' \
  '^kubectl .* rollout status statefulset/kafka' '^kubectl .* job/mongodb-initiate' '^kubectl .*pipeline.yaml' \
  '^kubectl .* apply --filename -' '^kubectl .*condition=Ready apl/stock'
! grep -q 'kind create' "$stub/asked" || fail "the cluster that stands is made again"
grep -q '10 to 40 minutes' "$stub/said" || fail "the time that the build takes is not said"
echo "kind-check: hack/kind.sh --demo asks for what it must, in order"
