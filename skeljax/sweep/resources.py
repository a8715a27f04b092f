"""Where runs may go: the cores and accelerators of this machine, shared among jobs."""

from collections.abc import Mapping
import os
from pathlib import Path
from typing import NamedTuple

from skeljax.errors import InputError


class Slot(NamedTuple):
    """The place of one job.

    Attributes:
        cores: that it is kept on; empty where the system cannot do that.
        environment: variables that it gets besides those of this process.
    """

    cores: tuple[int, ...]
    environment: Mapping[str, str]


def make(jobs: int | None, cores: list[int], gpus: list[str], tpu: bool) -> list[Slot]:
    """Shares a machine among jobs.

    Cores are dealt in blocks, as evenly as they go; of more jobs than cores several share
    one. So are GPUs, and of jobs that share one each may take its part of the memory.

    Args:
        jobs: at once; by default one a GPU, or one a core, or one for all of a TPU.
        cores: numbers of those that this process may use; empty where it cannot tell.
        gpus: names, as of CUDA_VISIBLE_DEVICES.
        tpu: there is one, and no second process can use it.

    Raises:
        InputError: less than one job, or several on a TPU.
    """
    jobs = (1 if tpu else len(gpus) or len(cores) or 1) if jobs is None else jobs
    if jobs < 1:
        raise InputError(f'--jobs {jobs}: give 1 or more')
    if tpu and jobs > 1:
        raise InputError(f'--jobs {jobs}: a TPU serves one process; give 1')
    slots = []
    for number in range(jobs):
        environment = {}
        if gpus:
            together = -(-jobs // len(gpus))
            environment['CUDA_VISIBLE_DEVICES'] = gpus[number % len(gpus)]
            if together > 1:
                environment['XLA_PYTHON_CLIENT_MEM_FRACTION'] = f'{0.9 / together:.3f}'
        slots.append(Slot(_block(cores, number, jobs), environment))
    return slots


def local(jobs: int | None) -> list[Slot]:
    """Shares this machine; JAX_PLATFORMS=cpu leaves its accelerators out.

    JAX is not asked what there is: it would take the devices from the jobs.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else []
    if os.environ.get('JAX_PLATFORMS', '').startswith('cpu'):
        return make(jobs, cores, [], False)
    return make(jobs, cores, _gpus(Path('/dev')), _tpu(Path('/dev')))


def _gpus(devices: Path) -> list[str]:
    visible = os.environ.get('CUDA_VISIBLE_DEVICES')
    if visible is not None:
        return [name for name in visible.split(',') if name]
    found = [path.name.removeprefix('nvidia') for path in devices.glob('nvidia[0-9]*')]
    return sorted(found, key=int)


def _tpu(devices: Path) -> bool:
    return any(devices.glob('accel[0-9]*')) or any(devices.glob('vfio/[0-9]*'))


def _block(cores: list[int], number: int, jobs: int) -> tuple[int, ...]:
    if jobs > len(cores):
        return (cores[number % len(cores)],) if cores else ()
    return tuple(cores[number * len(cores) // jobs:(number + 1) * len(cores) // jobs])
