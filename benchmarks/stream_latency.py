"""Measures the latency of a stream: the time from the arrival of a frame to its scores."""

from collections.abc import Iterator
import contextlib
import os
import time

import jax
from ml_collections import ConfigDict
import numpy as np

from benchmarks import memory
from skeljax.inference import run_loader, scoring, streaming, windowing
from skeljax.skeletons import skeleton
from skeljax.train import build, compilations

FPS = 30.0


def measure(config: ConfigDict, window: windowing.Window, frames: int) -> dict:
    """Times an untrained network on random frames, which arrive as fast as they are processed.

    Args:
        config: a row of `configs/bench.py`.
        window: of the stream.
        frames: number of timed frames; they follow as many untimed ones as a window holds.

    Returns:
        Milliseconds per frame, and per window (the frame that completes one); over all frames
        the share of the time between two frames that is used, and the share of a core (less, if
        other processes use the core too); look-ahead and delay of segments in seconds.
    """
    loaded = untrained(config)
    bodies = list(_bodies(config, frames + window.length))
    stream = streaming.Stream(
        loaded, window, fps=FPS, layout=loaded.layout, persons=config.bench.persons
    )
    for joints in bodies[: window.length]:
        stream.push(joints)
    seconds, busy = np.zeros(frames), time.process_time()
    with compilations.counted() as compiled:
        for number, joints in enumerate(bodies[window.length :]):
            start = time.perf_counter()
            stream.push(joints)
            seconds[number] = time.perf_counter() - start
    busy = time.process_time() - busy
    # The frame that completes a window takes far longer than the others.
    arrived = np.arange(window.length + 1, window.length + frames + 1)
    completes = (arrived - window.ahead) % window.hop == 0
    milliseconds = seconds * 1e3
    spread = _spread(milliseconds)
    return {
        'window': window._asdict(),
        'frames': frames,
        'cores': len(os.sched_getaffinity(0)),
        'platform': jax.default_backend(),
        'milliseconds_per_frame': {**spread, 'mean': float(milliseconds.mean())},
        'milliseconds_per_window': _spread(milliseconds[completes]),
        'share_of_time_at_30_fps': float(seconds.mean() * FPS),
        'share_of_a_core_at_30_fps': busy / frames * FPS,
        'look_ahead_seconds': (window.hop + window.ahead) / FPS,
        'segment_delay_seconds': stream.delay,
        'exact': windowing.is_exact(loaded.model, window),
        'compilations_later': len(compiled),
        'peak_memory_mib': memory.peak_mib(),
    }


def untrained(config: ConfigDict) -> run_loader.Run:
    """Builds the network of a row with initial weights, in the form of a trained run."""
    row, layout = config.bench, config.data.layout
    _, state, model = build.finetuning(config, layout, row.persons, row.classes)
    classes = tuple(f'class {number}' for number in range(row.classes))
    variables = jax.device_put(scoring.variables(state))
    return run_loader.Run(model, variables, config, classes, layout, FPS, 0)


@contextlib.contextmanager
def cores(count: int) -> Iterator[None]:
    """Restricts this process to its first cores, 0 for all; enter it before JAX starts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[: count or None])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _spread(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {}
    quantile = float(np.quantile(values, 0.99))
    return {'median': float(np.median(values)), 'of_99_percent': quantile}


def _bodies(config: ConfigDict, frames: int) -> Iterator[np.ndarray]:
    """Yields random bodies that sway and move slowly, float32[M, V, 3] each."""
    rng = np.random.default_rng(config.seed)
    shape = (config.bench.persons, skeleton.get(config.data.layout).num_joints, 3)
    pose, place = rng.normal(0, 0.5, shape), np.zeros((shape[0], 1, 3))
    for _ in range(frames):
        place = place + rng.normal(0, 0.02, place.shape)
        yield (pose + place + rng.normal(0, 0.02, shape)).astype(np.float32)
