"""JSON of pose estimators and of scripts around them, in the forms of their descriptions."""

import json

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

import skeljax
from skeljax.data import folder, synthetic
from skeljax.errors import FormatError
from skeljax.formats import frame_folders, keypoints, wanted
from skeljax.skeletons import skeleton

RNG = np.random.default_rng(0)
T = 5
FLIP = np.array([1, -1, -1])
MEDIAPIPE = skeleton.get('mediapipe33').joints


def _flat(count, frames=T) -> np.ndarray:
    """Pixels of a body that moves to the right, float[T, V, 2]."""
    body = RNG.uniform(100, 400, (count, 2)).round(1)
    return body + np.arange(frames)[:, None, None] * [1.0, 0.0]


def _write(folder, document, name='a.json'):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(document))
    return folder / name


def _read(tmp_path, document, **more):
    return skeljax.read(_write(tmp_path, document), **({'fps': 30} | more))


def _scored(points, score=0.9) -> list[float]:
    return np.concatenate([points, np.full((len(points), 1), score)], 1).ravel().tolist()


def _same(motion, points):
    """Holds a flat motion of one person against its points in pixels, y downward."""
    assert motion.joints.shape[:2] == (len(points), 1) and motion.valid.all()
    np.testing.assert_allclose(motion.joints[:, 0, :, :2], points * [1, -1], rtol=1e-5)
    assert (motion.joints[..., 2] == 0).all()


def _instance(points, **more):
    return {
        'keypoints': points.tolist(), 'keypoint_scores': [0.9] * len(points),
        'bbox': [[0, 0, 9, 9]], 'bbox_score': 0.9, **more,
    }


@pytest.mark.parametrize(
    ('count', 'layout'), [(17, 'coco17'), (26, 'halpe26'), (133, 'coco23'), (14, 'crowdpose14')]
)
def test_mmpose(tmp_path, count, layout):
    points = _flat(count)
    frames = [{'frame_id': t + 1, 'instances': [_instance(p)]} for t, p in enumerate(points)]
    frames[2]['instances'] = []
    motion = _read(tmp_path, {'meta_info': {'dataset_name': 'x'}, 'instance_info': frames})
    assert motion.layout == layout
    assert motion.valid[:, 0].tolist() == [True, True, False, True, True]
    kept = points[[0, 1, 3, 4], : motion.joints.shape[2]]
    np.testing.assert_allclose(
        motion.joints[[0, 1, 3, 4], 0, :, :2], kept * [1, -1], rtol=1e-5
    )


def test_mmpose_names_its_points(tmp_path):
    """The names of mmpose's Human3.6M are not those of the layout, but mark the same points."""
    names = (
        'root right_hip right_knee right_foot left_hip left_knee left_foot spine thorax neck_base '
        'head left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist'
    ).split()
    meta = {'dataset_name': 'h36m', 'keypoint_id2name': {str(n): v for n, v in enumerate(names)}}
    points = np.concatenate([_flat(17) / 100, np.ones((T, 17, 1))], -1)
    frames = [{'frame_id': t, 'instances': [_instance(p)]} for t, p in enumerate(points)]
    motion = _read(tmp_path, {'meta_info': meta, 'instance_info': frames}, unit='m', up='y')
    assert motion.layout == 'h36m17'
    np.testing.assert_allclose(motion.joints[:, 0], points, rtol=1e-5)


def test_mmpose_of_one_image_is_one_frame(tmp_path):
    points = _flat(17, 2) + [[[0, 0]], [[900, 0]]]
    motion = _read(tmp_path, [_instance(p) for p in points])
    assert motion.joints.shape[:2] == (1, 2)


