#!/usr/bin/env bash
# Stockstream on a kind cluster of this machine: creates the cluster, loads the image, installs the operator by Helm.
#
#   hack/kind.sh [IMAGE.tar]     default: the image that hack/image.sh makes, on Linux without Docker's part
#
# Run it again after a change: the cluster stays, image and chart are renewed. `kind delete cluster --name stockstream`
# ends all of it. It needs kind with a container engine that runs (Docker, Podman or nerdctl), kubectl and Helm 3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
case "${1:-}" in
  -*) sed -n '2,7{s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac
say() { echo "kind: $*" >&2; }
needs() { say "$*"; exit 2; }

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$top/Cargo.toml")
name=$(sed -n 's/^name: *//p' "$top/kind-config.yaml")
context=kind-$name

command -v kind >/dev/null || needs "kind is missing: install it (https://kind.sigs.k8s.io, or: go install sigs.k8s.io/kind@latest)"
command -v kubectl >/dev/null || needs "kubectl is missing: install it (https://kubernetes.io/docs/tasks/tools)"
command -v helm >/dev/null || needs "Helm is missing: install it (https://helm.sh/docs/intro/install)"
[ -f "$top/charts/stockstream/Chart.yaml" ] || needs "there is no chart in charts/stockstream: is this the whole repository?"
clusters=$(kind get clusters 2>&1) ||
  needs "kind finds no container engine that runs: start Docker, Podman or nerdctl. It said: $clusters"

if [ $# -gt 0 ]; then
  image=$1
  [ -f "$image" ] || needs "there is no file $image: give an image archive, or nothing to have it made"
elif [ "$(uname -s)" = Linux ]; then
  image=$("$here/image.sh" | tail -1)
else
  needs "on this system a container engine makes the image: docker build -t stockstream:$version . && docker save -o stockstream.tar stockstream:$version, then: hack/kind.sh stockstream.tar"
fi

again=yes
if ! grep -qxF "$name" <<<"$clusters"; then
  again=
  kind create cluster --config "$top/kind-config.yaml" --wait 3m
fi
kind load image-archive "$image" --name "$name"
helm upgrade --install stockstream "$top/charts/stockstream" --kube-context "$context" \
  --namespace stockstream --create-namespace --wait --timeout 3m
if [ -n "$again" ]; then
  # The tag may be the same as before the change, and then nothing tells the pods that the image is another.
  ours=(--context "$context" --namespace stockstream)
  kubectl "${ours[@]}" rollout restart deployment --selector app.kubernetes.io/instance=stockstream
  kubectl "${ours[@]}" rollout status deployment --selector app.kubernetes.io/instance=stockstream --timeout 3m
fi
say "ready. Next: kubectl --context $context apply -f examples/"
