"""Tests that decoded arrays equal the recorded ones, with an error below a millimeter."""

import base64
import zlib

from hypothesis import given, strategies as st
import numpy as np
import pytest

from skeljax.viz.viewer import encode


def _read(text: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)


def _coordinates(text, step, origin, shape) -> np.ndarray:
    """Decodes joints like `decode.js`, float64[T, M, V, 3]."""
    low, high = _read(text).reshape(2, -1).astype(np.int64)
    change = (low + 256 * high).reshape(*shape[1:], shape[0])
    whole = np.cumsum(change, -1).astype(np.int16)
    return np.moveaxis(whole, -1, 0) * step + np.array(origin)


@pytest.mark.parametrize(
    ('span', 'error'), [(0.05, 1e-5), (1.8, 2.45e-4), (30, 2.45e-4), (120, 1e-3)]
)
def test_no_coordinate_is_off_by_more_than_told(span, error):
    rng = np.random.default_rng(0)
    joints = rng.uniform(-span / 2, span / 2, (50, 2, 5, 3)) + [3, -7, 100]
    told = encode.coordinates(joints, np.ones((50, 2), bool))
    assert np.abs(_coordinates(*told, joints.shape) - joints).max() <= error
    assert told[1] / 2 <= error


def test_who_is_absent_is_held_and_does_not_stretch_the_room():
    joints = np.full((5, 1, 1, 3), 1.0)
    joints[2:4] = 1e6
    text, step, origin = encode.coordinates(joints, np.array([[0], [1], [0], [0], [1]], bool))
    read = _coordinates(text, step, origin, joints.shape)
    np.testing.assert_allclose(read, 1.0)


def test_nobody_at_all():
    text, _, origin = encode.coordinates(np.ones((4, 1, 2, 3)), np.zeros((4, 1), bool))
    assert len(_read(text)) == 2 * 4 * 2 * 3 and origin == [0, 0, 0]


def test_states_by_joint_then_time():
    there = np.array([[True], [False]])
    measured = np.array([[[True, False]], [[True, True]]])
    assert _read(encode.states(there, measured)).tolist() == [2, 0, 1, 0]


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=30))
def test_scores_are_off_by_half_a_step_at_most(rows):
    scores = np.array(rows)
    read = np.cumsum(_read(encode.scores(scores)).reshape(3, -1), -1, dtype=np.uint8).T
    assert np.abs(read / 255 - scores).max() <= 0.5 / 255 + 1e-9


def test_frames_are_held_from_the_one_before():
    assert encode.last_valid_frame(np.array([0, 1, 0, 1, 0], bool)).tolist() == [1, 1, 1, 3, 3]
