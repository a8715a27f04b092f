"""What pose estimators write: their forms, who is who, and told what is wrong."""

import json

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

import skeljax
from skeljax.errors import FormatError, InputError
from skeljax.formats import keypoints, tracking

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(6, 33, 3)).round(4)
FLIP = np.array([1, -1, -1])


def _write(folder, document, name='walk.json'):
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def _landmarks(points, **more):
    return [dict(zip('xyz', map(float, point))) | {'visibility': 0.9} | more for point in points]


def _flat(points, certain=0.8) -> list[float]:
    return np.concatenate([points, np.full((len(points), 1), certain)], 1).ravel().tolist()


def _openpose(*people, **more):
    return {'version': 1.3, 'people': [{'pose_keypoints_2d': _flat(p), **more} for p in people]}


def _told(path, **options) -> str:
    with pytest.raises(InputError) as error:
        skeljax.read(path, **options)
    assert '\n' not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    'frame',
    [
        lambda points: {
            'poseLandmarks': _landmarks(points * 2), 'poseWorldLandmarks': _landmarks(points),
        },
        lambda points: {'pose_world_landmarks': [_landmarks(points)]},
        lambda points: {'landmarks': _landmarks(points)},
        lambda points: {'pose_landmarks': {'landmark': _landmarks(points)}},
        lambda points: _landmarks(points),
    ],
)
@pytest.mark.parametrize('wrap', [lambda f: f, lambda f: {'fps': 30, 'frames': f}])
def test_mediapipe_is_read_upright(tmp_path, frame, wrap):
    path = _write(tmp_path, wrap([frame(points) for points in POINTS]))
    motion = skeljax.read(path, fps=30)
    np.testing.assert_allclose(motion.joints[:, 0], POINTS * FLIP, rtol=1e-5)
    assert (motion.layout, motion.fps) == ('mediapipe33', 30.0) and motion.valid.all()


def test_mediapipe_without_anybody_or_visibility(tmp_path):
    frames = [{'landmarks': _landmarks(points)} for points in POINTS]
    frames[1] = {'landmarks': []}
    frames[2] = None
    frames[4]['landmarks'][7]['visibility'] = 0
    motion = skeljax.read(_write(tmp_path, frames), fps=30)
    assert motion.valid[:, 0].tolist() == [True, False, False, True, True, True]
    present = motion.joint_valid[motion.valid]
    assert np.argwhere(~present).tolist() == [[2, 7]]
    expected = (POINTS[3, 7] + POINTS[5, 7]) / 2 * FLIP
    np.testing.assert_allclose(motion.joints[4, 0, 7], expected, rtol=1e-5)


def test_fractions_of_an_image_become_pixels(tmp_path):
    frames = [{'landmarks': _landmarks(points)} for points in POINTS]
    path = _write(tmp_path, {'fps': 30, 'width': 640, 'height': 480, 'frames': frames})
    expected = POINTS * FLIP * [640, 480, 640]
    np.testing.assert_allclose(skeljax.read(path).joints[:, 0], expected, rtol=1e-5)


@pytest.mark.parametrize(('count', 'layout'), [(25, 'openpose25'), (18, 'openpose18')])
def test_openpose_as_one_file_and_as_one_a_frame(tmp_path, count, layout):
    points = POINTS[:, :count, :2]
    motion = skeljax.read(_write(tmp_path, [_openpose(p) for p in points]), fps=25)
    np.testing.assert_allclose(motion.joints[:, 0, :, :2], points * [1, -1], rtol=1e-5)
    assert (motion.joints[..., 2] == 0).all() and (motion.layout, motion.fps) == (layout, 25.0)
    folder = tmp_path / 'walk'
    folder.mkdir()
    for frame, some in enumerate(points):
        _write(folder, _openpose(some), f'walk_{frame:012}_keypoints.json')
    np.testing.assert_array_equal(skeljax.read(folder, fps=25).joints, motion.joints)
    (folder / 'walk_000000000003_keypoints.json').unlink()
    assert skeljax.read(folder, fps=25).valid[:, 0].tolist() == [True] * 3 + [False] + [True] * 2


