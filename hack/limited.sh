#!/usr/bin/env bash
# Runs a command in a control group of its own that may use so much memory, as a container's:
#
#   hack/limited.sh MIB COMMAND [ARGUMENT ...]
#
# The command replaces this script, so its process id is this one's. Needs root. An empty group of an earlier run is removed.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
[[ $# -ge 2 && $1 =~ ^[1-9][0-9]*$ ]] || usage
mib=$1
shift
if [ -d /sys/fs/cgroup/memory ]; then groups=/sys/fs/cgroup/memory limit=memory.limit_in_bytes; else groups=/sys/fs/cgroup limit=memory.max; fi
for group in "$groups"/stockstream-limited-*; do rmdir "$group" 2>/dev/null || true; done # refused while a process is in it
group=$groups/stockstream-limited-$$
mkdir "$group" || die "no control group can be made in $groups; run it as root"
[ -e "$group/$limit" ] || { rmdir "$group"; die "memory is not controlled in $groups; write +memory to its cgroup.subtree_control"; }
echo $((mib << 20)) >"$group/$limit"
echo $$ >"$group/cgroup.procs"
exec "$@"
