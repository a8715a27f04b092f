"""Divides the cores and accelerators of this machine among parallel jobs."""

from collections.abc import Mapping
import os
from pathlib import Path
from typing import NamedTuple

from skeljax.errors import InputError


class Slot(NamedTuple):
    """The resources of one job.

    Attributes:
        cores: cores to which the job is pinned; empty if the system has no such function.
        environment: environment variables added to those of this process.
    """

    cores: tuple[int, ...]
    environment: Mapping[str, str]


def make(jobs: int | None, cores: list[int], gpus: list[str], tpu: bool) -> list[Slot]:
    """Divides a machine among jobs.

    Each job gets a contiguous block of cores, of nearly equal size; with more jobs than cores,
    several jobs share a core. GPUs are assigned in turn; jobs on one GPU divide its memory.

    Args:
        jobs: number of parallel jobs; by default one per GPU, else one per core; one with a TPU.
        cores: ids of the available cores; empty if they are unknown.
        gpus: names as in CUDA_VISIBLE_DEVICES.
        tpu: whether there is a TPU, which only one process can use.

    Raises:
        InputError: less than one job, or several on a TPU.
    """
    jobs = (1 if tpu else len(gpus) or len(cores) or 1) if jobs is None else jobs
    if jobs < 1:
        raise InputError(f'--jobs {jobs}: give 1 or more')
    if tpu and jobs > 1:
        raise InputError(f'--jobs {jobs}: only one process can use a TPU; give 1')
    slots = []
    for number in range(jobs):
        environment = {}
        if gpus:
            jobs_per_gpu = -(-jobs // len(gpus))
            environment['CUDA_VISIBLE_DEVICES'] = gpus[number % len(gpus)]
            if jobs_per_gpu > 1:
                environment['XLA_PYTHON_CLIENT_MEM_FRACTION'] = f'{0.9 / jobs_per_gpu:.3f}'
        slots.append(Slot(_block(cores, number, jobs), environment))
    return slots


def local(jobs: int | None) -> list[Slot]:
    """Divides this machine among jobs; JAX_PLATFORMS=cpu excludes its accelerators.

    Devices are not listed through JAX, which would reserve them for this process.
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
