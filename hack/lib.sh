# Functions that the scripts in this folder share. Each sources it by its own folder: . "$(dirname "$0")/lib.sh"
# Sourcing it runs no program and needs only bash.
# shellcheck shell=bash disable=SC2034

hack=$(cd "${BASH_SOURCE[0]%/*}" && pwd) # this folder
top=${hack%/*}                           # the repository
self=$0; [ "${self#/}" != "$self" ] || self=$PWD/$self
SCRIPT=${self##*/} SCRIPT=${SCRIPT%.sh} # the name that messages begin with
SUDO=                                   # what commands for root begin with; see use_sudo

# --- messages ---

say() { echo "$SCRIPT: $*" >&2; }
die() { say "$*"; exit 1; }
# Something must be installed, named or set first.
needs() { say "$*"; exit 2; }
# Prints the comment at the head of the script.
usage() { sed -n '2,${/^#/!q;s/^# \{0,1\}//;p}' "$self" >&2; exit 2; }
# log_end WHAT LOG: says what failed and shows the end of its log
log_end() {
  local reader=; [ -r "$2" ] || reader=$SUDO
  say "$1; the end of $2:"
  $reader tail -20 "$2" >&2
}

# --- folders and versions ---

# Downloads and built programs, shared by all runs.
cache_folder() { realpath -m "${STOCKSTREAM_CACHE:-$HOME/.cache/stockstream}"; }
# Process ids, logs and data of one run.
run_folder() { realpath -m "${STOCKSTREAM_RUN:-$(cache_folder)/run}"; }
# load_env FILE: exports every KEY=value line of the file
# shellcheck disable=SC1090
load_env() { set -a; . "$1"; set +a; }
product_version() { sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$top/Cargo.toml"; }
# at_least OLDEST FOUND: compares versions
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]; }

# --- programs ---

have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null; }
use_sudo() { [ "$EUID" = 0 ] || SUDO=sudo; }
# apt_install [OPTION…] PACKAGE…
apt_install() {
  say "installing $*"
  $SUDO apt-get update -qq
  $SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
# locked FOLDER COMMAND…: runs the command while no other script does so in this folder
locked() { mkdir -p "$1"; (flock 9; "${@:2}") 9>"$1/lock"; }
# go_program FILE PACKAGE@VERSION [HINT]: builds it with Go if the file is not there
go_program() {
  [ ! -x "$1" ] || return 0
  command -v go >/dev/null || needs "${1##*/} is built with Go: install Go from https://go.dev/dl${3:+, $3}"
  mkdir -p "$1.new"
  CGO_ENABLED=0 GOBIN=$1.new go install "$2" || needs "${1##*/} could not be built"
  mv "$1.new"/* "$1"; rmdir "$1.new"
}

# --- ports ---

# free_ports N: prints N loopback ports that nobody uses
free_ports() { "$hack/free-ports.py" "$1"; }
# answers HOST PORT
answers() { (: >/dev/tcp/"$1"/"$2") 2>/dev/null; }
# port_must_be_free HOST PORT VARIABLE: a process that was killed just now releases its port a little later
port_must_be_free() {
  local _
  for _ in {1..25}; do answers "$1" "$2" || return 0; sleep 0.2; done
  die "port $2 is taken by another program: set $3"
}

# --- processes, by the id in a file and the folder in which they work ---

# alive PID_FILE FOLDER: the folder tells our process from a stranger that got the same id later. Only root sees where a process
# of another user works.
alive() {
  local pid; pid=$(cat "$1" 2>/dev/null) && [ -e "/proc/$pid" ] || return
  [ "/proc/$pid/cwd" -ef "$2" ] || { [ -n "$SUDO" ] && [ ! -O "/proc/$pid" ] && $SUDO test "/proc/$pid/cwd" -ef "$2"; }
}
# spawn PID_FILE LOG COMMAND…: in a session of its own, which a Ctrl-C or a hangup meant for the caller does not reach
spawn() {
  setsid "${@:3}" </dev/null >>"$2" 2>&1 &
  echo $! >"$1"
}
# wait_for_answer SECONDS PID_FILE FOLDER HOST PORT: fails as soon as the process ends
wait_for_answer() {
  local tries=$(($1 * 4))
  while [ $((tries--)) -gt 0 ]; do
    answers "$4" "$5" && alive "$2" "$3" && return
    [ -e "/proc/$(cat "$2")" ] || return
    sleep 0.25
  done
  return 1
}
# send_signal SIGNAL PID: by the shell's own kill, since a minimal Debian has no program of that name that sudo could run
# shellcheck disable=SC2016
send_signal() { $SUDO bash -c 'kill -"$0" "$1"' "$1" "$2"; }
# stop_process PID_FILE FOLDER [SIGNAL]: waits for its end, and kills it after 30 s
stop_process() {
  local pid _
  if alive "$1" "$2"; then
    pid=$(cat "$1")
    send_signal "${3:-TERM}" "$pid"
    for _ in {1..150}; do alive "$1" "$2" || break; sleep 0.2; done
    if alive "$1" "$2"; then
      say "process $pid (${1##*/}) still runs after 30 s: killed"
      send_signal KILL "$pid"
      while alive "$1" "$2"; do sleep 0.1; done
    fi
  fi
  rm -f "$1"
}
