"""Reads the tensors of a PyTorch checkpoint without PyTorch, running none of it.

A checkpoint is a pickle with the places of tensors in storages, and the storages:
members of a zip archive (PyTorch since 1.6), or all in a row (before).
"""

from collections.abc import Callable
import functools
import io
import math
from pathlib import Path
import sys
from typing import NamedTuple
import zipfile

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import pickled
from skeljax.formats.archive import listed, reason
from skeljax.formats.pickled import Note

# Where training code keeps the state of its network beside other things.
WITHIN = ('state_dict', 'model_state_dict', 'model')
_MAGIC = 0x1950A86A20F9469CFC6C
# What a storage or a tensor calls its kind of numbers -> NumPy's name.
_NUMBERS = {
    'DoubleStorage': 'f8', 'FloatStorage': 'f4', 'HalfStorage': 'f2', 'BFloat16Storage': 'bfloat16',
    'LongStorage': 'i8', 'IntStorage': 'i4', 'ShortStorage': 'i2', 'CharStorage': 'i1',
    'ByteStorage': 'u1', 'BoolStorage': 'b1', 'ComplexFloatStorage': 'c8',
    'ComplexDoubleStorage': 'c16', 'UntypedStorage': 'u1', 'uint16': 'u2', 'uint32': 'u4',
    'uint64': 'u8',
}
# What of the standard library a checkpoint may name; all else is there to do something.
_HARMLESS = {
    '_codecs.encode', 'argparse.Namespace', 'builtins.bytearray', 'builtins.complex',
    'builtins.frozenset', 'builtins.object', 'builtins.set', 'builtins.slice',
    'collections.Counter', 'collections.OrderedDict', 'collections.defaultdict',
    'copyreg._reconstructor', 'datetime.datetime', 'datetime.timedelta', 'pathlib.Path',
    'pathlib.PosixPath', 'pathlib.WindowsPath', 'types.SimpleNamespace',
}
_TENSORS = {f'torch._utils._rebuild_tensor{version}' for version in ('', '_v2', '_v3')}
_PARAMETERS = {f'torch._utils._rebuild_parameter{version}' for version in ('', '_with_state')}
_REPEATED = 10**6  # numbers that a tensor may have which repeats fewer
_SHARED = 2  # numbers of all tensors for a byte of a file; tied weights of float16 have 1
_PYTHON2 = {'__builtin__': 'builtins', 'copy_reg': 'copyreg'}


class _Storage(NamedTuple):
    """A run of numbers outside of the pickle, of which a tensor may begin at `start`."""

    key: str
    kind: str
    count: int
    start: int


class _Unpickler(pickled.Unpickler):
    """Refuses what would do something, and notes storages."""

    def __init__(self, file, storages: dict | None = None):
        super().__init__(file)
        self._storages = {} if storages is None else storages

    def find_class(self, module, name):
        module = _PYTHON2.get(module, module)
        call = f'{module}.{name}'
        if module.split('.')[0] in sys.stdlib_module_names and call not in _HARMLESS:
            raise ValueError(f'it would run {call}, which no tensor needs; nothing was run')
        return super().find_class(module, name)

    def persistent_load(self, stated):
        what, kind, *rest = stated
        if what == 'module':  # a class whose source is kept along
            return kind
        key, _, count, *view = rest
        start = view[0][1] if view and view[0] else 0
        whole = isinstance(start, int) and isinstance(count, int) and count >= 0
        if not isinstance(key, str) or not whole:
            raise ValueError(f'storage {key!r} of {count!r} numbers from {start!r}')
        stored = _Storage(key, kind.call.rpartition('.')[2], count, start)
        return self._storages.setdefault(key, stored) if not start else stored


def state(path) -> dict[str, np.ndarray]:
    """Reads the state of the network (PyTorch's state_dict) that a checkpoint holds.

    Looks below the entries `WITHIN` and drops the prefix `module.` of parallel training.

    Returns:
        Name -> array, read-only; bfloat16 becomes float32.

    Raises:
        FormatError: no such file, no checkpoint, damage, a pickle that would run
            something, or no tensors in it.
    """
    try:
        file = io.BytesIO(Path(path).read_bytes())
        zipped = file.getvalue()[:4] == b'PK\x03\x04'
        content, read, order = (_zipped if zipped else _in_a_row)(file)
        tensors = _tensors(_entries(content), _decoder(read, order), _size(file))
    # A damaged pickle or archive fails in any way that its operations can.
    except Exception as error:
        raise FormatError(f'{path}: cannot be read as a checkpoint: {reason(error)}') from None
    if not tensors:
        raise FormatError(f'{path}: no tensors in it, found {_told(content)}')
    if all(name.startswith('module.') for name in tensors):
        return {name.removeprefix('module.'): array for name, array in tensors.items()}
    return tensors


def _size(file: io.BytesIO) -> int:
    return file.getbuffer().nbytes


def _zipped(file: io.BytesIO) -> tuple[object, Callable, str]:
    """Reads the pickle of an archive.

    Returns:
        What it holds, how to read the bytes of a storage, and their order.
    """
    archive = zipfile.ZipFile(file)
    found = [name for name in archive.namelist() if name.split('/')[1:] == ['data.pkl']]
    if len(found) != 1:
        raise ValueError(f'{len(found)} entries */data.pkl, expected 1')
    root = found[0].removesuffix('data.pkl')
    left = _size(file)

    def member(name):
        nonlocal left
        entry = archive.getinfo(f'{root}{name}')
        left -= entry.file_size
        # PyTorch does not compress; a few bytes could claim any amount of memory, and so could
        # many entries of one place.
        if entry.compress_type or left < 0:
            raise ValueError(f'{name} is compressed or larger than the file')
        return archive.read(entry)

    order = member('byteorder') if f'{root}byteorder' in archive.namelist() else b'little'
    content = pickled.load(io.BytesIO(member('data.pkl')), _Unpickler)
    return content, lambda key: member(f'data/{key}'), '>' if order == b'big' else '<'


