#!/usr/bin/env bash
# Starts N processes here that behave like N hosts of DEVICES (1) fake devices each, on CPU:
#   bash launch/pod_sim.sh [--dry-run] N [DEVICES] VERB ARGUMENTS...
# such as
#   bash launch/pod_sim.sh 2 4 pretrain --config configs/demo.py:synthetic --workdir out/pod
# What process I says begins with [I]. Ctrl-C and SIGTERM reach all of them.
# The status is that of the first process that failed; if the others have not ended within
# SKELJAX_POD_PATIENCE (20) seconds after it they are stopped. The same command goes on afterwards.
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
  (exec > >(sed -u "s/^/[$i] /") 2> >(awk -v name="[$i] " -f launch/deaths.awk >&2) &&
    exec "${command[@]}") &
  pids+=($!)
done

exec 3>&2 2>/dev/null # bash itself would say of a process that it was killed, with its command
# What the others wait for when one has failed, they would wait for until JAX finds it dead.
status=0 ended=() patience="${SKELJAX_POD_PATIENCE:-20}" failed_at='' asked=''
while :; do
  running=" $(jobs -pr | tr '\n' ' ')"
  for i in "${!pids[@]}"; do
    if [ -z "${ended[i]:-}" ] && [[ "$running" != *" ${pids[i]} "* ]]; then
      ended[i]=0
      wait "${pids[i]}" || ended[i]=$?
      if [ "${ended[i]}" != 0 ] && [ "$status" = 0 ]; then
        status="${ended[i]}" failed_at="$SECONDS" failed="$i"
      fi
    fi
  done
  [ "${#ended[@]}" -lt "${#pids[@]}" ] || break
  if [ -n "$failed_at" ] && ((SECONDS - failed_at >= patience)); then
    signal=TERM
    [ -z "$asked" ] || signal=KILL
    [ -n "$asked" ] || say "process $failed ended with status $status; the others are stopped" 2>&3
    asked=1 failed_at="$SECONDS"
    for i in "${!pids[@]}"; do
      [ -n "${ended[i]:-}" ] || kill "-$signal" "${pids[i]}" 2>/dev/null || true
    done
  fi
  sleep 0.1
done
exit "$status"
