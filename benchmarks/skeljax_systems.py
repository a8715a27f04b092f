"""Builds the systems of skeljax: compiled programs on arrays that stay where they are."""

import functools
import os
import time

import jax
from ml_collections import ConfigDict
import numpy as np

from benchmarks import loop_flops, machine_peaks, memory, random_inputs
from skeljax.data import batches
from skeljax.inference import scoring
from skeljax.models.cpu import chunks
from skeljax.train import build, compilations, device_dataset, parallel, step_runner, views

# Steps of a run that is fed: more than are prepared in advance.
STEPS = 8


class Step:
    """Runs a training step repeatedly on one batch; the state is updated.

    Args:
        step, state: result of `build.pretraining`.
        batch: host arrays (B, ...).
        seed: of the run.
        form: how the step is mapped over devices, one of `parallel.FORMS`.
        begun: `time.perf_counter()` when the building of step and state began; None for now.
        steps: number of steps in a run.
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
        # Other systems may be built before the first step.
        self._build_seconds = time.perf_counter() - begun

    def time(self) -> float:
        """Runs the steps; returns seconds per step."""
        with compilations.counted() as compiled:
            start = time.perf_counter()
            for _ in range(self._steps):
                arguments = self._state, self._batch, self._rng
                self._state, self._metrics = self._program(*arguments)
            jax.block_until_ready(self._state)
            seconds = (time.perf_counter() - start) / self._steps
        self._later += len(compiled)
        self._first = self._first or self._build_seconds + seconds * self._steps
        return seconds

    def figures(self) -> dict:
        """Returns compilation, the compiler's counts for one device, memory, the last loss and
        first_step_seconds, from the start of building to the end of the first step."""
        figures = {
            **self._compiled, **_platform(), 'compilations_after_the_first_step': self._later,
            'first_step_seconds': self._first,
        }
        if self._metrics is not None:
            figures['loss'] = float(self._metrics['loss'])
        return figures

    peaks = staticmethod(machine_peaks.measure)


class FedSteps:
    """Runs training steps on successive batches, several per run, as training does.

    Args:
        config: the row.
        stage: 'pretrain' or 'finetune'.
        resident: the recordings are stored on the devices, which cut the windows; else the host
            cuts them.
    """

    def __init__(self, config: ConfigDict, stage: str, *, resident: bool):
        cfg = config[stage]
        config.data.device_dataset = resident
        step, state = _build(config, stage)
        windows = batches.Batches(
            [random_inputs.Recordings(config, stage)], length=cfg.window, batch=cfg.batch_size,
            seed=config.seed, labeled=stage == 'finetune',
        )
        step, windows, held = device_dataset.hold(step, windows, config)
        self._state, self._number = parallel.replicate(state), 0
        self._run = step_runner.StepRunner(step, config.seed, held, form=config.parallel)
        self._stream, self._metrics = windows.iterate(), None
        with compilations.counted() as compiled:
            self._steps(1)
        self._compile_seconds, self._later = sum(compiled), 0

    def time(self) -> float:
        """Runs `STEPS` steps; returns seconds per step."""
        with compilations.counted() as compiled:
            start = time.perf_counter()
            self._steps(STEPS)
            seconds = (time.perf_counter() - start) / STEPS
        self._later += len(compiled)
        return seconds

    def _steps(self, count: int):
        for _ in range(count):
            self._number += 1
            arguments = self._number, self._state, [next(self._stream)]
            self._state, self._metrics = self._run(*arguments)
        jax.block_until_ready(self._state)

    def figures(self) -> dict:
        """Returns compilation, memory and the last loss."""
        return {
            **_platform(),
            'compile_seconds': self._compile_seconds,
            'compilations_after_the_first_step': self._later,
            'loss': float(np.ravel(self._metrics['loss'])[-1]),
        }

    peaks = staticmethod(machine_peaks.measure)


class Inference:
    """Scores clips repeatedly, from host arrays to host arrays.

    A single recording is padded as in evaluation.

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
        arguments = self._variables, self._joints, self._mask
        self._program, self._compiled = _compile(run, *arguments)
        once = self._compiled['bytes']  # the compiler counts a loop body once
        count = chunks.num_chunks(
            self._joints, os.cpu_count() or 1, implementation=model.backbone.implementation
        )
        self._compiled['bytes'] = once and once * count

    def time(self) -> float:
        """Scores the clips; returns seconds."""
        start = time.perf_counter()
        np.asarray(self._program(self._variables, self._joints, self._mask)[:, : self._frames])
        return time.perf_counter() - start

    def figures(self) -> dict:
        """Returns compilation, the compiler's counts and memory."""
        return {**self._compiled, **_platform()}

    peaks = staticmethod(machine_peaks.measure)


