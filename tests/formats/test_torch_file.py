"""Checkpoints of PyTorch: every kind of tensor is read, nothing is run, damage is told."""

import copy
import io
import pickle
import struct
import tracemalloc
import zipfile

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax.formats import torch_file
from tests.formats.damage import damaged, told

MAGIC = 0x1950A86A20F9469CFC6C
ROW = np.arange(6, dtype='<f4')


def _text(words: str) -> bytes:
    raw = words.encode()
    return b'X' + struct.pack('<i', len(raw)) + raw


def _many(*numbers: int) -> bytes:
    return b'(' + b''.join(b'J' + struct.pack('<i', number) for number in numbers) + b't'


def _call(function: str, arguments: bytes) -> bytes:
    """Pickles a call; the arguments are one after the other."""
    module, _, name = function.rpartition('.')
    return f'c{module}\n{name}\n'.encode() + b'(' + arguments + b'tR'


def _tensor(shape, strides, *, start=0, key='0', kind='FloatStorage', count=6) -> bytes:
    """Pickles a tensor as PyTorch does."""
    storage = b'(' + _text('storage') + f'ctorch\n{kind}\n'.encode() + _text(key) + _text('cpu')
    storage += _many(count)[1:-1] + b'tQ'
    place = _many(start)[1:-1] + _many(*shape) + _many(*strides)
    hooks = b'\x89' + _call('collections.OrderedDict', b'')
    return _call('torch._utils._rebuild_tensor_v2', storage + place + hooks)


def _table(**pickled: bytes) -> bytes:
    entries = b''.join(_text(name) + value for name, value in pickled.items())
    return _call('collections.OrderedDict', b'') + b'(' + entries + b'u'


