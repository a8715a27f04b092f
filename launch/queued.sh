#!/usr/bin/env bash
# Trains on spot TPUs that come and go: asks for them, waits, runs, and goes on until it is done:
#   bash launch/queued.sh --name N --zone Z --type T --version V [--project P] VERB ARGUMENTS...
# The workdir must outlive the TPU: --workdir gs://BUCKET/PATH.
# --on-demand     not on spot
# --retries K     how often a run may fail by itself on one TPU before this gives up (5)
# --delete-after  delete the TPU when the run is done or cannot go on
# --flag=F        one more flag for gcloud's create; any number of them
# --dry-run       print every command, run none
# Its status is the run's: 0 done, 2 bad input. What is done is known by the status of the run:
# 0 is the end; 143 and 130 were stopped after a checkpoint and go on; others are failures, and go
# on from the last checkpoint if the TPU was taken away, else at most --retries times.
# SKELJAX_POLL (60) is the time between two looks at the queue, in seconds.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=launch/calls.sh
. "$here/calls.sh"

name='' zone='' type='' version='' project='' retries=5 tier=--spot delete_after='' flags=()
while [ $# -gt 0 ]; do
  case "$1" in
    --name | --zone | --type | --version | --project | --retries)
      has_value "$@" && printf -v "${1#--}" '%s' "$2" && shift ;;
    --name=* | --zone=* | --type=* | --version=* | --project=* | --retries=*)
      option="${1%%=*}" && printf -v "${option#--}" '%s' "${1#*=}" ;;
    --flag) has_value "$@" && flags+=("$2") && shift ;;
    --flag=*) flags+=("${1#*=}") ;;
    --on-demand) tier='' ;;
    --delete-after) delete_after=1 ;;
    --dry-run) dry_run=1 ;;
    --help) usage && exit ;;
    --) shift && break ;;
    -*) fail "unknown option $1; see --help" ;;
    *) break ;;
  esac
  shift
done
need name zone type version
for option in name zone type version; do check_name "$option" "${!option}"; done
[[ "$retries" =~ ^[0-9]+$ ]] || fail "--retries is '$retries', expected a number"
[ $# -gt 0 ] || fail 'no verb to run; see --help'
where=(--zone="$zone")
[ -z "$project" ] || where+=(--project="$project")
errors="$(mktemp)"
trap 'rm -f "$errors"' EXIT

state_of() { # queued-resources|tpu-vm, field: prints the state; NONE where there is no such thing
  if gcloud compute tpus "$1" describe "$name" --format="value($2)" "${where[@]}" 2>"$errors"; then
    return
  fi
  if grep -qiE 'NOT_FOUND|was not found' "$errors"; then
    echo NONE
  else
    cat "$errors" >&2
    return 1
  fi
}

create() {
  call gcloud compute tpus queued-resources create "$name" --node-id="$name" \
    --accelerator-type="$type" --runtime-version="$version" ${tier:+"$tier"} "${where[@]}" \
    ${flags[@]+"${flags[@]}"}
}

delete() {
  call gcloud compute tpus queued-resources delete "$name" --force --quiet "${where[@]}"
}

on_tpu() { # action of launch/tpu_vm.sh, words for it
  bash "$here/tpu_vm.sh" "$1" --name="$name" ${dry_run:+--dry-run} "${where[@]}" -- "${@:2}"
}

await() { # until the TPU is there: makes it where it is not, and again where it was lost
  local state seen=''
  while :; do
    state="$(retry '*' state_of queued-resources state.state)"
    [ "$state" = "$seen" ] || say "$name is $state"
    seen="$state"
    case "$state" in
      ACTIVE)
        state="$(retry '*' state_of tpu-vm state)"
        case "$state" in
          PREEMPTED | TERMINATED | STOPPED | NONE)
            say "$name has lost its TPU"
            retry '*' delete
            ;;
          *) return ;;
        esac
        ;;
      NONE) retry '*' create ;;
      FAILED | SUSPENDED) retry '*' delete ;;
    esac
    sleep "${SKELJAX_POLL:-60}"
  done
}

lost() { # whether the TPU of a run that failed is no longer whole
  [ "$(retry '*' state_of queued-resources state.state)" != ACTIVE ] ||
    [ "$(retry '*' state_of tpu-vm state)" != READY ]
}

finish() { # status
  if [ -n "$delete_after" ]; then
    retry '*' delete
  else
    say "$name is still there and costs:" \
      "bash launch/tpu_vm.sh delete --queued --name=$name ${where[*]}"
  fi
  exit "$1"
}

if [ -n "$dry_run" ]; then
  create
  quoted gcloud compute tpus queued-resources describe "$name" --format='value(state.state)' \
    "${where[@]}"
  on_tpu sync
  on_tpu run "$@"
  [ -z "$delete_after" ] || delete
  exit
fi

failures=0 wait="${SKELJAX_WAIT:-5}"
while :; do
  await
  status=0
  { on_tpu sync && on_tpu run "$@"; } || status=$?
  case "$status" in
    0) say 'done' && finish 0 ;;
    2) say 'bad input: see above' && finish 2 ;;
    130 | 143) say 'stopped after a checkpoint; going on' ;;
    *)
      if lost; then
        say "the run ended with $status, its TPU is gone; going on from the last checkpoint"
        failures=0
      else
        failures=$((failures + 1))
        [ "$failures" -le "$retries" ] || { say "failed $failures times" && finish "$status"; }
        say "the run failed with $status; try $failures of $retries in $wait s"
        sleep "$wait"
        wait=$((wait * 2))
      fi
      ;;
  esac
done
