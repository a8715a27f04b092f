"""What a corpus builder shares: jobs in parallel processes, damaged files collected."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
import dataclasses
import multiprocessing

from skeljax.data import records
from skeljax.data.records import Recording
from skeljax.errors import InputError


@dataclasses.dataclass
class Work:
    """How a builder works through its corpus, and what went wrong.

    Attributes:
        processes: that read files; 1 reads in this one.
        troubles: one line for each job that could not be done.
        skipped: what was left out on purpose -> why.
    """

    processes: int = 1
    troubles: list[str] = dataclasses.field(default_factory=list)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)

    def examples(
        self, make: Callable[..., Iterable[Recording]], jobs: Iterable
    ) -> Iterator[tuple[str, dict]]:
        """Yields what a TFDS builder yields, in the order of the jobs.

        A job that raises InputError is noted in `troubles` and left out; so is a
        recording whose name another one had.

        Args:
            make: `job -> recordings`; a function of a module, so that another
                process can be sent it. It sees one job at a time.
            jobs: anything that can be pickled; read as they are needed.
        """
        names = set()
        for recordings, trouble in self._results(make, jobs):
            if trouble:
                self.troubles.append(trouble)
            for recording in recordings:
                if recording.name in names:
                    self.troubles.append(f'{recording.name}: a second recording of this name')
                    continue
                names.add(recording.name)
                yield recording.name, records.example(recording)

    def _results(self, make, jobs):
        if self.processes == 1:
            for job in jobs:
                yield _attempt(make, job)
            return
        # Spawned: a fork would copy the locks of threads that JAX and TFDS have started.
        context = multiprocessing.get_context('spawn')
        with ProcessPoolExecutor(self.processes, mp_context=context) as pool:
            waiting: deque = deque()
            for job in jobs:
                waiting.append(pool.submit(_attempt, make, job))
                if len(waiting) > 4 * self.processes:  # memory does not grow with the corpus
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def _attempt(make, job) -> tuple[list[Recording], str]:
    """Does one job; returns its recordings and what was wrong, if anything."""
    try:
        return list(make(job)), ''
    except InputError as error:
        return [], str(error)
