"""Pickles and archives of arrays: put together without running them, damage told in one line."""

import io
import pickle
import struct
import sys
import tracemalloc
import types

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax.errors import FormatError
from skeljax.formats import archive, pickled


def _told(call, *arguments) -> str:
    with pytest.raises(FormatError) as caught:
        call(*arguments)
    assert '\n' not in str(caught.value)
    return str(caught.value)


def _pickle(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def test_variables_of_chumpy_and_matrices_by_rows_are_read(tmp_path, monkeypatch):
    sparse = pytest.importorskip('scipy.sparse')

    class Ch:
        def __init__(self, x):
            self.x, self._dirty_vars, self._parents = x, set(), {}

    Ch.__module__, Ch.__qualname__ = 'chumpy.ch', 'Ch'
    module = types.ModuleType('chumpy.ch')
    module.Ch = Ch
    table = np.arange(12.0).reshape(3, 4)
    content = {'a': Ch(table), 'b': sparse.csr_matrix(table), 'c': table.astype('>f4')}
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, 'chumpy', types.ModuleType('chumpy'))
        patch.setitem(sys.modules, 'chumpy.ch', module)
        paths = [_pickle(tmp_path / f'{p}.pkl', content, p) for p in (0, 1, 2, 4)]
    for path in paths:
        found = pickled.arrays(path, ('a', 'b'), ('c', 'd'))
        assert list(found) == ['a', 'b', 'c']
        for array in found.values():
            np.testing.assert_array_equal(array, table)


def _of_python_2(table: np.ndarray) -> bytes:
    """Writes {'a': table} as Python 2 does: the bytes of an array are a text of its own."""
    raw, (rows, columns) = table.astype('<f8').tobytes(), table.shape
    return (
        b'\x80\x02}U\x01acnumpy.core.multiarray\n_reconstruct\n'
        + b'cnumpy\nndarray\nK\x00\x85U\x01b\x87R'
        + b'(K\x01K%cK%c\x86cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R' % (rows, columns)
        + b'(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T'
        + struct.pack('<i', len(raw)) + raw + b'tbs.'
    )


def test_a_pickle_of_python_2_is_read(tmp_path):
    table = np.random.default_rng(0).normal(size=(3, 4))
    path = tmp_path / 'model.pkl'
    path.write_bytes(_of_python_2(table))
    np.testing.assert_array_equal(pickled.arrays(path, ('a',))['a'], table)


class _Harm:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


def test_nothing_in_a_pickle_is_run(tmp_path):
    victim = tmp_path / 'victim'
    path = _pickle(tmp_path / 'model.pkl', {'a': _Harm(victim), 'b': np.zeros(2)})
    assert list(pickled.arrays(path, ('b',))) == ['b']
    told = _told(pickled.arrays, path, ('a',))
    expected = "'a': a io.open, expected numbers; use the .npz of this model"
    assert told == f'{path}: {expected}'
    assert not victim.exists()


@pytest.mark.parametrize(
    ('content', 'expected'),
    [
        ([1, 2], 'holds a list, expected a dictionary'),
        ({'b': 1}, "no entry 'a', found b"),
        ({'a': [1.0, 2.0]}, "'a': a list, expected numbers"),
        ({'a': np.array(['x'])}, "'a': an array of U1"),
        ({'a': np.array([{}])}, "'a': an array of O8"),
    ],
)
def test_a_pickle_of_something_else_is_refused(tmp_path, content, expected):
    path = _pickle(tmp_path / 'model.pkl', content)
    assert _told(pickled.arrays, path, ('a',)).startswith(f'{path}: {expected}')


@pytest.mark.parametrize(
    'claim',
    [
        b'\x80\x05\x96' + struct.pack('<q', 2**33) + b'short.',  # bytes
        b'\x80\x02}r' + struct.pack('<I', 2**31) + b'.',  # remembered as number 2 ** 31
        b'}p2147483648\n.',
    ],
)
def test_a_short_pickle_cannot_claim_much_memory(tmp_path, claim):
    path = tmp_path / 'model.pkl'
    path.write_bytes(claim)
    assert 'cannot be read as a pickle: ' in _told(pickled.arrays, path, ('a',))


_DEEP = b'N' + b'\x85' * 300_000


