#!/usr/bin/env bash
# Builds and fetches what hack/kube.sh runs, once: hack/kube/install.sh control-plane|node
# The programs are built from Go modules, at the versions and checksums in go.mod and go.sum beside this file; what is
# written in C, or needs it, comes from Debian's packages. Go's build cache is kept too: a version that moves a little
# then builds in a part of the time. It is in STOCKSTREAM_CACHE/kube/go-build and may be deleted.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib.sh
. "$here/../lib.sh"
SCRIPT=kube
CACHE=$(cache_folder)/kube
BIN=$CACHE/bin
KIND=${1:?control-plane or node}
use_sudo

version_of() { awk -v module="$1" '$1 == module && $2 ~ /^v/ { print $2; exit }' "$here/go.mod"; }

# Without these the programs call themselves v0.0.0, and what depends on a version (kubectl, a chart's kubeVersion,
# `helm lint`) goes wrong.
version_flags() {
  local version minor package
  version=$(version_of k8s.io/kubernetes)
  minor=$(cut -d. -f2 <<<"$version")
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf -- '-X %s ' "$package.gitVersion=$version" "$package.gitMajor=1" "$package.gitMinor=$minor" "$package.gitTreeState=clean"
  done
  printf -- '-X %s ' "helm.sh/helm/v3/internal/version.version=$(version_of helm.sh/helm/v3)" \
    "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1" "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=$minor" \
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1" "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=$minor" \
    "sigs.k8s.io/metrics-server/pkg/version.gitVersion=$(version_of sigs.k8s.io/metrics-server)"
}

# build PACKAGE… to $BIN; nice, as it keeps every core busy for minutes
build() {
  (cd "$here" && GOCACHE=$CACHE/go-build CGO_ENABLED=0 GOWORK=off GOFLAGS="-trimpath -buildvcs=false" \
    nice -n 10 go build -ldflags "-s -w $(version_flags)" -o "$new/" "$@")
}

# put: what was built takes its place, by renaming: a program that runs keeps its file
put() { mv "$new"/* "$BIN/"; rmdir "$new"; stamp "$1" >"$BIN/.$1"; }

programs() {
  command -v go >/dev/null || needs "Kubernetes is built with Go: install Go 1.26.4 or newer from https://go.dev/dl and put it on the PATH"
  # An older Go fetches the newer one by itself, unless that was switched off.
  (cd "$here" && go version >/dev/null) || needs "Go 1.26.4 or newer is needed, this is $(GOTOOLCHAIN=local go env GOVERSION)"
  say "building the programs of a $1, once; many minutes on few cores"
  rm -rf "$new"; mkdir -p "$new" "$BIN"; rm -f "$BIN/.$1"
  if [ "$1" = control-plane ]; then
    build k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kubectl} helm.sh/helm/v3/cmd/helm
    build go.etcd.io/etcd/server/v3; mv "$new/server" "$new/etcd"
  else
    build k8s.io/kubernetes/cmd/{kubelet,kube-proxy,kube-scheduler} sigs.k8s.io/metrics-server/cmd/metrics-server \
      ./coredns ./pause sigs.k8s.io/kind
  fi
}

# Taken out of their packages, not installed: installed, containerd's daemon would start, and where Docker is, its
# packages and these exclude each other.
containers() {
  [ -x "$BIN/containerd" ] && return
  local packages=$CACHE/debian
  command -v dpkg-deb >/dev/null || needs "a node's container runtime comes from Debian's packages: this needs Debian, Ubuntu or the like"
  rm -rf "$packages"; mkdir -p "$packages"
  local names=(containerd runc containernetworking-plugins busybox)
  (cd "$packages" && for try in once again; do
    apt-get -qq download "${names[@]}" 2>apt.log && break
    [ $try = once ] && $SUDO apt-get -qq update
  done) || { say "these packages could not be had: ${names[*]}"; cat "$packages/apt.log" >&2; exit 1; }
  for package in "$packages"/*.deb; do dpkg-deb -x "$package" "$packages"; done
  mv "$packages"/usr/sbin/runc "$packages"/usr/bin/{ctr,containerd-shim-runc-v2} "$BIN/"
  mv "$packages"/usr/lib/cni/{ptp,host-local,loopback} "$BIN/"
  mv "$packages/bin/busybox" "$CACHE/busybox" # not with the programs: those are on the PATH
  mv "$packages/usr/bin/containerd" "$BIN/" # last: it stands for all of them
  rm -rf "$packages"
  ldd "$BIN/runc" | grep -q 'not found' || return 0
  say "runc lacks a library:"; ldd "$BIN/runc" >&2; exit 1
}

host_packages() {
  local want=()
  have openssl || want+=(openssl)
  have curl || want+=(curl)
  have python3 || want+=(python3)
  if [ "$KIND" = node ]; then
    have ip || want+=(iproute2)
    have iptables || want+=(iptables)
  fi
  [ ${#want[@]} -gt 0 ] || return 0
  apt_install --no-remove "${want[@]}" # rather no cluster than a machine that lacks something
}

# The images that every node has: what it runs itself, and a shell for tests.
images() {
  local program applets
  mkdir -p "$CACHE/images"
  mapfile -t applets < <("$CACHE/busybox" --list | sed 's|.*|--link=bin/&=busybox|')
  python3 "$here/../image.py" "$CACHE/images/busybox.tar" stockstream/busybox:1 --entrypoint /bin/sh "${applets[@]}" bin/busybox="$CACHE/busybox"
  for program in pause coredns metrics-server; do
    python3 "$here/../image.py" "$CACHE/images/$program.tar" "stockstream/$program:1" --entrypoint "/$program" "$program=$new/$program"
  done
}

new=$BIN.new
# What a kind was made from, in short.
stamp() {
  { cat "$here"/go.{mod,sum}; version_flags; [ "$1" = control-plane ] || cat "$here"/{coredns,pause}/main.go "$here/../image.py"; } |
    sha256sum | cut -c-16
}
done_with() { [ "$(cat "$BIN/.$1" 2>/dev/null)" = "$(stamp "$1")" ]; }
all_done() { done_with control-plane && { [ "$KIND" = control-plane ] || done_with node; }; }

host_packages
if all_done; then exit; fi
mkdir -p "$CACHE"
exec 9>"$CACHE/lock"; flock 9 # two test runs that begin at once must not write the cache at once
done_with control-plane || { programs control-plane; put control-plane; }
[ "$KIND" = control-plane ] || done_with node || { programs node; containers; images; put node; }
