#!/usr/bin/env bash
# Trains on all NVIDIA GPUs of this machine:
#   bash launch/gpu.sh [--cuda 12|13] [--dry-run] VERB ARGUMENTS...
# such as
#   bash launch/gpu.sh pretrain --config configs/ui_prmd.py:composed20 --workdir runs/pretrain
# --cuda  which CUDA to install; without it, what the driver can do: 13 from driver 580 on, else 12
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. launch/calls.sh

cuda=''
while [ $# -gt 0 ]; do
  case "$1" in
    --cuda) has_value "$@" && cuda="$2" && shift ;;
    --cuda=*) cuda="${1#*=}" ;;
    --dry-run) dry_run=1 ;;
    --help) usage && exit ;;
    --) shift && break ;;
    -*) fail "unknown option $1; see --help" ;;
    *) break ;;
  esac
  shift
done
[ $# -gt 0 ] || fail 'no verb to run; see --help'
case "$cuda" in 12 | 13) ;; '') ;; *) fail "--cuda is '$cuda', expected 12 or 13" ;; esac

if [ -z "$dry_run" ]; then
  driver="$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null)" ||
    fail 'no NVIDIA GPU here: nvidia-smi does not answer'
  driver="${driver%%$'\n'*}" # a line for each GPU
  [ "${driver%%.*}" -ge 525 ] 2>/dev/null || fail "driver '$driver' is too old, CUDA 12 needs 525"
  if [ -z "$cuda" ]; then
    cuda=13
    [ "${driver%%.*}" -ge 580 ] || cuda=12
  fi
fi
extra=cuda
[ "$cuda" != 12 ] || extra=cuda12

export XLA_PYTHON_CLIENT_MEM_FRACTION="${XLA_PYTHON_CLIENT_MEM_FRACTION:-.9}"
export XLA_FLAGS="${XLA_FLAGS:-} --xla_gpu_enable_latency_hiding_scheduler=true"
if [ -n "$dry_run" ]; then
  quoted . launch/environment.sh "$extra"
  quoted skeljax "$@"
  exit
fi
# shellcheck source=launch/environment.sh
. launch/environment.sh "$extra"
exec skeljax "$@"
