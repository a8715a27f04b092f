"""Which axis points up: turned as told, guessed from feet to head, and noted."""

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

import skeljax
from skeljax.data import synthetic
from skeljax.errors import InputError
from skeljax.formats import vertical
from skeljax.skeletons import skeleton

NTU = skeleton.get('ntu25')
MOTION, _ = synthetic.recording(1, 'train', 0, 0, actions=4, noise=0.0)
BODIES = MOTION.joints[:, 0]
SEEN = np.ones(BODIES.shape[:2], bool)
# A body with y up, along another axis.
ALONG = {
    'x': [[0, 1, 0], [-1, 0, 0], [0, 0, 1]],
    'y': [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    'z': [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    '-x': [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    '-y': [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    '-z': [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
}


def _along(up, bodies=BODIES) -> np.ndarray:
    return (bodies @ np.float32(ALONG[up]).T).astype(np.float32)


@pytest.mark.parametrize('up', vertical.AXES)
def test_the_axis_becomes_y_and_left_stays_left(up):
    axes = np.eye(3)
    turned = vertical.turn(axes, up)
    assert np.linalg.det(turned) == pytest.approx(1)
    upward = axes['xyz'.index(up[-1])] * (-1 if up.startswith('-') else 1)
    np.testing.assert_array_equal(vertical.turn(upward, up), [0, 1, 0])


@pytest.mark.parametrize(
    ('up', 'expected'), [('x', [-2, 1, 0]), ('-x', [2, -1, 0]), ('-y', [1, -2, 0])]
)
def test_a_flat_body_stays_flat(up, expected):
    np.testing.assert_array_equal(vertical.turn(np.array([[1.0, 2.0, 0.0]]), up), [expected])


@pytest.mark.parametrize('up', vertical.AXES)
def test_the_axis_is_guessed_from_feet_to_head(up):
    bodies = _along(up)
    assert vertical.guess(bodies, SEEN, NTU) == up
    np.testing.assert_allclose(
        np.ptp(vertical.turn(bodies, up), axis=1)[:, 1], np.ptp(BODIES, axis=1)[:, 1], atol=1e-5
    )


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(vertical.AXES), st.floats(0, 0.7), st.integers(0, 5))
def test_some_who_stand_tell_it_though_others_lie(up, share, seed):
    """A recording with y up stays as it is where a fifth of its bodies stand."""
    lying = np.random.default_rng(seed).permutation(len(BODIES)) < share * len(BODIES)
    mixed = np.where(lying[:, None, None], _along(up), BODIES)
    assert vertical.guess(mixed, SEEN, NTU) == 'y'


def test_nothing_is_guessed_where_nothing_shows():
    askew = BODIES @ np.float32([[1, 0, 0], [0, 0.7, -0.7], [0, 0.7, 0.7]]).T
    assert vertical.guess(askew, SEEN, NTU) is None
    assert vertical.guess(BODIES, ~SEEN, NTU) is None
    rod = skeleton.infer('rod', 'ab', (-1, 0))
    assert vertical.guess(BODIES[:, :2], SEEN[:, :2], rod) is None


def test_who_lies_in_an_image_is_not_turned():
    flat = _along('x') * np.float32([300, 300, 0])
    assert vertical.guess(flat, SEEN, NTU) is None
    assert vertical.guess(_along('-y') * np.float32([300, 300, 0]), SEEN, NTU) == '-y'


@pytest.mark.parametrize('up', vertical.AXES)
def test_a_file_is_turned_as_told_or_as_guessed(tmp_path, up):
    np.save(tmp_path / 'a.npy', _along(up))
    options = {'fps': 30, 'layout': 'ntu25'}
    motion = skeljax.read(tmp_path / 'a.npy', **options)
    assert np.ptp(motion.joints[0, 0], axis=0).argmax() == 1
    assert motion.notes == (() if up == 'y' else (vertical.note(up),))
    told = skeljax.read(tmp_path / 'a.npy', up=up, **options)
    np.testing.assert_array_equal(told.joints, motion.joints)
    assert told.notes == ()
    as_it_is = skeljax.read(tmp_path / 'a.npy', up='y', **options)
    np.testing.assert_array_equal(as_it_is.joints[:, 0], _along(up))


def test_an_axis_that_is_none_is_refused(tmp_path):
    np.save(tmp_path / 'a.npy', BODIES)
    with pytest.raises(InputError, match="up is 'w', expected one of x, y, z, -x, -y, -z"):
        skeljax.read(tmp_path / 'a.npy', fps=30, layout='ntu25', up='w')
    assert vertical.check('+Z') == 'z'
