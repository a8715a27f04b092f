"""Several processes that train as one: joining, comparing settings, passing errors on, stopping.

With one process every function here does nothing and costs nothing.
"""

from collections.abc import Iterator
import contextlib
import itertools
import json
import os
import pickle
import socket
import sys
import threading

import jax
from jax.experimental import multihost_utils
import numpy as np

from skeljax.errors import InputError
from skeljax.train import coordination

NEVER_JOINED = DIED = 75  # exit status; of sysexits.h: a failure that another try may mend
_PATIENCE = 3600  # seconds for one to open its corpora; a missing heartbeat ends the wait sooner
_SHUTDOWN = 60  # seconds between the ends of the first and the last process
_OWN_FAULT = ('RESOURCE_EXHAUSTED', 'INVALID_ARGUMENT', 'UNIMPLEMENTED')  # of this process
_rounds = itertools.count()


class Died(InputError):
    """Another process died, or does not answer."""


class ToldByFirst(InputError):
    """An error that the first process prints; the others only stop."""


def join(coordinator: str = '', count: int = 0, index: int = -1, *, timeout: float = 300):
    """Makes this process one of several. Call it before anything uses a device.

    Args:
        coordinator: HOST:PORT of the first process; empty if the cluster provides it
            (Cloud TPU, Slurm, Kubernetes, Open MPI).
        count: number of processes; 0 if the cluster provides it.
        index: of this process; negative if the cluster provides it.
        timeout: seconds within which all must have joined. After that the process
            ends with one line and status `NEVER_JOINED`; JAX would abort.

    Raises:
        InputError: there is no cluster, or the arguments do not describe one.
    """
    given = _check(coordinator, count, index)
    timer = threading.Timer(timeout, _never_joined, (coordinator, timeout))
    timer.daemon = True
    timer.start()
    try:
        jax.distributed.initialize(
            **given,
            initialization_timeout=int(timeout) + 60,
            shutdown_timeout_seconds=_SHUTDOWN,
        )
    except (OSError, RuntimeError, ValueError) as error:
        if 'coordinator_address' in str(error):
            raise InputError(
                '--distributed: no cluster found (Cloud TPU, Slurm, Kubernetes or Open MPI); leave '
                'it out, or give --coordinator, --num-processes and --process'
            ) from None
        raise InputError(f'--distributed: {str(error).splitlines()[0]}') from None
    finally:
        timer.cancel()


def _check(coordinator: str, count: int, index: int) -> dict:
    """Checks the arguments of `join`; returns those of JAX."""
    if not coordinator and not count and index < 0:
        return {}
    host, _, port = coordinator.rpartition(':')
    if not host or not port.isdigit():
        raise InputError(f'--coordinator is {coordinator!r}, expected HOST:PORT')
    if not 0 <= index < count:
        raise InputError(
            f'--process is {index} of --num-processes {count}, expected 0 to {max(count - 1, 0)}'
        )
    return dict(coordinator_address=coordinator, num_processes=count, process_id=index)


def _never_joined(coordinator: str, timeout: float):
    where = f' at {coordinator}' if coordinator else ''
    print(
        f'skeljax: not all processes joined{where} within {timeout:g} s; start the same command on '
        f'every one of them, or give more --join-timeout',
        file=sys.stderr,
        flush=True,
    )
    os._exit(NEVER_JOINED)  # JAX waits in C++, where no exception reaches it


def is_first() -> bool:
    """Returns whether this process is the one that prints and writes."""
    return coordination.process_id() == 0


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Runs a block on every process; an InputError in one is raised in all.

    Every process must run the same blocks in the same order.

    Raises:
        InputError: that of this process, or of another one, whose index is in the message.
        ToldByFirst: the same error, on every process but the first.
    """
    mine = None
    try:
        yield
    except InputError as error:
        mine = error
    said = _exchange('' if mine is None else str(mine))
    if not is_first() and any(said):
        raise ToldByFirst(next(text for text in said if text)) from mine
    if mine is not None:
        raise mine
    for index, text in enumerate(said):
        if text:
            raise InputError(f'process {index}: {text}')


def agree(facts: dict[str, object]):
    """Checks that every process has the same facts as the first one.

    Args:
        facts: name -> value that can be written as JSON.

    Raises:
        InputError: on every process; names the process and the first fact that differs.
    """
    text = json.dumps(facts, sort_keys=True)
    first = json.loads(_exchange(text if is_first() else '')[0])
    mine = json.loads(text)
    with together():
        for name in sorted(first.keys() | mine.keys()):
            if first.get(name) != mine.get(name):
                raise InputError(
                    f'on {socket.gethostname()} {name} is {mine.get(name)}, but {first.get(name)} '
                    f'for process 0; all must be started alike'
                )


def _exchange(text: str) -> list[str]:
    """Returns the text of every process, in their order; touches no device."""
    if coordination.process_count() == 1:
        return [text]
    with deaths():
        return coordination.exchange(text, f'skeljax/{next(_rounds)}', timeout=_PATIENCE)


@contextlib.contextmanager
def deaths() -> Iterator[None]:
    """Runs a block that needs the other processes.

    Raises:
        Died: another process died or does not answer; replaces JAX's error.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if coordination.process_count() == 1 or str(error).startswith(_OWN_FAULT):
            raise
        first = str(error).splitlines()[0][:200]
        raise Died(f'another process died or does not answer ({first})') from None


def gather(value) -> list:
    """Returns the `value` of every process, in their order. It must be picklable."""
    if coordination.process_count() == 1:
        return [value]
    data = np.frombuffer(pickle.dumps(value), np.uint8)
    lengths = multihost_utils.process_allgather(np.array(len(data), np.int32))
    padded = np.pad(data, (0, int(lengths.max()) - len(data)))
    rows = multihost_utils.process_allgather(padded)
    return [pickle.loads(row[:n].tobytes()) for row, n in zip(rows, lengths, strict=True)]


def compile_first(step, *arguments):
    """Compiles a mapped step on every process before any of them runs it.

    Compilation can take much longer on one process than on another, and collectives time out
    after 30 seconds on CPU. The step is not compiled again when it is called.
    """
    if coordination.process_count() > 1:
        step.lower(*arguments).compile()
        with together():
            pass


def stops(call: int, caught: list[int]) -> bool:
    """Returns whether to stop after this call of the step: the same on every process.

    Args:
        call: number of the call. The function must be called after every call of the step.
        caught: signals that this process has received.
    """
    if coordination.process_count() == 1:
        return bool(caught)
    return multihost_utils.reached_preemption_sync_point(call)