def _in_a_row(file: io.BytesIO) -> tuple[object, Callable, str]:
    """Reads a file from before the archives: five pickles, then storages; as `_zipped`."""
    if not _size(file) or pickled.load(file) != _MAGIC:
        raise ValueError('no zip archive, nor the magic number of PyTorch before 1.6')
    pickled.load(file)  # version of the format
    pickled.load(file)  # of the machine that wrote it, in little-endian order whatever it was
    known = {}
    content = pickled.load(file, functools.partial(_Unpickler, storages=known))
    places = {}
    for key in pickled.load(file):
        size = int.from_bytes(file.read(8), 'little') * _itemsize(known[key].kind)
        places[key] = slice(file.tell(), file.tell() + size)
        file.seek(size, io.SEEK_CUR)
    raw = file.getbuffer()
    return content, lambda key: raw[places[key]], '<'


def _entries(content) -> dict:
    """Returns the dictionary that holds tensors."""
    if not isinstance(content, dict):
        raise ValueError(f'it holds {_told(content)}, expected a state_dict')
    for name in WITHIN:
        inner = content.get(name)
        if isinstance(inner, Note):
            raise ValueError(f'{name!r} is {_told(inner)}, expected its state_dict')
        if isinstance(inner, dict):
            return inner
    return content


def _told(thing) -> str:
    """Names what was found instead of tensors."""
    if isinstance(thing, dict):
        return listed(f'{name}' for name in thing)
    return f'a {thing.call}' if isinstance(thing, Note) else f'a {type(thing).__name__}'


def _tensors(entries: dict, decode: Callable, size: int) -> dict[str, np.ndarray]:
    """Puts together all tensors; leaves out texts, numbers and objects beside them.

    Args:
        entries: of the state.
        decode: as from `_decoder`.
        size: of the file in bytes. Tensors may share and repeat numbers, but have at most
            `_SHARED` times as many together as that, or `_REPEATED`.
    """
    found: dict[str, np.ndarray] = {}
    total, most = 0, max(_SHARED * size, _REPEATED)
    for name, thing in entries.items():
        if isinstance(thing, Note) and thing.call.startswith(('torch._utils.', 'torch._tensor.')):
            if not isinstance(name, str | int):
                raise ValueError(f'a tensor whose name is a {type(name).__name__}')
            try:
                found[str(name)] = _tensor(thing, decode, size)
            except Exception as error:
                raise ValueError(f'{str(name)!r}: {reason(error)}') from None
            total += found[str(name)].size
            if total > most:
                raise ValueError(f'{str(name)!r}: more than {most} numbers in {size} bytes')
    return found


def _tensor(note: Note, decode: Callable, size: int) -> np.ndarray:
    """Shows a part of a storage as an array."""
    if note.call in _PARAMETERS:
        return _tensor(note.args[0], decode, size)
    if note.call not in _TENSORS:
        raise ValueError(f'{_told(note)}, expected a dense tensor')
    stored, start, shape, strides, *rest = note.args
    # The third version states the kind of number itself.
    kind = rest[2].call.rpartition('.')[2] if note.call.endswith('_v3') else stored.kind
    if not all(type(number) is int for number in (start, *shape, *strides)):
        raise ValueError(f'shape {shape} with strides {strides} from number {start}')
    flat, held = decode(stored.key, kind)
    needed = stored.count * _itemsize(stored.kind)
    if held < needed:
        raise ValueError(f'{held} bytes are there of {stored.count} {stored.kind}')
    flat = flat[: needed // _itemsize(kind)]
    start, last = start + stored.start, start + stored.start
    for length, stride in zip(shape, strides, strict=True):
        if length < 0 or stride < 0:
            raise ValueError(f'shape {shape} with strides {strides}')
        last += (length - 1) * stride
    if 0 in shape:
        return np.zeros(shape, flat.dtype)
    # Strides of 0 could claim any number of numbers.
    if start < 0 or last >= len(flat) or math.prod(shape) > max(size, _REPEATED):
        raise ValueError(f'shape {shape} from number {start} of {len(flat)}')
    strides = [stride * flat.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(flat[start:], shape, strides, writeable=False)


def _decoder(read: Callable, order: str) -> Callable[[str, str], tuple[np.ndarray, int]]:
    """Returns `(key of a storage, kind of number) -> its numbers, its bytes`, decoded once.

    The arrays of a file are views of these, so memory grows with the file alone.
    """
    raw = functools.cache(read)

    @functools.cache
    def decode(key: str, kind: str) -> tuple[np.ndarray, int]:
        number, data = _NUMBERS.get(kind), raw(key)
        whole = memoryview(data)[: len(data) // _itemsize(kind) * _itemsize(kind)]
        if number == 'bfloat16':  # the upper half of a float32
            halves = np.frombuffer(whole, f'{order}u2').astype(np.uint32)
            return np.left_shift(halves, 16, out=halves).view(np.float32), len(data)
        if number == 'b1':
            return np.frombuffer(whole, 'u1') != 0, len(data)
        return np.frombuffer(whole, f'{order}{number}'), len(data)

    return decode


def _itemsize(kind: str) -> int:
    if kind not in _NUMBERS:
        raise ValueError(f'numbers of kind {kind}')
    return 2 if _NUMBERS[kind] == 'bfloat16' else np.dtype(_NUMBERS[kind]).itemsize
