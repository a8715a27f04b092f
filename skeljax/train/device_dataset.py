"""A corpus in device memory: every device has all recordings, and the step cuts its windows."""

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
    """Copies the recordings to the devices if `config.data.device_dataset` is True.

    Args:
        step: of one device, `(state, batch, rng) -> (state, metrics)`.
        batches: in host memory.
        config: a whole config.
        devices: of this process; all by default.

    Returns:
        step, batches and corpus for `loop.train`. With a corpus on the devices the step takes
        `(rng, corpus)` in the place of `rng`, and the positions of windows
        (`device_pack.Rows`) in the place of a batch. Otherwise step and batches are unchanged and
        the corpus is None.

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

    return step_of_places, device_pack.PlaceBatches(batches), corpus


def cut(corpus: dict, rows: dict, length: int) -> dict:
    """Cuts the windows of a batch, as `data.batches.window` does.

    Args:
        corpus: as from `device_pack.pack`, on the device.
        rows: recording, start, index int32[B].
        length: of a window, W frames.

    Returns:
        joints float32[B, W, M, V, 3], mask bool[B, W, M], labels int32[B, W] where the corpus
        has them, subject int32[B], index int32[B].
    """
    persons = len(corpus['mask']) // len(corpus['joints'])

    def window(recording, start):
        begin = corpus['begin'][recording] + start
        # After the end of the recording another one begins.
        inside = jnp.arange(length) < corpus['frames'][recording] - start
        seen = lax.dynamic_slice_in_dim(corpus['mask'], begin * persons, length * persons)
        seen = seen.reshape(length, persons) & inside[:, None]
        joints = lax.dynamic_slice_in_dim(corpus['joints'], begin, length)
        joints = joints.reshape(length, persons, -1, 3)
        if 'offset' in corpus:
            offset = corpus['offset'][recording]
            joints = joints.astype(jnp.float32) + lax.broadcast_to_rank(offset, joints.ndim)
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
    """Returns the bytes that the recordings take on each device.

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
    """Returns the free bytes of the device that has the fewest.

    A device without statistics, as a CPU, counts with its share of the free main memory.
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
    """Raises InputError if there are fewer bytes than the recordings need."""
    if needed > available:
        smaller = '' if dtype != 'float32' else ' or config.data.device_dataset_dtype=float16'
        raise InputError(
            f'config.data.device_dataset: the recordings need {needed:,} bytes on each device in '
            f'{dtype}, {available:,} are free; use config.data.device_dataset=False{smaller}'
        )


def _main_memory() -> int:
    """Returns the bytes of main memory that are free or can be freed."""
    info = Path('/proc/meminfo')
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) * 1024
    return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
