"""The state of a training run, and its items: pytrees that are checkpointed apart.

The item `backbone` holds `params` and `batch_stats` of the encoders and nothing else, so that a
later stage restores it alone.
"""

from collections.abc import Mapping
from typing import Any

from flax import struct
import jax


@struct.dataclass
class PretrainState:
    """The state of pretraining. Variables are `{'params': ..., 'batch_stats': ...}`, as in Flax."""

    step: jax.Array  # steps taken, int32[]
    backbone: dict  # stream -> variables of the trained backbone
    heads: dict  # stream -> variables of its heads: 'method' and, with a snippet loss, 'snippet'
    target_params: dict  # stream -> variables of the momentum encoder, backbone and heads; {}: none
    queues: dict  # stream -> {'method', 'snippet'} -> {vectors float32[N, D], pointer int32[]}
    opt_state: Any  # of optax, for the parameters of all streams: stream -> module -> ...


@struct.dataclass
class FinetuneState:
    """The state of fine-tuning. Variables are `{'params': ..., 'batch_stats': ...}`, as in Flax."""

    step: jax.Array  # steps taken, int32[]
    backbone: dict  # variables of the backbone
    decoder: dict  # variables of all other modules: fuser, head, boundary head
    opt_state: Any  # of optax, for the parameters of both: module -> ...


# Field of a state -> its name as an item of a checkpoint, where they differ (since version 0.1.0).
_ITEMS = {'target_params': 'key'}
# Key of a dict anywhere in a state -> its name in a checkpoint, where they differ.
_KEYS = {'method': 'host'}


def to_items(state) -> dict:
    """Returns the items of a state under their names in checkpoints; a dict as it is."""
    if isinstance(state, Mapping):
        return state
    fields = {name: getattr(state, name) for name in state.__dataclass_fields__}
    return {_ITEMS.get(name, name): rename(tree, _KEYS) for name, tree in fields.items()}


def from_items(items: dict, like):
    """Returns a state of the class of `like` from items as of `to_items`."""
    if isinstance(like, Mapping):
        return items
    keys = {there: here for here, there in _KEYS.items()}
    return type(like)(**{
        name: rename(items[_ITEMS.get(name, name)], keys) for name in like.__dataclass_fields__
    })


def rename(tree, names: dict[str, str]):
    """Renames keys of the dicts of a pytree, at any depth."""
    if isinstance(tree, Mapping):
        return {names.get(key, key): rename(value, names) for key, value in tree.items()}
    if isinstance(tree, tuple):
        parts = (rename(value, names) for value in tree)
        return type(tree)(*parts) if hasattr(tree, '_fields') else tuple(parts)
    return tree


def merge(*parts: dict) -> dict:
    """Joins items into one tree of Flax variables.

    Args:
        *parts: each `{'params': {module: ...}, 'batch_stats': {module: ...}}`.
    """
    collections = sorted({name for part in parts for name in part})
    return {
        name: {module: tree for part in parts for module, tree in part.get(name, {}).items()}
        for name in collections
    }


def select(variables: dict, modules, *, other: bool = False) -> dict:
    """Returns the named top-level modules of Flax variables; with `other` all but them."""
    return {
        collection: {m: tree for m, tree in trees.items() if (m in modules) != other}
        for collection, trees in variables.items()
    }
