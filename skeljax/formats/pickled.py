"""Reads arrays out of a pickle without running any of it.

The older body models are pickles that hold NumPy arrays, SciPy matrices and
variables of chumpy, and checkpoints of PyTorch hold pickles (`torch_file`). Whatever
a pickle would import or call becomes a `Note` of it here; the arrays requested are
then put together from the notes.
"""

from collections.abc import Sequence
import io
import math
from pathlib import Path
import pickle
import pickletools
import re
from typing import Any

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import nesting
from skeljax.formats.archive import listed, reason

_DTYPE = re.compile(r'b1|[iu][1248]|f[248]')
_PUTS = ('PUT', 'BINPUT', 'LONG_BINPUT')
_LARGEST = 10**8  # numbers in a sparse matrix, which a short file can claim
_NEEDS_NPZ = 'expected numbers; use the .npz of this model'


class Note:
    """What a pickle would have made: a call, its arguments, the state set afterwards."""

    call = ''
    args: tuple = ()
    state: Any = None

    def __new__(cls, *args):
        note = object.__new__(cls)
        note.args = args
        return note

    def __init__(self, *args):
        pass

    def __setstate__(self, state):
        self.state = state

    def __setitem__(self, key, value):
        pass

    def append(self, item):
        pass


class _Table(dict):
    """A dictionary without settable attributes."""

    def __setstate__(self, state):
        pass


class Unpickler(pickle.Unpickler):
    """Returns plain values, tables of ordered dictionaries and `Note`s of all else."""

    def __init__(self, file):
        super().__init__(file, encoding='latin1')  # Python 2 wrote bytes of arrays as text

    def find_class(self, module, name):
        call = f'{module}.{name}'
        if call == 'collections.OrderedDict':
            return _Table
        return type('Note', (Note,), {'call': call})


def load(file: io.BytesIO, unpickler: type[Unpickler] = Unpickler):
    """Reads the next pickle of a file.

    Raises:
        Exception: damage, of any kind that a pickle's operations can cause.
    """
    start = file.tell()
    _check_claims(file)
    file.seek(start)
    return unpickler(file).load()


def arrays(path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Reads the arrays `names` and those of `optional` that are there, of a pickled dictionary.

    Raises:
        FormatError: no such file, no pickle, one of `names` missing, or something
            else than an array under a name requested.
    """
    path = Path(path)
    try:
        content = load(io.BytesIO(path.read_bytes()))
    # A damaged pickle fails in any way that its operations can.
    except Exception as error:
        raise FormatError(f'{path}: cannot be read as a pickle: {reason(error)}') from None
    if not isinstance(content, dict):
        raise FormatError(f'{path}: holds a {type(content).__name__}, expected a dictionary')
    found = {}
    for name in (*names, *optional):
        if name in content:
            try:
                found[name] = array(content[name])
            except Exception as error:
                raise FormatError(f'{path}: {name!r}: {reason(error)}, {_NEEDS_NPZ}') from None
        elif name in names:
            keys = listed(key for key in content if isinstance(key, str))
            raise FormatError(f'{path}: no entry {name!r}, found {keys}')
    return found


def _check_claims(file: io.BytesIO):
    """Refuses a pickle that would exhaust memory or the stack of C while it is read.

    The walk over its operations refuses lengths beyond its end.

    Raises:
        ValueError: it sets aside more memory than it has bytes for, or nests tuples deeper
            than `nesting.DEEPEST`; or it has an operation that there is not.
    """
    size = file.getbuffer().nbytes
    depths = nesting.Depths()
    for operation, argument, _ in pickletools.genops(file):
        if operation.name in _PUTS and argument > size:
            raise ValueError(f'object number {argument} of {size} bytes')
        depths.note(operation, argument)


def array(thing) -> np.ndarray:
    """Puts an array together, dense, from the note of one.

    Raises:
        ValueError: it is none; and whatever damage causes.
    """
    if isinstance(thing, np.ndarray):
        return thing
    if not isinstance(thing, Note):
        raise ValueError(f'a {type(thing).__name__}')
    call = thing.call
    if call in ('copy_reg._reconstructor', 'copyreg._reconstructor'):
        call = thing.args[0].call
    module, _, name = call.rpartition('.')
    if name == '_reconstruct' and module.startswith('numpy'):
        _, shape, dtype, fortran, raw = thing.state
        return _filled(raw, dtype, shape, fortran)
    if name == '_frombuffer' and module.startswith('numpy'):
        raw, dtype, shape, order = thing.args
        return _filled(raw, dtype, shape, order == 'F')
    if name in ('csc_matrix', 'csr_matrix', 'csc_array', 'csr_array'):
        return _dense(thing.state, by_row=name.startswith('csr'))
    if call == 'chumpy.ch.Ch':
        return array(thing.state['x'])
    raise ValueError(f'a {call}')


def _filled(raw, stated, shape, fortran) -> np.ndarray:
    kind = dtype(stated)
    if isinstance(raw, Note) and raw.call == '_codecs.encode':  # bytes, as protocol 2 has them
        raw = raw.args[0]
    raw = raw.encode('latin1') if isinstance(raw, str) else bytes(raw)
    shape = tuple(int(size) for size in shape)
    values = np.frombuffer(raw, kind)
    if len(values) != math.prod(shape):
        raise ValueError(f'{len(values)} numbers for the shape {shape}')
    return values.reshape(shape, order='F' if fortran else 'C')


def dtype(note) -> np.dtype:
    """Returns the kind of numbers that a note of `numpy.dtype` means.

    Raises:
        ValueError: it is none of numbers.
    """
    kind = note.args[0]
    if note.call != 'numpy.dtype' or not _DTYPE.fullmatch(kind):
        raise ValueError(f'an array of {kind}')
    return np.dtype(('>' if note.state and note.state[1] == '>' else '<') + kind)


def _dense(state: dict, by_row: bool) -> np.ndarray:
    """Fills a matrix from SciPy's compressed rows or columns."""
    rows, columns = (int(size) for size in state.get('_shape', state.get('shape')))
    if rows * columns > _LARGEST:
        raise ValueError(f'a matrix of {rows} x {columns}')
    values, inner, ends = (array(state[name]) for name in ('data', 'indices', 'indptr'))
    counts = np.diff(ends)
    if ends[0] or counts.min() < 0 or not len(values) == len(inner) == ends[-1] or inner.min() < 0:
        raise ValueError('a sparse matrix that does not fit together')
    outer = np.repeat(np.arange(rows if by_row else columns), counts)
    dense = np.zeros((rows, columns))
    np.add.at(dense, (outer, inner) if by_row else (inner, outer), values)
    return dense
