"""The training loop: checkpoints, logs, validation, signals; the computation is in a pure step."""

from collections.abc import Callable
import contextlib
import itertools
from pathlib import Path
import signal
import threading
import time
from typing import NamedTuple

import jax
import numpy as np

from skeljax.train import checkpoint, cluster, parallel, train_state
from skeljax.train.finite_check import FiniteCheck
from skeljax.train.log import Log
from skeljax.train.step_runner import StepRunner


class LoopConfig(NamedTuple):
    """Length and intervals of a run, in steps."""

    num_steps: int
    batch: int  # examples of a step, on all devices
    checkpoint_every: int
    log_every: int = 20
    validate_every: int = 0  # 0: never
    seed: int = 0
    steps_per_call: int = 1  # steps per dispatch, where nothing is due in between

    def steps_after(self, number: int) -> int:
        """Returns the number of steps of the call after step `number`: `steps_per_call` or 1."""
        between = range(number + 1, number + self.steps_per_call)
        intervals = self.log_every, self.validate_every, self.checkpoint_every
        broken = any(is_due(n, every, self.num_steps) for n in between for every in intervals)
        return 1 if broken else self.steps_per_call


class Preempted(Exception):
    """A signal stopped the run; a checkpoint of its last step is saved."""

    def __init__(self, number: int, step: int):
        super().__init__(f'stopped by {signal.Signals(number).name} after step {step}, saved')
        self.number = number


def train(
    step: Callable,
    state,
    batches,
    config: LoopConfig,
    workdir,
    *,
    validate: Callable[[dict], dict] | None = None,
    title: str = 'train',
    quiet: bool = False,
    devices: parallel.Devices = None,
    form: str = 'pmap',
    corpus: dict | None = None,
    wandb: str = '',
):
    """Trains from the last checkpoint of `workdir`, or from `state`.

    Args:
        step: per-device `(state, batch, rng) -> (state, metrics)`.
        state: the first one, of `train_state`, or a dict of items: name -> pytree.
        batches: with `iterate(start)`, host batches from that number on, and `places(number)`, see
            `FiniteCheck`.
        config: length and intervals.
        workdir: folder of `checkpoints/`, `best/` and `metrics.jsonl`. A damaged checkpoint is
            reported, and the one before it restored.
        validate: items of the state -> figures; the state with the highest `selection` among them
            is kept in `best/`.
        title: shown before the progress bar. The bar also shows the duration of the first step,
            with restoring and compilation.
        quiet: shows no bar.
        devices: of this process; all by default.
        form: how the step is mapped over devices, one of `parallel.FORMS`.
        corpus: arrays on every device; the step then takes `(rng, corpus)` in the place of `rng`,
            see `device_dataset.hold`.
        wandb: project of Weights & Biases, '' for none, see `wandb_log.start`.

    Returns:
        The final state on the host.

    Raises:
        Preempted: by SIGINT or SIGTERM, sent to any of the processes.
        InputError: loss or weights are not finite, and are not saved; or the workdir cannot be
            written.
    """
    workdir, begun = Path(workdir), time.perf_counter()
    with contextlib.ExitStack() as stack:
        first, items = checkpoint.resume(workdir / 'checkpoints', train_state.to_items(state))
        state = train_state.from_items(items, state)
        mngr = stack.enter_context(checkpoint.manager(workdir / 'checkpoints'))
        best = None
        if validate:
            best = stack.enter_context(checkpoint.manager(workdir / 'best', keep=1))
        state = parallel.replicate(state, devices)
        run = StepRunner(step, config.seed, corpus, title=title, devices=devices, form=form)
        log = stack.enter_context(
            Log(workdir, start=first, num_steps=config.num_steps, examples=config.batch,
                title=title, quiet=quiet or not cluster.is_first(), write=cluster.is_first(),
                wandb=wandb)
        )
        caught = stack.enter_context(_signals())
        stream = batches.iterate(first) if first < config.num_steps else None
        number, call, finite = first, 0, FiniteCheck(batches, workdir)
        while number < config.num_steps:
            taken = list(itertools.islice(stream, config.steps_after(number)))
            state, metrics = run(number + 1, state, taken)
            number, call = number + len(taken), call + 1
            if call == 1:
                jax.block_until_ready(metrics)
                log.show(first=f'{time.perf_counter() - begun:.1f} s')
            log.advance(len(taken))
            finite.add(number, metrics['loss'])
            if is_due(number, config.log_every, config.num_steps):
                log.train(number, {k: np.ravel(v)[-1] for k, v in jax.device_get(metrics).items()})
                finite.check()
            stop = cluster.stops(call, caught) and number < config.num_steps
            measures = validate and is_due(number, config.validate_every, config.num_steps)
            saves = stop or is_due(number, config.checkpoint_every, config.num_steps)
            if measures or saves:
                kept = train_state.to_items(jax.device_get(state))
                finite.check(kept)
            if measures:
                _validate(number, validate, kept, best, log)
            if saves:
                log.sync()
                checkpoint.save(mngr, number, kept)
            if stop:
                raise Preempted(caught[0] if caught else signal.SIGTERM, number)
        return jax.device_get(state)


def is_due(step: int, every: int, last: int) -> bool:
    """Returns whether an action of every `every` steps (0: none), and of the last step, is due."""
    return step == last or (every > 0 and step % every == 0)


def _validate(step, validate, state, best, log):
    """Validates the state and saves it if it is the best so far."""
    figures = validate(state)
    log.write(step, {f'validation/{name}': float(v) for name, v in figures.items()})
    last = best.latest_step()
    record = -1.0 if last is None else checkpoint.metrics(best, last).get('selection', -1.0)
    # This step may be saved already: the run was stopped between this and its checkpoint.
    if figures['selection'] > record and (last is None or step > last):
        checkpoint.save(best, step, state, {k: float(v) for k, v in figures.items()})
        record = figures['selection']
    log.show(best=f'{record:.3f}')


@contextlib.contextmanager
def _signals():
    """Records SIGINT and SIGTERM; a second signal ends the process as usual.

    With several processes JAX handles SIGTERM, and the processes agree on the step to stop after.
    """
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {}

    def record(number, _):
        caught.append(number)
        signal.signal(number, before[number])
        if jax.process_count() > 1:
            signal.raise_signal(signal.SIGTERM)

    alone = jax.process_count() == 1
    for number in (signal.SIGINT, signal.SIGTERM) if alone else (signal.SIGINT,):
        before[number] = signal.signal(number, record)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
