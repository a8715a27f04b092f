"""Times a stream: how long a frame takes from when it came to when it is dealt with."""

from collections.abc import Iterator
import contextlib
import os
import time

import jax
from ml_collections import ConfigDict
import numpy as np

from skeljax.bench import memory
from skeljax.inference import run_loader, scoring, streaming, windowing
from skeljax.skeletons import skeleton
from skeljax.train import build, compilations

FPS = 30.0


def measure(config: ConfigDict, window: windowing.Window, frames: int) -> dict:
    """Times a network with fresh weights on made-up frames, as fast as they are taken.

    Args:
        config: a row of `configs/bench.py`.
        window: of the stream.
        frames: that are timed; as many as a window holds come before.

    Returns:
        milliseconds a frame and a window (the frame that fills one) and, of all frames, the
        share of the time between two that goes by, and of a core's time that is used (less,
        where others use the core too); what scores and segments wait for, in seconds.
    """
    ready = fresh(config)
    came = list(_bodies(config, frames + window.length))
    stream = streaming.Stream(
        ready, window, fps=FPS, layout=ready.layout, persons=config.bench.persons
    )
    for joints in came[: window.length]:
        stream.push(joints)
    seconds, busy = np.zeros(frames), time.process_time()
    with compilations.counted() as later:
        for place, joints in enumerate(came[window.length :]):
            start = time.perf_counter()
            stream.push(joints)
            seconds[place] = time.perf_counter() - start
    busy = time.process_time() - busy
    # A frame that fills a window takes far longer than others.
    filled = (np.arange(window.length + 1, window.length + frames + 1) - window.ahead) % window.hop == 0
    milliseconds = seconds * 1e3
    spread = lambda values: {
        'median': float(np.median(values)), 'of_99_percent': float(np.quantile(values, 0.99))
    } if len(values) else {}
    return {
        'window': window._asdict(),
        'frames': frames,
        'cores': len(os.sched_getaffinity(0)),
        'platform': jax.default_backend(),
        'milliseconds_per_frame': {**spread(milliseconds), 'mean': float(milliseconds.mean())},
        'milliseconds_per_window': spread(milliseconds[filled]),
        'share_of_time_at_30_fps': float(seconds.mean() * FPS),
        'share_of_a_core_at_30_fps': busy / frames * FPS,
        'look_ahead_seconds': (window.hop + window.ahead) / FPS,
        'segment_delay_seconds': stream.delay,
        'exact': windowing.is_exact(ready.model, window),
        'compilations_later': len(later),
        'peak_memory_mib': memory.peak_mib(),
    }


def fresh(config: ConfigDict) -> run_loader.Run:
    """Makes the network of a row with its first weights, as if it had been trained."""
    told, layout = config.bench, config.data.layout
    _, state, model = build.finetuning(config, layout, told.persons, told.classes)
    classes = tuple(f'class {number}' for number in range(told.classes))
    variables = jax.device_put(scoring.variables(state))
    return run_loader.Run(model, variables, config, classes, layout, FPS, 0)


@contextlib.contextmanager
def cores(count: int) -> Iterator[None]:
    """Keeps to the first cores of those that may be used, 0 for all: before JAX is started."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[: count or None])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _bodies(config: ConfigDict, frames: int) -> Iterator[np.ndarray]:
    """Makes bodies that sway and wander, float32[M, V, 3] each."""
    rng = np.random.default_rng(config.seed)
    shape = (config.bench.persons, skeleton.get(config.data.layout).num_joints, 3)
    pose, place = rng.normal(0, 0.5, shape), np.zeros((shape[0], 1, 3))
    for _ in range(frames):
        place = place + rng.normal(0, 0.02, place.shape)
        yield (pose + place + rng.normal(0, 0.02, shape)).astype(np.float32)
