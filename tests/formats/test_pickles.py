"""Recordings out of pickles: pyskl, WHAM, PHALP, AIST++; nothing of them is run."""

import io
from pathlib import Path
import pickle
import tempfile
import zlib

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.data import folder
from skeljax.formats import joblib_file, pickled, smpl
from skeljax.skeletons import skeleton
from tests.formats.damage import sound_or_told, told


def _item(
    name='S001C001P007R001A001', joints=17, coordinates=2, persons=1, frames=6, seed=0, **more
) -> dict:
    rng = np.random.default_rng(seed)
    keypoint = rng.uniform(1, 900, (persons, frames, joints, coordinates)).astype(np.float16)
    item = {'frame_dir': name, 'label': 3, 'total_frames': frames, 'keypoint': keypoint,
            'img_shape': (1080, 1920)}
    if coordinates == 2:
        item['keypoint_score'] = np.ones(keypoint.shape[:3], np.float16)
    return item | more


def _write(folder, content, name='data.pkl', protocol=4) -> Path:
    path = Path(folder) / name
    path.write_bytes(pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
def test_a_flat_annotation_is_read_with_y_up(tmp_path, protocol):
    item = _item(persons=2)
    item['keypoint_score'][0, 2, 5] = 0
    item['keypoint'][1, 3:] = item['keypoint_score'][1, 3:] = 0
    path = _write(tmp_path, {'split': {'train': ['x']}, 'annotations': [item]}, protocol=protocol)
    motion = formats.read(path)
    assert (motion.layout, motion.fps, motion.subject) == ('coco17', 30.0, 'P007')
    assert motion.notes == ('no frame rate: 30 taken; the option fps sets another',)
    points = item['keypoint'].astype(float)
    np.testing.assert_allclose(motion.joints[0, :, :, 0], points[:, 0, :, 0])
    np.testing.assert_allclose(motion.joints[0, :, :, 1], 1080 - points[:, 0, :, 1])
    assert (motion.joints[..., 2] == 0).all()
    assert motion.valid[:, 1].tolist() == [True] * 3 + [False] * 3
    assert not motion.joint_valid[2, 0, 5] and motion.joint_valid[2, 0].sum() == 16
    assert formats.read(path, fps=25).fps == 25 and formats.read(path, fps=25).notes == ()


def test_joints_in_space_are_as_they_are(tmp_path):
    item = _item(joints=25, coordinates=3)
    item['keypoint'] = (item['keypoint'] / 1000).astype(np.float32)
    motion = formats.read(_write(tmp_path, [item]))
    assert motion.layout == 'ntu25'
    np.testing.assert_allclose(motion.joints[:, 0], item['keypoint'][0], rtol=1e-6)
    odd = _write(tmp_path, [_item(joints=19, coordinates=3)])
    assert '19 joints of no known layout, expected the option layout' in told(formats.read, odd)


def test_of_several_recordings_one_is_named(tmp_path):
    items = [_item(f'S001C001P00{n}R001A00{n}', seed=n) for n in (1, 2)]
    path = _write(tmp_path, {'annotations': items})
    message = told(formats.read, path)
    assert message == (
        f"{path}: holds 2 recordings, expected one: data.pkl/NAME, NAME of 'S001C001P001R001A001', "
        "'S001C001P002R001A002' ...; or a folder with it, which means all"
    )
    inside = formats.inside(path)
    assert [p.name for p in inside] == ['S001C001P001R001A001', 'S001C001P002R001A002']
    motion = formats.read(inside[1])
    assert motion.subject == 'P002' and motion.source == 'S001C001P002R001A002'
    np.testing.assert_allclose(
        motion.joints[:, 0, :, 0], items[1]['keypoint'][0, ..., 0].astype(float)
    )
    assert "no recording 'other' in it" in told(formats.read, path / 'other')
    found, skipped = folder.find(tmp_path)
    assert list(found) == [f'data.pkl/{p.name}' for p in inside] and not skipped


def test_nothing_of_a_pickle_is_run(tmp_path):
    class Harm:
        def __reduce__(self):
            return (Path.write_text, (tmp_path / 'harm', 'x'))

    path = _write(tmp_path, {'annotations': [_item(more=Harm())]})
    formats.read(path)
    bad = _write(tmp_path, {'annotations': [_item(keypoint=Harm())]})
    assert 'keypoint: ' in told(formats.read, bad)
    assert not (tmp_path / 'harm').exists()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'a': 1}, 'holds a, expected annotations of pyskl, WHAM or 4DHumans'),
        (3, 'holds int, expected annotations'),
        ([_item(keypoint=np.zeros((2, 3)))], 'keypoint is (2, 3), expected (persons'),
        ([_item(keypoint=np.array([['x']]))], 'keypoint: '),
        ([_item(keypoint_score=np.ones(3))], 'keypoint_score is (3,), expected that of keypoint'),
        (
            [_item(keypoint=np.zeros((1, 6, 17, 2)), keypoint_score=np.zeros((1, 6, 17)))],
            'no joint was measured',
        ),
    ],
)
def test_what_is_no_recording_is_told(tmp_path, content, message):
    path = _write(tmp_path, content)
    found = told(formats.read, path)
    assert found.startswith(f'{path}: ') and message in found


