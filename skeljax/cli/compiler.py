"""Sets the options of XLA before JAX is loaded."""

from collections.abc import MutableMapping
from pathlib import Path

# Where one of these is, there may be an accelerator.
ACCELERATORS = ('/dev/nvidiactl', '/dev/accel0', '/dev/vfio/0')
# XLA's CPU compiler removes the barriers of `models.implementation.materialize` before it fuses
# operations.
_PASS = '--xla_disable_hlo_passes'


def prepare(environment: MutableMapping[str, str]):
    """Keeps the barriers of `models.implementation.materialize` in programs for CPU.

    As launch/environment.sh does for whatever it runs: without it ST-GCN's step takes a fifth
    longer. What the user has told XLA about passes stays as it is.

    Args:
        environment: of the process, which JAX reads when it is first used.
    """
    told = environment.get('XLA_FLAGS', '')
    if _PASS not in told and not any(Path(place).exists() for place in ACCELERATORS):
        environment['XLA_FLAGS'] = f'{told} {_PASS}=cse_barrier_expander'.strip()
