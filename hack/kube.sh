#!/usr/bin/env bash
# A real Kubernetes on this Debian machine, from files: no container engine, no image registry. New and empty each time.
#
#   hack/kube.sh up [node]          the whole of it, one node: pods run, names resolve. Needs root or sudo
#   hack/kube.sh up control-plane   only etcd, API server and controller manager: objects live, no pod ever runs
#   hack/kube.sh env                what a test needs to find it, as KEY=value lines
#   hack/kube.sh load IMAGE.tar…    give the node an image, such as hack/image.sh makes
#   hack/kube.sh user NAME GROUP…   print the kubeconfig of a new user, who may do what RBAC grants NAME and GROUPs
#   hack/kube.sh down               stop all of it, wait for its end, delete all it held
#   hack/kube.sh install [control-plane|node]   only build and fetch what `up` needs: minutes, once
#
# KUBE_API_PORT, KUBE_ETCD_PORT: free ones are found unless set
# KUBE_CONTROLLERS (*): which controllers run, as kube-controller-manager's --controllers
# KUBE_NET (10.244): the first two numbers of all addresses of the node, in a network of its own on this machine.
#   Pods 10.244.0.*, services 10.244.64.* to 10.244.127.*: this machine reaches both. Pods reach it at 10.244.255.1
#   (KUBE_HOST_ADDRESS), where a server for them must listen, and nothing beyond it. A pod's image must be loaded before
#   and its imagePullPolicy must not be Always. A second node needs a KUBE_NET of its own. A firewall, if there is one,
#   must let in what comes from the interface kube10-244.
# STOCKSTREAM_CACHE (~/.cache/stockstream): programs and build cache, shared by all clusters, in kube/
# STOCKSTREAM_RUN (STOCKSTREAM_CACHE/run): one cluster, in kube/: env, admin.kubeconfig, NAME.pid and NAME.log of each
#   process, audit.log (every request of those who are no part of the cluster, a JSON line each), pki/
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
CACHE=$(cache_folder)
RUN=$(run_folder)
BIN=$CACHE/kube/bin
DIR=$RUN/kube
PKI=$DIR/pki
NODE_NAME=stockstream
use_sudo

# shellcheck source=kube/pki.sh
. "$hack/kube/pki.sh"
# shellcheck source=kube/node.sh
. "$hack/kube/node.sh"

runs() { alive "$DIR/$1.pid" "$DIR"; }
# start NAME COMMAND…
start() { runs "$1" || spawn "$DIR/$1.pid" "$DIR/$1.log" "${@:2}"; }

# wait_for SECONDS NAME COMMAND…: until the command succeeds, as long as the process NAME runs
wait_for() {
  local seconds=$1 name=$2; shift 2
  for _ in $(seq $((seconds * 5))); do
    "$@" >/dev/null 2>&1 && return
    runs "$name" || break
    sleep 0.2
  done
  if runs "$name"; then log_end "after $seconds s this still fails: $*" "$DIR/$name.log"; else log_end "$name ended" "$DIR/$name.log"; fi
  die "look around in $DIR, then: hack/kube.sh down"
}

kubectl() { "$BIN/kubectl" --kubeconfig "$DIR/bootstrap.kubeconfig" "$@"; }

control_plane() {
  local healthy=(curl -sf --cacert "$PKI/ca.crt" "$KUBE_SERVER/readyz")
  start etcd "$BIN/etcd" --data-dir "$DIR/etcd" --unsafe-no-fsync --log-level=warn \
    --listen-client-urls="http://127.0.0.1:$KUBE_ETCD_PORT" --advertise-client-urls="http://127.0.0.1:$KUBE_ETCD_PORT" \
    --listen-peer-urls=http://127.0.0.1:0
  # The address that pods are told; none exists without a node, and 127.0.0.1 is not allowed there.
  local reconciler=none; [ "$KUBE_KIND" = control-plane ] || reconciler=lease
  start apiserver "$BIN/kube-apiserver" --etcd-servers="http://127.0.0.1:$KUBE_ETCD_PORT" \
    --bind-address="$KUBE_HOST_ADDRESS" --advertise-address="$KUBE_HOST_ADDRESS" --secure-port="$KUBE_API_PORT" \
    --endpoint-reconciler-type="$reconciler" --service-cluster-ip-range="$KUBE_NET.64.0/18" \
    --cert-dir="$PKI" --client-ca-file="$PKI/ca.crt" --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$PKI/service-accounts.pub" \
    --service-account-signing-key-file="$PKI/service-accounts.key" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged \
    --kubelet-certificate-authority="$PKI/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --kubelet-client-certificate="$PKI/apiserver-kubelet.crt" --kubelet-client-key="$PKI/apiserver-kubelet.key" \
    --requestheader-client-ca-file="$PKI/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$PKI/front-proxy.crt" --proxy-client-key-file="$PKI/front-proxy.key" \
    --audit-policy-file="$hack/kube/audit.yaml" --audit-log-path="$DIR/audit.log"
  wait_for 120 apiserver "${healthy[@]}"
  # The port for health and metrics is off (0): it would be one more to find. Autoscalers look every 5 s, not every 15.
  start controller-manager "$BIN/kube-controller-manager" --kubeconfig="$DIR/controller-manager.kubeconfig" --secure-port=0 \
    --leader-elect=false --controllers="${KUBE_CONTROLLERS:-*}" --use-service-account-credentials --root-ca-file="$PKI/ca.crt" \
    --service-account-private-key-file="$PKI/service-accounts.key" --horizontal-pod-autoscaler-sync-period=5s
  kubectl apply -f "$hack/kube/access.yaml" >/dev/null
  wait_for 120 controller-manager kubectl -n default get serviceaccount default
}

