"""JSON of skeletons, as NW-UCLA is passed on."""

import gzip
import json
from pathlib import Path
import tempfile

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.skeletons import skeleton
from tests.formats.damage import damaged, sound_or_told, told


def _write(folder, skeletons, name='a01_s07_e00_v02.json', **more) -> Path:
    path = Path(folder) / name
    text = json.dumps(
        {'file_name': 'a01_s07_e00_v02', 'skeletons': skeletons, 'label': 1} | more
    ).encode()
    path.write_bytes(gzip.compress(text) if name.endswith('.gz') else text)
    return path


def _joints(*shape) -> np.ndarray:
    return np.round(np.random.default_rng(0).normal(size=shape), 4)


@pytest.mark.parametrize('name', ['a01_s07_e00_v02.json', 'a.json.gz'])
def test_nw_ucla_is_read(tmp_path, name):
    joints = _joints(6, 20, 3)
    motion = formats.read(_write(tmp_path, joints.tolist(), name))
    np.testing.assert_allclose(motion.joints[:, 0], joints, rtol=1e-6)
    layout = skeleton.get(motion.layout)
    assert layout.name == 'kinect20' and motion.subject == 's07' and motion.fps == 30.0
    assert layout.points[5] == 'left elbow' and layout.points[0] == 'pelvis'
    assert motion.notes == ('no frame rate: 30 taken; the option fps sets another',)
    assert formats.read(_write(tmp_path, joints.tolist(), name), fps=20).notes == ()


def test_several_persons_of_whom_one_is_padding(tmp_path):
    joints = _joints(4, 2, 25, 3)
    joints[2:, 1] = 0
    path = _write(tmp_path, joints.tolist(), file_name='S001C001P003R001A050')
    motion = formats.read(path)
    assert motion.layout == 'ntu25' and motion.subject == 'P003'
    assert motion.valid.T.tolist() == [[True] * 4, [True, True, False, False]]


@pytest.mark.parametrize(
    ('skeletons', 'message'),
    [
        ([[[1, 2]], [[1, 2], [3, 4]]], 'skeletons are [0], expected numbers'),
        ([1, 2], 'skeletons are [2], expected numbers'),
        (_joints(2, 19, 3).tolist(), '19 joints of no known layout, expected the option layout'),
    ],
)
def test_what_is_no_skeleton_is_told(tmp_path, skeletons, message):
    path = _write(tmp_path, skeletons)
    assert told(formats.read, path).startswith(f'{path}: {message}')


def test_real_recordings_are_of_the_size_of_a_body(real_data):
    for path in sorted((real_data / 'nw_ucla' / 'all_sqe').glob('*.json.gz'))[::150]:
        motion = formats.read(path)
        layout = skeleton.get(motion.layout)
        head, foot = (layout.joints.index(name) for name in ('Head', 'FootLeft'))
        height = np.median(
            np.linalg.norm(motion.joints[:, 0, head] - motion.joints[:, 0, foot], axis=-1)
        )
        assert 0.9 < height < 2.1 and motion.subject == path.name[4:7]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_is_sound_or_told(data):
    with tempfile.TemporaryDirectory() as folder:
        path = _write(folder, _joints(3, 20, 3).tolist())
        path.write_bytes(data.draw(damaged(path.read_bytes())))
        sound_or_told(formats.read, path)