class _Joblib(pickle._Pickler):
    """Writes as joblib does: the numbers of an array behind a note of its shape."""

    class Wrapper:
        __module__, __qualname__ = 'joblib.numpy_pickle', 'NumpyArrayWrapper'

    def save(self, thing, save_persistent_id=True):
        if isinstance(thing, np.ndarray):
            thing = np.ascontiguousarray(thing)
            self.write(pickle.MARK + b'cjoblib.numpy_pickle\nNumpyArrayWrapper\n' + pickle.OBJ)
            state = {'subclass': None, 'shape': thing.shape, 'order': 'C', 'dtype': thing.dtype,
                     'allow_mmap': True, 'numpy_array_alignment_bytes': 16}
            pickle._Pickler.save(self, state)
            self.write(pickle.BUILD)
            self.framer.commit_frame(force=True)
            self.framer.file_write(b'\x03\xff\xff\xff' + thing.tobytes())
            return
        pickle._Pickler.save(self, thing, save_persistent_id)


def _joblib(content) -> bytes:
    file = io.BytesIO()
    _Joblib(file, 3).dump(content)
    return file.getvalue()


@pytest.fixture
def body(tmp_path, monkeypatch):
    """Puts a made-up SMPL model where readers find it."""
    monkeypatch.delenv('SKELJAX_SMPL', raising=False)
    rng = np.random.default_rng(0)
    (tmp_path / 'smpl').mkdir()
    regressor = rng.random((24, 50)) ** 8
    path = tmp_path / 'smpl' / 'SMPL_NEUTRAL.npz'
    np.savez(path, v_template=rng.normal(size=(50, 3)), shapedirs=rng.normal(size=(50, 3, 10)),
             J_regressor=regressor / regressor.sum(1, keepdims=True),
             kintree_table=np.stack([np.array([2**32 - 1, *smpl.SMPL_PARENTS[1:]]), np.arange(24)]))
    return smpl.load(path, 24)


def _wham() -> dict:
    rng = np.random.default_rng(1)
    person = lambda frames: {
        'pose_world': rng.normal(0, 0.3, (len(frames), 72)).astype(np.float32),
        'trans_world': rng.normal(size=(len(frames), 3)).astype(np.float32),
        'betas': rng.normal(size=(len(frames), 10)).astype(np.float32),
        'frame_ids': np.array(frames),
        'verts': np.zeros((len(frames), 4, 3), np.float32),
    }
    return {0: person([5, 6]), 3: person([4, 5, 6, 8])}


