# shellcheck shell=bash
# The chart on a cluster: read by hack/chart.sh. What needs no pod that runs, so a control plane alone is enough.
# Tried: server-side dry runs of every rendering, in a namespace that enforces `restricted`; every file of examples/ by itself;
# install, upgrade, uninstall; what the operator and people may do; installing without rights beyond a few namespaces.

# shellcheck disable=SC2154 # set by hack/chart.sh
kubectl() { "$KUBECTL" --kubeconfig "$STOCKSTREAM_KUBECONFIG" "$@"; }
helm() { "$HELM" --kubeconfig "$STOCKSTREAM_KUBECONFIG" "$@"; }
export KUBECTL
CRD=analyticspipelines.stockstream.dev
made= # kinds of others that were made here

eventually() {
  local said
  for _ in $(seq 100); do said=$("$@" 2>&1) && return; sleep 0.1; done
  fail "after 10 s this still fails: $*: $said"
}

clean() {
  local namespace
  for namespace in chart-operator chart-shop chart-shop-two; do
    helm uninstall stockstream --namespace $namespace --ignore-not-found >/dev/null
  done
  # shellcheck disable=SC2086
  kubectl delete crd $CRD $made --ignore-not-found >/dev/null
  kubectl delete namespace chart-operator chart-shop chart-shop-two --ignore-not-found >/dev/null
}
finish() {
  local status=$?
  trap - EXIT
  [ "$status" = 0 ] || say "it ended in: $step"
  clean || true
  rm -rf "$work"
  exit "$status"
}
standing=$(kubectl get $CRD --all-namespaces --output name 2>/dev/null) || true
[ -z "$standing" ] || needs "this cluster is not for tests, it has pipelines: $(head -3 <<<"$standing" | tr '\n' ' ')"
work=$(mktemp -d)
trap finish EXIT
trap 'exit 130' INT; trap 'exit 143' TERM

# kind_of_others NAME: as its makers release it
kind_of_others() {
  local file name
  file=$("$hack/kube/kinds.sh" "$1") || needs "the definition of $1 could not be had"
  name=$(kubectl create --dry-run=client --output name --filename "$file")
  ! kubectl get "$name" >/dev/null 2>&1 || return 0
  made+=" ${name#*/}"
  kubectl create --filename "$file" >/dev/null
  kubectl wait --for=condition=Established "$name" >/dev/null
}

# accepted ARGUMENT…: the objects on stdin, by a dry run on the server that must not warn either
# shellcheck disable=SC2120
accepted() {
  local said
  said=$(kubectl create --dry-run=server --validate=strict --filename - "$@" 2>&1) || fail "refused: $said"
  ! grep -i '^warning' <<<"$said" || fail "accepted with a warning"
}

# What a text tells to apply.
told_by() {
  sed -n "/ apply .*<<'END'\$/,/^ *END\$/{/ apply /d;s/END\$/---/;p}" |
    python3 -c 'import sys, textwrap; print(textwrap.dedent(sys.stdin.read()))'
}

# may YES|NO USER ARGUMENT…: kubectl auth can-i
may() {
  local want=$1 user=$2 said; shift 2
  said=$(kubectl auth can-i "$@" --as "$user" 2>/dev/null) || true
  [ "$said" = "$want" ] || fail "$user: kubectl auth can-i $*: $said, not $want"
}

# pods NAMESPACE COUNT: the ReplicaSet got so many past the admission
pods() { [ "$(kubectl get pods --namespace "$1" --selector app.kubernetes.io/component=operator --output name | wc -l)" = "$2" ]; }

rights() { # as the table's part of that name
  echo "# $1"; shift
  KUBECONFIG=$STOCKSTREAM_KUBECONFIG "$top/hack/chart/rights.py" "$@"
}

step "namespaces that enforce the Pod Security level restricted"
clean
for namespace in chart-operator chart-shop chart-shop-two; do
  kubectl create namespace $namespace >/dev/null
  kubectl label namespace $namespace pod-security.kubernetes.io/{enforce,warn}=restricted >/dev/null
done
kind_of_others podmonitors
kind_of_others scaledobjects

