"""Translation of published tensors to the arrays of a backbone."""

from collections.abc import Iterator
import re
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.formats.archive import reason
from skeljax.models.imported import Encoder, of
from skeljax.models.imported.kinds import Leaf

BLOCKS = 10


class Translation(NamedTuple):
    """The arrays of a backbone, and the use of every tensor.

    Attributes:
        arrays: path within the backbone's variables -> float32 array.
        used: name of a tensor within the checkpoint -> path.
        unused: name of a tensor -> the reason.
        missing: path -> names of the tensors that it requires.
        persons: number of persons whose input was normalized together, each by parameters of
            its own; those of the first are used.
    """

    arrays: dict[str, np.ndarray]
    used: dict[str, str]
    unused: dict[str, str]
    missing: dict[str, tuple[str, ...]]
    persons: int


def translate(encoder: Encoder, shapes: dict[str, tuple[int, ...]], everything) -> Translation:
    """Returns the arrays of a backbone.

    Args:
        encoder: owner of the tensors.
        shapes: path such as 'params/block1/norm/scale' -> shape.
        everything: names of all tensors of the checkpoint.

    Raises:
        InputError: a tensor does not have the backbone's shape, is not finite, or is part of a
            block of another architecture.
    """
    arrays, used, missing = {}, {}, {}
    for path, leaf, names in _leaves(of(encoder.architecture).ROWS):
        if path not in shapes or path in arrays:
            continue
        if all(name in encoder.tensors for name in names):
            arrays[path] = _array(encoder, names, leaf, shapes[path])
            used.update({encoder.prefix + name: path for name in names})
            missing.pop(path, None)
        else:
            missing.setdefault(path, tuple(encoder.prefix + name for name in names))
    unused = {name: _why(name, encoder) for name in everything if name not in used}
    persons = 1
    if 'params/input_norm/scale' in arrays:
        channels = shapes['params/input_norm/scale'][0]
        persons = len(encoder.tensors['data_bn.weight']) // channels
    return Translation(arrays, used, unused, missing, persons)


def _leaves(rows) -> Iterator[tuple[str, Leaf, tuple[str, ...]]]:
    """Lists the arrays of all blocks: path, leaf, names of the tensors."""
    for row in rows:
        theirs = (row.theirs,) if isinstance(row.theirs, str) else row.theirs
        for n in range(1, BLOCKS + 1 if '{' in row.ours else 2):
            for leaf in row.kind:
                path = '/'.join(filter(None, (leaf.collection, row.ours, leaf.ours)))
                names = ('.'.join(filter(None, (layer, leaf.theirs))) for layer in theirs)
                yield path.format(n=n), leaf, tuple(x.format(n=n, i=n - 1) for x in names)


def _array(encoder: Encoder, names, leaf: Leaf, shape) -> np.ndarray:
    tensors = [encoder.tensors[name] for name in names]
    pairs = zip(names, tensors, strict=True)
    shown = ' + '.join(f'{encoder.prefix}{name} {tensor.shape}' for name, tensor in pairs)
    try:
        parts = [leaf.change(tensor) for tensor in tensors]
        made = np.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
    except (ValueError, IndexError) as error:
        raise InputError(f'{shown}, expected an array for {shape}: {reason(error)}') from None
    if names[0].startswith('data_bn.') and made.ndim == 1 and len(made) % shape[0] == 0:
        made = made[: shape[0]]  # the first of several persons that were normalized together
    if made.shape != shape:
        raise InputError(f'{shown} would give an array {made.shape}, expected {shape}')
    if made.dtype.kind != 'f' or not np.isfinite(made).all():
        raise InputError(f'{shown}: expected finite numbers')
    return np.ascontiguousarray(made, np.float32).reshape(shape)


def _why(name: str, encoder: Encoder) -> str:
    """Returns the reason why a tensor is unused.

    Raises:
        InputError: it should have been used.
    """
    inner = name.removeprefix(encoder.prefix)
    if not name.startswith(encoder.prefix) or inner not in encoder.tensors:
        return 'another encoder' if name.startswith(encoder.others) else 'not of the encoder'
    if inner.endswith('num_batches_tracked'):
        return 'a counter that is not needed'
    if re.match(of(encoder.architecture).BLOCK, inner):
        raise InputError(f'{name}: no {encoder.architecture} has it: another architecture')
    if inner == 'A':
        return 'the graph, made from the layout'
    if inner.startswith('data_bn.'):
        return 'its normalization was never called'
    return 'a head or similar'
