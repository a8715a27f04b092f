"""The body model: kinematics and skinning by hand, as smplx computes it, bad files refused."""

import pickle

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax.errors import FormatError, InputError
from skeljax.formats import smplh

ELBOW, WRIST, KNEE, LEFT_FOOT = 18, 20, 4, 10
NOSE = smplh.JOINTS
INDEX_TIP = smplh.JOINTS + list(smplh.LANDMARKS).index('left_index')
NEEDED = ('kintree_table', 'v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights')


def _model(**changes) -> smplh.Model:
    """Makes a body by hand: every bone 0.1 along x, landmarks at 0 that follow the pelvis."""
    joints = np.zeros((52, 3))
    for joint, parent in enumerate(smplh.PARENTS[1:], 1):
        joints[joint] = joints[parent] + [0.1, 0, 0]
    weights = np.zeros((21, 52))
    weights[:, 0] = 1
    parts = {
        'joints': joints,
        'joint_shapes': np.zeros((52, 3, 2)),
        'landmarks': np.zeros((21, 3)),
        'landmark_shapes': np.zeros((21, 3, 2)),
        'landmark_poses': np.zeros((21, 3, 459)),
        'weights': weights,
        'mean_hands': None,
    }
    return smplh.Model(**(parts | changes))


def _pose(**turns) -> np.ndarray:
    """Makes one pose: j18=(0, 0, 1) turns joint 18 by 1 radian about z."""
    pose = np.zeros((1, 52, 3))
    for name, vector in turns.items():
        pose[0, int(name[1:])] = vector
    return pose.reshape(1, 156)


def _told(call, *arguments, error=FormatError) -> str:
    with pytest.raises(error) as caught:
        call(*arguments)
    assert '\n' not in str(caught.value)
    return str(caught.value)


def _parts(folder) -> dict[str, np.ndarray]:
    with np.load(folder / 'male' / 'model.npz') as content:
        return dict(content)


QUARTER = np.pi / 2


def test_at_rest_a_body_is_its_template(smplh_folder):
    parts = _parts(smplh_folder)
    model = smplh.load(smplh_folder / 'male' / 'model.npz')
    points = smplh.forward(model, np.zeros((2, 156)))
    assert points.shape == (2, 73, 3)
    joints = parts['J_regressor'] @ parts['v_template']
    for frame in points:
        np.testing.assert_allclose(frame[:52], joints, atol=1e-12)
        vertices = list(smplh.LANDMARKS.values())
        np.testing.assert_allclose(frame[52:], parts['v_template'][vertices], atol=1e-12)


def test_a_turned_elbow_moves_what_hangs_on_it_and_nothing_else():
    model = _model()
    (points,) = smplh.forward(model, _pose(j18=(0, 0, QUARTER)))
    rest = model.joints
    np.testing.assert_allclose(points[WRIST], rest[ELBOW] + [0, 0.1, 0], atol=1e-12)
    np.testing.assert_allclose(points[22], rest[ELBOW] + [0, 0.2, 0], atol=1e-12)
    moved = np.flatnonzero(np.abs(points[:52] - rest).max(1) > 1e-9).tolist()
    assert moved == [20, *range(22, 37)]


def test_turns_add_up_along_the_chain_each_in_its_parents_frame():
    # The hip's turn about z lays the thigh along y; the knee's turn about its own y comes before.
    (points,) = smplh.forward(_model(), _pose(j1=(0, 0, QUARTER), j4=(0, QUARTER, 0)))
    hip = np.array([0.1, 0, 0])
    np.testing.assert_allclose(points[KNEE], hip + [0, 0.1, 0], atol=1e-12)
    # Ry(90) x = -z, which Rz(90) leaves.
    np.testing.assert_allclose(points[7], hip + [0, 0.1, -0.1], atol=1e-12)
    np.testing.assert_allclose(points[LEFT_FOOT], hip + [0, 0.1, -0.2], atol=1e-12)


def test_the_root_turns_everything_about_the_pelvis_and_trans_moves_it():
    model = _model(joints=_model().joints + [0, 0.5, 0])
    (points,) = smplh.forward(model, _pose(j0=(0, QUARTER, 0)), trans=np.array([[1.0, 2, 3]]))
    np.testing.assert_allclose(points[0], [1, 2.5, 3], atol=1e-12)
    np.testing.assert_allclose(points[1], [1, 2.5, 2.9], atol=1e-12)


