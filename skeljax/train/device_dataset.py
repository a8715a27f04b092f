"""The corpus on the devices: every one holds all recordings, and the step cuts its windows itself."""

from collections.abc import Callable
import os
from pathlib import Path

import jax
from jax import lax
import jax.numpy as jnp
from ml_collections import ConfigDict

from skeljax.data import device_pack
from skeljax.data.batches import Batches
from skeljax.errors import InputError
from skeljax.train import parallel

DTYPES = ('float32', 'float16', 'bfloat16')  # of the coordinates on the devices


def hold(step: Callable, batches: Batches, config: ConfigDict, devices: parallel.Devices = None):
    """Moves the recordings to the devices where `config.data.device_dataset` says so.

    Args:
        step: per-device `(state, batch, rng) -> (state, metrics)`.
        batches: of the host.
        config: the whole one.
        devices: of this process; all by default.

    Returns:
        step, batches and corpus for `loop.train`. A step of a resident corpus takes `(rng,
        corpus)` for its key and the places that `packing.Rows` names for its batch; else all
        is as it was and the corpus None.

    Raises:
        InputError: the recordings do not fit.
    """
    if not config.data.device_dataset:
        return step, batches, None
    dtype = jnp.dtype(config.data.device_dataset_dtype)
    devices = devices or jax.local_devices()
    check_fits(needed(batches, dtype, devices[0].platform), available(devices), str(dtype))
    corpus = parallel.place(device_pack.pack(batches, dtype), devices)
    length = batches.length

    def step_of_places(state, rows, given):
        rng, corpus = given
        return step(state, cut(corpus, rows, length), rng)

    return step_of_places, device_pack.Rows(batches), corpus


def cut(corpus: dict, rows: dict, length: int) -> dict:
    """Cuts the windows of a batch, as `data.batches.window` does.

    Args:
        corpus: as `packing.pack` makes it, on the device.
        rows: recording, start, index int32[B].
        length: of a window, W frames.

    Returns:
        joints float32[B, W, M, V, 3], mask bool[B, W, M], labels int32[B, W] where the corpus
        has them, subject int32[B], index int32[B].
    """
    persons = len(corpus['mask']) // len(corpus['joints'])

    def window(recording, start):
        begin = corpus['begin'][recording] + start
        # What lies behind the recording's end is another's.
        inside = jnp.arange(length) < corpus['frames'][recording] - start
        seen = lax.dynamic_slice_in_dim(corpus['mask'], begin * persons, length * persons)
        seen = seen.reshape(length, persons) & inside[:, None]
        joints = lax.dynamic_slice_in_dim(corpus['joints'], begin, length)
        joints = joints.reshape(length, persons, -1, 3)
        if 'offset' in corpus:
            joints = joints.astype(jnp.float32) + corpus['offset'][recording]
            joints = jnp.where(seen[..., None, None], joints, 0)
        else:
            joints = jnp.where(inside[:, None, None, None], joints, 0)
        example = {'joints': joints, 'mask': seen, 'subject': corpus['subject'][recording]}
        if 'labels' in corpus:
            labels = lax.dynamic_slice_in_dim(corpus['labels'], begin, length)
            example['labels'] = jnp.where(inside, labels, 0)
        return example

    return {**jax.vmap(window)(rows['recording'], rows['start']), 'index': rows['index']}


def needed(batches: Batches, dtype, platform: str) -> int:
    """Tells the bytes that the recordings take on each device.

    A TPU pads the last axis of a matrix to 128 numbers.
    """
    total = 0
    for shape, kind in device_pack.shapes(batches, dtype).values():
        last = shape[-1]
        if platform == 'tpu' and len(shape) > 1:
            last = -(-last // 128) * 128
        count = last
        for size in shape[:-1]:
            count *= size
        total += count * kind.itemsize
    return total


def available(devices) -> int:
    """Tells the bytes that are free on the fullest of some devices.

    Where a device does not tell, as a CPU, it has its share of the main memory that is free.
    """
    free = []
    for device in devices:
        stats = device.memory_stats() or {}
        if 'bytes_limit' in stats:
            free.append(stats['bytes_limit'] - stats['bytes_in_use'])
        else:
            free.append(_main_memory() // len(devices))
    return min(free)


def check_fits(needed: int, available: int, dtype: str):
    """Raises InputError where there are fewer bytes than the recordings need."""
    if needed > available:
        smaller = '' if dtype != 'float32' else ' or config.data.device_dataset_dtype=float16'
        raise InputError(
            f'config.data.device_dataset: the recordings need {needed:,} bytes on each device in {dtype}, '
            f'{available:,} are free; use config.data.device_dataset=False{smaller}'
        )


def _main_memory() -> int:
    """Tells the bytes of main memory that are free or can be freed."""
    told = Path('/proc/meminfo')
    for line in told.read_text().splitlines() if told.exists() else ():
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) * 1024
    return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
