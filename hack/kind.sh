#!/usr/bin/env bash
# Stockstream on a kind cluster of this machine: creates the cluster, loads the image, installs the operator by Helm.
#
#   hack/kind.sh [--demo] [IMAGE.tar]
#
# IMAGE.tar: the image to load. Without one it is made: by Rust where Cargo is installed on Linux (hack/image.sh), else by the
# container engine from the Dockerfile. Both compile everything, which takes 10 to 40 minutes the first time.
# --demo: also starts a Kafka and a MongoDB in the cluster (examples/kind, not for production), a pipeline over them in namespace
# shop, and a Job that sends made-up sales. The last line is the port-forward to type.
#
# Run it again after a change: the cluster stays, and image, chart and all pods of Stockstream are renewed.
# `kind delete cluster --name stockstream` deletes everything. It needs kind with a running container engine (Docker, Podman or
# nerdctl), kubectl and Helm 3.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

demo='' image=''
for argument in "$@"; do
  case "$argument" in
    --demo) demo=yes ;;
    -*) usage ;;
    *) [ -z "$image" ] || needs "two image archives are given: $image and $argument"; image=$argument ;;
  esac
done
[ -z "$image" ] || [ -f "$image" ] || needs "there is no file $image: name an image archive, or none to have it made"

version=$(product_version)
name=$(sed -n 's/^name: *//p' "$top/kind-config.yaml")
context=kind-$name

command -v kind >/dev/null || needs "kind is missing: install it (https://kind.sigs.k8s.io, or: go install sigs.k8s.io/kind@latest)"
command -v kubectl >/dev/null || needs "kubectl is missing: install it (https://kubernetes.io/docs/tasks/tools)"
command -v helm >/dev/null || needs "Helm is missing: install it (https://helm.sh/docs/intro/install)"
[ -f "$top/charts/stockstream/Chart.yaml" ] || needs "there is no chart in charts/stockstream: is this the whole repository?"
clusters=$(kind get clusters 2>&1) ||
  needs "kind finds no running container engine: start Docker, Podman or nerdctl. It said: $clusters"

# The container engine that kind uses, in kind's order.
engine() {
  local candidate
  for candidate in ${KIND_EXPERIMENTAL_PROVIDER:-docker nerdctl podman}; do
    ! command -v "$candidate" >/dev/null || { echo "$candidate"; return; }
  done
  needs "no container engine is on the PATH: install Docker, Podman or nerdctl, or name an image archive: hack/kind.sh IMAGE.tar"
}

# Writes the image to an archive by the container engine. The full name is what a node looks for; Podman would put localhost/ before it.
build_by_engine() {
  local engine; engine=$(engine)
  say "building the image by $engine from the Dockerfile: 10 to 40 minutes the first time, most of it compiling"
  mkdir -p "$top/target/image"
  "$engine" build --build-arg VERSION="$version" -t "docker.io/library/stockstream:$version" "$top" >&2
  "$engine" save -o "$top/target/image/stockstream-$version.tar" "docker.io/library/stockstream:$version" >&2
  echo "$top/target/image/stockstream-$version.tar"
}

if [ -n "$image" ]; then :
elif [ "$(uname -s)" = Linux ] && command -v cargo >/dev/null; then
  # What was built before a change must not be loaded after it.
  say "building the image by Cargo: 10 to 40 minutes the first time"
  (cd "$top" && cargo build --profile dist --locked) >&2
  image=$("$hack/image.sh" | tail -1)
else
  image=$(build_by_engine)
fi

if ! grep -qxF "$name" <<<"$clusters"; then kind create cluster --config "$top/kind-config.yaml" --wait 3m; fi
kind load image-archive "$image" --name "$name"

kube() { kubectl --context "$context" "$@"; }

# restart NAMESPACE SELECTOR: the tag may be the same as before the change, so nothing else tells the pods that the image is another.
restart() {
  [ -n "$(kube get deployments --namespace "$1" --selector "$2" --output name)" ] || return 0
  kube rollout restart deployment --namespace "$1" --selector "$2"
  kube rollout status deployment --namespace "$1" --selector "$2" --timeout 5m
}

installed=$(helm list --kube-context "$context" --namespace stockstream --filter '^stockstream$' --short)
helm upgrade --install stockstream "$top/charts/stockstream" --kube-context "$context" \
  --namespace stockstream --create-namespace --wait --timeout 3m
if [ -n "$installed" ]; then
  restart stockstream app.kubernetes.io/instance=stockstream
  kube get analyticspipelines --all-namespaces --no-headers --output custom-columns=:metadata.namespace,:metadata.name |
    while read -r namespace pipeline; do
      restart "$namespace" "app.kubernetes.io/managed-by=stockstream-operator,app.kubernetes.io/instance=$pipeline" </dev/null
    done
fi

if [ -z "$demo" ]; then
  say "ready. Next: a pipeline over your own Kafka and MongoDB (docs/kubernetes.md, step 3), or all of it: hack/kind.sh --demo"
  exit
fi

shop() { kube --namespace shop "$@"; }
files=$top/examples/kind
kube create namespace shop --dry-run=client --output yaml | kube apply --filename - >&2
shop apply --filename "$files/kafka.yaml" --filename "$files/mongodb.yaml" >&2
say "waiting for Kafka and MongoDB: the first time their images are pulled, some minutes"
# shellcheck disable=SC2015
shop rollout status statefulset/kafka --timeout 15m >&2 && shop wait --for=condition=complete job/mongodb-initiate --timeout 15m >&2 || {
  shop get pods,events >&2
  needs "Kafka or MongoDB did not start; above is what Kubernetes says. Run hack/kind.sh --demo again once that is solved"
}
shop apply --filename "$files/pipeline.yaml" >&2
sales() { sed "s|image: stockstream:.*|image: stockstream:$version|" "$files/sales.yaml" | shop apply --filename - >&2; }
# A Job's template cannot change: one of another image is replaced.
sales || { shop delete job sales >&2; sales; }
shop wait --for=condition=Ready apl/stock --timeout 5m >&2 || {
  shop describe apl stock >&2
  needs "the pipeline is not ready; above is why. What each reason means: docs/conditions.md"
}
say "made-up sales arrive for half an hour. Type this, then open http://127.0.0.1:8080"
echo "kubectl --context $context --namespace shop port-forward service/stock-dashboard 8080:80"