def test_a_landmark_follows_its_joints_by_their_weights():
    weights = np.zeros((21, 52))
    weights[:, 0] = 1
    weights[0, [0, 1]] = 0.25, 0.75
    landmarks = np.zeros((21, 3))
    landmarks[0] = [0.2, 0, 0]  # 0.1 beyond the hip, which is at 0.1
    model = _model(weights=weights, landmarks=landmarks)
    (points,) = smplh.forward(model, _pose(j1=(0, 0, QUARTER)))
    # Fixed to the pelvis it would stay; fixed to the hip it would be at (0.1, 0.1, 0).
    expected = 0.25 * np.array([0.2, 0, 0]) + 0.75 * np.array([0.1, 0.1, 0])
    np.testing.assert_allclose(points[NOSE], expected, atol=1e-12)


def test_a_rotation_corrects_landmarks_before_they_are_skinned():
    corrections = np.zeros((21, 3, 459))
    # Joint 1 is the first with features; element (0, 0) of Rz(90) - 1 is -1, (1, 0) is 1.
    corrections[0, 2, 0] = 5.0
    corrections[0, 0, 3] = 7.0
    (points,) = smplh.forward(_model(landmark_poses=corrections), _pose(j1=(0, 0, QUARTER)))
    np.testing.assert_allclose(points[NOSE], [7, 0, -5], atol=1e-9)
    np.testing.assert_allclose(points[NOSE + 1 :], 0, atol=1e-12)


def test_shape_moves_joints_and_landmarks_and_what_is_not_given_is_zero():
    joint_shapes, landmark_shapes = np.zeros((52, 3, 2)), np.zeros((21, 3, 2))
    joint_shapes[0, 1] = 1, 10
    landmark_shapes[0, 2] = 2, 20
    model = _model(joint_shapes=joint_shapes, landmark_shapes=landmark_shapes)
    for betas, height, depth in (((), 0, 0), ((3,), 3, 6), ((3, 1), 13, 26)):
        (points,) = smplh.forward(model, np.zeros((1, 156)), betas=betas)
        assert (points[0, 1], points[NOSE, 2]) == pytest.approx((height, depth))
    many = lambda: smplh.forward(model, np.zeros((1, 156)), betas=(1, 2, 3))
    told = _told(many, error=InputError)
    assert told == '3 betas, but the model has 2'


def test_hands_at_ease_add_to_the_fingers_only(smplh_folder):
    model = smplh.load(smplh_folder / 'male' / 'model.npz')
    poses = np.random.default_rng(0).normal(0, 0.5, (3, 156))
    fingers = poses.copy()
    fingers[:, 66:] += model.mean_hands
    eased = smplh.forward(model, poses, mean_hands=True)
    np.testing.assert_array_equal(eased, smplh.forward(model, fingers))
    assert np.abs(eased - smplh.forward(model, poses))[:, INDEX_TIP].max() > 1e-3
    told = _told(lambda: smplh.forward(_model(), poses, mean_hands=True), error=InputError)
    assert told == 'the model has no hands_meanl and hands_meanr'


def test_many_frames_are_the_single_frames(smplh_folder, monkeypatch):
    model = smplh.load(smplh_folder / 'female' / 'model.npz')
    poses = np.random.default_rng(0).normal(0, 1, (23, 156))
    whole = smplh.forward(model, poses)
    monkeypatch.setattr(smplh, '_CHUNK', 5)
    np.testing.assert_allclose(smplh.forward(model, poses), whole, atol=1e-12)
    for frame in (0, 22):
        one = smplh.forward(model, poses[frame : frame + 1])
        np.testing.assert_allclose(one[0], whole[frame], atol=1e-12)
    assert smplh.forward(model, poses[:0]).shape == (0, 73, 3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-7, 7), min_size=3, max_size=3), st.sampled_from([1, 1e-6, 1e-300, 0]))
