"""Left and right of a body: mirrored coordinates and exchanged sides show, turned bodies do not."""

import dataclasses

from hypothesis import given, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.cli import main
from skeljax.data import corpus, handedness, records
from skeljax.formats.motion import Motion
from skeljax.inference import adapt, predictor, streaming
from skeljax.skeletons import skeleton
from tests import untrained

NAME = 'synthetic/tiny'


@pytest.fixture(scope='module')
def recordings(tiny):
    return list(corpus.Corpus(tiny, NAME, 'train'))


def _changed(recording, joints):
    return dataclasses.replace(recording, joints=np.ascontiguousarray(joints, np.float32))


def _mirrored(recording, axis=0):
    signs = np.ones(3)
    signs[axis] = -1
    return _changed(recording, recording.joints * signs)


def _exchanged(recording):
    """Gives each joint the place of its other side."""
    points = skeleton.get(recording.layout).points
    other = lambda name: (
        {'left': 'right', 'right': 'left'}.get(name.split()[0], '') + name[len(name.split()[0]) :]
    )
    order = [
        points.index(other(n)) if n and other(n) in points else i for i, n in enumerate(points)
    ]
    return _changed(recording, recording.joints[:, :, order])


def test_a_body_that_is_not_mirrored(recordings):
    assert [handedness.find(r).mirrored for r in recordings] == [False] * len(recordings)
    assert handedness.of_corpus(recordings) is False


@pytest.mark.parametrize('axis', [0, 1, 2])
def test_mirrored_coordinates_and_exchanged_sides_show(recordings, axis):
    for recording in recordings[:3]:
        assert handedness.find(_mirrored(recording, axis)).mirrored
        assert handedness.find(_exchanged(recording)).mirrored
        assert handedness.find(_mirrored(_exchanged(recording), axis)).mirrored is False
    assert handedness.of_corpus([_mirrored(r) for r in recordings])


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4), st.floats(0.01, 100), st.floats(-50, 50))
def test_a_turned_scaled_or_moved_body_is_as_it_was(recordings, quaternion, scale, shift):
    norm = np.linalg.norm(quaternion)
    w, x, y, z = np.array(quaternion) / norm if norm > 0.1 else (1.0, 0.0, 0.0, 0.0)
    turn = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])
    before = handedness.find(recordings[0])
    after = handedness.find(_changed(recordings[0], recordings[0].joints @ turn.T * scale + shift))
    assert after.forward == pytest.approx(before.forward, rel=1e-2)
    assert after.total == pytest.approx(before.total, rel=1e-2)


def test_what_cannot_show_it_says_nothing(recordings):
    flat = recordings[0].joints * [1, 1, 0]
    assert handedness.find(_changed(recordings[0], flat)).mirrored is None
    absent = dataclasses.replace(
        recordings[0], person_valid=np.zeros_like(recordings[0].person_valid)
    )
    assert handedness.find(absent) == handedness.Handedness()
    nameless = skeleton.describe(skeleton.infer('dots', tuple('abc'), (-1, 0, 1)))
    joints = np.random.default_rng(0).normal(size=(50, 1, 3, 3)).astype(np.float32)
    motion = Motion(joints, 30.0, nameless, np.ones((50, 1), bool))
    assert handedness.find(records.from_motion(motion, name='x')).mirrored is None


def test_a_bent_knee_points_forward():
    """By hand: hips on x, up on y, so forward is z; the knee is 0.3 before a leg of 2 * 0.5."""
    points = ('left hip', 'right hip', 'left knee', 'left ankle', 'neck')
    layout = skeleton.describe(skeleton.Layout('legs', points, (-1, 0, 0, 2, 0), points))
    pose = [[0.1, 1, 0], [-0.1, 1, 0], [0.1, 0.6, 0.3], [0.1, 0.2, 0], [0, 1.6, 0]]
    joints = np.array([[pose]] * 10, np.float32)
    found = handedness.find(
        records.from_motion(Motion(joints, 30.0, layout, np.ones((10, 1), bool)), name='x')
    )
    assert found.forward == found.total == pytest.approx(10 * 2 * 0.3 / 1.0, rel=1e-6)
    assert found.mirrored is False


def test_real_recordings_are_not_mirrored(real_data):
    paths = sorted((real_data / 'cmu_extra').rglob('*.bvh*'))[:2]
    assert paths
    for path in paths:
        assert handedness.find(records.from_motion(formats.read(path), name='x')).mirrored is False


def test_a_model_notes_a_recording_of_another_handedness(recordings, tmp_path):
    model = predictor.of_run(untrained.make(tmp_path / 'run'))
    short = dataclasses.replace(
        recordings[0], fps=model.fps, segment_start=np.zeros(0, int), segment_end=np.zeros(0, int),
        segment_label=np.zeros(0, int), **{
            name: getattr(recordings[0], name)[:100]
            for name in ('joints', 'frame_valid', 'person_valid', 'joint_valid')
        },
    )
    for score in (
        adapt.frame_scores,
        lambda *a: streaming.frame_scores(*a[:2], streaming.WINDOW, a[2]),
    ):
        notes = []
        score(model.run, short, notes.append)
        assert not [note for note in notes if 'left and right' in note]
        score(model.run, _mirrored(short), notes.append)
        why = 'its left and right contradict its layout (knees and feet point backward)'
        told = f'{short.name}: {why}'
        assert [note for note in notes if note.startswith(told)]
    mirrored = model.run._replace(mirrored=True)
    notes = []
    adapt.check_handedness(mirrored, _mirrored(short), notes.append)
    assert not notes
    adapt.check_handedness(mirrored, short, notes.append)
    assert 'the model was trained on mirrored ones' in notes[0]


def test_inspect_says_which_recordings_are_mirrored(recordings, tmp_path, capsys):
    for name, one in (('good', recordings[0]), ('bad', _mirrored(recordings[1]))):
        np.savez(tmp_path / f'{name}.npz', joints=one.joints, fps=30.0, layout='ntu25')
    assert main.main(['inspect', str(tmp_path), '--processes', '1']) == 0
    told = 'left and right contradict the layout in 1 of 2 recordings, e.g. bad: knees and feet'
    assert told in capsys.readouterr().out
