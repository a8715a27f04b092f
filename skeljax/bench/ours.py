"""Makes the sides of skeljax: compiled programs that run on arrays which stay where they are."""

import time

import jax
from ml_collections import ConfigDict
import numpy as np

from skeljax.bench import inputs, memory, peaks
from skeljax.train import assemble, compilations, parallel, score, views


class Step:
    """Runs a training step over and over on one batch; the state goes on.

    Args:
        step, state: as `assemble.pretraining` makes them.
        batch: host arrays (B, ...).
        seed: of the run.
        form: how the step is mapped over devices, one of `parallel.FORMS`.
    """

    def __init__(self, step, state, batch: dict, seed: int, form: str = 'pmap'):
        self._state, self._batch = parallel.replicate(state), parallel.shard(batch)
        self._rng = jax.device_put(jax.random.key(seed))
        self._metrics, self._later = None, 0
        mapped = parallel.data_parallel(step, form=form)
        self._program, self._compiled = _compile(mapped, self._state, self._batch, self._rng)

    def time(self) -> float:
        with compilations.counted() as compiled:
            start = time.perf_counter()
            self._state, self._metrics = jax.block_until_ready(
                self._program(self._state, self._batch, self._rng)
            )
            seconds = time.perf_counter() - start
        self._later += len(compiled)
        return seconds

    def figures(self) -> dict:
        """Tells compilation, the compiler's counts for one device, memory, the last loss."""
        figures = {**self._compiled, **_platform(), 'compilations_after_the_first_step': self._later}
        if self._metrics is not None:
            figures['loss'] = float(self._metrics['loss'])
        return figures

    peaks = staticmethod(peaks.measure)


class Forward:
    """Scores clips over and over, from arrays of the host to arrays of the host.

    A recording alone is padded as it is when it is evaluated.

    Args:
        model, variables: the network.
        joints: float32[B, T, M, V, 3].
    """

    def __init__(self, model, variables: dict, joints: np.ndarray):
        self._frames = joints.shape[1]
        length = score.bucket(self._frames) if len(joints) == 1 else self._frames
        self._joints = np.zeros((len(joints), length, *joints.shape[2:]), np.float32)
        self._joints[:, : self._frames] = joints
        self._mask = np.zeros(self._joints.shape[:3], bool)
        self._mask[:, : self._frames] = True
        self._variables = jax.device_put(variables)
        given = model, self._variables, self._joints, self._mask
        self._program, self._compiled = _compile(score.clip_probabilities, *given)

    def time(self) -> float:
        start = time.perf_counter()
        np.asarray(self._program(self._variables, self._joints, self._mask)[:, : self._frames])
        return time.perf_counter() - start

    def figures(self) -> dict:
        """Tells compilation, the compiler's counts, memory."""
        return {**self._compiled, **_platform()}

    peaks = staticmethod(peaks.measure)


class Views:
    """Makes the views of one batch over and over.

    Args:
        config: the row.
    """

    def __init__(self, config: ConfigDict):
        method = assemble.host(config, config.data.layout)
        settings = assemble.pretrain_settings(config, method, config.data.layout)
        run = jax.jit(lambda rng, batch: views.make(rng, batch, method.views, settings))
        self._given = jax.device_put((jax.random.key(config.seed), inputs.batch(config, 'pretrain')))
        self._program, self._compiled = _compile(run, *self._given)

    def time(self) -> float:
        start = time.perf_counter()
        jax.block_until_ready(self._program(*self._given))
        return time.perf_counter() - start

    def figures(self) -> dict:
        """Tells compilation, the compiler's counts, memory."""
        return {**self._compiled, **_platform()}

    peaks = staticmethod(peaks.measure)


def make(config: dict, *, what: str, stage: str) -> Step | Forward | Views:
    """Makes the side of a row of `configs/bench.py`, on made-up inputs.

    Args:
        config: the row, as a dict.
        what: 'step', 'infer' or 'augment'.
        stage: 'pretrain' or 'finetune', of a step.

    Raises:
        InputError: a config that does not fit.
    """
    config = ConfigDict(config)
    assemble.check(config)
    layout, told = config.data.layout, config.bench
    if what == 'augment':
        return Views(config)
    if what == 'step' and stage == 'pretrain':
        step, state = assemble.pretraining(config, layout, told.persons)
    elif what == 'step':
        step, state, _ = assemble.finetuning(config, layout, told.persons, told.classes)
    else:
        _, state, model = assemble.finetuning(config, layout, told.persons, told.classes)
        return Forward(model, score.variables(state), inputs.clips(config))
    return Step(step, state, inputs.batch(config, stage), config.seed, config.parallel)


def _compile(function, *arguments):
    """Compiles for the arguments; returns the program and what there is to tell of it."""
    with compilations.counted() as seconds:
        program = function.lower(*arguments).compile()
    counts, held = program.cost_analysis() or {}, program.memory_analysis()
    return program, {
        'compile_seconds': sum(seconds),
        'flops': counts.get('flops'),
        'bytes': counts.get('bytes accessed'),
        'temporary_mib': held.temp_size_in_bytes / 2**20 if held else None,
    }


def _platform() -> dict:
    on = jax.local_devices()[0].memory_stats() or {}
    held = on.get('peak_bytes_in_use')
    return {
        'platform': jax.default_backend(),
        'devices': jax.local_device_count(),
        'version': jax.__version__,
        'peak_memory_mib': held / 2**20 if held else memory.peak_mib(),
    }
