#!/usr/bin/env bash
# The definitions of others' kinds, as their makers release them: fetched as Go modules, at the versions and checksums in
# kinds/go.mod and kinds/go.sum. Prints where the file is, for `kubectl create --filename`.
#
#   hack/kube/kinds.sh scaledobjects      ScaledObject, of KEDA
#   hack/kube/kinds.sh podmonitors        PodMonitor, of the Prometheus operator
#
# Exit status: 2 when Go is missing or the module cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib.sh
. "$here/../lib.sh"
case "${1:-}" in
  scaledobjects) module=github.com/kedacore/keda/v2 file=config/crd/bases/keda.sh_scaledobjects.yaml ;;
  podmonitors)
    module=github.com/prometheus-operator/prometheus-operator
    file=example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml
    ;;
  *) usage ;;
esac
command -v go >/dev/null || needs "$module is fetched with Go: install Go from https://go.dev/dl"
said=$(cd "$here/kinds" && GOWORK=off go mod download -json $module) || needs "$module could not be fetched: $said"
folder=$(sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p' <<<"$said")
[ -f "$folder/$file" ] || needs "$module has no $file (any more)"
echo "$folder/$file"