up() {
  local kind=${1:-node}
  case "$kind" in control-plane | node) ;; *) usage ;; esac
  "$hack/kube/install.sh" "$kind"
  mkdir -p "$DIR"; cd "$DIR"
  if [ ! -f env ]; then
    [ "$kind" = control-plane ] || net_is_free "${KUBE_NET:-10.244}" # what is in env stays until `down`
    new_env "$kind"
  fi
  load_env "$DIR/env"
  if [ "$KUBE_KIND" != "$kind" ]; then die "a $KUBE_KIND runs in $DIR: hack/kube.sh down, or set STOCKSTREAM_RUN to another folder"; fi
  [ "$kind" = control-plane ] || { start_machine; wire_up; }
  make_pki "$KUBE_HOST_ADDRESS" "$KUBE_NET.64.1" "$KUBE_NET.255.2"
  control_plane
  [ "$kind" = control-plane ] || start_node
  echo "kube: export KUBECONFIG=$(printf %q "$KUBECONFIG") PATH=$(printf %q "$KUBE_BIN"):\$PATH"
}

new_env() {
  local api etcd net=${KUBE_NET:-10.244} host=127.0.0.1
  read -r api etcd < <(free_ports 2)
  [ "$1" = control-plane ] || host=$net.255.1
  api=${KUBE_API_PORT:-$api}
  cat >"$DIR/env.new" <<ENV
KUBECONFIG=$(printf %q "$DIR/admin.kubeconfig")
KUBECACHEDIR=$(printf %q "$DIR/kubectl")
KUBE_BIN=$(printf %q "$BIN")
KUBE_KIND=$1
KUBE_SERVER=https://$host:$api
KUBE_CA_CERT=$(printf %q "$PKI/ca.crt")
KUBE_CA_KEY=$(printf %q "$PKI/ca.key")
KUBE_AUDIT_LOG=$(printf %q "$DIR/audit.log")
KUBE_HOST_ADDRESS=$host
KUBE_NET=$net
KUBE_API_PORT=$api
KUBE_ETCD_PORT=${KUBE_ETCD_PORT:-$etcd}
STOCKSTREAM_RUN=$(printf %q "$RUN")
ENV
  mv "$DIR/env.new" "$DIR/env"
}

needs_up() { if [ -f "$DIR/env" ]; then load_env "$DIR/env"; else die "not up in $DIR: hack/kube.sh up"; fi; }

# user NAME GROUP…
user() {
  local subject='' group
  for group in "${@:2}"; do subject+=/O=$group; done
  PKI=$(mktemp -d); cp "$DIR"/pki/{ca.crt,ca.key,openssl.cnf} "$PKI"
  certificate "$1" "$subject/CN=$1"; kubeconfig "$1"
  rm -rf "$PKI"
}

down() {
  [ -d "$DIR" ] || return 0
  [ ! -f "$DIR/env" ] || load_env "$DIR/env"
  local name pid
  # Not asked but killed: all they hold is deleted.
  for name in controller-manager scheduler apiserver etcd; do
    if runs "$name"; then pid=$(cat "$DIR/$name.pid"); kill -KILL "$pid"; while runs "$name"; do sleep 0.05; done; fi
  done
  if [ -d "$DIR/machine" ]; then stop_machine; $SUDO rm -rf --one-file-system "$DIR/machine"; fi
  rm -rf --one-file-system "$DIR"
}


case "${1:-}" in
  up) shift; up "$@" ;;
  env) needs_up; cat "$DIR/env" ;;
  load) [ $# -ge 2 ] || usage; needs_up; shift; load "$@" ;;
  user) [ $# -ge 2 ] || usage; needs_up; shift; user "$@" ;;
  down) down ;;
  install) exec "$hack/kube/install.sh" "${2:-node}" ;;
  *) usage ;;
esac
