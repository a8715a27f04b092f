"""Runs the mapped step: one or several steps in a call, without implicit waits for the device."""

from collections import deque
from collections.abc import Callable

import jax

from skeljax.train import cluster, parallel


class StepRunner:
    """Takes steps, as many in a call as there are batches.

    Each number of steps is a program of its own. An argument that is not on the devices, or has
    another sharding than the program expects, is an error (`jax.transfer_guard`): it would be
    copied in every call, and the host would wait for the copy.

    Args:
        step: per-device `(state, batch, rng) -> (state, metrics)`.
        seed: of the run's key.
        corpus: arrays on every device; the step then takes `(rng, corpus)` in the place of `rng`.
        title: of the steps in a profile.
        devices: of this process; all by default.
        form: how the step is mapped over devices, one of `parallel.FORMS`.
    """

    def __init__(
        self, step: Callable, seed: int, corpus: dict | None = None, *, title: str = 'train',
        devices: parallel.Devices = None, form: str = 'pmap',
    ):
        self._step, self._title = _with_key_data(step), title
        key_data = parallel.replicate(jax.random.key_data(jax.random.key(seed)), devices)
        self._constants = (key_data,) if corpus is None else (key_data, corpus)
        self._devices, self._form = devices, form
        self._programs: dict[int, Callable] = {}
        self._running: deque = deque()
        # Accelerators get the next call while one runs. On a CPU, calls would compete for cores.
        on_cpu = (devices or jax.local_devices())[0].platform == 'cpu'
        self._max_running = 1 if on_cpu else 2

    def __call__(self, number: int, state, batches: list[dict]):
        """Takes steps `number`, `number + 1`, ..., one for each host batch.

        Returns:
            The next state and metrics, of several steps as arrays [K]; both may still be computed.
        """
        if len(batches) == 1:
            batch = parallel.shard(batches[0], self._devices)
        else:
            batch = parallel.shard_batches(batches, self._devices)
        while len(self._running) >= self._max_running:
            jax.block_until_ready(self._running.popleft())
        program = self._programs.get(len(batches)) or self._compile(len(batches), state, batch)
        annotation = jax.profiler.StepTraceAnnotation(self._title, step_num=number)
        with annotation, jax.transfer_guard('disallow'):
            state, metrics = program(state, batch, self._constants)
        self._running.append(metrics)
        return state, metrics

    def _compile(self, count: int, state, batch) -> Callable:
        step = self._step if count == 1 else parallel.multi_step(self._step)
        program = parallel.data_parallel(step, self._devices, self._form)
        cluster.compile_first(program, state, batch, self._constants)
        self._programs[count] = program
        return program


def _with_key_data(step: Callable) -> Callable:
    """Makes a step take key data: with several processes, pmap would fetch a typed key per call."""

    def step_with_key_data(state, batch, given):
        words, *corpus = given
        rng = jax.random.wrap_key_data(words)
        return step(state, batch, (rng, *corpus) if corpus else rng)

    return step_with_key_data
