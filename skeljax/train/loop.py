"""The training loop: effects only; every number is made in a pure step."""

from collections.abc import Callable
import contextlib
from pathlib import Path
import signal
import threading
from typing import NamedTuple

import jax

from skeljax.train import checkpoint, cluster, parallel, watch
from skeljax.train.log import Log


class Plan(NamedTuple):
    """How long a run is and how often it reports and saves, in steps."""

    num_steps: int
    batch: int
    checkpoint_every: int
    log_every: int = 20
    validate_every: int = 0
    seed: int = 0


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
        title: shown before the progress bar.
        quiet: shows no bar.
        devices: of this process; all by default.
        form: how the step is mapped over devices, one of `parallel.FORMS`.

    Returns:
        The final state on the host.

    Raises:
        Stopped: by SIGINT or SIGTERM, given to any of the processes.
        InputError: loss or weights are no longer finite, nothing of which is saved, or the
            workdir cannot be written.
    """
    workdir = Path(workdir)
    rng = jax.device_put(jax.random.key(plan.seed))
    with contextlib.ExitStack() as stack:
        first, state = checkpoint.resume(workdir / 'checkpoints', state)
        mngr = stack.enter_context(checkpoint.manager(workdir / 'checkpoints'))
        best = None
        if validate:
            best = stack.enter_context(checkpoint.manager(workdir / 'best', keep=1))
        state = parallel.replicate(state, devices)
        run = parallel.data_parallel(step, devices, form)
        log = stack.enter_context(
            Log(workdir, start=first, num_steps=plan.num_steps, examples=plan.batch,
                title=title, quiet=quiet or not cluster.is_first(), write=cluster.is_first())
        )
        caught = stack.enter_context(_signals())
        stream = batches.iterate(first) if first < plan.num_steps else None
        metrics, watched = None, watch.Watch(batches, workdir)
        for number in range(first + 1, plan.num_steps + 1):
            batch = parallel.shard(next(stream), devices)
            jax.block_until_ready(metrics)  # one step ahead at most, whatever the host's speed
            if metrics is None:
                cluster.compile_first(run, state, batch, rng)
            with jax.profiler.StepTraceAnnotation(title, step_num=number):
                state, metrics = run(state, batch, rng)
            log.advance()
            watched.note(number, metrics['loss'])
            if due(number, plan.log_every, plan.num_steps):
                log.train(number, jax.device_get(metrics))
                watched.look()
            stop = cluster.stops(number, caught) and number < plan.num_steps
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
    record = -1.0 if kept is None else checkpoint.metrics(best, kept)['selection']
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
