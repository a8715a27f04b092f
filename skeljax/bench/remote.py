"""A side in a process of its own.

Two frameworks in one process fight over its threads. So each side has a process, all of them
with the same allocator settings, the same cores and empty caches of compiled programs; the
parent asks for single runs in turn over pipes, and who is not asked sleeps.

    python -m skeljax.bench.remote

serves pickled requests on its standard input: module, its arguments, then names of what to do.
"""

import contextlib
import importlib
import os
import pickle
import statistics
import subprocess
import sys
import time

from skeljax.errors import InputError

# As launch/environment.sh: keep freed memory.
ALLOCATOR = {
    'MALLOC_MMAP_MAX_': '0',
    'MALLOC_TRIM_THRESHOLD_': '100000000000',
    'MALLOC_TOP_PAD_': '67108864',
    'MALLOC_ARENA_MAX': '1',
}


def cores(threads: int = 0) -> list[int]:
    """Chooses the first cores of those that this process may use; 0 takes all.

    Raises:
        InputError: there are not so many.
    """
    usable = sorted(os.sched_getaffinity(0))
    if not 0 <= threads <= len(usable):
        raise InputError(f'--threads {threads}: {len(usable)} cores may be used')
    return usable[: threads or None]


class Remote:
    """Starts a process that makes a side and runs it when asked.

    Args:
        name: for messages.
        module: that has `make(**arguments)`.
        arguments: what can be pickled.
        on: cores.
    """

    def __init__(self, name: str, module: str, arguments: dict, on: list[int]):
        self._name = name
        flags = ['-P'] if sys.flags.safe_path else []
        self._process = subprocess.Popen(
            [sys.executable, *flags, '-m', 'skeljax.bench.remote'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(len(on)),
        )
        try:
            self._ask({'module': module, 'arguments': arguments, 'cores': on})
        except BaseException:
            self.close()
            raise

    def time(self) -> float:
        return self._ask('time')

    def figures(self) -> dict:
        return self._ask('figures')

    def peaks(self, dtype: str) -> dict:
        """Measures what the machine can do at most, within the process."""
        return self._ask(('peaks', dtype))

    def close(self):
        """Ends the process."""
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _ask(self, request):
        try:
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
            kind, answer = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError):
            status = self._process.wait()
            raise InputError(f'{self._name}: its process ended with status {status}') from None
        if kind == 'error':
            raise InputError(f'{self._name}: {answer}')
        return answer


def environment(threads: int) -> dict[str, str]:
    """Makes the environment of a side's process."""
    told = {**os.environ, **ALLOCATOR, 'OMP_NUM_THREADS': str(threads)}
    told |= {'XLA_PYTHON_CLIENT_PREALLOCATE': 'false', 'TORCHINDUCTOR_FORCE_DISABLE_CACHES': '1'}
    told.pop('JAX_COMPILATION_CACHE_DIR', None)  # how long compiling takes is measured, too
    return told


def serve(requests, answers):
    """Answers pickled requests until there are no more.

    To the figures of a side it adds cpu_seconds of its runs, the median of all but the first:
    where others share the machine, these tell more.
    """
    side, processor = None, []
    while True:
        try:
            request = pickle.load(requests)
        except EOFError:
            return
        try:
            if isinstance(request, dict):
                os.sched_setaffinity(0, request['cores'])
                side = importlib.import_module(request['module']).make(**request['arguments'])
                answer = None
            elif request == 'time':
                start = time.process_time()
                answer = side.time()
                processor.append(time.process_time() - start)
            elif request == 'figures':
                answer = {'cpu_seconds': statistics.median(processor[1:]), **side.figures()}
            else:
                answer = side.peaks(request[1])
            reply = 'answer', answer
        except InputError as error:
            reply = 'error', str(error)
        except Exception as error:  # told in one line by the parent
            first = str(error).strip().partition('\n')[0]
            reply = 'error', f'{type(error).__name__}: {first}'
        pickle.dump(reply, answers)
        answers.flush()


if __name__ == '__main__':
    # What libraries print must not come between the answers.
    with os.fdopen(os.dup(1), 'wb') as answers:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, answers)