def test_ultralytics(tmp_path):
    """`to_json` of each frame, in a list; identities of its tracker."""
    points = _flat(17)

    def person(p, who, shift=0.0):
        keys = {'x': (p[:, 0] + shift).tolist(), 'y': p[:, 1].tolist(), 'visible': [0.9] * 17}
        box = {'x1': 0, 'y1': 0, 'x2': 9, 'y2': 9}
        return {'name': 'person', 'class': 0, 'box': box, 'track_id': who, 'keypoints': keys}

    frames = [
        [person(p, 1), person(p, 2, 600.0)][:: 1 if t % 2 else -1] for t, p in enumerate(points)
    ]
    motion = _read(tmp_path, frames)
    assert motion.layout == 'coco17' and motion.joints.shape[:2] == (T, 2)
    x = motion.joints[..., 0]
    np.testing.assert_allclose(np.sort(x, 1)[:, 0], points[..., 0], rtol=1e-5)
    assert (np.diff(x, axis=0) == pytest.approx(1, abs=1e-3))
    one = _read(tmp_path, {'results': frames[0]})
    assert one.joints.shape[:2] == (1, 2)
    xy = [{'frame': t, 'keypoints': {'xy': [p.tolist()], 'conf': [[0.9] * 17]}}
          for t, p in enumerate(points)]
    _same(_read(tmp_path, xy), points)


@pytest.mark.parametrize('form', ['default', 'cmu', 'open'])
def test_alphapose(tmp_path, form):
    points = _flat(17 if form == 'default' else 18)
    if form == 'default':
        document = [
            {'image_id': f'{t}.jpg', 'category_id': 1, 'keypoints': _scored(p), 'idx': 1}
            for t, p in enumerate(points)
        ]
    else:
        person = {'cmu': ('bodies', 'joints'), 'open': ('people', 'pose_keypoints_2d')}[form]
        document = {
            f'{t}.jpg': {'version': 'AlphaPose v0.3', person[0]: [{person[1]: _scored(p)}]}
            for t, p in reversed(list(enumerate(points)))
        }
    motion = _read(tmp_path, document)
    _same(motion, points)
    assert motion.layout == ('coco17' if form == 'default' else 'openpose18')


def test_kinetics_skeleton(tmp_path):
    points = _flat(18) / 1000
    data = [
        {'frame_index': t + 1, 'skeleton': [{'pose': p.ravel().tolist(), 'score': [0.9] * 18}]}
        for t, p in enumerate(points)
    ]
    motion = _read(tmp_path, {'data': data, 'label': 'jumping', 'label_index': 3})
    _same(motion, points)
    assert motion.layout == 'openpose18'
    assert motion.notes == ("the file is labeled 'jumping', which is not used",)


def test_posetrack_has_its_own_names(tmp_path):
    points = _flat(17)
    names = list(skeleton.get('posetrack17').joints)
    document = {
        'images': [
            {'id': 10**10 + t, 'frame_id': 10**10 + t, 'vid_id': '000342', 'nframes': T}
            for t in range(T)
        ],
        'annotations': [
            {'id': 7 * t, 'image_id': 10**10 + t, 'track_id': 0, 'keypoints': _scored(p, 1)}
            for t, p in enumerate(points)
        ],
        'categories': [{'name': 'person', 'keypoints': names}],
    }
    motion = _read(tmp_path, document)
    _same(motion, points)
    assert motion.layout == 'posetrack17'
    document['images'][0]['vid_id'] = 'another'
    with pytest.raises(FormatError, match='images of 2 videos'):
        _read(tmp_path, document)


def _standing(layout) -> np.ndarray:
    """A person in meters with y up, in the joints of a layout, float[T, V, 3]."""
    from skeljax.skeletons import remap

    motion, _ = synthetic.recording(1, 'train', 0, 0, actions=4, noise=0.0)
    return remap.remap(motion.joints[:T, 0], 'ntu25', layout)[0].astype(np.float64)