step "every rendering, by a dry run on the server"
for values in /dev/null "$CHART"/ci/*-values.yaml; do
  # shellcheck disable=SC2119
  "$HELM" template stockstream "$CHART" --namespace chart-operator --values "$values" --set "$(
    grep -q '^watchNamespaces' "$values" && echo 'watchNamespaces={chart-shop,chart-shop-two}')" | accepted
done

step "install"
helm install stockstream "$CHART" --namespace chart-operator >"$work/notes"
kubectl wait --for=condition=Established crd/$CRD --timeout=20s >/dev/null
eventually pods chart-operator 2
told_by <"$work/notes" | kubectl apply --namespace chart-shop --filename - >/dev/null
told_by <"$top/docs/kubernetes.md" | kubectl apply --namespace chart-shop-two --dry-run=server --filename - >/dev/null
has "$(cat "$work/notes")" 'kubectl create namespace shop'

step "every example by itself"
for example in $(find "$top/examples" -name '*.yaml' | sort); do
  said=$(kubectl apply --namespace chart-shop-two --validate=strict --filename "$example" 2>&1) || fail "$example is refused: $said"
  # What stands for a certificate in an example is none.
  ! grep -i '^warning' <<<"$said" | grep -v 'failed to find any PEM data' || fail "$example is accepted with a warning"
  kubectl delete --namespace chart-shop-two --filename "$example" >/dev/null
done
for example in "$top"/examples/autoscaling/*.yaml; do
  ! sed 's/^  scaleTargetRef:/  scaleTargetReference:/' "$example" | kubectl create --dry-run=server --namespace chart-shop \
    --validate=strict --filename - >/dev/null 2>&1 || fail "$example is accepted with anything"
done

step "what the operator may do"
operator=system:serviceaccount:chart-operator:stockstream-operator
rights "all namespaces" chart-operator stockstream-operator chart-operator chart-shop >"$work/rights"
may yes $operator patch analyticspipelines --subresource status -n chart-shop
may no $operator patch analyticspipelines -n chart-shop
may no $operator create secrets -n chart-shop
may no $operator get pods -n chart-shop
may no $operator create pods --subresource exec -n chart-shop
may no $operator create serviceaccounts --subresource token -n chart-operator
may no $operator get leases/another -n chart-operator
may no $operator update leases/stockstream-operator -n chart-shop
may no $operator create clusterrolebindings
may no $operator get customresourcedefinitions
may no $operator get nodes

step "what people may do"
for role in view edit; do kubectl create rolebinding $role --clusterrole $role --user $role --namespace chart-shop >/dev/null; done
eventually may yes edit create analyticspipelines -n chart-shop
eventually may yes view get analyticspipelines -n chart-shop
may no view create analyticspipelines -n chart-shop
may no view patch analyticspipelines --subresource scale -n chart-shop
may yes edit patch analyticspipelines --subresource scale -n chart-shop
may no edit patch analyticspipelines --subresource status -n chart-shop
may no edit get analyticspipelines -n chart-shop-two

step "upgrade changes the custom resource too"
cp -r "$CHART" "$work/next"
sed -i 's/^version: .*/version: 0.1.1/' "$work/next/Chart.yaml"
sed -i 's/name: Lag$/name: Behind/' "$work/next/files/$CRD.yaml"
helm upgrade stockstream "$work/next" --namespace chart-operator >/dev/null
column() { kubectl get crd $CRD -o jsonpath='{.spec.versions[0].additionalPrinterColumns[*].name}'; }
grep -qw Behind <<<"$(column)" || fail "the columns are: $(column)"

step "uninstall leaves the custom resource and pipelines, and installing anew takes them over"
helm uninstall stockstream --namespace chart-operator --wait >/dev/null
kubectl get analyticspipeline stock --namespace chart-shop >/dev/null || fail "the pipeline is gone"
left=$(kubectl get all,configmaps,leases,networkpolicies,pdb,roles,rolebindings,clusterroles,clusterrolebindings --all-namespaces \
  --selector app.kubernetes.io/instance=stockstream --output name)
[ -z "$left" ] || fail "left behind: $left"
helm install stockstream "$CHART" --namespace chart-operator --values "$CHART/ci/all-options-values.yaml" >/dev/null
grep -qw Lag <<<"$(column)" || fail "the columns are: $(column)"
eventually pods chart-operator 3
helm uninstall stockstream --namespace chart-operator >/dev/null

step "a custom resource that somebody applied is taken over when asked"
kubectl delete crd $CRD >/dev/null
kubectl create --filename "$top/crds/$CRD.yaml" >/dev/null
! helm install stockstream "$CHART" --namespace chart-operator >/dev/null 2>&1 || fail "taken over unasked"
helm install stockstream "$CHART" --namespace chart-operator --take-ownership >/dev/null

step "listed namespaces, by somebody without rights beyond them"
for namespace in chart-operator chart-shop chart-shop-two; do
  kubectl create rolebinding installer --clusterrole cluster-admin --user installer --namespace $namespace >/dev/null
done
eventually may yes installer create roles -n chart-shop-two
may no installer create clusterroles
helm uninstall stockstream --namespace chart-operator >/dev/null
helm --kube-as-user installer --kube-as-group system:authenticated install stockstream "$CHART" --namespace chart-operator \
  --values "$CHART/ci/listed-namespaces-values.yaml" --set 'watchNamespaces={chart-shop,chart-shop-two}' >"$work/notes"
has "$(cat "$work/notes")" '.*of the namespaces chart-shop, chart-shop-two.*'
has_not "$(cat "$work/notes")" 'kubectl create namespace.*'
eventually pods chart-operator 1
rights "listed namespaces: chart-shop, chart-shop-two" chart-operator stockstream-operator \
  chart-operator chart-shop chart-shop-two default >>"$work/rights"

step "all that the operator may do is what hack/chart/rights.txt says"
diff -u "$top/hack/chart/rights.txt" "$work/rights" || fail "it may do something else"
