"""Progress of runs, read from their folders; loads neither JAX nor NumPy."""

from collections.abc import Iterator
import fcntl
import os
from pathlib import Path
import time
from typing import NamedTuple

from skeljax import documents
from skeljax.errors import InputError
from skeljax.train import run_dir as workdirs

_PARTS = ('checkpoints', 'best')  # of a run, in which no others are
_WRITTEN = ('run.json', 'metrics.jsonl', 'not_finite.json', *_PARTS)


class Progress(NamedTuple):
    """Progress of a run.

    Attributes:
        folder: of the run.
        stage: 'pretrain' or 'finetune'.
        corpus: that it trains on; several are joined by +.
        backbone: name of the encoder.
        method: name of the contrastive method, '' when fine-tuning.
        state: 'running': a process has locked its log, here or on a machine whose file system
            shares locks. 'done': saved after its last step. 'failed': loss or weights were
            not finite, and there is no later checkpoint. 'imported': an encoder that was not
            trained here. 'stopped': none of these; the same command resumes it.
        step: the last one that is logged or saved.
        saved: step of the last whole checkpoint, from which the run resumes; 0 without.
        num_steps: length of the run.
        best: value of the metric `protocol` that selects the best state; None without.
        best_step: step of the best state; None without.
        protocol: that selects the best state; '' when pretraining.
        changed: time of the last change of its files, in seconds since 1970.
    """

    folder: Path
    stage: str
    corpus: str
    backbone: str
    method: str
    state: str
    step: int
    saved: int
    num_steps: int
    best: float | None
    best_step: int | None
    protocol: str
    changed: float


def read(workdir) -> Progress:
    """Reads the progress of the run in a folder.

    Raises:
        InputError: there is no run, or its `run.json` is damaged or of another program.
    """
    workdir = Path(workdir)
    run = workdirs.read(workdir)
    try:
        stage, config = run['stage'], run['config']
        chosen = config[stage]
        pretrains = stage == 'pretrain'
        trained_on = config['data']['unlabeled'] if pretrains else [config['data']['corpus']]
        described = {
            'stage': stage,
            'corpus': '+'.join(trained_on),
            'backbone': config['model']['name'],
            'method': chosen['method'] if pretrains else '',
            'num_steps': int(chosen['num_steps']),
            'protocol': '' if pretrains else chosen['protocol'],
        }
        if run.get('imported'):
            described |= {'corpus': run['corpus']['name'], 'method': '', 'num_steps': 0}
    except (KeyError, TypeError, ValueError):
        raise InputError(f'{workdir / "run.json"}: does not describe a run of skeljax') from None
    saved = max(steps(workdir / 'checkpoints'), default=0)
    best_step = max(steps(workdir / 'best'), default=None)
    return Progress(
        folder=workdir,
        state='imported' if run.get('imported') else _state(workdir, saved, described['num_steps']),
        step=max(saved, _logged(workdir / 'metrics.jsonl')),
        saved=saved,
        best=None if best_step is None else _selection(workdir / 'best' / str(best_step)),
        best_step=best_step,
        changed=max(_changed(workdir / name) for name in _WRITTEN),
        **described,
    )


def find(top) -> tuple[list[Progress], list[str]]:
    """Finds the runs in a folder and below it, except in hidden folders and links.

    Returns:
        The runs, sorted by folder, and a line for each folder that cannot be read or whose
        `run.json` describes no run.

    Raises:
        InputError: `top` is no folder.
    """
    if not Path(top).is_dir():
        raise InputError(f'{top}: no such folder')
    runs, troubles = [], []

    def unreadable(error: OSError):
        troubles.append(f'{error.filename}: cannot be read: {error.strerror}')

    for folder, below, files in os.walk(top, onerror=unreadable):
        below[:] = [name for name in below if not name.startswith('.')]
        if 'run.json' not in files:
            continue
        below[:] = [name for name in below if name not in _PARTS]
        try:
            runs.append(read(folder))
        except InputError as error:
            troubles.append(str(error))
    return sorted(runs, key=lambda run: run.folder), sorted(troubles)


def steps(folder) -> list[int]:
    """Returns the steps of the complete checkpoints in a folder, sorted.

    Orbax names a checkpoint by its step when it is complete. It may be damaged since.
    """
    return sorted(int(path.name) for path in Path(folder).glob('*') if path.name.isdigit())


def hold(log):
    """Locks an open log until it is closed, by which other processes recognize a running run.

    The system releases the lock when the process ends, by a kill too.
    """
    for _ in range(10):
        try:
            return fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another process is testing the lock
            time.sleep(0.05)
        except OSError:  # a file system without locks
            return None


def _held(log: Path) -> bool:
    try:
        with log.open('rb') as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _state(workdir: Path, saved: int, num_steps: int) -> str:
    if _held(workdir / 'metrics.jsonl'):
        return 'running'
    if saved >= num_steps:
        return 'done'
    spoilt = _parsed(workdir / 'not_finite.json').get('step')
    return 'failed' if isinstance(spoilt, int) and spoilt > saved else 'stopped'


def _logged(log: Path) -> int:
    """Returns the step of the last complete line, 0 without one."""
    try:
        with log.open('rb') as file:
            file.seek(-min(65536, log.stat().st_size), os.SEEK_END)
            lines = file.read().splitlines()
    except OSError:
        return 0
    return next(_whole_steps(reversed(lines)), 0)


def _whole_steps(lines) -> Iterator[int]:
    for line in lines:
        try:
            yield int(documents.parse(line)['step'])
        except (ValueError, TypeError, KeyError):  # torn by a kill
            continue


def _selection(checkpoint: Path) -> float | None:
    selection = _parsed(checkpoint / 'metrics' / 'metrics').get('selection')
    return selection if isinstance(selection, int | float) else None


def _parsed(path: Path) -> dict:
    """Reads a JSON object; returns {} if it cannot be read."""
    try:
        parsed = documents.parse(path.read_text())
    except (OSError, ValueError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
