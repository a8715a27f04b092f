"""Saves and restores the state of a run with Orbax, one item for each part of the state."""

from collections.abc import Iterator
import contextlib
from pathlib import Path
import shutil
import sys

import jax
import numpy as np
import orbax.checkpoint as ocp
import tensorstore

from skeljax import documents
from skeljax.errors import InputError
from skeljax.train import cluster, progress

# Exceptions of Orbax if a file of a checkpoint is damaged or missing.
_FAILURES = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)
_UNFINISHED = '.orbax-checkpoint-tmp'  # in the name of an unfinished save


class Damaged(InputError):
    """A checkpoint that cannot be read."""

    def __init__(self, folder: Path, step: int, error):
        super().__init__(f'{folder}/{step}: a damaged checkpoint: {_first_line(error)}')
        self.step = step


@contextlib.contextmanager
def manager(folder, *, keep: int = 2) -> Iterator[ocp.CheckpointManager]:
    """Opens the checkpoints in `folder` for saving; the folder is made if absent.

    Saves run in the background until the block ends. A checkpoint whose metrics cannot be read is
    set aside as in `resume`, because Orbax could not open any other beside it. An unfinished save
    that a `kill -9` left has another name, is never restored, and is removed before this returns:
    Orbax would remove it in a thread that may still run during the next save. Only one process (or
    one group of processes) may have the folder open for saving; `reader` may run at the same time.

    Raises:
        InputError: the folder cannot be written, at the beginning or at the end.
    """
    folder = Path(folder).resolve()
    with cluster.together():
        if cluster.is_first():
            _clean(folder)
            for step in progress.steps(folder):
                try:
                    _check_figures(folder, step)
                except Damaged as error:
                    _set_aside(folder, step, error)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        mngr = _open(folder, keep)
    try:
        yield mngr
    finally:
        with _writing(folder):
            mngr.close()


@contextlib.contextmanager
def reader(folder) -> Iterator[ocp.CheckpointManager]:
    """Opens the checkpoints in `folder` for restoring; changes nothing there.

    Another process may save to the folder at the same time.

    Raises:
        InputError: no such folder.
        Damaged: the metrics of a checkpoint cannot be read.
    """
    folder = Path(folder).resolve()
    if not folder.is_dir():
        raise InputError(f'{folder}: no checkpoint here')
    mngr = _open(folder, None)
    try:
        yield mngr
    finally:
        mngr.close()


def _open(folder: Path, keep: int | None) -> ocp.CheckpointManager:
    for step in progress.steps(folder):
        _check_figures(folder, step)
    # Processes wait for each other by names that two managers at once must not share.
    named = ocp.options.MultiprocessingOptions(barrier_sync_key_prefix=folder.name)
    options = ocp.CheckpointManagerOptions(
        max_to_keep=keep, create=False, cleanup_tmp_directories=False, multiprocessing_options=named
    )
    return ocp.CheckpointManager(folder, options=options)


def _clean(folder: Path):
    """Removes unfinished saves."""
    with _writing(folder):
        for left in folder.glob(f'*{_UNFINISHED}*'):
            shutil.rmtree(left)


def save(mngr: ocp.CheckpointManager, step: int, state: dict, metrics: dict | None = None):
    """Saves every item of `state` (item name -> pytree) that has arrays, as of `step`.

    Raises:
        InputError: this checkpoint or an earlier one cannot be written.
    """
    held = {k: v for k, v in jax.device_get(state).items() if jax.tree.leaves(v)}
    saved = {k: ocp.args.StandardSave(v) for k, v in held.items()}
    saved['metrics'] = ocp.args.JsonSave(metrics or {})
    with _writing(mngr.directory):
        mngr.save(step, args=ocp.args.Composite(**saved), force=True)


def resume(folder, like: dict) -> tuple[int, dict]:
    """Restores the newest checkpoint that can be read.

    A damaged one is reported and renamed to `STEP.damaged` (then `STEP.damaged-2`, ...), and the
    one before it is restored. If all are damaged, the oldest keeps its name.

    Args:
        folder: of the checkpoints.
        like: as `restore` takes it.

    Returns:
        The step and the items; 0 and `like` if there is no checkpoint.

    Raises:
        InputError: all are damaged, or as `restore`.
    """
    folder = Path(folder).resolve()
    with cluster.together():
        if cluster.is_first():
            _clean(folder)
    while True:
        trouble, step, state = None, None, like
        try:
            if progress.steps(folder):
                with reader(folder) as mngr:
                    step = mngr.latest_step()
                    state = restore(mngr, like, step)
        except Damaged as error:
            trouble = error
        damaged = cluster.gather(trouble and trouble.step)
        troubles = [found for found in damaged if found is not None]
        if not troubles:
            return step or 0, state
        with cluster.together():
            if cluster.is_first():
                if progress.steps(folder) == [step := max(troubles)]:
                    raise trouble or InputError(f'{folder}/{step}: another process cannot read it')
                _set_aside(folder, step, trouble)


