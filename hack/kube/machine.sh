#!/usr/bin/env bash
# The first process of the node, as root, in namespaces of its own (mounts, network, processes, host name): what the node
# mounts, routes, filters and starts ends with this process, and this machine's own network and settings stay as they are.
#   hack/kube/machine.sh BIN NAME FOLDER…     in the folder of the cluster; each FOLDER is to be the node's own
set -euo pipefail
bin=$1 name=$2
mount -t proc proc /proc
for folder in "${@:3}"; do
  mkdir -p "machine$folder"
  mount --bind "machine$folder" "$folder"
done
# The kubelet sets these for the whole machine: here it writes to copies.
mkdir -p machine/sysctl
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  copy=machine/sysctl/${setting//\//.}
  cat "/proc/sys/$setting" >"$copy"
  mount --bind "$copy" "/proc/sys/$setting"
done
hostname "$name"
echo 1 >/proc/sys/net/ipv4/ip_forward
ip link set lo up
touch machine/ready
exec "$bin/pause"
