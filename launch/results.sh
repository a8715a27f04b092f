#!/usr/bin/env bash
# The grid of docs/results.md: every start x head x label share x seed on the open benchmark.
#   bash launch/results.sh DATA_DIR [OUT [JOBS]]
# DATA_DIR holds the prepared ui_prmd/composed10 and composed20. Runs that are done are kept, so
# that the same command goes on after a stop. SEEDS, STARTS, SHARES, CORPORA and STEPS narrow it.
set -euo pipefail
data="$(realpath "$1")" out="$(realpath -m "${2:-out/results}")" jobs="${3:-$(nproc)}"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. launch/environment.sh ''
seeds="${SEEDS:-0 1 2}" shares="${SHARES:-0.1 1.0}" corpora="${CORPORA:-composed10 composed20}"
starts="${STARTS:-scratch video snippet}" steps="${STEPS:-250}"
mkdir -p "$out/logs"

pretrain() { # weight of the snippet term, name, seed
  echo "pretrain $2-s$3 --config configs/ui_prmd.py --config.seed=$3 --config.pretrain.snippet.weight=$1"
}

finetune() { # corpus, start, head, share, seed
  local source=''
  [ "$2" = scratch ] || source="$out/$2-s$5"
  echo "finetune $1-$2-$3-$4-s$5 --config configs/ui_prmd.py:$1 --config.seed=$5" \
    "--config.finetune.label_seed=$5 --config.finetune.label_fraction=$4" \
    "--config.finetune.fuser=$([ "$3" = fuser ] && echo True || echo False)" \
    "--config.finetune.init_from=$source --config.finetune.num_steps=$steps"
}

one() { # verb, name, options: one run on one core
  local verb="$1" name="$2" log="$out/logs/$2.log"
  shift 2
  [ ! -e "$out/$name/evaluate-test.json" ] || return 0
  local pin=()
  ! command -v taskset >/dev/null || pin=(taskset -c "$((SLOT % $(nproc)))")
  "${pin[@]}" skeljax "$verb" --workdir "$out/$name" --quiet "--config.data.data_dir=$data" "$@" \
    >"$log" 2>&1 || { echo "failed: see $log" >&2; return 1; }
  [ "$verb" = pretrain ] || skeljax evaluate --workdir "$out/$name" >>"$log" 2>&1
  echo "done $name"
}
export -f one
export out data

run() { xargs -P "$jobs" --process-slot-var=SLOT -I{} bash -c 'one {}'; }

for seed in $seeds; do
  for start in $starts; do
    case "$start" in video) pretrain 0.0 video "$seed" ;; snippet) pretrain 1.5 snippet "$seed" ;; esac
  done | run
  for corpus in $corpora; do for share in $shares; do
    for head in plain fuser; do for start in $starts; do
      finetune "$corpus" "$start" "$head" "$share" "$seed"
    done; done
  done; done | run
done
python -m skeljax.report.summary "$out"
