# The node of a cluster: a machine made of namespaces, and in it containerd, the kubelet, kube-proxy; sourced by hack/kube.sh.
# shellcheck shell=bash disable=SC2154

# Folders that containerd, its plugins and the kubelet use whatever they are told.
WIRED_IN=(/run/containerd /var/lib/cni /var/lib/kubelet /var/log/containers)

link() { echo "kube${KUBE_NET//./-}"; } # this machine's end of the wire to the node
own_name() { echo "stockstream-$(cksum <<<"$DIR" | cut -d' ' -f1)"; } # what others may see of this cluster bears it
in_machine() {
  local of; of=/proc/$(cat "$DIR/machine.pid")/ns
  $SUDO nsenter --mount="$of/mnt" --net="$of/net" --uts="$of/uts" --ipc="$of/ipc" --pid="$of/pid_for_children" -- "$@"
}

net_is_free() {
  local taken; taken=$(ip -4 route show root "$1.0.0/16" | head -1)
  [ -z "$taken" ] || die "another network has addresses of $1.0.0/16 ($taken). If that is a cluster, one does for most; else set KUBE_NET to two other numbers, such as 10.245"
}

start_machine() {
  runs machine && return
  local folder
  net_is_free "$KUBE_NET"
  $SUDO unshare --mount --net --propagation private true 2>/dev/null ||
    needs "a node needs root (or sudo) and the right to mount: in a container, docker run --privileged. Without: hack/kube.sh up control-plane"
  mkdir -p machine; rm -f machine/ready
  # A mount needs a place. When the last node that has one there is gone it goes too, unless it was there before:
  # earlier would pull the mount away under the others.
  for folder in "${WIRED_IN[@]}"; do
    # shellcheck disable=SC2016
    $SUDO bash -c '[ -d "$0" ] || { mkdir -p "$0"; touch "$0/.stockstream"; }; touch "$0/.$1"' "$folder" "$(own_name)"
  done
  $SUDO setsid bash -c 'echo $$ >machine.pid; exec unshare --mount --propagation private --net --uts --ipc --pid --fork --kill-child "$@"' \
    machine "$hack/kube/machine.sh" "$BIN" "$NODE_NAME" "${WIRED_IN[@]}" </dev/null >>machine.log 2>&1 &
  for _ in $(seq 50); do ! [ -s machine.pid ] || break; sleep 0.1; done
  wait_for 30 machine test -f machine/ready
}

# The wire between this machine and the node, and who is at its other end.
wire_up() {
  [ -z "$(ip -4 route show "$KUBE_NET.64.0/18")" ] || return 0 # this is its last step
  [ ! -d "/sys/class/net/$(link)" ] || $SUDO ip link delete "$(link)"
  $SUDO ip link add "$(link)" type veth peer name eth0 netns "$(cat machine.pid)"
  $SUDO ip address add "$KUBE_NET.255.1/30" dev "$(link)"
  $SUDO ip link set "$(link)" up
  in_machine ip address add "$KUBE_NET.255.2/30" dev eth0
  in_machine ip link set eth0 up
  in_machine ip route add default via "$KUBE_NET.255.1"
  # An address that nobody has yet is refused at once. It would go to and fro between node and machine until the caller
  # gave up: what kube-proxy learns meanwhile does not count for a connection that was begun.
  in_machine ip route replace unreachable "$KUBE_NET.0.0/24"
  in_machine env PATH="$PATH:/usr/sbin:/sbin" iptables -A FORWARD -d "$KUBE_NET.64.0/18" -j REJECT
  $SUDO ip route add "$KUBE_NET.0.0/24" via "$KUBE_NET.255.2"
  $SUDO ip route add "$KUBE_NET.64.0/18" via "$KUBE_NET.255.2"
}

# start_in_machine NAME COMMAND…: like start. The id is read where /proc is still this machine's: inside, ids are others.
start_in_machine() {
  local name=$1 of; shift
  runs "$name" && return
  of=/proc/$(cat "$DIR/machine.pid")/ns
  # shellcheck disable=SC2016
  $SUDO setsid nsenter --net="$of/net" --uts="$of/uts" --ipc="$of/ipc" --pid="$of/pid_for_children" bash -c '
    read -r pid rest </proc/self/stat; echo "$pid" >"$2.pid"
    export PATH=$3:/usr/sbin:/usr/bin:/sbin:/bin
    exec nsenter --mount="$1" --wd=. -- "${@:4}"' start "$of/mnt" "$name" "$BIN" "$@" </dev/null >>"$DIR/$name.log" 2>&1 &
  for _ in $(seq 50); do ! runs "$name" || break; sleep 0.1; done
}