def test_a_rotation_keeps_its_axis_and_turns_by_its_angle(vector, scale):
    vector = np.array(vector) * scale
    matrix = smplh.rotations(vector)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(matrix @ vector, vector, atol=1e-12)
    assert np.trace(matrix) == pytest.approx(1 + 2 * np.cos(np.linalg.norm(vector)), abs=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)
    np.testing.assert_allclose(smplh.rotations(-vector), matrix.T, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize('flat', [True, False])
def test_points_equal_those_of_smplx(smplh_folder, flat):
    torch, smplx = pytest.importorskip('torch'), pytest.importorskip('smplx')
    path = smplh_folder / 'female' / 'model.npz'
    frames, rng = 16, np.random.default_rng(1)
    poses, betas = rng.normal(0, 0.7, (frames, 156)), rng.normal(0, 1.5, 10)
    poses[0] = 0
    trans = rng.normal(0, 1, (frames, 3))
    other = smplx.SMPLH(
        str(path), ext='npz', use_pca=False, flat_hand_mean=flat, batch_size=frames,
        dtype=torch.float64,
    )
    named = {
        'global_orient': poses[:, :3], 'body_pose': poses[:, 3:66],
        'left_hand_pose': poses[:, 66:111], 'right_hand_pose': poses[:, 111:], 'transl': trans,
        'betas': np.tile(betas, (frames, 1)),
    }
    with torch.no_grad():
        told = other(**{name: torch.tensor(value) for name, value in named.items()})
    model = smplh.load(path)
    points = smplh.forward(model, poses, betas=betas, trans=trans, mean_hands=not flat)
    assert told.joints.shape == (frames, 73, 3)
    np.testing.assert_allclose(points, told.joints.numpy(), rtol=0, atol=1e-5)
    from smplx.vertex_ids import vertex_ids

    assert set(smplh.LANDMARKS.values()) == set(vertex_ids['smplh'].values())


def test_a_model_is_found_as_any_release_lays_it_out(tmp_path):
    assert smplh.find(tmp_path, 'male') is None
    for name in ('SMPLH_male.pkl', 'SMPLH_MALE.npz', 'male/model.npz'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b'')
        assert smplh.find(tmp_path, 'male') == path
        assert smplh.find(tmp_path, 'female') is None


@pytest.mark.parametrize('missing', NEEDED)
def test_a_model_without_a_part_is_refused(smplh_folder, tmp_path, missing):
    parts = _parts(smplh_folder)
    del parts[missing]
    path = tmp_path / 'model.npz'
    np.savez(path, **parts)
    told = _told(smplh.load, path)
    assert told.startswith(f'{path}: no array {missing!r}, found ')


def _tree(count):
    return np.stack([np.arange(-1, count - 1), np.arange(count)])


@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        ({'kintree_table': _tree(24)}, '24 joints (SMPL), expected the 52 of SMPL-H'),
        ({'kintree_table': _tree(55)}, '55 joints (SMPL-X), expected the 52 of SMPL-H'),
        ({'kintree_table': _tree(52)}, 'kintree_table is not the tree of SMPL-H'),
        ({'kintree_table': np.arange(52)}, 'kintree_table is (52,), expected (2, 52)'),
        ({'v_template': np.zeros((10475, 3))}, 'v_template is (10475, 3), expected (6890, 3)'),
        ({'weights': np.zeros((6890, 24))}, 'weights is (6890, 24), expected (6890, 52)'),
        ({'shapedirs': np.float64(1)}, 'shapedirs is (), expected (6890, 3)'),
        ({'v_template': np.full((6890, 3), np.nan)}, 'v_template is not of numbers up to 10000'),
        ({'weights': np.full((6890, 52), 'x')}, 'weights is not of numbers'),
        ({'hands_meanl': np.zeros(44)}, 'hands_meanl and hands_meanr are 89 numbers, expected 90'),
        ({'J_regressor': np.array({}, object)}, 'cannot be read as .npz: holds Python objects'),
    ],
)
def test_a_model_of_another_body_is_refused(smplh_folder, tmp_path, change, expected):
    path = tmp_path / 'model.npz'
    np.savez(path, **(_parts(smplh_folder) | change))
    told = _told(smplh.load, path)
    assert told.startswith(f'{path}: ') and expected in told


def test_a_file_that_is_no_model_is_refused(smplh_folder, tmp_path):
    assert 'expected an SMPL-H model, .npz or .pkl' in _told(smplh.load, tmp_path / 'model.txt')
    path = tmp_path / 'model.npz'
    assert 'No such file' in _told(smplh.load, path)
    for content in (b'', b'PK\x03\x04', (smplh_folder / 'male/model.npz').read_bytes()[:-30]):
        path.write_bytes(content)
        assert _told(smplh.load, path).startswith(f'{path}: cannot be read as .npz: ')
    with path.open('wb') as file:
        np.save(file, np.zeros(3))
    assert _told(smplh.load, path).endswith('File is not a zip file')


@pytest.mark.parametrize('protocol', [0, 2, 4, 5])
def test_a_pickled_model_is_the_same_model(smplh_folder, tmp_path, protocol):
    sparse = pytest.importorskip('scipy.sparse')
    parts = _parts(smplh_folder)
    # Protocol 0 writes bytes as escaped text: slow with the large one.
    parts['posedirs'] = np.zeros((6890, 3, 459), np.int8) if protocol == 0 else parts['posedirs']
    parts['posedirs'] = np.asfortranarray(parts['posedirs'])
    content = parts | {'J_regressor': sparse.csc_matrix(parts['J_regressor']), 'bs_style': 'lbs'}
    path = tmp_path / 'SMPLH_male.pkl'
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    model = smplh.load(path)
    expected = smplh.load(smplh_folder / 'male' / 'model.npz')
    for name in smplh.Model.__dataclass_fields__:
        if protocol or name != 'landmark_poses':
            np.testing.assert_array_equal(getattr(model, name), getattr(expected, name), name)