def _zipped(content: bytes, storages=(ROW.tobytes(),), order=None, method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', method) as archive:
        archive.writestr('best/data.pkl', b'\x80\x02' + content + b'.')
        for key, raw in enumerate(storages):
            archive.writestr(f'best/data/{key}', raw)
        if order:
            archive.writestr('best/byteorder', order)
    return buffer.getvalue()


def _in_a_row(content: bytes, storages=(ROW,)) -> bytes:
    keys = [str(key) for key in range(len(storages))]
    parts = [pickle.dumps(part, protocol=2) for part in (MAGIC, 1001, {'little_endian': True})]
    parts += [b'\x80\x02' + content + b'.', pickle.dumps(keys, protocol=2)]
    return b''.join(parts + [struct.pack('<q', len(s)) + s.tobytes() for s in storages])


def _read(tmp_path, raw: bytes) -> dict:
    path = tmp_path / 'model.pt'
    path.write_bytes(raw)
    return torch_file.state(path)


def _told(tmp_path, raw: bytes) -> str:
    message = told(_read, tmp_path, raw)
    assert message.startswith(f'{tmp_path / "model.pt"}: ')
    return message


@pytest.mark.parametrize('write', [_zipped, _in_a_row])
def test_tensors_are_parts_of_storages(tmp_path, write):
    content = _table(
        whole=_tensor((2, 3), (3, 1)),
        turned=_tensor((3, 2), (1, 3)),
        part=_tensor((2,), (3,), start=2),
        repeated=_tensor((4, 2), (0, 1), start=1),
        number=_tensor((), (), start=5),
        empty=_tensor((0, 3), (3, 1)),
        learnt=_call('torch._utils._rebuild_parameter', _tensor((1,), (1,)) + b'\x88}'),
    )
    found = _read(tmp_path, write(content))
    np.testing.assert_array_equal(found['whole'], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found['turned'], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(found['part'], [2, 5])
    np.testing.assert_array_equal(found['repeated'], [[1, 2]] * 4)
    np.testing.assert_array_equal(found['learnt'], [0])
    assert found['number'].shape == () and found['number'] == 5
    assert found['empty'].shape == (0, 3)
    assert {array.dtype for array in found.values()} == {np.dtype('f4')}


@pytest.mark.parametrize(
    ('kind', 'stored', 'expected'),
    [
        ('DoubleStorage', np.array([0.1, -2], '<f8'), np.array([0.1, -2])),
        ('HalfStorage', np.array([0.5, -2], '<f2'), np.array([0.5, -2], np.float16)),
        # The upper halves of 1.0 and -2.5 in float32: 0x3f800000, 0xc0200000.
        ('BFloat16Storage', np.array([0x3F80, 0xC020], '<u2'), np.array([1, -2.5], np.float32)),
        ('LongStorage', np.array([2**40, -1], '<i8'), np.array([2**40, -1])),
        ('ByteStorage', np.array([255, 1], 'u1'), np.array([255, 1], np.uint8)),
        ('BoolStorage', np.array([0, 1], 'u1'), np.array([False, True])),
        ('ComplexFloatStorage', np.array([1j, 2], '<c8'), np.array([1j, 2], np.complex64)),
    ],
)
def test_every_kind_of_number_is_read(tmp_path, kind, stored, expected):
    content = _table(a=_tensor((2,), (1,), kind=kind, count=2))
    found = [_read(tmp_path, _zipped(content, [stored.tobytes()])),
             _read(tmp_path, _in_a_row(content, [stored])),
             _read(tmp_path, _zipped(content, [stored.byteswap().tobytes()], order='big'))]
    for tensors in found:
        np.testing.assert_array_equal(tensors['a'], expected)
        assert tensors['a'].dtype.newbyteorder('=') == expected.dtype


def test_the_state_is_found_inside_a_checkpoint(tmp_path):
    state = _table(**{'module.a': _tensor((6,), (1,)), 'module.b': _tensor((), ())})
    options = _call('argparse.Namespace', b'') + b'}' + _text('lr') + b'K\x01sb'
    best = _call('numpy.core.multiarray.scalar', _text('f8'))
    for name in torch_file.WITHIN:
        content = _table(epoch=b'K\x05', **{name: state}, options=options, best=best)
        found = _read(tmp_path, _zipped(content))
        assert list(found) == ['a', 'b']
    # The prefix stays where not all have it.
    mixed = _table(**{'module.a': _tensor((), ()), 'b': _tensor((), ()), 'count': b'K\x02'})
    assert list(_read(tmp_path, _zipped(mixed))) == ['module.a', 'b']


@pytest.mark.parametrize('function', ['os.system', '__builtin__.eval', 'posix.system',
                                      'subprocess.Popen', 'builtins.getattr'])
@pytest.mark.parametrize('write', [_zipped, _in_a_row])
def test_a_pickle_that_would_run_something_is_refused_by_name(tmp_path, write, function):
    harm = _call(function, _text(f'touch {tmp_path}/victim'))
    message = _told(tmp_path, write(_table(a=_tensor((6,), (1,)), b=harm)))
    assert f'it would run {function.replace("__builtin__", "builtins")}' in message
    assert [path.name for path in tmp_path.iterdir()] == ['model.pt']


# The key of a dictionary: Python hashes it, by recursion in C, and would die of it.
NESTED = b'}N' + b'\x85' * 300_000 + b'Ns'
REPEATED = _tensor((400_000,), (0,))  # of one number


def _keyed(value: bytes, key: bytes) -> bytes:
    return b'}' + key + value + b's'


@pytest.mark.parametrize(
    ('raw', 'expected'),
    [
        (b'', 'no zip archive, nor the magic number'),
        (b'PK\x03\x04', 'File is not a zip file'),
        (pickle.dumps(3), 'no zip archive, nor the magic number'),
        (_zipped(_table(a=b'K\x01')), 'no tensors in it, found a'),
        (_zipped(b'](K\x01e'), 'it holds a list, expected a state_dict'),
        (_zipped(_call('net.Model', b'')), 'it holds a net.Model, expected a state_dict'),
        (_zipped(_table(model=_call('net.Model', b''))), "'model' is a net.Model, expected its"),
        (_zipped(_table(a=_tensor((6,), (1,))), []), "There is no item named 'best/data/0'"),
        (_zipped(_table(a=_tensor((6,), (1,))), [b'1234567']), "'a': 7 bytes are there of 6 Fl"),
        (_zipped(_table(a=_tensor((7,), (1,)))), "'a': shape (7,) from number 0 of 6"),
        (_zipped(_table(a=_tensor((2, 2), (5, 1)))), "'a': shape (2, 2) from number 0 of 6"),
        (_zipped(_table(a=_tensor((1,), (1,), start=-1))), "'a': shape (1,) from number -1 of 6"),
        (_zipped(_table(a=_tensor((2,), (-1,), start=3))), "'a': shape (2,) with strides (-1,)"),
        # Six numbers that claim to be 2 ** 60.
        (_zipped(_table(a=_tensor((2**30, 2**30), (0, 0)))), 'from number 0 of 6'),
        (_zipped(_table(a=_tensor((6,), (1,), kind='QUInt8Storage'))), 'kind QUInt8Storage'),
        (_zipped(_table(a=_call('torch._utils._rebuild_qtensor', b''))), 'expected a dense tensor'),
        (_zipped(_table(a=_tensor((6,), (1,))), method=zipfile.ZIP_DEFLATED), 'is compressed'),
        (_in_a_row(_table(a=_tensor((6,), (1,))), [ROW[:3]]), "'a': 12 bytes are there of 6 Float"),
        (_zipped(_table(a=_tensor((6,), (1,)), b=NESTED)), 'tuples nested more than 100 deep'),
        (_in_a_row(_table(a=_tensor((6,), (1,)), b=NESTED)), 'tuples nested more than 100 deep'),
        (_zipped(_keyed(_tensor((6,), (1,)), b'N' + b'\x85')), 'a tensor whose name is a tuple'),
        (_zipped(_table(**{f't{i}': REPEATED for i in range(3)})), "'t2': more than"),
    ],
)
def test_what_is_no_sound_checkpoint_is_told(tmp_path, raw, expected):
    assert expected in _told(tmp_path, raw)


@pytest.mark.parametrize('kind', ['FloatStorage', 'BFloat16Storage', 'BoolStorage'])
@pytest.mark.parametrize('write', [_zipped, _in_a_row])
def test_many_tensors_of_one_storage_take_its_memory_once(tmp_path, kind, write):
    row = np.zeros(
        10**6, {'FloatStorage': 'f4', 'BFloat16Storage': 'u2', 'BoolStorage': 'u1'}[kind]
    )
    part = lambda i: _tensor((10,), (1,), start=i, kind=kind, count=len(row))
    content = _table(**{f't{i}': part(i) for i in range(20)})
    path = tmp_path / 'model.pt'
    path.write_bytes(write(content, [row.tobytes() if write is _zipped else row]))
    tracemalloc.start()
    try:
        found = torch_file.state(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) == 20 and peak < 6 * row.nbytes


def test_members_of_an_archive_that_are_one_place_are_refused(tmp_path):
    """A hundred entries of the directory may all lead to the bytes of one."""
    content = _table(**{f't{i}': _tensor((6,), (1,), key=str(i)) for i in range(100)})
    raw = _zipped(content, [ROW.tobytes()] * 100)
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        first = archive.getinfo('best/data/0').header_offset
        size = sum(e.file_size for e in archive.infolist()[1:])
    assert len(_read(tmp_path, raw)) == 100 and first
    big = io.BytesIO()
    with zipfile.ZipFile(big, 'w') as archive:
        archive.writestr('best/data.pkl', b'\x80\x02' + content + b'.')
        archive.writestr('best/data/0', ROW.tobytes() * 1000)
        place = archive.getinfo('best/data/0')
        for key in range(1, 100):
            entry = copy.copy(place)
            entry.filename = f'best/data/{key}'
            archive.filelist.append(entry)
            archive.NameToInfo[entry.filename] = entry
        archive._didModify = True
    assert size < len(big.getvalue())
    _told(tmp_path, big.getvalue())


def test_a_file_that_is_not_there_is_told(tmp_path):
    assert 'No such file' in told(torch_file.state, tmp_path / 'none.pt')


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_damaged_checkpoint_is_read_or_refused_in_one_line(tmp_path_factory, data):
    content = _table(model=_table(a=_tensor((2, 3), (3, 1)), b=_tensor((), (), start=5)))
    raw = data.draw(st.sampled_from([_zipped(content), _in_a_row(content)]).flatmap(damaged))
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, max(len(raw) - 1, 0)))
        raw = raw[:place] + bytes([data.draw(st.integers(0, 255))]) + raw[place + 1 :]
    path = tmp_path_factory.getbasetemp() / 'damaged.pt'
    path.write_bytes(raw)
    try:
        found = torch_file.state(path)
    except torch_file.FormatError as error:
        assert str(error).startswith(f'{path}: ') and '\n' not in str(error)
    else:
        assert sum(array.size for array in found.values()) <= 2 * 10**6


@pytest.mark.parametrize('archive', [True, False])
def test_what_pytorch_itself_writes(tmp_path, archive):
    torch = pytest.importorskip('torch', reason='needs the extra skeljax[compare]')
    whole = torch.arange(24.0).reshape(2, 3, 4)
    tensors = {
        'whole': whole,
        'turned': whole.transpose(0, 2),
        'part': whole[1:, ::2],
        'number': torch.tensor(3),
        'empty': torch.zeros(0, 3),
        'expanded': torch.ones(1).expand(5, 7),
        'learnt': torch.nn.Parameter(whole[0]),
        'half': whole.half(),
        'flags': whole > 3,
    }
    saved = {'state_dict': tensors | {'brain': whole.bfloat16()}, 'epoch': 3}
    torch.save(saved, tmp_path / 'a.pt', _use_new_zipfile_serialization=archive)
    found = torch_file.state(tmp_path / 'a.pt')
    np.testing.assert_array_equal(found.pop('brain'), whole)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name], tensor.detach(), strict=True)
