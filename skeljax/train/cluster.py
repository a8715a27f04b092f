"""Several processes that train as one: how they meet, agree and stop.

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
from jax._src import distributed  # the key-value store has no public name; Orbax takes it here too
from jax.experimental import multihost_utils
import numpy as np

from skeljax.errors import InputError

NEVER_JOINED = DIED = 75  # exit status; of sysexits.h: a failure that another try may mend
_PATIENCE = 3600  # seconds for one to read its corpora; one that died is found by its heartbeat
_SHUTDOWN = 60  # seconds that processes may end apart
_OWN_FAULT = ('RESOURCE_EXHAUSTED', 'INVALID_ARGUMENT', 'UNIMPLEMENTED')  # of this process
_rounds = itertools.count()


class Died(InputError):
    """Another process died, or does not answer."""


class ToldByFirst(InputError):
    """An error that the first process tells; the others only stop."""


def join(coordinator: str = '', count: int = 0, index: int = -1, *, timeout: float = 300):
    """Makes this process one of several; before anything touches a device.

    Args:
        coordinator: HOST:PORT of the first process; empty where the cluster tells it
            (Cloud TPU, Slurm, Kubernetes, Open MPI).
        count: of processes; 0 where the cluster tells it.
        index: of this one; negative where the cluster tells it.
        timeout: seconds within which all must have joined. After that the process
            ends with one line and status `NEVER_JOINED`: JAX would abort.

    Raises:
        InputError: there is no cluster, or what was given does not describe one.
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
    """Says whether this process is the one that talks and writes."""
    return distributed.global_state.process_id == 0


def _count() -> int:
    """Returns the number of processes, without touching a device."""
    return distributed.global_state.num_processes or 1


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Runs a block on every process: an InputError in one is raised in all.

    Every process must come to the same blocks in the same order.

    Raises:
        InputError: of this process, or naming the one it came from.
        ToldByFirst: the same, on any but the first.
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
    """Sees that every process holds the facts that the first one holds.

    Args:
        facts: name -> what can be written as JSON.

    Raises:
        InputError: naming the process and the first fact that differs; on every process.
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
    """Returns what every process said, in their order; touches no device."""
    if _count() == 1:
        return [text]
    client, place = distributed.global_state.client, f'skeljax/{next(_rounds)}'
    with deaths():
        client.key_value_set(f'{place}/{distributed.global_state.process_id}', text)
        client.wait_at_barrier(place, _PATIENCE * 1000)
        said = {name.rpartition('/')[2]: value for name, value in client.key_value_dir_get(place)}
        return [said[str(index)] for index in range(_count())]


@contextlib.contextmanager
def deaths() -> Iterator[None]:
    """Runs a block that needs the other processes.

    Raises:
        Died: what failed among several processes.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if _count() == 1 or str(error).startswith(_OWN_FAULT):
            raise
        first = str(error).splitlines()[0][:200]
        raise Died(f'another process died or does not answer ({first})') from None


def gather(value) -> list:
    """Returns the `value` of every process, in their order; any that can be pickled."""
    if _count() == 1:
        return [value]
    data = np.frombuffer(pickle.dumps(value), np.uint8)
    lengths = multihost_utils.process_allgather(np.array(len(data), np.int32))
    padded = np.pad(data, (0, int(lengths.max()) - len(data)))
    rows = multihost_utils.process_allgather(padded)
    return [pickle.loads(row[:n].tobytes()) for row, n in zip(rows, lengths, strict=True)]


def compile_first(step, *arguments):
    """Compiles a mapped step on every process before any of them runs it.

    Compilation may take one much longer than another; collectives wait for each
    other 30 seconds on CPU. The step is not compiled again when it is called.
    """
    if _count() > 1:
        step.lower(*arguments).compile()
        with together():
            pass


def stops(call: int, caught: list[int]) -> bool:
    """Says whether to stop after this call of the step: on every process the same.

    Args:
        call: number of the call, without a gap; ask after every one.
        caught: signals that this process alone was given.
    """
    if _count() == 1:
        return bool(caught)
    return multihost_utils.reached_preemption_sync_point(call)
