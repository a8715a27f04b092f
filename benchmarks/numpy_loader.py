"""The numpy baseline of augmentation: loader processes share the computation of views."""

import contextlib
import multiprocessing
import os
import statistics
import time

from ml_collections import ConfigDict
import numpy as np

from benchmarks import memory, numpy_views, random_inputs

PROCESSES = 2


class NumpyLoader:
    """A system that computes the views of a batch in processes with shared memory.

    Only the request to start is sent; the results are written to memory shared by all processes.

    Args:
        config: a row of `configs/bench.py`, as a dict.
        processes: number of loader processes.

    Attributes:
        views: of the latest batch: joints float32[views, B, T, M, V, 3] and mask
            bool[views, B, T, M].
    """

    def __init__(self, config: dict, processes: int = PROCESSES):
        context = multiprocessing.get_context('spawn')
        shapes = _shapes(ConfigDict(config))
        shared = [context.RawArray('b', int(np.prod(s)) * np.dtype(d).itemsize) for s, d in shapes]
        self._pipes, self._seconds = [], []
        for part in range(processes):
            pipe, other_end = context.Pipe()
            arguments = other_end, config, shared, slice(part, None, processes)
            with _one_thread():
                context.Process(target=_work, args=arguments, daemon=True).start()
            other_end.close()
            self._pipes.append(pipe)
        self.views = _as_arrays(shared, shapes)

    def time(self) -> float:
        """Computes all views of one batch; returns seconds."""
        start = time.perf_counter()
        for pipe in self._pipes:
            pipe.send('batch')
        self._seconds.append(sum(pipe.recv() for pipe in self._pipes))
        return time.perf_counter() - start

    def figures(self) -> dict:
        """Returns memory, and cpu_seconds of all processes: the median without the first run."""
        return {
            'platform': 'cpu',
            'processes': len(self._pipes),
            'version': np.__version__,
            'compile_seconds': 0.0,
            'cpu_seconds': statistics.median(self._seconds[1:] or self._seconds),
            'peak_memory_mib': memory.peak_mib(),
        }


def make(config: dict) -> NumpyLoader:
    """Builds the system that computes the same views as `skeljax_systems.Views`.

    Args:
        config: a row of `configs/bench.py`, as a dict.

    Raises:
        InputError: the row has an augmentation that the numpy baseline does not support.
    """
    numpy_views.check(ConfigDict(config))
    return NumpyLoader(config)


@contextlib.contextmanager
def _one_thread():
    """Gives processes that are started one thread each for products, as they share the cores."""
    before = dict(os.environ)
    os.environ |= {'OPENBLAS_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1'}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def _shapes(config: ConfigDict) -> list[tuple[tuple[int, ...], type]]:
    """Returns shape and dtype of joints and mask of all views of a batch."""
    joints = random_inputs.batch(config, 'pretrain')['joints'].shape
    views = len(config.pretrain.views), joints[0], config.pretrain.crop.length
    return [((*views, *joints[2:]), np.float32), ((*views, joints[2]), bool)]


def _as_arrays(shared: list, shapes: list) -> list[np.ndarray]:
    return [
        np.frombuffer(raw, dtype).reshape(shape)
        for raw, (shape, dtype) in zip(shared, shapes, strict=True)
    ]


def _work(pipe, config: dict, shared: list, share: slice):
    """Computes the views of some rows of a batch on each request, until the pipe is closed."""
    row = ConfigDict(config)
    batch, cfg = random_inputs.batch(row, 'pretrain'), row.pretrain
    all_joints, all_masks = _as_arrays(shared, _shapes(row))
    views = [dict(operations) for operations in cfg.views.values()]
    crop = dict(length=cfg.crop.length, pad_ratio=cfg.crop.pad_ratio)
    order = numpy_views.mirror_order(row.data.layout)
    indices = range(len(batch['joints']))[share]
    rng = np.random.default_rng((row.seed, indices.start))
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        start = time.process_time()
        for index in indices:
            joints, mask = batch['joints'][index], batch['mask'][index]
            for number, operations in enumerate(views):
                draws = numpy_views.draw(rng, mask, joints, operations, **crop)
                view = numpy_views.view(joints, mask, draws, order=order, **crop)
                all_joints[number, index], all_masks[number, index] = view
        pipe.send(time.process_time() - start)