configure_node() {
  mkdir -p machine/cni
  # Point to point, not a bridge: all goes through the node's routing, so services work without the module br_netfilter.
  cat >machine/cni/pods.conflist <<CONF
{"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp", "ipam": {"type": "host-local",
  "ranges": [[{"subnet": "$KUBE_NET.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
CONF
  # restrict_oom_score_adj: root in a container may lack CAP_SYS_RESOURCE, and then no pod could start.
  # disable_apparmor: its profile would be loaded into this machine's kernel and stay there.
  cat >machine/containerd.toml <<CONF
version = 2
root = "$DIR/machine/containerd"
[plugins."io.containerd.internal.v1.opt"]
  path = "$DIR/machine/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/stockstream/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$BIN"
    conf_dir = "$DIR/machine/cni"
CONF
  : >machine/resolv.conf # nothing to ask: the node has no way out
  # imageGCHighThresholdPercent: what was loaded cannot be pulled again, so a full disk must not make it go.
  cat >machine/kubelet.yaml <<CONF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $KUBE_NET.255.2
tlsCertFile: $PKI/kubelet.crt
tlsPrivateKeyFile: $PKI/kubelet.key
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
clusterDNS: [$KUBE_NET.64.10]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
resolvConf: $DIR/machine/resolv.conf
podLogsDir: $DIR/machine/pods
volumePluginDir: $DIR/machine/volume-plugins
cgroupDriver: cgroupfs
cgroupRoot: /$(own_name)
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
makeIPTablesUtilChains: false
oomScoreAdj: 0
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
CONF
  # The group of all pods. In version 2 there is one tree, where a group has only what its parent passes on.
  local tree=/sys/fs/cgroup controller controllers
  if [ -f $tree/cgroup.controllers ]; then
    read -ra controllers <$tree/cgroup.controllers
    for controller in "${controllers[@]}"; do echo "+$controller" | $SUDO tee $tree/cgroup.subtree_control >/dev/null 2>&1 || true; done
    $SUDO mkdir -p "$tree/$(own_name)"
  else
    for controller in "$tree"/*/; do $SUDO mkdir -p "$controller/$(own_name)"; done
  fi
}

start_node() {
  configure_node
  start_in_machine containerd "$BIN/containerd" --config "$DIR/machine/containerd.toml"
  wait_for 60 containerd in_machine "$BIN/ctr" version
  load "$CACHE/kube/images"/*.tar
  start scheduler "$BIN/kube-scheduler" --kubeconfig="$DIR/scheduler.kubeconfig" --leader-elect=false --secure-port=0
  start_in_machine kubelet "$BIN/kubelet" --config="$DIR/machine/kubelet.yaml" --kubeconfig="$DIR/node.kubeconfig" \
    --hostname-override="$NODE_NAME" --node-ip="$KUBE_NET.255.2" --root-dir="$DIR/machine/kubelet" --cert-dir="$DIR/machine/pki"
  # The limits of connection tracking are the whole machine's (0: leave them).
  start_in_machine proxy "$BIN/kube-proxy" --kubeconfig="$DIR/proxy.kubeconfig" --hostname-override="$NODE_NAME" \
    --proxy-mode=iptables --cluster-cidr="$KUBE_NET.0.0/24" --oom-score-adj=0 --conntrack-max-per-core=0 --conntrack-min=0 \
    --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
  sed "s/DNS_ADDRESS/$KUBE_NET.64.10/" "$hack/kube/coredns.yaml" | kubectl apply -f - -f "$hack/kube/metrics-server.yaml" >/dev/null
  wait_for 120 kubelet kubectl wait --for=condition=Ready "node/$NODE_NAME" --timeout=1s
  wait_for 120 proxy kubectl -n kube-system wait --for=condition=Available deployment/coredns --timeout=1s
}

# load IMAGE.tar…
load() {
  local archive
  runs containerd || die "no node runs in $DIR to load an image into: hack/kube.sh up node"
  for archive; do
    in_machine "$BIN/ctr" -n k8s.io images import - <"$archive" >/dev/null || die "$archive was not taken: an image archive is needed, such as hack/image.sh or \`docker save\` makes"
  done
}

stop_machine() {
  local folder group pid
  # The first process takes all others of its namespaces along, and what it was started by waits for that.
  if runs machine; then
    pid=$(cat "$DIR/machine.pid")
    # shellcheck disable=SC2016
    $SUDO bash -c 'kill -KILL $(cat "/proc/$0/task/$0/children")' "$pid"
    while runs machine; do sleep 0.05; done
  fi
  # Connections that were cut may hold the network for minutes yet; or it goes by itself this very moment.
  if [ -n "${KUBE_NET:-}" ] && [ -d "/sys/class/net/$(link)" ]; then
    $SUDO ip link delete "$(link)" 2>/dev/null || [ ! -d "/sys/class/net/$(link)" ] || say "the network interface $(link) cannot be removed"
  fi
  for group in /sys/fs/cgroup/"$(own_name)" /sys/fs/cgroup/*/"$(own_name)"; do
    [ -d "$group" ] || continue
    for _ in $(seq 50); do $SUDO find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break; sleep 0.1; done
    [ ! -d "$group" ] || say "the control group $group is still in use"
  done
  for folder in "${WIRED_IN[@]}"; do
    # shellcheck disable=SC2016
    $SUDO bash -c 'rm -f "$0/.$1"; [ "$(ls -A "$0" 2>/dev/null)" != .stockstream ] || rm -r "$0"' "$folder" "$(own_name)"
  done
}
