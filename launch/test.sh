#!/usr/bin/env bash
# Makes the environment and runs the tests, two files at a time; --all runs the slow ones too.
# Further arguments go to pytest (`-n 0`: one process).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
extra='test,docs'
[ "${1:-}" != --all ] || extra=test,docs,beam,compare
. launch/environment.sh "$extra"
# Tests start from nothing: no programs compiled by an earlier version.
unset JAX_COMPILATION_CACHE_DIR
if [ "${1:-}" = --all ]; then
  shift
  exec python -m pytest -q -n 2 --dist loadfile "$@"
fi
exec python -m pytest -q -n 2 --dist loadfile -m 'not slow' "$@"
