"""The bodies SMPL and SMPL-X: joints by forward kinematics; AMASS files of them."""

import numpy as np
import pytest

from skeljax import formats
from skeljax.errors import FormatError
from skeljax.formats import amass, smpl, smplh
from skeljax.skeletons import skeleton

FRAMES = 5
PARENTS = {
    'smpl': smpl.SMPL_PARENTS,
    'smplx': (
        *smplh.PARENTS[:22],
        15,
        15,
        15,
        *(p + 3 if p >= 22 else p for p in smplh.PARENTS[22:]),
    ),
}


def _model(kind: str, seed=0, vertices=60) -> dict:
    rng = np.random.default_rng(seed)
    parents = PARENTS[kind]
    count = len(parents)
    regressor = rng.random((count, vertices)) ** 8
    return {
        'v_template': rng.normal(0, 1, (vertices, 3)),
        'shapedirs': rng.normal(0, 0.1, (vertices, 3, 12)),
        'J_regressor': regressor / regressor.sum(1, keepdims=True),
        'kintree_table': np.stack([np.array([2**32 - 1, *parents[1:]]), np.arange(count)]),
    }


@pytest.fixture
def bodies(tmp_path, monkeypatch, smplh_folder):
    """A folder with a model of each kind where readers find them."""
    for variable in smpl.VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    for kind in PARENTS:
        (tmp_path / kind).mkdir()
        np.savez(tmp_path / kind / f'{kind.upper()}_FEMALE.npz', **_model(kind))
    (tmp_path / 'smplh').symlink_to(smplh_folder)
    smpl.load.cache_clear()
    return tmp_path


def _write(folder, columns: int, name='take.npz', **more):
    rng = np.random.default_rng(1)
    path = folder / name
    np.savez(path, poses=rng.normal(0, 0.5, (FRAMES, columns)), trans=rng.normal(size=(FRAMES, 3)),
             betas=rng.normal(size=16), gender='female', mocap_frame_rate=60.0, **more)
    return path


def _turn(vector) -> np.ndarray:
    angle = np.linalg.norm(vector)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _by_hand(kind: str, poses, betas, trans) -> np.ndarray:
    model, parents = _model(kind), PARENTS[kind]
    shaped = model['v_template'] + model['shapedirs'] @ betas[:12]
    rest = model['J_regressor'] @ shaped
    out = np.zeros((len(poses), len(parents), 3))
    for frame, pose in enumerate(poses.reshape(len(poses), -1, 3)):
        turned = []
        for joint, parent in enumerate(parents):
            local = _turn(pose[joint])
            turned.append(local if parent < 0 else turned[parent] @ local)
            here = rest[0] + trans[frame] if parent < 0 else (
                out[frame, parent] + turned[parent] @ (rest[joint] - rest[parent]))
            out[frame, joint] = here
    return out


@pytest.mark.parametrize(('kind', 'columns'), [('smpl', 72), ('smplx', 165)])
def test_amass_of_other_bodies_has_the_joints_of_its_own_model(bodies, kind, columns):
    path = _write(bodies, columns)
    with np.load(path) as content:
        expected = _by_hand(kind, content['poses'], content['betas'], content['trans'])
    if kind == 'smplx':
        expected = np.delete(expected, [22, 23, 24], axis=1)
    motion = formats.read(path)
    np.testing.assert_allclose(motion.joints[:, 0], amass.upright(expected), atol=1e-5)
    assert motion.fps == 60.0 and motion.notes == ()
    joints = skeleton.get(motion.layout).joints
    assert joints == (skeleton.get('smplh52').joints if kind == 'smplx' else smpl.SMPL)
    assert joints[20:22] == ('left_wrist', 'right_wrist')


def test_without_its_model_one_of_smplh_in_its_mean_shape_stands_for_it(bodies):
    path = _write(bodies, 165)
    with np.load(path) as content:
        poses, trans = content['poses'], content['trans']
    (bodies / 'smplx' / 'SMPLX_FEMALE.npz').unlink()
    motion = formats.read(path)
    model = smplh.load(bodies / 'smplh' / 'female' / 'model.npz')
    same = np.concatenate([poses[:, :66], poses[:, 75:]], 1)
    points = smplh.forward(model, same, trans=trans)[:, :52]
    np.testing.assert_allclose(motion.joints[:, 0], amass.upright(points), atol=1e-5)
    assert motion.notes == (
        'poses of SMPL-X on the SMPL-H model in its mean shape: no model of SMPL-X',
    )
    path = _write(bodies, 72, 'small.npz')
    (bodies / 'smpl' / 'SMPL_FEMALE.npz').unlink()
    assert formats.read(path).joints.shape == (FRAMES, 1, 24, 3)


def test_a_missing_model_is_told_with_where_it_comes_from(tmp_path, monkeypatch):
    monkeypatch.setenv('SKELJAX_SMPLX', str(tmp_path / 'nowhere'))
    monkeypatch.setenv('SKELJAX_SMPLH', str(tmp_path / 'nowhere'))
    path = _write(tmp_path, 165)
    with pytest.raises(
        FormatError, match='needs the female SMPL-X body model, found none: set SKELJAX_SMPLX'
    ):
        formats.read(path)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'kintree_table': np.zeros((2, 52), int)}, 'the model of SMPL-H, expected SMPL'),
        ({'v_template': np.zeros((3, 3))}, 'arrays of a model that do not fit together'),
        ({'kintree_table': np.stack([np.arange(24)] * 2)}, 'kintree_table is no tree'),
        ({'v_template': np.full((60, 3), np.nan)}, 'a number that is not below 10000'),
    ],
)
def test_a_model_that_does_not_fit_is_told(bodies, change, message):
    path = bodies / 'smpl' / 'SMPL_FEMALE.npz'
    np.savez(path, **(_model('smpl') | change))
    with pytest.raises(FormatError, match=message):
        formats.read(_write(bodies, 72))


def test_amass_is_known_by_its_arrays_whatever_it_is_called(bodies):
    rng = np.random.default_rng(0)
    path = bodies / 'walk.npz'
    np.savez(path, poses=rng.normal(size=(4, 156)), trans=np.zeros((4, 3)), betas=np.zeros(16),
             gender='female', mocap_framerate=120.0)
    assert formats.read(path).layout == 'smplh52'
