#!/usr/bin/env bash
# On each worker of a TPU VM or cluster: makes the environment, then trains as one of many.
#   bash launch/on_worker.sh [--id ID] [--extra EXTRA] [--dry-run] VERB ARGUMENTS...
#   bash launch/on_worker.sh --logs LINES [--follow]
#   bash launch/on_worker.sh --stop
# --id     of the run: asked again with the same one, an ended run is told, not run again
# --extra  of pyproject.toml to install: tpu (default), cuda, cuda12, or '' for none
# The run does not end with the connection. Asked for the same VERB and ARGUMENTS while they run,
# this takes part in the waiting; asked for others, it refuses with status 2.
# The status is the run's, but 70 for 1 and 255, which are left to gcloud and ssh.
# gs://BUCKET/PATH after --workdir or --config.finetune.init_from becomes ~/gcs/BUCKET/PATH, where
# the bucket is mounted (Cloud Storage FUSE); after --config.data.data_dir the copy
# ~/data/BUCKET/PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. launch/calls.sh

id='' extra=tpu logs='' follow='' stop=''
while [ $# -gt 0 ]; do
  case "$1" in
    --id) has_value "$@" && id="$2" && shift ;;
    --extra) has_value "$@" && extra="$2" && shift ;;
    --logs) has_value "$@" && logs="$2" && shift ;;
    --follow) follow=1 ;;
    --stop) stop=1 ;;
    --dry-run) dry_run=1 ;;
    --help) usage && exit ;;
    --) shift && break ;;
    -*) fail "unknown option $1; see --help" ;;
    *) break ;;
  esac
  shift
done
state="${SKELJAX_STATE:-$HOME/.skeljax}"
[ -n "$dry_run" ] || mkdir -p "$state"

running() { ! flock --nonblock "$state/lock" true; } # whoever runs holds the lock, whatever happens

mount_bucket() { # bucket
  local folder="$HOME/gcs/$1"
  ! mountpoint --quiet "$folder" || return 0
  [ -n "$dry_run" ] || command -v gcsfuse >/dev/null || install_gcsfuse
  call mkdir -p "$folder"
  # Without caches, so that every worker sees at once what another wrote.
  call gcsfuse --implicit-dirs --metadata-cache-ttl-secs=0 --metadata-cache-negative-ttl-secs=0 \
    --rename-dir-limit=200000 "$1" "$folder"
}

install_gcsfuse() { # as its documentation says for Ubuntu and Debian
  local key=/usr/share/keyrings/cloud.google.asc source=https://packages.cloud.google.com/apt
  curl -fsS "$source/doc/apt-key.gpg" | sudo tee "$key" >/dev/null
  echo "deb [signed-by=$key] $source gcsfuse-$(lsb_release -c -s) main" |
    sudo tee /etc/apt/sources.list.d/gcsfuse.list >/dev/null
  sudo apt-get update -qq
  sudo apt-get install -qq -y fuse gcsfuse
}

copy_data() { # BUCKET/PATH
  call mkdir -p "$HOME/data/$1"
  retry '*' gcloud storage rsync --recursive "gs://$1" "$HOME/data/$1"
}

here() { # option, its value: prints what is read on this machine
  local path="${2#gs://}"
  path="${path%/}"
  case "$1" in
    --config.data.data_dir) copy_data "$path" >&3 && printf '%s' "$HOME/data/$path" ;;
    *) mount_bucket "${path%%/*}" >&3 && printf '%s' "$HOME/gcs/$path" ;;
  esac
}

bring() { # words: makes `words`, with local places for gs://
  local option='' word place
  words=()
  for word in "$@"; do
    if [[ "$word" == --*=gs://* ]]; then
      place="$(here "${word%%=*}" "${word#*=}")"
      word="${word%%=*}=$place"
    elif [[ "$option" == --* && "$word" == gs://* ]]; then
      word="$(here "$option" "$word")"
    fi
    words+=("$word")
    option="$word"
  done
}

find_python() { # sets PYTHON to one of 3.11 or newer; the images of TPU VMs have an older one
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      export PYTHON="$candidate"
      return
    fi
  done
  python3 -m pip install --quiet --user uv
  python3 -m uv python install --quiet 3.12
  PYTHON="$(python3 -m uv python find 3.12)"
  export PYTHON
}

supervise() { # command: runs it, and notes its number and its status
  local status
  trap '' HUP
  trap : TERM INT # at shutdown everyone is told; the program knows what to do
  "$@" &
  echo $! >"$state/pid"
  while :; do
    status=0
    wait $! || status=$?
    kill -0 $! 2>/dev/null || break
  done
  case "$status" in 1 | 255) status=70 ;; esac
  echo "$status" >"$state/status.new"
  mv "$state/status.new" "$state/status"
}

if [ -n "$logs" ]; then
  [[ "$logs" =~ ^[0-9]+$ ]] || fail "--logs is '$logs', expected a number of lines"
  [ -e "$state/log" ] || fail 'nothing has run here'
  exec tail -n "$logs" ${follow:+-F} "$state/log"
elif [ -n "$stop" ]; then
  ! running || kill -TERM "$(cat "$state/pid")"
  exit
fi
[ $# -gt 0 ] || fail 'no verb to run; see --help'
asked="$(quoted "$@")"

if [ -z "$dry_run" ] && running; then
  [ "$(cat "$state/asked")" = "$asked" ] ||
    fail "something else runs here: $(cat "$state/asked"); stop it first"
  say 'it runs already; its last lines, and what follows:'
  shown=(-n 20)
elif [ -z "$dry_run" ] && [ -n "$id" ] && [ "$(cat "$state/id" 2>/dev/null)" = "$id" ] &&
  [ -e "$state/status" ]; then
  exit "$(cat "$state/status")"
else
  verb="$1"
  shift
  together=()
  case "$verb" in pretrain | finetune | evaluate) together=(--distributed) ;; esac
  bring "$@" 3>&1
  if [ -n "$dry_run" ]; then
    quoted . launch/environment.sh "$extra"
    quoted skeljax "$verb" ${together[@]+"${together[@]}"} ${words[@]+"${words[@]}"}
    exit
  fi
  find_python
  export SKELJAX_VENV="${SKELJAX_VENV:-$state/venv}" # not in the checkout, which `sync` replaces
  . launch/environment.sh "$extra" >&2
  exec 9>"$state/lock"
  flock --nonblock 9 || fail 'something else was started here at the same time'
  rm -f "$state/status"
  printf '%s\n' "$asked" >"$state/asked"
  printf '%s\n' "$id" >"$state/id"
  echo "== $(date -u +%FT%TZ) $asked" >>"$state/log"
  shown=(-c "+$(($(stat -c %s "$state/log") + 1))")
  supervise skeljax "$verb" ${together[@]+"${together[@]}"} ${words[@]+"${words[@]}"} \
    >>"$state/log" 2>&1 </dev/null &
  echo $! >"$state/supervisor"
  exec 9>&-
fi
tail "${shown[@]}" -s 0.2 -F --pid="$(cat "$state/supervisor")" "$state/log" 2>/dev/null
exit "$(cat "$state/status" 2>/dev/null || echo 70)"
