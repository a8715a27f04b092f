#!/usr/bin/env bash
# Makes a Cloud TPU VM (one host or many), copies this checkout there, trains, deletes it:
#   bash launch/tpu_vm.sh create --name N --zone Z --type T --version V [--spot] [--flag=...]
#   bash launch/tpu_vm.sh sync   --name N --zone Z
#   bash launch/tpu_vm.sh run    --name N --zone Z VERB ARGUMENTS...
#   bash launch/tpu_vm.sh logs   --name N --zone Z [--worker I] [--lines K] [--follow]
#   bash launch/tpu_vm.sh stop   --name N --zone Z
#   bash launch/tpu_vm.sh delete --name N --zone Z [--queued] [--yes]
# All of them take --project P and --dry-run, which prints every command and runs none.
# --type     accelerator type, such as v5litepod-16
# --version  of the software on the VM, such as v2-alpha-tpuv5-lite
# --flag     one more flag for gcloud's create, such as --flag=--internal-ips; any number of them
# run        waits for the end and has its status; when the connection breaks, the run goes on, and
#            the same command again takes part in it. Data and --workdir may be gs://...
# stop       asks the run to save and end; its status is then 143, and the same command goes on
# delete     asks for the name first; --queued: made by launch/queued.sh, with its request
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=launch/calls.sh
. "$here/calls.sh"

action="${1:-}"
case "$action" in
  create | sync | run | logs | stop | delete) shift ;;
  --help) usage && exit ;;
  '') fail 'no action; see --help' ;;
  *) fail "unknown action $action; see --help" ;;
esac
name='' zone='' type='' version='' project='' worker=0 lines=100
spot='' follow='' queued='' yes='' flags=()
while [ $# -gt 0 ]; do
  case "$1" in
    --name | --zone | --type | --version | --project | --worker | --lines)
      has_value "$@" && printf -v "${1#--}" '%s' "$2" && shift ;;
    --name=* | --zone=* | --type=* | --version=* | --project=* | --worker=* | --lines=*)
      option="${1%%=*}" && printf -v "${option#--}" '%s' "${1#*=}" ;;
    --flag) has_value "$@" && flags+=("$2") && shift ;;
    --flag=*) flags+=("${1#*=}") ;;
    --spot) spot=1 ;;
    --follow) follow=1 ;;
    --queued) queued=1 ;;
    --yes) yes=1 ;;
    --dry-run) dry_run=1 ;;
    --help) usage && exit ;;
    --) shift && break ;;
    -*) fail "unknown option $1; see --help" ;;
    *) break ;;
  esac
  shift
done
need name zone
check_name name "$name"
check_name zone "$zone"
[ "$action" = run ] || [ $# = 0 ] || fail "$action takes no '$1'; see --help"
[[ "$worker" =~ ^(all|[0-9]+)$ ]] || fail "--worker is '$worker', expected a number or all"
[[ "$lines" =~ ^[0-9]+$ ]] || fail "--lines is '$lines', expected a number"
where=(--zone="$zone")
[ -z "$project" ] || where+=(--project="$project")

tpu() { gcloud_words=(gcloud compute tpus tpu-vm "$@" "${where[@]}"); }

on_worker() { # worker, words for launch/on_worker.sh there: makes `gcloud_words`
  tpu ssh "$name" --worker="$1" \
    --command="$(quoted bash skeljax/launch/on_worker.sh "${@:2}")"
}

pack() { # archive: what git knows or would add, as it stands; neither data nor environments
  local file
  git -C "$here/.." ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do
      [ ! -e "$here/../$file" ] || printf '%s\0' "$file"
    done | tar -C "$here/.." --null --files-from=- -czf "$1"
}

case "$action" in
  create)
    need type version
    check_name type "$type"
    check_name version "$version"
    tpu create "$name" --accelerator-type="$type" --version="$version"
    [ -z "$spot" ] || gcloud_words+=(--spot)
    call "${gcloud_words[@]}" ${flags[@]+"${flags[@]}"}
    ;;
  sync)
    folder="$(mktemp -d)"
    trap 'rm -rf "$folder"' EXIT
    # Of one name, so that the archive has it on the workers too.
    archive="$folder/skeljax.tar.gz"
    if [ -n "$dry_run" ]; then archive=skeljax.tar.gz; else pack "$archive"; fi
    tpu scp "$archive" "$name:" --worker=all
    retry '*' "${gcloud_words[@]}"
    unpack='rm -rf skeljax.new && mkdir skeljax.new && tar -xzf skeljax.tar.gz -C skeljax.new'
    tpu ssh "$name" --worker=all --command="$unpack && rm -rf skeljax && mv skeljax.new skeljax"
    retry '*' "${gcloud_words[@]}"
    ;;
  run)
    [ $# -gt 0 ] || fail 'no verb to run; see --help'
    # By it a worker knows a second try from a second run.
    on_worker all --id "$(date -u +%Y%m%dT%H%M%SZ)-$$" "$@"
    # 255 is a broken connection, 1 gcloud's own failure; launch/on_worker.sh ends with neither.
    retry '1|255' "${gcloud_words[@]}"
    ;;
  logs)
    on_worker "$worker" --logs "$lines" ${follow:+--follow}
    call "${gcloud_words[@]}"
    ;;
  stop)
    on_worker all --stop
    retry '*' "${gcloud_words[@]}"
    ;;
  delete)
    what="the TPU VM $name in $zone"
    tpu delete "$name" --quiet
    if [ -n "$queued" ]; then
      what="the queued resource $name in $zone and its TPU VM"
      gcloud_words=(gcloud compute tpus queued-resources delete "$name" --force --quiet
        "${where[@]}")
    fi
    if [ -z "$yes" ] && [ -z "$dry_run" ]; then
      read -r -p "Delete $what, with all on its disk? Type its name: " answer || answer=''
      if [ "$answer" != "$name" ]; then
        say 'nothing deleted'
        exit 1
      fi
    fi
    call "${gcloud_words[@]}"
    ;;
esac