def test_cmu_panoptic(tmp_path):
    """Centimeters, y downward; one file a frame or all in a list."""
    joints = _standing('panoptic19')
    rows = np.concatenate([joints * [100, -100, -100], np.full((T, 19, 1), 0.5)], -1)
    rows[1, 4, 3] = -1  # not found
    frames = [
        {'version': 0.7, 'univTime': 53541.5 + 33.37 * t, 'fpsType': 'hd_29_97',
         'bodies': [{'id': 3, 'joints19': row.ravel().tolist()}]}
        for t, row in enumerate(rows)
    ]
    for t, frame in enumerate(frames):
        _write(tmp_path, frame, f'hdPose3d_stage1_coco19/body3DScene_{t:08}.json')
    folder_ = tmp_path / 'hdPose3d_stage1_coco19'
    assert frame_folders.is_frames(folder_)
    for motion in (skeljax.read(folder_), skeljax.read(_write(tmp_path, frames))):
        assert (motion.layout, motion.fps, motion.notes) == ('panoptic19', 29.97, ())
        assert np.argwhere(~motion.joint_valid).tolist() == [[1, 0, 4]]
        seen = motion.joint_valid[:, 0]
        np.testing.assert_allclose(motion.joints[:, 0][seen], joints[seen], atol=1e-5)


def test_azure_kinect(tmp_path):
    """Millimeters, y downward, times in microseconds."""
    joints = _standing('azure32')
    frames = [
        {'frame_id': t + 4, 'timestamp_usec': 1_000_000 + 33_333 * t, 'num_bodies': 1,
         'bodies': [{'body_id': 1, 'joint_positions': (j * [1000, -1000, -1000]).tolist(),
                     'joint_orientations': [[1, 0, 0, 0]] * 32}]}
        for t, j in enumerate(joints)
    ]
    names = list(skeleton.get('azure32').joints)
    document = {'k4abt_sdk_version': '1.1', 'joint_names': names, 'bone_list': [], 'frames': frames}
    motion = skeljax.read(_write(tmp_path, document))
    assert (motion.layout, motion.fps, motion.notes) == ('azure32', 30.0, ())
    np.testing.assert_allclose(motion.joints[:, 0], joints, atol=1e-5)


def _mark(point, certain=0.9):
    return dict(zip('xyz', map(float, point))) | {'visibility': certain}


FRAMES = {
    'by name': lambda p: {n.upper(): _mark(v) for n, v in zip(MEDIAPIPE, p)},
    'by enum': lambda p: {f'PoseLandmark.{n.upper()}': _mark(v) for n, v in zip(MEDIAPIPE, p)},
    'by number': lambda p: {str(n): _mark(v) for n, v in enumerate(p)},
    'landmarks by name': lambda p: {
        'frame': 0, 'landmarks': {n: [*map(float, v), 0.9] for n, v in zip(MEDIAPIPE, p)},
    },
    'named in a list': lambda p: {
        'landmarks': [{'name': n, **_mark(v)} for n, v in zip(MEDIAPIPE, p)],
    },
    'numbered in a list': lambda p: {
        'landmarks': [{'id': n, **_mark(v)} for n, v in reversed(list(enumerate(p)))],
    },
    'lists of four': lambda p: [[*map(float, v), 0.9] for v in p],
    'landmarks of four': lambda p: {'landmarks': [[*map(float, v), 0.9] for v in p]},
    'lists of three': lambda p: {'pose_landmarks': p.tolist()},
    'pose': lambda p: {'pose': [_mark(v) for v in p]},
}
WRAPS = {
    'list': lambda frames: frames,
    'frames': lambda frames: {'video': 'a.mp4', 'frames': frames},
    'by number': lambda frames: {str(n): frame for n, frame in enumerate(frames)},
    'by name': lambda frames: {f'frame_{n:03}': frame for n, frame in enumerate(frames)},
}


@pytest.mark.parametrize('form', FRAMES)
@pytest.mark.parametrize('wrap', WRAPS)
def test_scripts_around_mediapipe(tmp_path, form, wrap):
    points = RNG.uniform(-1, 1, (T, 33, 3)).round(4)
    document = WRAPS[wrap]([FRAMES[form](p) for p in points])
    if isinstance(document, list) and form == 'landmarks by name':
        for number, frame in enumerate(document):
            frame['frame'] = number
    elif form == 'landmarks by name':
        for number, frame in enumerate(document.get('frames', document.values())):
            frame['frame'] = number
    motion = _read(tmp_path, document, unit='m', up='-y')
    assert motion.layout == 'mediapipe33' and motion.valid.all()
    np.testing.assert_allclose(motion.joints[:, 0], points * FLIP, rtol=1e-5, atol=1e-6)


