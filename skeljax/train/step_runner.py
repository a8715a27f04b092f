"""Calls of the mapped step: one or several steps each, and nothing that waits for the device unasked."""

from collections import deque
from collections.abc import Callable

import jax

from skeljax.train import cluster, parallel


class Calls:
    """Takes steps, as many in a call as it is given batches.

    Each number of steps is a program of its own. What is not put on the devices beforehand, or
    lies elsewhere than the program wants it, is an error (`jax.transfer_guard`): such a copy
    would be made in every call, and the host would wait for it.

    Args:
        step: per-device `(state, batch, rng) -> (state, metrics)`.
        seed: of the run's key.
        corpus: on every device; the step takes `(rng, corpus)` for its key where there is one.
        title: of the steps in a profile.
        devices: of this process; all by default.
        form: how the step is mapped over devices, one of `parallel.FORMS`.
    """

    def __init__(
        self, step: Callable, seed: int, corpus: dict | None = None, *, title: str = 'train',
        devices: parallel.Devices = None, form: str = 'pmap',
    ):
        self._step, self._title = _of_words(step), title
        words = parallel.replicate(jax.random.key_data(jax.random.key(seed)), devices)
        self._given = (words,) if corpus is None else (words, corpus)
        self._devices, self._form = devices, form
        self._programs: dict[int, Callable] = {}
        self._running: deque = deque()
        # An accelerator finds its next call waiting. The cores of a CPU have enough to do with one.
        alone = (devices or jax.local_devices())[0].platform == 'cpu'
        self._most = 1 if alone else 2

    def __call__(self, number: int, state, batches: list[dict]):
        """Takes steps `number`, `number + 1`, ..., one for each host batch.

        Returns:
            The next state and metrics, of several steps as arrays [K]; neither is waited for.
        """
        if len(batches) == 1:
            batch = parallel.shard(batches[0], self._devices)
        else:
            batch = parallel.shard_several(batches, self._devices)
        while len(self._running) >= self._most:
            jax.block_until_ready(self._running.popleft())
        program = self._programs.get(len(batches)) or self._compile(len(batches), state, batch)
        annotation = jax.profiler.StepTraceAnnotation(self._title, step_num=number)
        with annotation, jax.transfer_guard('disallow'):
            state, metrics = program(state, batch, self._given)
        self._running.append(metrics)
        return state, metrics

    def _compile(self, count: int, state, batch) -> Callable:
        step = self._step if count == 1 else parallel.several(self._step)
        program = parallel.data_parallel(step, self._devices, self._form)
        cluster.compile_first(program, state, batch, self._given)
        self._programs[count] = program
        return program


def _of_words(step: Callable) -> Callable:
    """Lets a step take a key's words: with several processes, pmap fetches a key in every call."""

    def step_of_words(state, batch, given):
        words, *corpus = given
        rng = jax.random.wrap_key_data(words)
        return step(state, batch, (rng, *corpus) if corpus else rng)

    return step_of_words
