"""The training loop: effects only; every number is made in a pure step."""

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

from skeljax.train import checkpoint, cluster, finite_check, parallel
from skeljax.train.log import Log
from skeljax.train.step_runner import Calls


class Plan(NamedTuple):
    """How long a run is and how often it reports and saves, in steps."""

    num_steps: int
    batch: int
    checkpoint_every: int
    log_every: int = 20
    validate_every: int = 0
    seed: int = 0
    steps_per_call: int = 1  # where nothing is due in between

    def steps_after(self, number: int) -> int:
        """Says how many steps the call after step `number` takes: all that it may, or one."""
        between = range(number + 1, number + self.steps_per_call)
        intervals = self.log_every, self.validate_every, self.checkpoint_every
        broken = any(due(n, every, self.num_steps) for n in between for every in intervals)
        return 1 if broken else self.steps_per_call


class Stopped(Exception):
    """A signal ended the run after a last checkpoint."""

    def __init__(self, number: int, step: int):
        super().__init__(f'stopped by {signal.Signals(number).name} after step {step}, saved')
        self.number = number


def train(
    step: Callable,
    state: dict,
    batches,
    plan: Plan,
    workdir,
    *,
    validate: Callable[[dict], dict] | None = None,
    title: str = 'train',
    quiet: bool = False,
    devices: parallel.Devices = None,
    form: str = 'pmap',
    corpus: dict | None = None,
    wandb: str = '',
) -> dict:
    """Trains from the last checkpoint of `workdir`, or from `state`.

    Args:
        step: per-device `(state, batch, rng) -> (state, metrics)`.
        state: first items, name -> pytree.
        batches: with `iterate(start)`, host batches from that number on, and `places(number)`,
            see `watch.Watch`.
        plan: lengths and intervals.
        workdir: holds `checkpoints/`, `best/`, `metrics.jsonl`. A damaged checkpoint is told and
            the one before it taken.
        validate: `state -> figures`; the state with the highest `selection`
            among them is kept in `best/`.
        title: shown before the progress bar; behind it stands how long the first step took,
            restoring and compiling included.
        quiet: shows no bar.
        devices: of this process; all by default.
        form: how the step is mapped over devices, one of `parallel.FORMS`.
        corpus: what lies on every device; the step then takes `(rng, corpus)` for its key, see
            `resident.hold`.
        wandb: project of Weights & Biases, '' for none, see `tracking.start`.

    Returns:
        The final state on the host.

    Raises:
        Stopped: by SIGINT or SIGTERM, given to any of the processes.
        InputError: loss or weights are no longer finite, nothing of which is saved, or the
            workdir cannot be written.
    """
    workdir, begun = Path(workdir), time.perf_counter()
    with contextlib.ExitStack() as stack:
        first, state = checkpoint.resume(workdir / 'checkpoints', state)
        mngr = stack.enter_context(checkpoint.manager(workdir / 'checkpoints'))
        best = None
        if validate:
            best = stack.enter_context(checkpoint.manager(workdir / 'best', keep=1))
        state = parallel.replicate(state, devices)
        run = Calls(step, plan.seed, corpus, title=title, devices=devices, form=form)
        log = stack.enter_context(
            Log(workdir, start=first, num_steps=plan.num_steps, examples=plan.batch,
                title=title, quiet=quiet or not cluster.is_first(), write=cluster.is_first(),
                wandb=wandb)
        )
        caught = stack.enter_context(_signals())
        stream = batches.iterate(first) if first < plan.num_steps else None
        number, call, watched = first, 0, finite_check.Watch(batches, workdir)
        while number < plan.num_steps:
            taken = list(itertools.islice(stream, plan.steps_after(number)))
            state, metrics = run(number + 1, state, taken)
            number, call = number + len(taken), call + 1
            if call == 1:
                jax.block_until_ready(metrics)
                log.show(first=f'{time.perf_counter() - begun:.1f} s')
            log.advance(len(taken))
            watched.note(number, metrics['loss'])
            if due(number, plan.log_every, plan.num_steps):
                log.train(number, {k: np.ravel(v)[-1] for k, v in jax.device_get(metrics).items()})
                watched.look()
            stop = cluster.stops(call, caught) and number < plan.num_steps
            measures = validate and due(number, plan.validate_every, plan.num_steps)
            saves = stop or due(number, plan.checkpoint_every, plan.num_steps)
            if measures or saves:
                held = jax.device_get(state)
                watched.look(held)
            if measures:
                _validate(number, validate, held, best, log)
            if saves:
                log.sync()
                checkpoint.save(mngr, number, held)
            if stop:
                raise Stopped(caught[0] if caught else signal.SIGTERM, number)
        return jax.device_get(state)


def due(step: int, every: int, last: int) -> bool:
    """Says whether something done every so many steps, and at the end, is due."""
    return step == last or (every > 0 and step % every == 0)


def _validate(step, validate, state, best, log):
    """Measures the state and keeps it where it is the best so far."""
    figures = validate(state)
    log.write(step, {f'validation/{name}': float(v) for name, v in figures.items()})
    kept = best.latest_step()
    record = -1.0 if kept is None else checkpoint.metrics(best, kept).get('selection', -1.0)
    # A step seen already: the run was stopped between this and its checkpoint.
    if figures['selection'] > record and (kept is None or step > kept):
        checkpoint.save(best, step, state, {k: float(v) for k, v in figures.items()})
        record = figures['selection']
    log.show(best=f'{record:.3f}')


@contextlib.contextmanager
def _signals():
    """Notes SIGINT and SIGTERM instead of dying; a second one dies as usual.

    Among several processes JAX notes SIGTERM, and they agree on the step to stop after.
    """
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {}

    def note(number, _):
        caught.append(number)
        signal.signal(number, before[number])
        if jax.process_count() > 1:
            signal.raise_signal(signal.SIGTERM)

    alone = jax.process_count() == 1
    for number in (signal.SIGINT, signal.SIGTERM) if alone else (signal.SIGINT,):
        before[number] = signal.signal(number, note)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
