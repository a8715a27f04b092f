"""Reads pickles that joblib wrote, arrays beside their operations, without running any.

joblib puts the numbers of an array straight behind the operation that holds its shape
(joblib.readthedocs.io, Persistence); zlib may pack the whole. Read by Python's own slow
unpickler, for the fast one cannot be stopped there.
"""

import io
import math
import pickle
import zlib

import numpy as np

from skeljax.formats import pickled

_WRAPPER = 'joblib.numpy_pickle.NumpyArrayWrapper'
_UNPACKED = 200  # times a packed file may grow


def is_joblib(data: bytes) -> bool:
    """Returns whether a file is joblib's: packed by zlib, or with its arrays."""
    return data[:1] == b'\x78' or b'joblib.numpy_pickle' in data[: 1 << 20]


def load(data: bytes):
    """Reads the pickle of a file; arrays are arrays, whatever else would be called is a Note.

    Raises:
        Exception: damage, of any kind that a pickle's operations can cause.
    """
    if data[:1] == b'\x78':
        limit = _UNPACKED * len(data) + (1 << 20)
        packed = zlib.decompressobj()
        data = packed.decompress(data, limit)
        if packed.unconsumed_tail:
            raise ValueError(f'unpacks to more than {limit} bytes')
    return _Unpickler(io.BytesIO(data)).load()


class _Unpickler(pickle._Unpickler):
    """Notes calls, and reads the array behind the note of a wrapper."""

    def __init__(self, file):
        super().__init__(file, encoding='latin1')
        self._file, self._size = file, file.getbuffer().nbytes

    def find_class(self, module, name):
        call = f'{module}.{name}'
        return dict if call in ('collections.OrderedDict', 'collections.defaultdict') else type(
            'Note', (pickled.Note,), {'call': call}
        )

    def build(self):
        super().load_build()
        top = self.stack[-1]
        if isinstance(top, pickled.Note) and top.call == _WRAPPER:
            self.stack[-1] = self._array(top.state)

    def reduce(self):
        # collections.defaultdict(factory): the factory would be called for what is missing.
        arguments, call = self.stack.pop(), self.stack[-1]
        self.stack[-1] = {} if call is dict else call(*arguments)

    def claim(self):
        raise ValueError('a bytearray, which no array needs')

    def _array(self, state: dict) -> np.ndarray:
        kind = pickled.dtype(state['dtype'])
        shape = tuple(int(size) for size in state['shape'])
        if state.get('numpy_array_alignment_bytes') is not None:
            self._file.read(self._file.read(1)[0])
        size = math.prod(shape) * kind.itemsize
        if min(shape, default=0) < 0 or size > self._size:
            raise ValueError(f'an array of {shape} in {self._size} bytes')
        raw = self._file.read(size)
        values = np.frombuffer(raw, kind)
        return values.reshape(shape, order='F' if state.get('order') == 'F' else 'C')

    dispatch = {
        **pickle._Unpickler.dispatch,
        pickle.BUILD[0]: build,
        pickle.REDUCE[0]: reduce,
        pickle.BYTEARRAY8[0]: claim,
    }
