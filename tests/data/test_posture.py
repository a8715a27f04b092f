"""How tall a body is and along which axis it stands, by hand."""

import dataclasses

import numpy as np
import pytest

from skeljax.data import posture, records, synthetic
from skeljax.formats.motion import Motion

TURNS = {  # axis that points up -> coordinates of a body with y up
    'y': [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    '-y': [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    'z': [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    'x': [[0, 1, 0], [-1, 0, 0], [0, 0, 1]],
}


def _recording():
    motion, _ = synthetic.recording(1, 'train', 0, 0, actions=4, noise=0.0)
    return records.from_motion(motion, name='a')


@pytest.mark.parametrize('up', TURNS)
@pytest.mark.parametrize('scale', [1, 1000, 0.001])
def test_size_and_axis(up, scale):
    recording = _recording()
    plain = posture.of(recording)
    assert 1.3 < plain.height < 2.3 and plain.up == 'y' and plain.odd() == []
    joints = recording.joints @ np.float32(TURNS[up]).T * np.float32(scale)
    found = posture.of(dataclasses.replace(recording, joints=joints))
    assert found.up == up and not found.flat
    assert found.size == pytest.approx(scale * plain.size, rel=1e-3)
    assert len(found.odd()) == (up != 'y') + (scale != 1)


def test_nobody_and_flat():
    recording = _recording()
    empty = dataclasses.replace(recording, person_valid=np.zeros_like(recording.person_valid))
    assert posture.of(empty).odd() == [] and posture.of(empty).up == ''
    flat = dataclasses.replace(recording, joints=recording.joints * np.float32([300, 300, 0]))
    assert posture.of(flat).flat and posture.of(flat).odd() == []
    assert posture.of(flat).tall() == f'{posture.of(flat).height:.0f} tall'


def test_a_layout_without_head_and_feet_has_no_axis():
    layout = '{"name":"rod","joints":["a","b"],"parents":[-1,0],"points":["",""]}'
    joints = np.float32([[[[0, 0, 0], [0, 0, 1.8]]]] * 3)
    made = records.from_motion(Motion(joints, 30.0, layout, np.ones((3, 1), bool)), name='a')
    assert posture.of(made) == posture.Posture(0.0, pytest.approx(1.8), '', False)
