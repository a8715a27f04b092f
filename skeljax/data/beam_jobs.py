"""Runs the jobs of a corpus builder in processes or on Beam, and collects their errors."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
import dataclasses
import functools
import itertools
import multiprocessing
import multiprocessing.connection
import os
from pathlib import Path
import threading
import traceback

from skeljax.data import records
from skeljax.data.records import Recording
from skeljax.errors import InputError


@dataclasses.dataclass
class Work:
    """Runs the jobs of a builder.

    Attributes:
        processes: number of processes that read files; 1 uses this one.
        beam: if set, jobs become an Apache Beam pipeline, whose workers write error messages
            to files in this folder; `gather` reads them.
        troubles: one line for each job that failed.
        skipped: what was left out on purpose -> the reason.
        notes: what readers estimated or left out, one line each.
    """

    processes: int = 1
    beam: Path | None = None
    troubles: list[str] = dataclasses.field(default_factory=list)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    _transforms: int = 0

    def examples(
        self, make: Callable[..., Iterable[Recording]], jobs: Iterable
    ):
        """Returns what a TFDS builder yields: (name, example) in the order of the jobs.

        On Beam it is the transform that produces them, in any order; of several recordings with
        one name it keeps one of them.

        A job that raises InputError, or in which a reader raises any exception, is added to
        `troubles` and skipped; so is a recording whose name occurred before.

        Args:
            make: `job -> recordings`; a function of a module, so that it can be pickled. It
                gets one job at a time.
            jobs: objects that can be pickled; consumed lazily.

        Raises:
            InputError: there is no recording at all; lists all errors so far.
        """
        return self._transform(make, jobs) if self.beam else self._iterate(make, jobs)

    def each(self, make: Callable[..., Iterable], jobs: Iterable) -> Iterator:
        """Yields the results of other jobs, run in processes of this machine, in their order."""
        for results, trouble in self._results(make, jobs):
            self.troubles += trouble.splitlines()
            yield from results

    def gather(self):
        """Reads the error messages that the Beam workers wrote, in alphabetical order."""
        for path in self.beam.glob('*') if self.beam else ():
            self.troubles += path.read_text('utf-8').splitlines()
        self.troubles.sort()

    def _iterate(self, make, jobs) -> Iterator[tuple[str, dict]]:
        names = set()
        for recordings, trouble in self._results(make, jobs):
            self.troubles += trouble.splitlines()
            for recording in recordings:
                if recording.name in names:
                    self.troubles.append(_second(recording.name))
                    continue
                names.add(recording.name)
                yield recording.name, records.example(recording)
        if not names:  # TFDS cannot make an empty split
            raise InputError.of_lines(['a split without a recording', *self.troubles])

    def _transform(self, make, jobs):
        import apache_beam as beam  # an extra

        self._transforms += 1
        notes = str(self.beam / f'{self._transforms}')

        def expand(pipeline):
            done = pipeline | beam.Create(jobs) | beam.Map(functools.partial(_attempt, make))
            named = done | 'examples' >> beam.FlatMap(_examples) | beam.GroupByKey()
            damaged = done | 'damaged' >> beam.FlatMap(lambda done: [done[1]] if done[1] else [])
            repeated = named | 'repeated' >> beam.FlatMap(lambda item: _repeated(*item))
            (damaged, repeated) | beam.Flatten() | beam.io.WriteToText(notes)
            first = lambda name, found: (name, next(iter(found)))
            return named | 'one a name' >> beam.MapTuple(first)

        return beam.ptransform_fn(expand)()

    def _results(self, make, jobs):
        if self.processes < 1:
            raise InputError(f'{self.processes} processes, expected at least one')
        if self.processes == 1:
            for job in jobs:
                yield _attempt(make, job)
            return
        # Spawned: a fork would copy the locks of threads that JAX and TFDS have started.
        context = multiprocessing.get_context('spawn')
        with ProcessPoolExecutor(
            self.processes, mp_context=context, initializer=_end_with_parent
        ) as pool:
            pending: deque = deque()
            for job in jobs:
                pending.append(pool.submit(_attempt, make, job))
                if len(pending) > 4 * self.processes:  # bounds memory
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()


def _end_with_parent():
    """Exits this process when its parent ends; otherwise it would wait for jobs forever."""
    parent = multiprocessing.parent_process()

    def watch():
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _attempt(make, job) -> tuple[list[Recording], str]:
    """Runs one job; returns its recordings and an error message, '' for none."""
    try:
        return list(make(job)), ''
    except InputError as error:
        return [], str(error)
    except Exception as error:
        if not _from_reader(error):
            raise
        line = ' '.join(f'{job!r:.200}: cannot be read: {type(error).__name__}: {error}'.split())
        return [], line[:400]


def _from_reader(error: Exception) -> bool:
    """Returns whether `skeljax.formats` raised an exception, as readers do for unusual damage."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(f.f_globals.get('__name__', '').startswith('skeljax.formats.') for f, _ in frames)


def _examples(result) -> list[tuple[str, dict]]:
    """Returns the recordings of a job as (name, example)."""
    return [(recording.name, records.example(recording)) for recording in result[0]]


def _repeated(name: str, found: Iterable) -> list[str]:
    return [_second(name) for _ in itertools.islice(found, 1, None)]


def _second(name: str) -> str:
    return f'{name}: a second recording of this name'
