"""Runs what is planned in processes of their own, side by side; one that fails stops no other."""

from collections.abc import Callable, Sequence
from concurrent import futures
import contextlib
import fcntl
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time
from typing import NamedTuple

from skeljax.errors import InputError
from skeljax.sweep.plan import Run
from skeljax.sweep.resources import Slot

# -P: the folder where the command is given hides no module.
SKELJAX = (sys.executable, '-P', '-m', 'skeljax')


class Outcome(NamedTuple):
    """How the work ended.

    Attributes:
        failed: (run, log, last line of it), in the order they failed.
        left: runs that were not tried, for a pretraining failed or a signal came.
        signal: that stopped the work; 0 for none.
    """

    failed: list[tuple[Run, Path, str]]
    left: list[Run]
    signal: int


class Crew:
    """Processes that work at the same time and can be told to stop.

    Args:
        command: words before the verb.
        logs: folder that everything a run says is appended in, a file a run.
        locked: descriptor that every process keeps open; see `lock`.
    """

    def __init__(self, command: Sequence[str], logs: Path, locked: int):
        self._command, self._logs, self._locked = tuple(command), logs, locked
        self._guard, self._processes = threading.Lock(), set()
        self.stopped = 0

    def work(self, run: Run, slot: Slot) -> float | None:
        """Does a run in the slot of this thread.

        Returns:
            Its seconds; None where it did not come to its end.
        """
        began = time.monotonic()
        if slot.cores and hasattr(os, 'sched_setaffinity'):
            os.sched_setaffinity(0, slot.cores)  # of this thread, and so of what it starts
        with self.log(run).open('ab') as log:
            for words in run.commands():
                if self._run([*self._command, *words], slot, log):
                    return None
        return time.monotonic() - began if run.done() else None

    def log(self, run: Run) -> Path:
        """Names the file that a run's words go to."""
        return self._logs / f'{run.folder.name}.log'

    def stop(self, number: int, _=None):
        """Handles a signal: asks every process to save and end, the second time kills them."""
        again, self.stopped = bool(self.stopped), number
        for process in list(self._processes):
            process.kill() if again else process.terminate()

    def _run(self, words: list[str], slot: Slot, log) -> int:
        with self._guard:
            if self.stopped:
                return 1
            # In a session of its own: Ctrl-C reaches it through `stop` alone, once.
            process = subprocess.Popen(
                words, env={**os.environ, **slot.environment}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                pass_fds=(self._locked,),
            )
            self._processes.add(process)
        if self.stopped:  # between the question and the start
            process.terminate()
        try:
            return process.wait()
        finally:
            self._processes.discard(process)


def execute(
    runs: Sequence[Run],
    slots: Sequence[Slot],
    workdir,
    *,
    command: Sequence[str] = SKELJAX,
    tell: Callable[[str], None] = print,
) -> Outcome:
    """Does every run that is not done, each pretraining before what starts from it.

    Ctrl-C and SIGTERM let every process save a checkpoint and end; the same call goes on
    from there.

    Args:
        runs: from `plan.needed`.
        slots: one job at a time in each.
        workdir: logs are below `workdir/logs`.
        command: words before the verb of a run's commands.
        tell: is given one line whenever a run ends.

    Raises:
        InputError: another process works in `workdir`, or it cannot be written.
    """
    waiting = [run for run in runs if not run.done()]
    finished, seconds, outcome = len(runs) - len(waiting), {}, Outcome([], [], 0)
    with lock(workdir) as locked:
        logs = Path(workdir) / 'logs'
        logs.mkdir(exist_ok=True)
        crew = Crew(command, logs, locked)
        with _signals(crew.stop), futures.ThreadPoolExecutor(len(slots)) as pool:
            running, free = {}, list(slots)
            while True:
                ready = [run for run in waiting if run.source is None or run.source.done()]
                for run in ready[:0 if crew.stopped else len(free)]:
                    waiting.remove(run)
                    slot = free.pop(0)
                    running[pool.submit(crew.work, run, slot)] = run, slot
                if not running:
                    break
                ended, _ = futures.wait(running, return_when=futures.FIRST_COMPLETED)
                for future in ended:
                    run, slot = running.pop(future)
                    free.append(slot)
                    took = future.result()
                    if took is not None:
                        finished += 1
                        seconds.setdefault(run.stage, []).append(took)
                    elif not crew.stopped:
                        outcome.failed.append((run, crew.log(run), _last_line(crew.log(run))))
                    else:
                        outcome.left.append(run)
                    going = [run for run, _ in running.values()]
                    told = _left(seconds, [*waiting, *going], len(slots))
                    tell(f'[{finished}/{len(runs)}] {_ended(took, run, crew)}{told}')
    return outcome._replace(left=[*outcome.left, *waiting], signal=crew.stopped)


@contextlib.contextmanager
def lock(workdir):
    """Holds a folder for this process and those it starts, until the last of them ends.

    Yields:
        The descriptor that they must keep.

    Raises:
        InputError: another holds it, or it cannot be written.
    """
    try:
        Path(workdir).mkdir(parents=True, exist_ok=True)
        held = (Path(workdir) / '.lock').open('w')
    except OSError as error:
        raise InputError(f'{workdir}: cannot be written: {error.strerror}') from None
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f'{workdir}: runs of another ablation go on here') from None
        yield held.fileno()


@contextlib.contextmanager
def _signals(handler):
    before = {n: signal.signal(n, handler) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _ended(took: float | None, run: Run, crew: Crew) -> str:
    if took is not None:
        return f'{run.folder.name} took {_span(took)}'
    return f'{run.folder.name} {"stopped" if crew.stopped else "FAILED"}'


def _left(seconds: dict[str, list[float]], runs: Sequence[Run], jobs: int) -> str:
    """Estimates the time that is left from the mean of each stage's runs so far."""
    known = {stage: sum(times) / len(times) for stage, times in seconds.items()}
    if not runs or not known:
        return f'; {len(runs)} left'
    usual = sum(known.values()) / len(known)
    total = sum(known.get(run.stage, usual) for run in runs)
    return f'; {len(runs)} left, about {_span(total / min(jobs, len(runs)))}'


def _span(seconds: float) -> str:
    if seconds < 90:
        return f'{seconds:.0f} s'
    return f'{seconds / 60:.0f} min' if seconds < 5400 else f'{seconds / 3600:.1f} h'


def _last_line(path: Path) -> str:
    lines = path.read_text(errors='replace').split('\n') if path.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), 'said nothing')