def test_openpose_in_space_is_preferred_and_turned(tmp_path):
    points = POINTS[:, :25]
    frames = [_openpose(p[:, :2], pose_keypoints_3d=_flat(p)) for p in points]
    motion = skeljax.read(_write(tmp_path, frames), fps=25)
    np.testing.assert_allclose(motion.joints[:, 0], points * FLIP, rtol=1e-5)


def test_coco_results_are_put_in_their_frames(tmp_path):
    points = POINTS[:, :17, :2]
    listed = [
        {'image_id': f'{frame}.jpg', 'keypoints': _flat(points[frame]), 'score': 1.0}
        for frame in (4, 1, 2)
    ]
    motion = skeljax.read(_write(tmp_path, listed), fps=25)
    assert motion.layout == 'coco17'
    assert motion.valid[:, 0].tolist() == [False, True, True, False, True]
    expected = points[[1, 2, 4]] * [1, -1]
    np.testing.assert_allclose(motion.joints[[1, 2, 4], 0, :, :2], expected, rtol=1e-5)


def test_coco_annotations_have_their_images_frames(tmp_path):
    points = POINTS[:, :17, :2]
    document = {
        'images': [{'id': 900 + n} for n in range(4)],
        'annotations': [
            {'image_id': 900 + n, 'keypoints': _flat(points[n], 2), 'track_id': 7} for n in (0, 3)
        ],
    }
    motion = skeljax.read(_write(tmp_path, document), fps=25, unit=0.01)
    assert motion.valid[:, 0].tolist() == [True, False, False, True]
    np.testing.assert_allclose(motion.joints[3, 0, :, 0], points[3, :, 0] / 100, rtol=1e-5)


def test_two_people_keep_their_slots_whatever_their_order(tmp_path):
    body = RNG.normal(size=(25, 2))
    paths = [body + [i * 0.1, 0] for i in range(8)], [body + [9 - i * 0.1, 0] for i in range(8)]
    frames = [_openpose(*((a, b) if i % 2 else (b, a))) for i, (a, b) in enumerate(zip(*paths))]
    frames[5] = _openpose(paths[1][5])
    motion = skeljax.read(_write(tmp_path, frames), fps=25)
    assert motion.joints.shape[1] == 2
    assert motion.valid[:, 0].all()  # whoever was seen longer comes first
    assert motion.valid[:, 1].tolist() == [True] * 5 + [False] + [True] * 2
    for frame in range(8):
        np.testing.assert_allclose(motion.joints[frame, 0, :, 0], paths[1][frame][:, 0], rtol=1e-4)


def test_whoever_the_file_tells_is_told_apart_where_they_cross(tmp_path):
    body = RNG.normal(size=(25, 2))
    frames = [
        {'people': [
            {'person_id': [1], 'pose_keypoints_2d': _flat(body + [i, 0])},
            {'person_id': [2], 'pose_keypoints_2d': _flat(body + [7 - i, 0])},
        ][:: -1 if i % 2 else 1]}
        for i in range(8)
    ]
    motion = skeljax.read(_write(tmp_path, frames), fps=25)
    middle = motion.joints[..., 0].mean(-1) - body[:, 0].mean()
    np.testing.assert_allclose(middle[:, 0], np.arange(8), atol=1e-4)
    np.testing.assert_allclose(middle[:, 1], 7 - np.arange(8), atol=1e-4)


def test_people_after_each_other_share_a_slot():
    body = RNG.normal(size=(5, 3))
    seen = np.ones(5, bool)
    frames = [[tracking.Pose(body, seen)]] * 4 + [[]] * 40 + [[tracking.Pose(body + 90, seen)]] * 3
    joints, measured = tracking.arrange(frames)
    assert joints.shape == (47, 1, 5, 3)
    assert measured[:, 0, 0].sum() == 7


