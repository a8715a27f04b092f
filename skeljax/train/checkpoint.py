"""Saving and restoring a run with Orbax, one item a part of the state."""

from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import tensorstore

from skeljax.errors import InputError


def manager(folder, *, keep: int = 2) -> ocp.CheckpointManager:
    """Opens the checkpoints in `folder`, made if absent; saves in the background.

    What a `kill -9` leaves of an unfinished save carries another name, is never
    restored and is cleaned up here.
    """
    options = ocp.CheckpointManagerOptions(
        max_to_keep=keep, create=True, cleanup_tmp_directories=True
    )
    return ocp.CheckpointManager(Path(folder).resolve(), options=options)


def save(mngr: ocp.CheckpointManager, step: int, state: dict, metrics: dict | None = None):
    """Saves every item of `state` (item name -> pytree) that holds arrays, as of `step`."""
    held = {k: v for k, v in jax.device_get(state).items() if jax.tree.leaves(v)}
    saved = {k: ocp.args.StandardSave(v) for k, v in held.items()}
    saved['metrics'] = ocp.args.JsonSave(metrics or {})
    mngr.save(step, args=ocp.args.Composite(**saved), force=True)


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
    """
    step = mngr.latest_step() if step is None else step
    if step is None:
        raise InputError(f'{mngr.directory}: no checkpoint here')
    held = {item: tree for item, tree in like.items() if jax.tree.leaves(tree)}
    with ocp.StandardCheckpointer() as reader:
        for item, tree in held.items():
            folder = mngr.directory / str(step) / item
            if not folder.is_dir():
                raise InputError(f'{mngr.directory}/{step}: no item {item!r}')
            _check_index(folder)
            _check(folder, _shapes(tree), _shapes(reader.metadata(folder).item_metadata))
    abstract = jax.tree.map(lambda x: np.empty(x.shape, x.dtype), held)
    wanted = {k: ocp.args.StandardRestore(v) for k, v in abstract.items()}
    try:
        return like | dict(mngr.restore(step, args=ocp.args.Composite(**wanted)).items())
    except (OSError, ValueError) as error:
        where = f'{mngr.directory}/{step}'
        raise InputError(f'{where}: a damaged checkpoint: {_first_line(error)}') from None


def metrics(mngr: ocp.CheckpointManager, step: int) -> dict:
    """Reads the figures saved with a checkpoint."""
    saved = mngr.restore(step, args=ocp.args.Composite(metrics=ocp.args.JsonRestore()))
    return saved['metrics']


def _shapes(tree) -> dict[str, tuple[int, ...]]:
    leaves = jax.tree_util.tree_leaves_with_path(getattr(tree, 'tree', tree))
    return {jax.tree_util.keystr(p, simple=True, separator='/'): tuple(x.shape) for p, x in leaves}


def _check_index(folder: Path):
    """Raises InputError where the index of an item cannot be read.

    Orbax would start on every array at once and leave those reads behind.
    """
    try:
        store = tensorstore.KvStore.open({'driver': 'ocdbt', 'base': f'file://{folder}/'})
        store.result().list().result()
    except ValueError as error:
        raise InputError(f'{folder}: a damaged checkpoint: {_first_line(error)}') from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _check(where, expected: dict, found: dict):
    """Raises InputError at the first array that is not as expected."""
    if not found:  # Orbax leaves out what it cannot read
        raise InputError(f'{where}: no array can be read: a damaged checkpoint')
    for path in sorted(expected.keys() | found.keys()):
        if expected.get(path) != found.get(path):
            raise InputError(
                f'{where}/{path} is {found.get(path, "absent")}, but this model has '
                f'{expected.get(path, "none")}: a checkpoint of another architecture'
            )
