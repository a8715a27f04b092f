#!/usr/bin/env bash
# Submits a Slurm job that trains on all GPUs of its nodes and comes back after preemption:
#   bash launch/slurm.sh --name N --nodes K --gpus G [OPTIONS] VERB ARGUMENTS...
# --nodes      nodes, 1 by default
# --gpus       GPUs of a node, 1 by default; 0 for CPU
# --time       limit, such as 12:00:00
# --lead       seconds before that limit at which the run is asked to save, 120 by default
# --partition, --account, --qos   where and for whom
# --flag=F     one more line #SBATCH F; any number of them
# --cuda       12 or 13 (default): which CUDA to install
# --script     where the job is written, out/slurm/N.sbatch by default
# --dry-run    print the job and the command that would submit it; write and run nothing
# The workdir must be on a file system that all nodes share.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=launch/calls.sh
. "$root/launch/calls.sh"

# shellcheck disable=SC2034  # read by name below
name='' nodes=1 gpus=1 time='' lead=120 partition='' account='' qos=''
cuda=13 script='' flags=()
while [ $# -gt 0 ]; do
  case "$1" in
    --name | --nodes | --gpus | --time | --lead | --partition | --account | --qos | --cuda | \
      --script)
      has_value "$@" && printf -v "${1#--}" '%s' "$2" && shift ;;
    --name=* | --nodes=* | --gpus=* | --time=* | --lead=* | --partition=* | --account=* | \
      --qos=* | --cuda=* | --script=*)
      option="${1%%=*}" && printf -v "${option#--}" '%s' "${1#*=}" ;;
    --flag) has_value "$@" && flags+=("$2") && shift ;;
    --flag=*) flags+=("${1#*=}") ;;
    --dry-run) dry_run=1 ;;
    --help) usage && exit ;;
    --) shift && break ;;
    -*) fail "unknown option $1; see --help" ;;
    *) break ;;
  esac
  shift
done
need name
check_name name "$name"
for option in nodes gpus lead; do
  [[ "${!option}" =~ ^[0-9]+$ ]] || fail "--$option is '${!option}', expected a number"
done
[ "$nodes" -gt 0 ] || fail '--nodes is 0, expected 1 or more'
case "$cuda" in 12 | 13) ;; *) fail "--cuda is '$cuda', expected 12 or 13" ;; esac
for option in time partition account qos; do
  [[ "${!option}" =~ ^[A-Za-z0-9_.:,-]*$ ]] || fail "--$option is '${!option}', expected one word"
done
[ $# -gt 0 ] || fail 'no verb to run; see --help'
verb="$1"
shift
together=()
case "$verb" in pretrain | finetune | evaluate) together=(--distributed) ;; esac
extra=cuda
[ "$cuda" != 12 ] || extra=cuda12
[ "$gpus" != 0 ] || extra=''

job() { # prints the script
  local flag
  echo '#!/usr/bin/env bash'
  echo "#SBATCH --job-name=$name"
  echo "#SBATCH --nodes=$nodes"
  # JAX takes one GPU for each task, by its number on the node: every task must see them all.
  if [ "$gpus" = 0 ]; then
    echo '#SBATCH --ntasks-per-node=1'
  else
    echo "#SBATCH --ntasks-per-node=$gpus"
    echo "#SBATCH --gpus-per-node=$gpus"
  fi
  [ -z "$time" ] || echo "#SBATCH --time=$time"
  for flag in partition account qos; do
    [ -z "${!flag}" ] || echo "#SBATCH --$flag=${!flag}"
  done
  for flag in ${flags[@]+"${flags[@]}"}; do echo "#SBATCH $flag"; done
  echo "#SBATCH --signal=TERM@$lead"
  echo '#SBATCH --requeue'
  echo '#SBATCH --open-mode=append'
  echo "#SBATCH --output=$name-%j.log"
  echo 'set -uo pipefail'
  quoted cd "$root"
  echo "$(quoted . launch/environment.sh "$extra") || exit"
  echo 'status=0'
  # Each ends when all have saved: the first to end must not take the others with it.
  printf 'srun --kill-on-bad-exit=0 %s || status=$?\n' \
    "$(quoted skeljax "$verb" ${together[@]+"${together[@]}"} "$@")"
  cat <<'END'
case "$status" in
  130 | 143) # stopped after a checkpoint, at the time limit; preempted jobs come back by themselves
    case "$(scontrol show job "$SLURM_JOB_ID")" in
      *JobState=CANCELLED*) ;;
      *) scontrol requeue "$SLURM_JOB_ID" ;;
    esac
    ;;
esac
exit "$status"
END
}

script="${script:-$root/out/slurm/$name.sbatch}"
if [ -n "$dry_run" ]; then
  job "$@"
else
  mkdir -p "$(dirname "$script")"
  job "$@" >"$script"
fi
call sbatch "$script"
