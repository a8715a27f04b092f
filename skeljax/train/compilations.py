"""Counts compilations of XLA: a step of one shape must compile once."""

from collections.abc import Iterator
import contextlib

import jax

_EVENT = '/jax/core/compile/backend_compile_duration'
_open: list[list[float]] = []


@contextlib.contextmanager
def counted() -> Iterator[list[float]]:
    """Collects the durations, in seconds, of all compilations inside the block."""
    seconds: list[float] = []
    _open.append(seconds)
    try:
        yield seconds
    finally:
        _open.remove(seconds)


def _listen(event: str, duration: float, **_):
    if event == _EVENT:
        for seconds in _open:
            seconds.append(duration)


jax.monitoring.register_event_duration_secs_listener(_listen)
