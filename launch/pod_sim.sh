#!/usr/bin/env bash
# Starts N processes here that behave like N hosts of DEVICES (1) fake devices each, on CPU:
#   bash launch/pod_sim.sh [--dry-run] N [DEVICES] VERB ARGUMENTS...
# such as
#   bash launch/pod_sim.sh 2 4 pretrain --config configs/demo.py:synthetic --workdir out/pod
# What process I says begins with [I]. Ctrl-C and SIGTERM reach all of them.
# The status is that of the first process that failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. launch/calls.sh

case "${1:-}" in
  --dry-run) dry_run=1 && shift ;;
  --help) usage && exit ;;
esac
[[ "${1:-}" =~ ^[1-9][0-9]*$ ]] || fail "'${1:-}' is no number of processes; see --help"
count="$1" devices=1
shift
if [[ "${1:-}" =~ ^[1-9][0-9]*$ ]]; then
  devices="$1"
  shift
fi
[ $# -gt 0 ] || fail 'no verb to run; see --help'
verb="$1"
shift

port="${SKELJAX_POD_PORT:-$((20000 + RANDOM % 10000))}"

host() { # index: makes `command`, what that process runs
  command=(env JAX_PLATFORMS=cpu JAX_NUM_CPU_DEVICES="$devices"
    JAX_COORDINATOR_ADDRESS="127.0.0.1:$port" JAX_NUM_PROCESSES="$count" JAX_PROCESS_ID="$1"
    skeljax "$verb" --distributed "${arguments[@]}")
}

arguments=("$@")
if [ -n "$dry_run" ]; then
  for ((i = 0; i < count; i++)); do host "$i" && quoted "${command[@]}"; done
  exit
fi
. launch/environment.sh ''
pids=()
trap 'kill -TERM "${pids[@]}" 2>/dev/null || true' TERM INT
for ((i = 0; i < count; i++)); do
  host "$i"
  # The shell makes way for the program, so that signals reach it.
  (exec > >(sed -u "s/^/[$i] /") 2> >(sed -u "s/^/[$i] /" >&2) && exec "${command[@]}") &
  pids+=($!)
done
status=0
for pid in "${pids[@]}"; do
  while :; do
    ended=0
    wait "$pid" || ended=$?
    kill -0 "$pid" 2>/dev/null || break # else a signal interrupted the waiting
  done
  [ "$status" != 0 ] || status="$ended"
done
exit "$status"
