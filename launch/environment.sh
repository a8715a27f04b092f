# shellcheck shell=bash
# Sourced by the scripts here: makes .venv, installs this checkout, sets the allocator and caches.
# Usage: . launch/environment.sh EXTRA
# EXTRA may be ''; left out, it would be the caller's first argument.
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="${PYTHON:-python3}"
venv="${SKELJAX_VENV:-$root/.venv}"
extra="${1:-}"

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "skeljax needs Python 3.11 or newer; $python is $("$python" -V 2>&1). Set PYTHON." >&2
  exit 2
}
# Installed anew only when pyproject.toml or the extra changed.
stamp="$venv/skeljax-$(cksum <"$root/pyproject.toml" | cut -d' ' -f1)-${extra:-run}"
if [ ! -e "$stamp" ]; then
  echo "installing into $venv ..." >&2
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --editable "$root${extra:+[$extra]}" || exit 1
  touch "$stamp"
fi
export PATH="$venv/bin:$PATH"

# Keep freed memory: without this, a training step on CPU spends a third of its time on page faults.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000
export MALLOC_TOP_PAD_=67108864 MALLOC_ARENA_MAX=1
# Where there is no accelerator: heed the places that `models.implementation.materialize` marks.
if [ ! -e /dev/nvidiactl ] && [ ! -e /dev/accel0 ] && [ ! -e /dev/vfio/0 ]; then
  export XLA_FLAGS="${XLA_FLAGS:-} --xla_disable_hlo_passes=cse_barrier_expander"
fi
# A program compiled once is not compiled again by the next command.
cache="${XDG_CACHE_HOME:-$HOME/.cache}/skeljax/xla"
export JAX_COMPILATION_CACHE_DIR="${JAX_COMPILATION_CACHE_DIR:-$cache}"
export MPLBACKEND=agg TF_CPP_MIN_LOG_LEVEL=2