def test_frames_say_their_number_and_their_time(tmp_path):
    points = RNG.uniform(0, 1, (3, 33, 3))
    frames = [
        {'frame_number': n, 'timestamp_ms': 40 * n, 'landmarks': [_mark(v) for v in p]}
        for n, p in zip((3, 4, 6), points)
    ]
    motion = skeljax.read(_write(tmp_path, {'frames': frames}))
    assert motion.fps == 25.0 and motion.valid[:, 0].tolist() == [True, True, False, True]
    told = skeljax.read(_write(tmp_path, {'metadata': {'fps': 50}, 'frames': frames}))
    assert told.fps == 50


def test_movenet_names_its_points(tmp_path):
    points = _flat(17)
    names = skeleton.get('coco17').joints
    frames = [
        [{'score': 0.8, 'keypoints': [
            {'name': n, 'x': x, 'y': y, 'score': 0.9} for n, (x, y) in zip(names, p)
        ]}]
        for p in points
    ]
    motion = _read(tmp_path, frames)
    _same(motion, points)
    assert motion.layout == 'coco17'


def test_blazepose_of_an_image_keeps_its_pixels(tmp_path):
    points = RNG.uniform(0, 400, (T, 33, 3)).round(1)
    marks = lambda p: [{'name': n, 'score': 0.9, **_mark(v)} for n, v in zip(MEDIAPIPE, p)]
    flat = _read(tmp_path, [[{'keypoints': marks(p)}] for p in points])
    np.testing.assert_allclose(flat.joints[:, 0], points * FLIP, rtol=1e-5)
    assert (flat.layout, flat.notes) == ('mediapipe33', ())
    both = [[{'keypoints': marks(p * 9), 'keypoints3D': marks(p / 400)}] for p in points]
    world = _read(tmp_path, both, unit='m', up='-y')
    np.testing.assert_allclose(world.joints[:, 0], points / 400 * FLIP, rtol=1e-5)


def test_openpose_with_hands(tmp_path):
    points = _flat(67)

    def person(p):
        parts = {'pose': p[:25], 'hand_left': p[25:46], 'hand_right': p[46:]}
        return {f'{name}_keypoints_2d': _scored(some) for name, some in parts.items()}

    document = [{'version': 1.3, 'people': [person(p)]} for p in points]
    body = _read(tmp_path, document)
    _same(body, points[:, :25])
    assert body.notes == ('hands are passed over; the layout openpose67 has them',)
    whole = _read(tmp_path, document, layout='openpose67')
    _same(whole, points)
    assert whole.layout == 'openpose67' and whole.notes == ()


@pytest.mark.parametrize('name', ['{:06}.json', 'frame_{}.json', 'img-{}_keypoints.json'])
@pytest.mark.parametrize('kind', ['openpose', 'mmpose', 'alphapose'])
def test_a_folder_of_frames_is_a_recording_whatever_they_are_called(tmp_path, name, kind):
    points = _flat(25 if kind == 'openpose' else 17)
    documents = {
        'openpose': lambda t, p: {'version': 1.3, 'people': [{'pose_keypoints_2d': _scored(p)}]},
        'mmpose': lambda t, p: [_instance(p)],
        'alphapose': lambda t, p: [{'image_id': f'{t}.jpg', 'keypoints': _scored(p), 'score': 1}],
    }
    for day in ('monday', 'tuesday'):
        for t, p in enumerate(points):
            _write(tmp_path, documents[kind](t, p), f'{day}/{name.format(t)}')
    (tmp_path / 'corpus.json').write_text('{"fps": 30}')
    _same(skeljax.read(tmp_path / 'monday', fps=30), points)
    plan = folder.plan(tmp_path)
    assert plan.files == {day: tmp_path / day for day in ('monday', 'tuesday')}


