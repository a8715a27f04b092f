"""How far runs are, told by what their folders hold; nothing here needs JAX or NumPy."""

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
    """How far a run is.

    Attributes:
        folder: of the run.
        stage: 'pretrain' or 'finetune'.
        corpus: that it trains on; several with + between.
        backbone: name of the encoder.
        method: name of the contrastive method, '' when fine-tuning.
        state: 'running': a process holds its log, here or on a machine whose file system
            shares locks. 'done': saved after its last step. 'failed': loss or weights were
            not finite, and no checkpoint is beyond. 'imported': an encoder that was not
            trained here. 'stopped': none of these, by a signal, an error or a kill; the
            same command goes on.
        step: the last one logged or saved.
        saved: step of the last whole checkpoint, from which it would go on; 0 without.
        num_steps: how long it is.
        best: figure that selects the best state, None without; `protocol` tells which.
        best_step: when it was measured, None without.
        protocol: of the figure, '' when pretraining.
        changed: when its files last changed, in seconds since 1970.
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
    """Reads how far the run of a folder is.

    Raises:
        InputError: no run there, or its `run.json` is damaged or another program's.
    """
    workdir = Path(workdir)
    run = workdirs.read(workdir)
    try:
        stage, config = run['stage'], run['config']
        chosen = config[stage]
        pretrains = stage == 'pretrain'
        trained_on = config['data']['unlabeled'] if pretrains else [config['data']['corpus']]
        told = {
            'stage': stage,
            'corpus': '+'.join(trained_on),
            'backbone': config['model']['name'],
            'method': chosen['method'] if pretrains else '',
            'num_steps': int(chosen['num_steps']),
            'protocol': '' if pretrains else chosen['protocol'],
        }
        if run.get('imported'):
            told |= {'corpus': run['corpus']['name'], 'method': '', 'num_steps': 0}
    except (KeyError, TypeError, ValueError):
        raise InputError(f'{workdir / "run.json"}: does not describe a run of skeljax') from None
    saved = max(steps(workdir / 'checkpoints'), default=0)
    best_step = max(steps(workdir / 'best'), default=None)
    return Progress(
        folder=workdir,
        state='imported' if run.get('imported') else _state(workdir, saved, told['num_steps']),
        step=max(saved, _logged(workdir / 'metrics.jsonl')),
        saved=saved,
        best=None if best_step is None else _selection(workdir / 'best' / str(best_step)),
        best_step=best_step,
        changed=max(_changed(workdir / name) for name in _WRITTEN),
        **told,
    )


def find(top) -> tuple[list[Progress], list[str]]:
    """Finds the runs in a folder and below it.

    Hidden folders and links are not followed.

    Returns:
        The runs by folder, and a line for each folder that cannot be read or whose
        `run.json` is no run's.

    Raises:
        InputError: `top` is no folder.
    """
    if not Path(top).is_dir():
        raise InputError(f'{top}: no such folder')
    runs, troubles = [], []
    unreadable = lambda error: troubles.append(f'{error.filename}: cannot be read: {error.strerror}')
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
    """Lists the steps of the whole checkpoints of a folder, which may be damaged since.

    Orbax gives a checkpoint its number for a name once it is whole.
    """
    return sorted(int(path.name) for path in Path(folder).glob('*') if path.name.isdigit())


def hold(log):
    """Tells other processes that this one writes an open log, until that is closed.

    The system lets go of it when the process dies, however it does.
    """
    for _ in range(10):
        try:
            return fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # someone looks whether it is held
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
    """Reads the step of the last whole line, 0 without one."""
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
    """Reads a JSON object; one that cannot be read is an empty one."""
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
