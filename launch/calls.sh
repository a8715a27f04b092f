# shellcheck shell=bash
# Sourced by the launch scripts that call other programs: help, one-line errors, dry run, retries.
# Of their callers they read: dry_run, 1 to print every command instead of running it.
# SKELJAX_WAIT (5) is the first wait between tries in seconds, doubled each time; SKELJAX_TRIES (6).
dry_run="${dry_run:-}"

usage() { # prints the comment at the head of the script
  awk 'NR > 1 && /^#/ { sub(/^# ?/, ""); print; next } NR > 1 { exit }' "$0"
}

fail() { # message: one line, and the status of bad input
  echo "$(basename "$0"): $*" >&2
  exit 2
}

say() { echo "$(basename "$0"): $*" >&2; }

has_value() { # the words from an option on: it must not be the last
  [ $# -ge 2 ] || fail "$1 needs a value"
}

need() { # names of variables: options that must have been given
  local needed
  for needed in "$@"; do
    [ -n "${!needed:-}" ] || fail "--${needed//_/-} is missing; see --help"
  done
}

# So that it is never taken for another option or a pattern.
check_name() { # option, value: what a cloud resource can be called
  [[ "$2" =~ ^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$ ]] ||
    fail "--$1 is '$2', expected lower-case letters, digits and hyphens, at most 63"
}

quoted() { # words: one line that a shell reads as just these
  local line
  printf -v line '%q ' "$@"
  printf '%s\n' "${line% }"
}

call() { # command: runs it, or prints it
  if [ -n "$dry_run" ]; then quoted "$@"; else "$@"; fi
}

retry() { # statuses that may pass (a pattern such as '1|255', '*' for all), command
  local passing="$1" wait="${SKELJAX_WAIT:-5}" try status
  shift
  for ((try = 1; ; try++)); do
    status=0
    call "$@" || status=$?
    # shellcheck disable=SC2053  # the right side is a pattern
    if [ "$status" = 0 ] || [[ "$status" != @($passing) ]] || ((try >= ${SKELJAX_TRIES:-6})); then
      return "$status"
    fi
    say "status $status; again in $wait s"
    sleep "$wait"
    wait=$((wait * 2))
  done
}
