"""Makes the sides of skeljax: compiled programs that run on arrays which stay where they are."""

import functools
import os
import time

import jax
from ml_collections import ConfigDict
import numpy as np

from skeljax.bench import inputs, memory, peaks, rounds
from skeljax.data import batches
from skeljax.inference import scoring
from skeljax.models import layers
from skeljax.train import build, compilations, device_dataset as residents, parallel, step_runner, views

# Of a run that is fed: more than are made ahead of need.
STEPS = 8


class Step:
    """Runs a training step over and over on one batch; the state goes on.

    Args:
        step, state: as `assemble.pretraining` makes them.
        batch: host arrays (B, ...).
        seed: of the run.
        form: how the step is mapped over devices, one of `parallel.FORMS`.
        begun: when the making of step and state began, of `time.perf_counter`; now where not told.
        steps: of a run.
    """

    def __init__(
        self, step, state, batch: dict, seed: int, form: str = 'pmap',
        begun: float | None = None, steps: int = 1,
    ):
        begun = time.perf_counter() if begun is None else begun
        self._steps = steps
        self._state, self._batch = parallel.replicate(state), parallel.shard(batch)
        self._rng = jax.device_put(jax.random.key(seed))
        self._metrics, self._later, self._first = None, 0, None
        mapped = parallel.data_parallel(step, form=form)
        self._program, self._compiled = _compile(mapped, self._state, self._batch, self._rng)
        self._made = time.perf_counter() - begun  # other sides may be made before the first step

    def time(self) -> float:
        with compilations.counted() as compiled:
            start = time.perf_counter()
            for _ in range(self._steps):
                given = self._state, self._batch, self._rng
                self._state, self._metrics = self._program(*given)
            jax.block_until_ready(self._state)
            seconds = (time.perf_counter() - start) / self._steps
        self._later += len(compiled)
        self._first = self._first or self._made + seconds * self._steps
        return seconds

    def figures(self) -> dict:
        """Tells compilation, the compiler's counts for one device, memory, the last loss, and how
        long it took from the beginning to the end of the first step."""
        figures = {**self._compiled, **_platform(), 'compilations_after_the_first_step': self._later}
        figures['first_step_seconds'] = self._first
        if self._metrics is not None:
            figures['loss'] = float(self._metrics['loss'])
        return figures

    peaks = staticmethod(peaks.measure)


class Fed:
    """Takes training steps on batches as they come, several a run, as training does.

    Args:
        config: the row.
        stage: of training.
        resident: recordings lie on the devices, which cut the windows; else the host cuts them.
    """

    def __init__(self, config: ConfigDict, stage: str, *, resident: bool):
        chosen = config[stage]
        config.data.resident = resident
        step, state = _trained(config, stage)
        windows = batches.Batches(
            [inputs.Recordings(config, stage)], length=chosen.window, batch=chosen.batch,
            seed=config.seed, labelled=stage == 'finetune',
        )
        step, windows, held = residents.hold(step, windows, config)
        self._state, self._number = parallel.replicate(state), 0
        self._run = step_runner.Calls(step, config.seed, held, form=config.parallel)
        self._stream, self._metrics = windows.iterate(), None
        with compilations.counted() as compiled:
            self._steps(1)
        self._seconds, self._later = sum(compiled), 0

    def time(self) -> float:
        with compilations.counted() as compiled:
            start = time.perf_counter()
            self._steps(STEPS)
            seconds = (time.perf_counter() - start) / STEPS
        self._later += len(compiled)
        return seconds

    def _steps(self, count: int):
        for _ in range(count):
            self._number += 1
            given = self._number, self._state, [next(self._stream)]
            self._state, self._metrics = self._run(*given)
        jax.block_until_ready(self._state)

    def figures(self) -> dict:
        """Tells compilation, memory, the last loss."""
        return {
            **_platform(),
            'compile_seconds': self._seconds,
            'compilations_after_the_first_step': self._later,
            'loss': float(np.ravel(self._metrics['loss'])[-1]),
        }

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
        length = scoring.padded_length(self._frames) if len(joints) == 1 else self._frames
        self._joints = np.zeros((len(joints), length, *joints.shape[2:]), np.float32)
        self._joints[:, : self._frames] = joints
        self._mask = np.zeros(self._joints.shape[:3], bool)
        self._mask[:, : self._frames] = True
        self._variables = jax.device_put(variables)
        run = jax.jit(functools.partial(scoring.clip_probabilities, model))
        given = self._variables, self._joints, self._mask
        self._program, self._compiled = _compile(run, *given)
        once = self._compiled['bytes']  # the compiler counts what is in a loop once
        self._compiled['bytes'] = once and once * layers.pieces(self._joints, os.cpu_count() or 1)

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
        method = build.host(config, config.data.layout)
        settings = build.pretrain_settings(config, method, config.data.layout)
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


def make(config: dict, *, what: str, stage: str) -> Step | Fed | Forward | Views:
    """Makes the side of a row of `configs/bench.py`, on made-up inputs.

    Args:
        config: the row, as a dict.
        what: 'step', 'infer', 'augment', 'resident'; or to compare a step with, 'video' (that
            without the snippet term), a resident corpus with, 'cut' (windows cut by the host) or
            'constant' (steps on one batch, as many a run).
        stage: 'pretrain' or 'finetune', of a step.

    Raises:
        InputError: a config that does not fit.
    """
    row, begun = ConfigDict(config), time.perf_counter()
    if what == 'video':
        row.pretrain.snippet.weight = 0.0
    build.check(row)
    layout, told = row.data.layout, row.bench
    if what == 'augment':
        return Views(row)
    if what in ('resident', 'cut'):
        return Fed(row, stage, resident=what == 'resident')
    if what == 'infer':
        _, state, model = build.finetuning(row, layout, told.persons, told.classes)
        return Forward(model, scoring.variables(state), inputs.clips(row))
    step, state = _trained(row, stage)
    given = inputs.batch(row, stage), row.seed, row.parallel, begun
    return Step(step, state, *given, steps=STEPS if what == 'constant' else 1)


def _trained(config: ConfigDict, stage: str):
    """Makes the step of a stage and its first state."""
    layout, told = config.data.layout, config.bench
    if stage == 'pretrain':
        return build.pretraining(config, layout, told.persons)
    return build.finetuning(config, layout, told.persons, told.classes)[:2]


def _compile(function, *arguments):
    """Compiles for the arguments; returns the program and what there is to tell of it."""
    with compilations.counted() as seconds:
        program = function.lower(*arguments).compile()
    counts, held = program.cost_analysis() or {}, program.memory_analysis()
    once = counts.get('flops')
    return program, {
        'compile_seconds': sum(seconds),
        'flops': once and once + rounds.further(jax.make_jaxpr(function)(*arguments).jaxpr),
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
