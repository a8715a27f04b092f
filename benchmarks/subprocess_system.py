"""Runs a system in a process of its own.

Two frameworks in one process compete for its threads. Therefore each system has its own process,
all with the same allocator settings, the same cores and empty compilation caches. The parent
requests single runs in turn over pipes; the other processes are idle meanwhile.

    python -m benchmarks.subprocess_system

answers pickled requests on standard input: first the module and its arguments, then the names
of operations.
"""

import contextlib
import importlib
import os
from pathlib import Path
import pickle
import statistics
import subprocess
import sys
import time

from skeljax.errors import InputError

# As in launch/environment.sh: freed memory is kept.
ALLOCATOR = {
    'MALLOC_MMAP_MAX_': '0',
    'MALLOC_TRIM_THRESHOLD_': '100000000000',
    'MALLOC_TOP_PAD_': '67108864',
    'MALLOC_ARENA_MAX': '1',
}
_CHECKOUT = Path(__file__).resolve().parents[1]


def cores(threads: int = 0) -> list[int]:
    """Returns the first cores that this process may use; all of them for 0.

    Raises:
        InputError: fewer cores are available.
    """
    usable = sorted(os.sched_getaffinity(0))
    if not 0 <= threads <= len(usable):
        raise InputError(f'--threads {threads}: {len(usable)} cores may be used')
    return usable[: threads or None]


class SubprocessSystem:
    """Starts a process that builds a system and runs it on request.

    Args:
        name: for error messages.
        module: a module with `make(**arguments)`.
        arguments: picklable.
        on: cores.

    Raises:
        InputError: the process ended, or the system cannot be built.
    """

    def __init__(self, name: str, module: str, arguments: dict, on: list[int]):
        self._name = name
        flags = ['-P'] if sys.flags.safe_path else []
        self._process = subprocess.Popen(
            [sys.executable, *flags, '-m', 'benchmarks.subprocess_system'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(len(on)),
        )
        try:
            self._request({'module': module, 'arguments': arguments, 'cores': on})
        except BaseException:
            self.close()
            raise

    def time(self) -> float:
        """Runs the system once; returns seconds."""
        return self._request('time')

    def figures(self) -> dict:
        """Returns the figures of the system, with cpu_seconds added."""
        return self._request('figures')

    def peaks(self, dtype: str) -> dict:
        """Measures the peak rates of the machine, within the process."""
        return self._request(('peaks', dtype))

    def close(self):
        """Ends the process."""
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _request(self, request):
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
    """Returns the environment variables of a system's process."""
    variables = {**os.environ, **ALLOCATOR, 'OMP_NUM_THREADS': str(threads)}
    variables |= {
        'XLA_PYTHON_CLIENT_PREALLOCATE': 'false', 'TORCHINDUCTOR_FORCE_DISABLE_CACHES': '1'
    }
    # Compilation time is measured too.
    variables.pop('JAX_COMPILATION_CACHE_DIR', None)
    path = [variables.get('PYTHONPATH', ''), str(_CHECKOUT)]
    return variables | {'PYTHONPATH': os.pathsep.join(filter(None, path))}


def serve(requests, answers):
    """Answers pickled requests until the input ends.

    Adds to the figures of a system the processor seconds of its runs (cpu_seconds, the median
    without the first): on a shared machine they are more reliable than wall time.
    """
    system, processor = None, []
    while True:
        try:
            request = pickle.load(requests)
        except EOFError:
            return
        try:
            if isinstance(request, dict):
                os.sched_setaffinity(0, request['cores'])
                system = importlib.import_module(request['module']).make(**request['arguments'])
                answer = None
            elif request == 'time':
                start = time.process_time()
                answer = system.time()
                processor.append(time.process_time() - start)
            elif request == 'figures':
                answer = {'cpu_seconds': statistics.median(processor[1:]), **system.figures()}
            else:
                answer = system.peaks(request[1])
            reply = 'answer', answer
        except InputError as error:
            reply = 'error', str(error)
        except Exception as error:  # the parent raises it as one line
            first = str(error).strip().partition('\n')[0]
            reply = 'error', f'{type(error).__name__}: {first}'
        pickle.dump(reply, answers)
        answers.flush()


if __name__ == '__main__':
    # Output of libraries must not mix with the answers.
    with os.fdopen(os.dup(1), 'wb') as answers:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, answers)