class Views:
    """Computes the views of one batch repeatedly.

    Args:
        config: the row.
    """

    def __init__(self, config: ConfigDict):
        method = build.method(config, config.data.layout)
        settings = build.pretrain_settings(config, method, config.data.layout)
        run = jax.jit(lambda rng, batch: views.draw(rng, batch, method.views, settings))
        batch = random_inputs.batch(config, 'pretrain')
        self._arguments = jax.device_put((jax.random.key(config.seed), batch))
        self._program, self._compiled = _compile(run, *self._arguments)

    def time(self) -> float:
        """Computes the views; returns seconds."""
        start = time.perf_counter()
        jax.block_until_ready(self._program(*self._arguments))
        return time.perf_counter() - start

    def figures(self) -> dict:
        """Returns compilation, the compiler's counts and memory."""
        return {**self._compiled, **_platform()}

    peaks = staticmethod(machine_peaks.measure)


def make(config: dict, *, what: str, stage: str) -> Step | FedSteps | Inference | Views:
    """Builds the system of a row of `configs/bench.py`, on random inputs.

    Args:
        config: the row, as a dict.
        what: 'step', 'infer', 'augment' or 'resident'; or what these are compared with: 'video'
            (a step without the snippet term), 'cut' (steps on windows cut by the host),
            'constant' (`STEPS` steps per run on one batch).
        stage: 'pretrain' or 'finetune', of a step.

    Raises:
        InputError: an invalid config.
    """
    row, begun = ConfigDict(config), time.perf_counter()
    if what == 'video':
        row.pretrain.snippet.weight = 0.0
    build.check(row)
    if what == 'augment':
        return Views(row)
    if what in ('resident', 'cut'):
        return FedSteps(row, stage, resident=what == 'resident')
    if what == 'infer':
        bench = row.bench
        _, state, model = build.finetuning(row, row.data.layout, bench.persons, bench.classes)
        return Inference(model, scoring.variables(state), random_inputs.clips(row))
    step, state = _build(row, stage)
    arguments = random_inputs.batch(row, stage), row.seed, row.parallel, begun
    return Step(step, state, *arguments, steps=STEPS if what == 'constant' else 1)


def _build(config: ConfigDict, stage: str):
    """Builds the step of a stage and its initial state."""
    layout, row = config.data.layout, config.bench
    if stage == 'pretrain':
        return build.pretraining(config, layout, row.persons)
    return build.finetuning(config, layout, row.persons, row.classes)[:2]


def _compile(function, *arguments):
    """Compiles a jitted function for the arguments; returns the program and its figures."""
    with compilations.counted() as seconds:
        program = function.lower(*arguments).compile()
    counts, held = program.cost_analysis() or {}, program.memory_analysis()
    once = counts.get('flops')
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    return program, {
        'compile_seconds': sum(seconds),
        'flops': once and once + loop_flops.extra_loop_flops(jaxpr),
        'bytes': counts.get('bytes accessed'),
        'temporary_mib': held.temp_size_in_bytes / 2**20 if held else None,
    }


def _platform() -> dict:
    stats = jax.local_devices()[0].memory_stats() or {}
    peak = stats.get('peak_bytes_in_use')
    return {
        'platform': jax.default_backend(),
        'devices': jax.local_device_count(),
        'version': jax.__version__,
        'peak_memory_mib': peak / 2**20 if peak else memory.peak_mib(),
    }
