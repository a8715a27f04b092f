"""The side of numpy: the workers of a loader, each of which makes its share of a batch's views."""

import contextlib
import multiprocessing
import os
import statistics
import time

from ml_collections import ConfigDict
import numpy as np

from skeljax.bench import inputs, memory, samples

PROCESSES = 2


class Side:
    """Makes the views of a batch over and over, in processes that write them where they belong.

    Nothing is sent but the word to begin: their results lie in memory that all of them share.

    Args:
        config: a row of `configs/bench.py`, as a dict.
        processes: of the loader.
    """

    def __init__(self, config: dict, processes: int = PROCESSES):
        context = multiprocessing.get_context('spawn')
        shapes = _shapes(ConfigDict(config))
        held = [context.RawArray('b', int(np.prod(s)) * np.dtype(d).itemsize) for s, d in shapes]
        self._pipes, self._seconds = [], []
        for part in range(processes):
            pipe, theirs = context.Pipe()
            given = theirs, config, held, slice(part, None, processes)
            with _one_thread():
                context.Process(target=_work, args=given, daemon=True).start()
            theirs.close()
            self._pipes.append(pipe)
        self.made = [
            np.frombuffer(raw, dtype).reshape(shape)
            for raw, (shape, dtype) in zip(held, shapes, strict=True)
        ]

    def time(self) -> float:
        start = time.perf_counter()
        for pipe in self._pipes:
            pipe.send('batch')
        self._seconds.append(sum(pipe.recv() for pipe in self._pipes))
        return time.perf_counter() - start

    def figures(self) -> dict:
        """Tells processor seconds of all processes, the median of all runs but the first, and memory."""
        return {
            'platform': 'cpu',
            'processes': len(self._pipes),
            'version': np.__version__,
            'compile_seconds': 0.0,
            'cpu_seconds': statistics.median(self._seconds[1:] or self._seconds),
            'peak_memory_mib': memory.peak_mib(),
        }


@contextlib.contextmanager
def _one_thread():
    """Lets processes that are started have a thread each for products, as they share the cores."""
    before = dict(os.environ)
    os.environ |= {'OPENBLAS_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1'}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def make(config: dict) -> Side:
    """Makes the side that makes the views of the same row as `ours.Views`.

    Raises:
        InputError: the row asks for what the numpy twin does not know.
    """
    samples.check(ConfigDict(config))
    return Side(config)


def _shapes(config: ConfigDict) -> list[tuple[tuple[int, ...], type]]:
    """Tells shape and dtype of joints and mask of every view of a batch."""
    joints = inputs.batch(config, 'pretrain')['joints'].shape
    views = len(config.pretrain.views), joints[0], config.pretrain.crop.length
    return [((*views, *joints[2:]), np.float32), ((*views, joints[2]), bool)]


def _work(pipe, config: dict, held: list, share: slice):
    """Makes the views of some rows of a batch whenever asked, until nobody asks any more."""
    row = ConfigDict(config)
    batch, chosen = inputs.batch(row, 'pretrain'), row.pretrain
    made = [
        np.frombuffer(raw, dtype).reshape(shape)
        for raw, (shape, dtype) in zip(held, _shapes(row), strict=True)
    ]
    views = [dict(operations) for operations in chosen.views.values()]
    cut = dict(length=chosen.crop.length, pad_ratio=chosen.crop.pad_ratio)
    order = samples.exchanged(row.data.layout)
    rows = range(len(batch['joints']))[share]
    rng = np.random.default_rng((row.seed, rows.start))
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        start = time.process_time()
        for row in rows:
            joints, mask = batch['joints'][row], batch['mask'][row]
            for number, operations in enumerate(views):
                draws = samples.draw(rng, mask, joints, operations, **cut)
                shown = samples.view(joints, mask, draws, order=order, **cut)
                made[0][number, row], made[1][number, row] = shown
        pipe.send(time.process_time() - start)
