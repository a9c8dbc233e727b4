#!/usr/bin/env bash
# Checks the Helm chart charts/stockstream: seconds without a cluster, about a minute with one.
#
#   hack/chart.sh           lint, renderings, what the schema of the values refuses, drift of what is generated; and with
#                           STOCKSTREAM_KUBECONFIG, on the cluster that it names, everything that hack/chart/cluster.sh does
#   hack/chart.sh update    writes what is generated: the chart's copy of the custom resource, and its README
#
# STOCKSTREAM_KUBECONFIG: an administrator of a cluster for tests; what hack/kube.sh up control-plane starts will do.
#   Namespaces chart-* are made and removed there, and so is the custom resource. Refused if there are pipelines.
# HELM, KUBECTL, HELM_DOCS: programs; otherwise those on the PATH, or that hack/kube.sh built. helm-docs is built once, with Go.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
CHART=$top/charts/stockstream
CACHE=$(cache_folder)
HELM_DOCS_VERSION=v1.14.2

step() { step=$*; echo "chart: $SECONDS s $step"; }
fail() { die "FAILED in: $step: $*"; }

# program NAME [HOW TO GET IT]: where it is
program() {
  local path
  for path in "$CACHE/kube/bin/$1" "$(command -v "$1" || true)"; do [ ! -x "$path" ] || { echo "$path"; return; }; done
  needs "$1 is missing: $2"
}

helm_docs() {
  local bin=$CACHE/chart/helm-docs-$HELM_DOCS_VERSION
  go_program "$bin" "github.com/norwoodj/helm-docs/cmd/helm-docs@$HELM_DOCS_VERSION" "or name a helm-docs by HELM_DOCS"
  echo "$bin"
}

HELM=${HELM:-$(program helm "install it (https://helm.sh/docs/intro/install), or: hack/kube.sh install control-plane")}
HELM_DOCS=${HELM_DOCS:-$(helm_docs)}
export HELM

# What the README is generated to, on stdout. It has a row for each value, with the comment as its last column.
readme() {
  local text
  text=$("$HELM_DOCS" --chart-search-root "$CHART" --sort-values-order file --log-level error --dry-run)
  grep -q '^| replicas |' <<<"$text" || fail "helm-docs generated no table of values"
  ! grep -E '\|  \|$' <<<"$text" || fail "these values have no comment that begins with '# --'"
  echo "$text"
}
copies() { cat "$top/crds/analyticspipelines.stockstream.dev.yaml"; }

update() {
  local text
  step=update
  copies >"$CHART/files/analyticspipelines.stockstream.dev.yaml"
  text=$(readme) # first: what cannot be generated leaves what is there
  echo "$text" >"$CHART/README.md"
}

# same FILE: as what stdin says
same() { diff -u "$1" - || fail "$1 is not what it is generated from: hack/chart.sh update"; }

render() { "$HELM" template stockstream "$CHART" --namespace stockstream "$@"; }

# refuses WORD ARGUMENT…: rendering with the arguments fails, and says the word
refuses() {
  local word=$1 said; shift
  ! said=$(render "$@" 2>&1) || fail "these values should be refused: $*"
  grep -qF "$word" <<<"$said" || fail "values are refused ($*) without the word $word: $said"
}

# has TEXT LINE…: whole lines, leading blanks apart
has() {
  local text=$1 line; shift
  for line in "$@"; do grep -qE "^ *$line\$" <<<"$text" || fail "not rendered: $line"; done
}
has_not() {
  local text=$1 line; shift
  for line in "$@"; do ! grep -qE "^ *$line\$" <<<"$text" || fail "rendered: $line"; done
}

check() {
  step "generated files"
  copies | same "$CHART/files/analyticspipelines.stockstream.dev.yaml"
  readme | same "$CHART/README.md"
  local version; version=$(product_version)
  has "$(cat "$CHART/Chart.yaml")" "version: $version" "appVersion: $version"

  step "lint"
  local values said
  for values in /dev/null "$CHART"/ci/*-values.yaml; do
    said=$("$HELM" lint --strict --quiet --values "$values" "$CHART" 2>&1) || fail "$said"
  done

  step "renderings"
  default=$(render)
  has "$default" 'image: "stockstream:'"$version"'"' 'kind: ClusterRole' 'kind: PodDisruptionBudget' 'kind: NetworkPolicy' \
    'helm.sh/resource-policy: keep' 'ingress:' 'replicas: 2' 'value: "\[::\]:8082"' \
    'runAsUser: 65532' 'runAsGroup: 65532' 'fsGroup: 65532' 'runAsNonRoot: true' 'value: "65532"'
  has_not "$default" 'kind: PodMonitor' 'Egress' '- name: STOCKSTREAM_WATCH_NAMESPACES' \
    '- name: STOCKSTREAM_IMAGE_PULL_SECRETS'
  # But for the annotation, the custom resource is rendered as it was generated.
  local added='^(---|# Source: .*|  annotations:|    helm.sh/resource-policy: keep)$'
  diff --ignore-blank-lines <(render --show-only templates/crd.yaml | grep -vE "$added") <(copies) >/dev/null ||
    fail "the custom resource is not rendered as generated"

  local all listed
  all=$(render --values "$CHART/ci/all-options-values.yaml")
  has "$all" 'image: "registry.example.com/shop/stockstream@sha256:[0-9a-f]{64}"' \
    'value: "registry.example.com/shop/stockstream:0.1.0"' \
    'kind: PodMonitor' '- Egress' 'priorityClassName: system-cluster-critical' 'serviceAccountName: operator' \
    '- name: mirror' 'value: registry,mirror' 'value: platform' 'runAsNonRoot: true'
  has_not "$all" 'runAs(User|Group): .*' 'fsGroup: .*'

  listed=$(render --values "$CHART/ci/listed-namespaces-values.yaml")
  has "$listed" 'value: "shop,shop-two"' 'namespace: shop' 'namespace: shop-two' 'ingress: \[\]'
  has_not "$listed" 'kind: Cluster.*' 'kind: CustomResourceDefinition' 'kind: PodDisruptionBudget'
  has_not "$(render --set crds.keep=false --show-only templates/crd.yaml)" 'helm.sh/resource-policy: keep'

  step "what the values' schema refuses"
  refuses replicas --set replicas=two
  refuses replicaCount --set replicaCount=2
  refuses digest --set image.digest=latest
  refuses pullPolicy --set image.pullPolicy=Sometimes
  refuses watchNamespaces --set 'watchNamespaces={Shop}'
  refuses watchNamespaces --set watchNamespaces=shop
  refuses memory --set resources.limits.memory=lots
  refuses podUser --set podUser=root
  refuses podUser --set podUser=0
  refuses crds --set crds=null
  refuses kubeVersion --kube-version 1.29.0
  render --set global.anything=goes >/dev/null # as a part of another chart
}

case "${1:-}" in
  '')
    check
    if [ -n "${STOCKSTREAM_KUBECONFIG:-}" ]; then
      KUBECTL=${KUBECTL:-$(program kubectl "install it (https://kubernetes.io/docs/tasks/tools)")}
      # shellcheck source=chart/cluster.sh
      . "$hack/chart/cluster.sh"
    else
      say "STOCKSTREAM_KUBECONFIG is not set: nothing was tried on a cluster"
    fi
    echo "chart: all is well after $SECONDS s"
    ;;
  update) update ;;
  *) usage ;;
esac
