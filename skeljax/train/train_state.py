"""A run's state: items (name -> pytree) that are checkpointed apart.

The item `backbone` holds `params` and `batch_stats` of the encoder and nothing
else, so that a later stage restores just that.
"""


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
    """Keeps the named top-level modules of Flax variables, or all but them."""
    return {
        collection: {m: tree for m, tree in trees.items() if (m in modules) != other}
        for collection, trees in variables.items()
    }
