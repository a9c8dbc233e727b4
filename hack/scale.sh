#!/usr/bin/env bash
# Gives an operator many pipelines at once, on a control plane, a broker and a database of its own: how long it takes, what
# it asks the API server for, in memory of what size; then the same objects applied by a bare loop, in the same run.
#   hack/scale.sh [PIPELINES [--away] [OPTION…]]   default 1000; --away: their servers cannot be reached; further options
#                                                  are those of `stockstream-bench fleet`. Leaves nothing behind
# No pod runs: the bench says of each Deployment what its controller would say, and that controller is off.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$top"
PIPELINES=${1:-1000}; shift || true
[[ $PIPELINES =~ ^[1-9][0-9]*$ ]] || usage
cargo build --profile dist --workspace --locked
STOCKSTREAM_RUN=$(mktemp -d); export STOCKSTREAM_RUN
finish() { hack/kube.sh down || true; hack/services.sh down || true; rm -rf "$STOCKSTREAM_RUN"; }
trap finish EXIT
KUBE_CONTROLLERS='*,-deployment-controller,-replicaset-controller' hack/kube.sh up control-plane >/dev/null
hack/services.sh up
set -a; eval "$(hack/services.sh env)"; eval "$(hack/kube.sh env)"; set +a
kube=$STOCKSTREAM_RUN/kube
hack/kube.sh user operator >"$kube/operator.kubeconfig"
"$KUBE_BIN/kubectl" create clusterrolebinding operator --clusterrole=cluster-admin --user=operator >/dev/null
target/dist/stockstream-bench fleet --pipelines "$PIPELINES" --admin "$KUBECONFIG" --user "$kube/operator.kubeconfig" \
  --audit "$KUBE_AUDIT_LOG" --log "$kube/operator.log" --beside apiserver="$(cat "$kube/apiserver.pid")" \
  --beside etcd="$(cat "$kube/etcd.pid")" "$@" || { tail -20 "$kube/operator.log" >&2; exit 1; }
