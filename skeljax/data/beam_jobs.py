"""What a corpus builder shares: jobs in parallel processes or on Beam, damage collected."""

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
    """How a builder works through its corpus, and what went wrong.

    Attributes:
        processes: that read files; 1 reads in this one.
        beam: where set, jobs become an Apache Beam pipeline, whose workers leave
            their troubles in files of this folder; `gather` reads them.
        troubles: one line for each job that could not be done.
        skipped: what was left out on purpose -> why.
        notes: what readers guessed or left out, a line each.
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
        """Makes what a TFDS builder yields: (name, example) in the order of the jobs.

        On Beam it is the transform that makes them, in no order; of recordings of
        one name it keeps any.

        A job that raises InputError, or in which a reader of files raises whatever it is, is
        noted in `troubles` and left out; so is a recording whose name another one had.

        Args:
            make: `job -> recordings`; a function of a module, so that another
                process can be sent it. It sees one job at a time.
            jobs: anything that can be pickled; read as they are needed.

        Raises:
            InputError: there is no recording at all; tells all troubles so far.
        """
        return self._transform(make, jobs) if self.beam else self._iterate(make, jobs)

    def each(self, make: Callable[..., Iterable], jobs: Iterable) -> Iterator:
        """Does jobs that make something else, in this machine's processes, in their order."""
        for results, trouble in self._results(make, jobs):
            self.troubles += trouble.splitlines()
            yield from results

    def gather(self):
        """Reads the troubles that Beam's workers have left, in alphabetical order."""
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
            return named | 'one a name' >> beam.MapTuple(lambda name, all_: (name, next(iter(all_))))

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
            waiting: deque = deque()
            for job in jobs:
                waiting.append(pool.submit(_attempt, make, job))
                if len(waiting) > 4 * self.processes:  # memory does not grow with the corpus
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def _end_with_parent():
    """Ends this process when the one that started it dies; else it would wait for jobs for ever."""
    parent = multiprocessing.parent_process()

    def watch():
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _attempt(make, job) -> tuple[list[Recording], str]:
    """Does one job; returns its recordings and what was wrong, if anything."""
    try:
        return list(make(job)), ''
    except InputError as error:
        return [], str(error)
    except Exception as error:
        if not _of_a_reader(error):
            raise
        told = ' '.join(f'{job!r:.200}: cannot be read: {type(error).__name__}: {error}'.split())
        return [], told[:400]


def _of_a_reader(error: Exception) -> bool:
    """Says whether an exception came out of `skeljax.formats`: damage that no reader expected."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(f.f_globals.get('__name__', '').startswith('skeljax.formats.') for f, _ in frames)


def _examples(result) -> list[tuple[str, dict]]:
    """Returns what a job made, as TFDS takes it."""
    return [(recording.name, records.example(recording)) for recording in result[0]]


def _repeated(name: str, found: Iterable) -> list[str]:
    return [_second(name) for _ in itertools.islice(found, 1, None)]


def _second(name: str) -> str:
    return f'{name}: a second recording of this name'
