"""Gaps of optical markers."""

import numpy as np

from skeljax.formats import markers


def test_a_gap_is_bridged_in_time_and_its_ends_rest():
    points = np.full((6, 1, 3), np.nan)
    points[1, 0], points[4, 0] = (1, 2, 3), (4, 8, 0)
    measured = np.isfinite(points).all(-1)
    filled = markers.fill(points, measured, (-1,))
    by_hand = [[1, 2, 3], [1, 2, 3], [2, 4, 2], [3, 6, 1], [4, 8, 0], [4, 8, 0]]
    np.testing.assert_allclose(filled[:, 0], by_hand)


def test_what_was_never_measured_stands_with_its_nearest_ancestor_or_in_the_middle():
    points = np.array([[[0, 0, 0], [2.0, 4, 6], [9, 9, 9], [4.0, 0, 0], [9, 9, 9]]] * 2)
    measured = np.array([[False, True, False, True, False]] * 2)
    filled = markers.fill(points, measured, (-1, 0, 1, 0, 2))
    np.testing.assert_allclose(filled[0, [0, 2, 4]], [[3, 2, 3], [2, 4, 6], [2, 4, 6]])
    np.testing.assert_array_equal(filled[:, [1, 3]], points[:, [1, 3]])


def test_turned_upright_what_was_right_handed_stays_so():
    axes = np.eye(3)  # x ahead, y to the left, z up
    for vertical, up in zip('xyz', axes, strict=True):
        turned = markers.upright(axes, vertical)
        assert np.linalg.det(turned) > 0
        np.testing.assert_array_equal(markers.upright(up, vertical), [0, 1, 0])