@pytest.mark.parametrize(
    ('document', 'told'),
    [
        ('{', ':1: no JSON: '),
        ('[\n1,\n}', ':3: no JSON: '),
        ('[' * 100_000, ': no JSON: '),
        ([], ': no list of frames'),
        ('7', ': no list of frames'),
        ({'hello': []}, ": frame 0: no pose: ValueError: found hello"),
        ([{'people': []}] * 3, ': no person in 3 frames'),
        ([{'people': [{'pose_keypoints_2d': [1, 2, 1, 3]}]}], ': frame 0: no pose: '),
        ([{'people': [{}]}], ': no person in 1 frames'),
        ([{'people': [{'pose_keypoints_2d': ['x', 2, 1]}]}], ': frame 0: no pose: '),
        ([{'landmarks': [{'x': 1}]}], ": frame 0: no pose: KeyError: 'y'"),
        (
            [_openpose(POINTS[0, :7, :2])],
            ': 7 points, openpose has 25 or 18; or use the option layout',
        ),
        ([_openpose(POINTS[0, :25, :2]), _openpose(POINTS[0, :18, :2])], 'of 18 and of 25 points'),
        (
            [_openpose(POINTS[0, :25, :2]), {'landmarks': _landmarks(POINTS[0])}],
            'of mediapipe and of openpose',
        ),
        ([_openpose(np.full((25, 2), 1e8))], ': frame 0: joint 0 is at '),
        (
            [_openpose(np.full((25, 2), np.inf))],
            ': frame 0: no pose: ValueError: a coordinate beyond',
        ),
        ([{'image_id': 397133, 'keypoints': [1, 2, 1] * 17}], 'expected them counted from 0'),
        ([{'image_id': 'left', 'keypoints': [1, 2, 1] * 17}], "'left' contains no frame number"),
        (
            {'annotations': [{'image_id': 1, 'keypoints': [1, 2, 1] * 17}], 'images': []},
            'no image 1',
        ),
        ({'annotations': []}, ": no keypoints: KeyError: 'images'"),
        ({'fps': 'fast', 'frames': [_openpose(POINTS[0, :25, :2])]}, ": frame rate is 'fast'"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, document, told):
    path = _write(tmp_path, document)
    message = _told(path, fps=25)
    assert message.startswith(str(path)) and told in message
    assert message.count(str(path)) == 1


def test_a_rate_is_asked_for(tmp_path):
    path = _write(tmp_path, [_openpose(POINTS[0, :25, :2])])
    assert _told(path) == f'{path}: no frame rate, expected the option fps'


def test_a_folder_of_two_recordings_is_told(tmp_path):
    for name in ('a_000_keypoints.json', 'b_000_keypoints.json'):
        _write(tmp_path, _openpose(POINTS[0, :25, :2]), name)
    assert "frames of 'a' and 'b', expected one recording" in _told(tmp_path, fps=25)


KEYS = ['people', 'landmarks', 'x', 'keypoints', 'image_id', 'id']
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(-9, 2**70), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_a_damaged_document_is_read_or_told(tmp_path_factory, data):
    document = data.draw(st.sampled_from([
        {'fps': 30, 'frames': [_openpose(POINTS[i, :18, :2]) for i in range(2)]},
        {'fps': 30, 'frames': [{'landmarks': _landmarks(POINTS[i])} for i in range(2)]},
        [{'image_id': i, 'keypoints': _flat(POINTS[i, :17, :2]), 'track_id': 1} for i in range(2)],
        {'images': [{'id': 0}], 'annotations': [{'image_id': 0, 'keypoints': [1, 2, 1] * 17}]},
    ]))
    document = json.loads(json.dumps(document))
    at = document
    for _ in range(data.draw(st.integers(0, 5))):
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(at[key], dict | list) or not at[key]:
            break
        at = at[key]
    key = data.draw(st.sampled_from(list(at) if isinstance(at, dict) else list(range(len(at)))))
    at[key] = data.draw(VALUES)
    path = _write(tmp_path_factory.mktemp('damaged'), document)
    try:
        motion = keypoints.read(path, fps=30)
    except FormatError as error:
        assert str(path) in str(error) and '\n' not in str(error)
    else:
        assert np.isfinite(motion.joints).all() and motion.valid.any()
