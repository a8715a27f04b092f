"""Saving and restoring a run with Orbax, one item a part of the state."""

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

# How Orbax fails where a file of a checkpoint is damaged or missing.
_FAILURES = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError)
_UNFINISHED = '.orbax-checkpoint-tmp'  # in the name of a save under way


class Damaged(InputError):
    """A checkpoint that cannot be read."""

    def __init__(self, folder: Path, step: int, error):
        super().__init__(f'{folder}/{step}: a damaged checkpoint: {_first_line(error)}')
        self.step = step


@contextlib.contextmanager
def manager(folder, *, keep: int = 2) -> Iterator[ocp.CheckpointManager]:
    """Opens the checkpoints in `folder` to add to them; the folder is made if absent.

    A checkpoint whose figures cannot be read is set aside as by `resume`: Orbax could open none
    beside it. Saves run in the background. What a `kill -9` left of an unfinished save carries another
    name, is never restored, and is removed before this returns: Orbax's own cleaning runs in
    a thread that may still be at work while the next save begins. One process (or one group
    of processes) may have it open at a time; `reader` disturbs nothing.

    Raises:
        InputError: the folder cannot be written, at the end too, until which saving goes on.
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
    """Opens the checkpoints in `folder` to restore from; changes nothing there.

    Another process may be saving to the folder at the same time.

    Raises:
        InputError: no such folder.
        Damaged: the figures of a checkpoint cannot be read.
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
    """Saves every item of `state` (item name -> pytree) that holds arrays, as of `step`.

    Raises:
        InputError: this or an earlier one cannot be written.
    """
    held = {k: v for k, v in jax.device_get(state).items() if jax.tree.leaves(v)}
    saved = {k: ocp.args.StandardSave(v) for k, v in held.items()}
    saved['metrics'] = ocp.args.JsonSave(metrics or {})
    with _writing(mngr.directory):
        mngr.save(step, args=ocp.args.Composite(**saved), force=True)


def resume(folder, like: dict) -> tuple[int, dict]:
    """Restores the newest checkpoint that can be read.

    A damaged one is told and set aside as `STEP.damaged` (then `STEP.damaged-2`, ...), and the
    one before it is taken; the last one that there is stays where it is.

    Args:
        folder: of the checkpoints.
        like: as `restore` takes it.

    Returns:
        The step and the items; 0 and `like` where there is no checkpoint.

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
        troubles = [found for found in cluster.gather(trouble and trouble.step) if found is not None]
        if not troubles:
            return step or 0, state
        with cluster.together():
            if cluster.is_first():
                if progress.steps(folder) == [step := max(troubles)]:
                    raise trouble or InputError(f'{folder}/{step}: another process cannot read it')
                _set_aside(folder, step, trouble)


def _set_aside(folder: Path, step: int, trouble: Damaged | None):
    """Gives a checkpoint a name that none has yet, under which it is not restored."""
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
    """Tells in one line what a disk refuses; TensorStore tells it as a ValueError."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or _first_line(error)
        raise InputError(f'{folder}: cannot be written: {reason}') from None


def restore(mngr: ocp.CheckpointManager, like: dict, step: int | None = None) -> dict:
    """Restores the items named in `like` as numpy arrays.

    Args:
        mngr: as from `manager`.
        like: item -> pytree of arrays (or of their shapes) expected; one without any
            (of a host that has no momentum encoder) comes back as it is.
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
    """Makes a tree of the structure of `like` out of the leaves of `arrays` at the same paths."""
    known = {_path(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(arrays)}
    return jax.tree_util.tree_map_with_path(lambda path, _: known[_path(path)], like)


def metrics(mngr: ocp.CheckpointManager, step: int) -> dict:
    """Reads the figures saved with a checkpoint."""
    saved = mngr.restore(step, args=ocp.args.Composite(metrics=ocp.args.JsonRestore()))
    return saved['metrics']


def _items(folder: Path) -> set[str]:
    """Lists the items that a checkpoint had; some are lost where its deletion was killed."""
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
    """Raises ValueError where the index of an item cannot be read.

    Orbax would start on every array at once and leave those reads behind.
    """
    store = tensorstore.KvStore.open({'driver': 'ocdbt', 'base': f'file://{folder}/'})
    store.result().list().result()


def _first_line(error) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _check(where, expected: dict, found: dict):
    """Raises InputError at the first array that is not as expected."""
    for path in sorted(expected.keys() | found.keys()):
        if expected.get(path) != found.get(path):
            raise InputError(
                f'{where}/{path} is {found.get(path, "absent")}, but this model has '
                f'{expected.get(path, "none")}: a checkpoint of another architecture'
            )
