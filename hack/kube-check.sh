#!/usr/bin/env bash
# Tries out hack/kube.sh on this machine: what a cluster must do, what must be gone after it. A minute once it is built.
#
#   hack/kube-check.sh     needs root or sudo; a cluster of its own, whose KUBE_NET is 10.251 unless set
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
[ $# = 0 ] || usage
use_sudo
export KUBE_NET=${KUBE_NET:-10.251}
STOCKSTREAM_RUN=$(mktemp -d); export STOCKSTREAM_RUN
helpers=()
finish() {
  local status=$?
  trap - EXIT
  for pid in "${helpers[@]}"; do kill "$pid" 2>/dev/null || true; done
  "$hack/kube.sh" down; rmdir "$STOCKSTREAM_RUN"
  [ "$status" = 0 ] || say "FAILED in: $step"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT; trap 'exit 143' TERM

step() { step=$*; echo "kube-check: $((SECONDS))s $step"; }
# eventually SECONDS COMMAND…
eventually() {
  local seconds=$1 out; shift
  for _ in $(seq "$seconds"); do out=$("$@" 2>&1) && { echo "$out"; return; }; sleep 1; done
  die "after $seconds s this still fails: $*: $out"
}
refused() { if "$@" >/dev/null 2>&1; then die "this must not succeed: $*"; fi; }
killed() { $SUDO bash -c "kill -KILL $(cat "$STOCKSTREAM_RUN/kube/$1.pid")"; }
in_pod() { kubectl exec shell -- sh -c "$*"; }
# What a node could leave on this machine.
traces() {
  cut -d' ' -f2 /proc/mounts
  ls /sys/class/net
  find /sys/fs/cgroup -maxdepth 2 -name 'stockstream-*'
  ls -d /run/containerd /run/netns /var/lib/cni /var/lib/kubelet /var/log/containers /etc/cni /opt/cni /opt/containerd 2>/dev/null || true
  ls /run /var/run /var/lib /var/log
  $SUDO env PATH="$PATH:/usr/sbin" iptables-save | grep -v '^#' || true
  (cd /proc/sys && grep -H . vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops net/ipv4/ip_forward)
  for cwd in /proc/[0-9]*/cwd; do [[ $($SUDO readlink "$cwd") != "$STOCKSTREAM_RUN"* ]] || echo "process $cwd"; done
}
before=$(traces)

step "a control plane alone, and down again"
"$hack/kube.sh" up control-plane
"$hack/kube.sh" down; "$hack/kube.sh" down

step "a node"
"$hack/kube.sh" up node
load_env "$STOCKSTREAM_RUN/kube/env"
PATH=$KUBE_BIN:$PATH
kubectl version
helm version

step "pods from a loaded image, in a namespace that is restricted"
kubectl label namespace default pod-security.kubernetes.io/enforce=restricted >/dev/null
pod() { # NAME SCRIPT
  kubectl apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: $1}}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: $1
      image: stockstream/busybox:1
      args: [-c, '$2']
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
YAML
}
pod web 'echo started; echo hello >/tmp/index.html; httpd -f -v -p 8080 -h /tmp'
pod shell 'sleep 9999'
kubectl expose pod web --port 80 --target-port 8080
kubectl wait --for=condition=Ready pod/web pod/shell --timeout=60s

step "a service answers by name in a pod, and by address on this machine"
eventually 20 in_pod wget -qO- http://web.default.svc.cluster.local | grep hello
eventually 5 curl -sf "http://$(kubectl get service web -o jsonpath='{.spec.clusterIP}')" | grep hello
eventually 5 curl -sf "http://$(kubectl get pod web -o jsonpath='{.status.podIP}'):8080" | grep hello

step "a pod reaches a program of this machine"
python3 -m http.server --bind "$KUBE_HOST_ADDRESS" 18080 --directory "$hack" >/dev/null 2>&1 & helpers+=($!)
eventually 10 in_pod "wget -qO- http://$KUBE_HOST_ADDRESS:18080/" | grep -c kube.sh

step "logs, exec, port-forward"
kubectl logs web | grep started
kubectl exec web -- sh -c 'id -u' | grep 65532
kubectl port-forward service/web 18081:80 >/dev/null & helpers+=($!)
eventually 10 curl -sf http://127.0.0.1:18081 | grep hello

step "a new user may do what RBAC grants, and no more"
"$hack/kube.sh" user eve testers >"$STOCKSTREAM_RUN/kube/eve.kubeconfig"
as_eve() { kubectl --kubeconfig "$STOCKSTREAM_RUN/kube/eve.kubeconfig" "$@"; }
refused as_eve get pods
kubectl create rolebinding testers --clusterrole=view --group=testers
eventually 5 as_eve get pods
refused as_eve auth can-i get secrets

step "a component that was killed comes back by up"
for name in apiserver kubelet containerd; do killed $name; done
"$hack/kube.sh" up node
eventually 30 in_pod wget -qO- http://web | grep hello

step "kubectl top"
eventually 90 kubectl top pods --all-namespaces
kubectl top nodes

step "a process is killed, and down leaves nothing"
killed containerd
"$hack/kube.sh" down; "$hack/kube.sh" down
eventually 5 [ ! -e "$STOCKSTREAM_RUN/kube" ]
diff <(echo "$before") <(traces)
echo "kube-check: all is well after $SECONDS s"