def _set_aside(folder: Path, step: int, trouble: Damaged | None):
    """Renames a checkpoint to a new name, under which it is not restored."""
    names = (f'{step}.damaged{again}' for again in ('', *(f'-{n}' for n in range(2, 1000))))
    aside = next(folder / name for name in names if not (folder / name).exists())
    print(f'skeljax: {trouble or step}; set aside as {aside.name}', file=sys.stderr)
    with _writing(folder):
        (folder / str(step)).rename(aside)


def _check_figures(folder: Path, step: int):
    """Raises Damaged where Orbax would fail at opening all of them."""
    path = folder / str(step) / 'metrics' / 'metrics'
    try:
        figures = documents.parse(path.read_text()) if path.exists() else {}
    except (OSError, ValueError, RecursionError) as error:
        raise Damaged(folder, step, error) from None
    if not isinstance(figures, dict):
        raise Damaged(folder, step, f'its figures are {str(figures)[:40]!r}')


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Converts errors of a disk to InputError; TensorStore raises them as ValueError."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or _first_line(error)
        raise InputError(f'{folder}: cannot be written: {reason}') from None


def restore(mngr: ocp.CheckpointManager, like: dict, step: int | None = None) -> dict:
    """Restores the items named in `like` as numpy arrays.

    Args:
        mngr: as from `manager`.
        like: item -> pytree of arrays or of their shapes; one without any (of a method that has
            no momentum encoder) is returned as it is.
        step: which checkpoint; the latest by default.

    Raises:
        InputError: an item is missing or of another architecture; names the
            first array that differs.
        Damaged: it cannot be read.
    """
    step = mngr.latest_step() if step is None else step
    if step is None:
        raise InputError(f'{mngr.directory}: no checkpoint here')
    held = {item: tree for item, tree in like.items() if jax.tree.leaves(tree)}
    wanted = {}
    with ocp.StandardCheckpointer() as opened:
        for item, tree in held.items():
            folder = mngr.directory / str(step) / item
            if not folder.is_dir():
                if item in _items(folder.parent):
                    raise Damaged(mngr.directory, step, f'{item} is missing')
                raise InputError(f'{mngr.directory}/{step}: no item {item!r}')
            try:
                _read_index(folder)
                found = opened.metadata(folder).item_metadata
            except _FAILURES as error:
                raise Damaged(mngr.directory, step, error) from None
            if not _shapes(found):  # Orbax leaves out what it cannot read
                raise Damaged(mngr.directory, step, f'no array of {item!r} can be read')
            _check(folder, _shapes(tree), _shapes(found))
            # Nodes without arrays may differ: Flax leaves out a collection that is empty.
            empty = jax.tree.map(lambda x: np.empty(x.shape, x.dtype), tree)
            wanted[item] = _filled(getattr(found, 'tree', found), empty)
    arguments = {item: ocp.args.StandardRestore(tree) for item, tree in wanted.items()}
    try:
        read = mngr.restore(step, args=ocp.args.Composite(**arguments))
    except _FAILURES as error:
        raise Damaged(mngr.directory, step, error) from None
    return like | {item: _filled(tree, read[item]) for item, tree in held.items()}


def _filled(like, arrays):
    """Returns a tree of the structure of `like` with the leaves of `arrays` at the same paths."""
    known = {_path(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(arrays)}
    return jax.tree_util.tree_map_with_path(lambda path, _: known[_path(path)], like)


def metrics(mngr: ocp.CheckpointManager, step: int) -> dict:
    """Reads the metrics that were saved with a checkpoint."""
    saved = mngr.restore(step, args=ocp.args.Composite(metrics=ocp.args.JsonRestore()))
    return saved['metrics']


def _items(folder: Path) -> set[str]:
    """Returns the items that a checkpoint had; a killed deletion may have removed some."""
    try:
        return set(documents.parse((folder / '_CHECKPOINT_METADATA').read_text())['item_handlers'])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _shapes(tree) -> dict[str, tuple[int, ...]]:
    leaves = jax.tree_util.tree_leaves_with_path(getattr(tree, 'tree', tree))
    return {_path(path): tuple(x.shape) for path, x in leaves}


def _path(keys) -> str:
    return jax.tree_util.keystr(keys, simple=True, separator='/')


def _read_index(folder: Path):
    """Raises ValueError if the index of an item cannot be read.

    Orbax would begin to read every array and not end these reads.
    """
    store = tensorstore.KvStore.open({'driver': 'ocdbt', 'base': f'file://{folder}/'})
    store.result().list().result()


def _first_line(error) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _check(where, expected: dict, found: dict):
    """Raises InputError at the first array of another shape than expected."""
    for path in sorted(expected.keys() | found.keys()):
        if expected.get(path) != found.get(path):
            raise InputError(
                f'{where}/{path} is {found.get(path, "absent")}, but this model has '
                f'{expected.get(path, "none")}: a checkpoint of another architecture'
            )
