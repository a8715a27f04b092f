"""Data parallelism: the one module that maps steps over devices.

A step is written for one device and uses the mapped axis by its name, `AXIS`. Outside of steps,
states and batches are plain pytrees; a state has no device axis. `devices` are devices of this
process, all of them by default.
"""

from collections.abc import Callable, Sequence

import jax
from jax import lax
import numpy as np

from skeljax.errors import InputError

AXIS = 'batch'
Devices = Sequence[jax.Device] | None


def _sharding(spec: jax.P, devices: Devices) -> jax.NamedSharding:
    mesh = jax.sharding.Mesh(np.array(devices or jax.local_devices()), (AXIS,))
    return jax.NamedSharding(mesh, spec)


def replicate(tree, devices: Devices = None):
    """Returns `tree` with one full copy on every device; no two leaves share a buffer.

    The step donates its state. With several processes, a state that was not placed here is lost at
    the first call; and a buffer that is two leaves (of a momentum encoder that starts as a copy)
    cannot be donated twice.
    """
    host = jax.tree.map(lambda x: x if _is_key(x) else np.array(x), jax.device_get(tree))
    return jax.device_put(host, _sharding(jax.P(), devices))


def place(tree, devices: Devices = None):
    """Returns host arrays with one full copy on every device; a step must not donate them."""
    return jax.device_put(tree, _sharding(jax.P(), devices))


def _is_key(x) -> bool:
    return isinstance(x, jax.Array) and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)


def shard(batch, devices: Devices = None):
    """Splits host arrays (B, ...) over the devices: (devices, B / devices, ...).

    Raises:
        InputError: B is not divisible by the number of devices.
    """
    sharding = _sharding(jax.P(AXIS), devices)
    return jax.device_put(_split(batch, sharding.mesh.size), sharding)


def shard_batches(batches: Sequence, devices: Devices = None):
    """Splits K batches for one call of `multi_step`: (devices, K, B / devices, ...)."""
    sharding = _sharding(jax.P(AXIS), devices)
    split = [_split(batch, sharding.mesh.size) for batch in batches]
    return jax.device_put(jax.tree.map(lambda *x: np.stack(x, axis=1), *split), sharding)


def _split(batch, count: int):
    rows = len(jax.tree.leaves(batch)[0])
    if rows % count:
        raise InputError(f'batch of {rows} is not divisible by {count} devices')
    return jax.tree.map(lambda x: x.reshape(count, rows // count, *x.shape[1:]), batch)


def multi_step(step: Callable) -> Callable:
    """Returns a function that takes the steps of K batches, (K, B, ...) on one device.

    Returns:
        `(state, batches, rng) -> (state, metrics)`, the metrics of all of them as [K].
    """

    def steps(state, batches, rng):
        return lax.scan(lambda state, batch: step(state, batch, rng), state, batches)

    return steps


def data_parallel(
    step: Callable, devices: Devices = None, form: str = 'pmap'
) -> jax.stages.Wrapped:
    """Maps `step(state, batch, rng) -> (state, metrics)` over the devices of all processes.

    The state is donated. Both outputs must be equal on every device, that is, reduced inside the
    step: only the first copy is returned, and nothing checks this.

    Args:
        step: of one device.
        devices: with one process; all by default.
        form: one of `FORMS`. Both compile to the same program; docs/scaling.md compares them.
    """
    return FORMS[form](step, devices)


def _pmap(step, devices):
    return jax.pmap(
        step,
        axis_name=AXIS,
        in_axes=(None, 0, None),
        out_axes=None,
        donate_argnums=0,
        devices=devices,
    )


def _shard_map(step, devices):
    mesh = jax.sharding.Mesh(np.array(devices or jax.devices()), (AXIS,))

    def of_one(state, batch, rng):
        return step(state, jax.tree.map(lambda x: x[0], batch), rng)

    # Unchecked, as under pmap: gradients of values that are not reduced stay those of a device.
    mapped = jax.shard_map(
        of_one, mesh=mesh, in_specs=_SPECS, out_specs=jax.P(), check_vma=False
    )
    program = jax.jit(mapped, donate_argnums=0)
    return program if jax.process_count() == 1 else _MultiProcess(program, mesh)


_SPECS = (jax.P(), jax.P(AXIS), jax.P())  # of state, batch, rng
FORMS = {'pmap': _pmap, 'shard_map': _shard_map}


class _MultiProcess:
    """A program of several processes, called with the arrays of this process."""

    def __init__(self, program, mesh):
        self._program = program
        self._shardings = [jax.NamedSharding(mesh, spec) for spec in _SPECS]

    def __call__(self, *arguments):
        return self._program(*self._globalized(arguments))

    def lower(self, *arguments):
        return self._program.lower(*self._globalized(arguments))

    def _globalized(self, arguments):
        pairs = zip(arguments, self._shardings, strict=True)
        return [
            jax.tree.map(lambda x, s=sharding: _globalize(x, s), tree) for tree, sharding in pairs
        ]


def _globalize(x, sharding: jax.NamedSharding):
    """Returns the array of all processes of which `x` is this process' part; copies nothing."""
    if not x.is_fully_addressable or _is_key(x):  # from an earlier step, or equal in all
        return x
    whole = sharding.spec and len(sharding.mesh.devices)
    shape = (whole, *x.shape[1:]) if whole else x.shape
    pieces = [piece.data for piece in x.addressable_shards]
    return jax.make_array_from_single_device_arrays(shape, sharding, pieces)


def gather(x):
    """Concatenates `x` (B, ...) of every device along axis 0: (devices · B, ...)."""
    return lax.all_gather(x, AXIS, tiled=True)