@pytest.mark.parametrize('packed', [False, True])
def test_persons_of_wham_stand_in_their_frames(tmp_path, body, packed):
    content = _wham()
    raw = _joblib(content)
    path = tmp_path / 'wham_output.pkl'
    path.write_bytes(zlib.compress(raw) if packed else raw)
    motion = formats.read(path)
    assert skeleton.get(motion.layout).joints == smpl.SMPL and motion.fps == 30.0
    assert motion.valid.T.tolist() == [[1, 1, 1, 0, 1], [0, 1, 1, 0, 0]]
    longest = content[3]
    joints = smpl.forward(
        body, longest['pose_world'], longest['betas'].mean(0), longest['trans_world']
    )
    np.testing.assert_allclose(motion.joints[[0, 1, 2, 4], 0], joints, atol=1e-5)


def test_joints_of_phalp_need_no_model(tmp_path):
    rng = np.random.default_rng(2)
    bodies = rng.normal(size=(4, 45, 3))
    content = {
        f'/tmp/x/{n:06}.jpg': {
            'tid': ids,
            '3d_joints': [bodies[n] + 10 * i for i in ids],
            'smpl': [],
        }
        for n, ids in enumerate([[1], [1, 2], [], [2, 1]])
    }
    path = tmp_path / 'demo.pkl'
    path.write_bytes(zlib.compress(_joblib(content)))
    motion = formats.read(path, fps=25)
    assert motion.valid.T.tolist() == [[1, 1, 0, 1], [0, 1, 0, 1]] and motion.fps == 25
    np.testing.assert_allclose(motion.joints[3, 1], (bodies[3] + 20)[:24] * [1, -1, -1], rtol=1e-6)


def test_a_motion_of_aist_is_scaled_to_meters(tmp_path, body):
    rng = np.random.default_rng(3)
    pose, trans = rng.normal(0, 0.3, (3, 72)), rng.normal(0, 90, (3, 3))
    content = {
        'smpl_poses': pose,
        'smpl_trans': trans,
        'smpl_scaling': np.array([90.0]),
        'smpl_loss': 0.1,
    }
    motion = formats.read(_write(tmp_path, content))
    np.testing.assert_allclose(
        motion.joints[:, 0], smpl.forward(body, pose, np.zeros(0), trans / 90), atol=1e-5
    )
    assert motion.fps == 60.0


def test_what_joblib_writes_is_read(tmp_path):
    joblib = pytest.importorskip('joblib', reason='needs joblib to compare with')
    content = {'a': [np.arange(6.0).reshape(2, 3), 'x'], 2: {'b': np.arange(3, dtype='i2')}}
    for compress in (0, 3):
        joblib.dump(content, tmp_path / 'a.pkl', compress=compress)
        data = (tmp_path / 'a.pkl').read_bytes()
        assert joblib_file.is_joblib(data)
        found = joblib_file.load(data)
        np.testing.assert_array_equal(found['a'][0], content['a'][0])
        np.testing.assert_array_equal(pickled.array(found[2]['b']), [0, 1, 2])


def test_a_pickle_cannot_claim_more_than_it_holds():
    raw = _joblib({'a': np.zeros((2, 3))})
    with pytest.raises(ValueError, match='an array of'):
        joblib_file.load(raw.replace(b'K\x02K\x03\x86', b'J\xff\xff\xff\x0fK\x03\x86'))
    with pytest.raises(ValueError, match='bytearray'):
        joblib_file.load(b'\x80\x05' + pickle.BYTEARRAY8 + (1 << 40).to_bytes(8, 'little') + b'.')
    with pytest.raises(ValueError, match='unpacks to more than'):
        joblib_file.load(zlib.compress(bytes(100_000_000)))


SAMPLES = [
    pickle.dumps({'annotations': [_item()]}, 4),
    pickle.dumps([_item()], 2),
    _joblib(_wham()),
]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_is_sound_or_told(data):
    raw = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, min(len(raw) - 1, 900)))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'a.pkl'
        path.write_bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))])
        sound_or_told(formats.read, path)