def test_a_folder_of_recordings_is_none_of_frames(tmp_path):
    points = _flat(25)
    for n in range(2):
        frames = [{'people': [{'pose_keypoints_2d': _scored(p)}]} for p in points]
        _write(tmp_path, frames, f'walk{n}.json')
    assert not frame_folders.is_frames(tmp_path)
    assert not frame_folders.is_frames(tmp_path / 'walk0.json')
    (tmp_path / 'walk0.json').write_text('{')
    assert not frame_folders.is_frames(tmp_path)
    assert not frame_folders.is_frames(tmp_path / 'nothing')


def test_names_that_no_layout_has_are_a_layout(tmp_path):
    names = ('head', 'tail', 'left_ear')
    document = [{'joints': {name: [t + 5.0, 7.0] for name in names}} for t in range(3)]
    motion = _read(tmp_path, document)
    assert skeleton.get(motion.layout).joints == ('head', 'tail', 'left_ear')


def test_a_motion_in_space_with_z_up_is_turned_and_noted(tmp_path):
    joints = _standing('h36m17') @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # y up to z up
    frames = [{'frame_id': t, 'instances': [_instance(j)]} for t, j in enumerate(joints * 1000)]
    motion = _read(tmp_path, {'instance_info': frames}, layout='h36m17')
    assert np.ptp(motion.joints[0, 0], axis=0).argmax() == 1
    assert np.ptp(motion.joints[0, 0, :, 1]) == pytest.approx(np.ptp(joints[0, :, 2]), rel=1e-4)
    assert [note.split(':')[0].split(',')[0] for note in motion.notes] == [
        'z is assumed to be up', 'the unit is assumed to be mm',
    ]


DOCUMENTS = [
    {'meta_info': {}, 'instance_info': [{'frame_id': 1, 'instances': [_instance(_flat(17)[0])]}]},
    {'data': [{'frame_index': 1, 'skeleton': [{'pose': [0.5] * 36, 'score': [0.9] * 18}]}]},
    {'frames': [{'frame_id': 0, 'bodies': [{'joint_positions': [[1, 2, 3]] * 32}]}]},
    {'0': {'NOSE': {'x': 1, 'y': 2}, 'LEFT_EYE': {'x': 1, 'y': 3}}},
    [[{'keypoints': {'x': [1.0] * 17, 'y': [2.0] * 17}, 'track_id': 1}]],
    {'a0.jpg': {'bodies': [{'joints': [1, 2, 0.5] * 18}]}},
    [{'bodies': [{'id': 0, 'joints19': [1, 2, 3, 0.5] * 19}], 'fpsType': 'hd_29_97'}],
]
KEYS = ['frame', 'people', 'keypoints', 'x', 'y', 'image_id', 'timestamp', '7']
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(-9, 2**70), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=250)
@given(data=st.data())
def test_a_damaged_document_is_read_or_refused(tmp_path_factory, data):
    document = json.loads(json.dumps(data.draw(st.sampled_from(DOCUMENTS))))
    for _ in range(data.draw(st.integers(1, 2))):
        at = document
        for _ in range(data.draw(st.integers(0, 5))):
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = data.draw(st.sampled_from(keys))
            if not isinstance(at[key], dict | list) or not at[key]:
                break
            at = at[key]
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if keys:
            at[data.draw(st.sampled_from(keys))] = data.draw(VALUES)
    path = _write(tmp_path_factory.mktemp('damaged'), document)
    try:
        motion = keypoints.read(path, fps=30)
    except FormatError as error:
        assert str(path) in str(error) and '\n' not in str(error)
    else:
        assert np.isfinite(motion.joints).all() and motion.valid.any()


def test_every_layout_of_a_program_is_known():
    for known in keypoints._LAYOUTS.values():
        for count, name in known.items():
            assert count in wanted.parse(name).parts
