"""The room of optical markers."""

import numpy as np

from skeljax.formats import markers


def test_turned_upright_what_was_right_handed_stays_so():
    axes = np.eye(3)  # x ahead, y to the left, z up
    for vertical, up in zip('xyz', axes, strict=True):
        turned = markers.upright(axes, vertical)
        assert np.linalg.det(turned) > 0
        np.testing.assert_array_equal(markers.upright(up, vertical), [0, 1, 0])
