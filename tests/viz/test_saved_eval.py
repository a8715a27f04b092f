import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.localize import Segments
from skeljax.viz import saved_eval


def test_segments_come_back_as_they_were(tmp_path):
    none, two = Segments([], [], []), Segments([0, 5], [2, 7], [0, 2])
    truth = {'b': Segments([3], [9], [1]), 'a': none, 'c': two}
    found = {
        'x': {'a': Segments([1], [2], [0], [0.25]), 'b': none, 'c': two},
        'y/z': dict.fromkeys(truth, none),
    }
    frames = {'a': 4, 'b': 9, 'c': 7}
    back = saved_eval.read(
        saved_eval.write(tmp_path / 'k.npz', saved_eval.SavedSegments(truth, found, frames))
    )
    assert back.num_frames == frames
    assert list(back.truth) == ['a', 'b', 'c'] and list(back.predicted) == ['x', 'y/z']
    for ours, theirs in [(truth, back.truth), *((found[k], back.predicted[k]) for k in found)]:
        for name in truth:
            for field in ('start', 'end', 'label', 'score'):
                ours_field, theirs_field = getattr(ours[name], field), getattr(theirs[name], field)
                np.testing.assert_array_equal(ours_field, theirs_field)
                assert ours_field.dtype == theirs_field.dtype
    assert [p.name for p in tmp_path.iterdir()] == ['k.npz']


def test_what_cannot_be_read_is_named(tmp_path):
    path = saved_eval.write(
        tmp_path / 'k.npz', saved_eval.SavedSegments({'a': Segments([0], [1], [0])}, {}, {'a': 1})
    )
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r'k\.npz: saved segments cannot be read'):
        saved_eval.read(path)
    with pytest.raises(InputError, match='gone'):
        saved_eval.read(tmp_path / 'gone.npz')
    np.savez(tmp_path / 'other.npz', recordings=np.array(['a']), x=np.zeros(2))
    with pytest.raises(InputError, match='other'):
        saved_eval.read(tmp_path / 'other.npz')
