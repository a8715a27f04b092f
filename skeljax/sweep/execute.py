"""Executes planned runs in parallel processes; a failed run does not stop the others."""

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

# -P: modules in the current folder must not shadow installed ones.
SKELJAX = (sys.executable, '-P', '-m', 'skeljax')


class Outcome(NamedTuple):
    """The result of `execute`.

    Attributes:
        failed: (run, log file, last line of the log), in order of failure.
        left: runs that were not started or not finished, because their pretraining failed or
            because of a signal.
        signal: number of the signal that stopped the runs; 0 for none.
    """

    failed: list[tuple[Run, Path, str]]
    left: list[Run]
    signal: int


class WorkerProcesses:
    """Starts processes and can stop all of them.

    Args:
        command: arguments before the verb.
        logs: folder of the log files, one per run, to which output is appended.
        lock_fd: file descriptor that every process inherits; see `lock`.
    """

    def __init__(self, command: Sequence[str], logs: Path, lock_fd: int):
        self._command, self._logs, self._lock_fd = tuple(command), logs, lock_fd
        self._guard, self._processes = threading.Lock(), set()
        self.stopped = 0

    def work(self, run: Run, slot: Slot) -> float | None:
        """Executes a run with the resources of `slot` and waits for its end.

        Returns:
            The duration in seconds; None if the run did not finish.
        """
        began = time.monotonic()
        if slot.cores and hasattr(os, 'sched_setaffinity'):
            os.sched_setaffinity(0, slot.cores)  # of this thread; child processes inherit it
        with self.log(run).open('ab') as log:
            for arguments in run.commands():
                if self._run([*self._command, *arguments], slot, log):
                    return None
        return time.monotonic() - began if run.done() else None

    def log(self, run: Run) -> Path:
        """Returns the log file of a run."""
        return self._logs / f'{run.folder.name}.log'

    def stop(self, number: int, _=None):
        """Handles a signal: terminates all processes, which save a checkpoint; then kills them."""
        again, self.stopped = bool(self.stopped), number
        for process in list(self._processes):
            process.kill() if again else process.terminate()

    def _run(self, arguments: list[str], slot: Slot, log) -> int:
        with self._guard:
            if self.stopped:
                return 1
            # In a new session, so that Ctrl-C reaches it only through `stop`.
            process = subprocess.Popen(
                arguments, env={**os.environ, **slot.environment}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                pass_fds=(self._lock_fd,),
            )
            self._processes.add(process)
        if self.stopped:  # by a signal after the first check
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
    report: Callable[[str], None] = print,
) -> Outcome:
    """Executes all runs that are not finished, each pretraining before its fine-tunings.

    On Ctrl-C or SIGTERM, every process saves a checkpoint and ends; a later call resumes the
    runs.

    Args:
        runs: runs from `plan.needed`.
        slots: resources; each executes one run at a time.
        workdir: logs are stored below `workdir/logs`.
        command: arguments before the verb of a run's commands.
        report: called with a line of text whenever a run ends.

    Raises:
        InputError: another process uses `workdir`, or it cannot be written.
    """
    pending = [run for run in runs if not run.done()]
    finished, seconds, outcome = len(runs) - len(pending), {}, Outcome([], [], 0)
    with lock(workdir) as lock_fd:
        logs = Path(workdir) / 'logs'
        logs.mkdir(exist_ok=True)
        workers = WorkerProcesses(command, logs, lock_fd)
        with _signals(workers.stop), futures.ThreadPoolExecutor(len(slots)) as pool:
            running, free = {}, list(slots)
            while True:
                ready = [run for run in pending if run.source is None or run.source.done()]
                for run in ready[:0 if workers.stopped else len(free)]:
                    pending.remove(run)
                    slot = free.pop(0)
                    running[pool.submit(workers.work, run, slot)] = run, slot
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
                    elif not workers.stopped:
                        outcome.failed.append((run, workers.log(run), _last_line(workers.log(run))))
                    else:
                        outcome.left.append(run)
                    active = [run for run, _ in running.values()]
                    rest = _remaining(seconds, [*pending, *active], len(slots))
                    report(f'[{finished}/{len(runs)}] {_result(took, run, workers)}{rest}')
    return outcome._replace(left=[*outcome.left, *pending], signal=workers.stopped)


@contextlib.contextmanager
def lock(workdir):
    """Locks a folder until this process and all processes that inherit the lock have ended.

    Yields:
        The file descriptor that child processes must inherit.

    Raises:
        InputError: another process holds the lock, or the folder cannot be written.
    """
    try:
        Path(workdir).mkdir(parents=True, exist_ok=True)
        lock_file = (Path(workdir) / '.lock').open('w')
    except OSError as error:
        raise InputError(f'{workdir}: cannot be written: {error.strerror}') from None
    with lock_file:
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f'{workdir}: another ablation is running in this folder') from None
        yield lock_file.fileno()


@contextlib.contextmanager
def _signals(handler):
    before = {n: signal.signal(n, handler) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _result(took: float | None, run: Run, workers: WorkerProcesses) -> str:
    if took is not None:
        return f'{run.folder.name} took {_duration(took)}'
    return f'{run.folder.name} {"stopped" if workers.stopped else "FAILED"}'


def _remaining(seconds: dict[str, list[float]], runs: Sequence[Run], jobs: int) -> str:
    """Estimates the remaining time from the mean duration of each stage's finished runs."""
    means = {stage: sum(times) / len(times) for stage, times in seconds.items()}
    if not runs or not means:
        return f'; {len(runs)} left'
    overall = sum(means.values()) / len(means)
    total = sum(means.get(run.stage, overall) for run in runs)
    return f'; {len(runs)} left, about {_duration(total / min(jobs, len(runs)))}'


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f'{seconds:.0f} s'
    return f'{seconds / 60:.0f} min' if seconds < 5400 else f'{seconds / 3600:.1f} h'


def _last_line(path: Path) -> str:
    lines = path.read_text(errors='replace').split('\n') if path.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), 'no output')