@pytest.mark.parametrize(
    'nested',
    [
        b'}' + _DEEP + b'Ns.',  # the key of a dictionary
        b'}(' + _DEEP + b'Nu.',
        b'\x80\x04\x8f(' + _DEEP + b'\x90.',  # of a set
        b'\x80\x04(' + _DEEP + b'\x91.',  # of a frozen set
        b'}N' + b'\x85q\x000h\x00' * 300_000 + b'Ns.',  # remembered and taken from memory
        b'}N' + b'\x85(e' * 300_000 + b'Ns.',  # as a list, of which nothing is appended to
        b'}' + b'(' * 300_000 + b't' * 300_000 + b'Ns.',
        b'}N' + b'\x85Nb' * 300_000 + b'Ns.',  # its state is set to None
    ],
)
def test_tuples_in_tuples_are_refused_before_python_hashes_them(tmp_path, nested):
    """Python hashes a tuple by recursion in C, without a limit, and would die."""
    path = tmp_path / 'model.pkl'
    path.write_bytes(nested)
    told = _told(pickled.arrays, path, ('a',))
    assert 'tuples nested more than 100 deep' in told or 'without its operands' in told


def test_what_is_nested_otherwise_is_read(tmp_path):
    content, whole = np.arange(3.0), ('x',)
    for _ in range(90):
        whole = (whole, {'list': [whole]})
    path = _pickle(tmp_path / 'model.pkl', {'a': content, ((('x',), 1), 2): whole})
    np.testing.assert_array_equal(pickled.arrays(path, ('a',))['a'], content)


def test_of_an_archive_only_what_is_asked_for_is_read(tmp_path, monkeypatch):
    path = tmp_path / 'a.npz'
    np.savez_compressed(path, joints=np.arange(3.0), other=np.zeros(8_000_000))
    tracemalloc.start()
    try:
        assert list(archive.arrays(path, ('joints',))) == ['joints']
        stored = archive.load(path)
        assert list(stored) == ['joints', 'other'] and 'other' in stored
        np.testing.assert_array_equal(stored['joints'], np.arange(3.0))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    monkeypatch.setattr(archive, 'UNPACKED', 50_000_000)
    assert 'unpacks to 64000128 bytes, more than 47 MiB' in _told(archive.arrays, path, ('other',))
    # What is not compressed takes the memory that its file says.
    np.savez(path, other=np.zeros(8_000_000))
    assert archive.load(path)['other'].shape == (8_000_000,)


@pytest.mark.parametrize('point', [0x110000, 0xFFFFFFFF, 0xD800, 0xDFFF])
def test_a_text_with_a_code_point_that_is_none_is_refused(tmp_path, point):
    path = tmp_path / 'a.npz'
    for order in '<>':
        text = np.frombuffer(np.array([0x61, point], f'{order}u4').tobytes(), f'{order}U2')
        np.savez(path, layout=text, sound=np.array('ntu25 \U0010ffff'))
        assert 'a text with a code point that is none' in _told(archive.arrays, path, ('layout',))
        assert archive.load(path)['sound'].item() == 'ntu25 \U0010ffff'


@st.composite
def _damage(draw, whole: bytes) -> bytes:
    """Cuts a file or changes some of its bytes."""
    damaged = bytearray(whole[: draw(st.integers(0, len(whole)))] if draw(st.booleans()) else whole)
    for _ in range(draw(st.integers(0, 4))):
        if damaged:
            damaged[draw(st.integers(0, len(damaged) - 1))] = draw(st.integers(0, 255))
    return bytes(damaged)


def _archive() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.arange(6.0).reshape(2, 3))
    return buffer.getvalue()


def _pickles() -> list[bytes]:
    sparse = pytest.importorskip('scipy.sparse')
    table = np.arange(6.0).reshape(2, 3)
    matrices = [pickle.dumps({'a': sparse.csc_matrix(table)}, protocol=p) for p in (2, 4)]
    tables = [pickle.dumps({'a': table}, protocol=p) for p in (0, 2, 4, 5)]
    return [*matrices, *tables, _of_python_2(table)]


@pytest.mark.parametrize('ending', ['.npz', '.pkl'])
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path_factory, ending, data):
    path = tmp_path_factory.getbasetemp() / f'damaged{ending}'
    whole = [_archive()] if ending == '.npz' else _pickles()
    path.write_bytes(data.draw(st.sampled_from(whole).flatmap(_damage)))
    read = archive.arrays if ending == '.npz' else pickled.arrays
    try:
        found = read(path, ('a',))
    except FormatError as error:
        assert str(error).startswith(f'{path}: ') and '\n' not in str(error)
    else:
        assert isinstance(found['a'], np.ndarray)
