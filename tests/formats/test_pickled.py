"""Pickles and archives of arrays: put together without running them, damage told in one line."""

import io
import pickle
import struct
import sys
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
