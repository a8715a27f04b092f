"""The body model SMPL-H (Romero et al. 2017, MANO): poses in, joints and landmarks out.

Of the surface only the vertices that serve as landmarks are computed (nose, toes,
finger tips ...). The model itself is a file whose license forbids redistribution:
https://mano.is.tue.mpg.de, "Extended SMPL+H model", or the pickles of the MANO release.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skeljax.errors import FormatError, InputError
from skeljax.formats import archive, pickled

PARENTS = (
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19,
    20, 22, 23, 20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35,
    21, 37, 38, 21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50,
)
JOINTS = len(PARENTS)
# Landmark -> its vertex. In this order they are points 52 to 72, as in the package smplx.
LANDMARKS = {
    'nose': 332, 'right_eye': 6260, 'left_eye': 2800, 'right_ear': 4071, 'left_ear': 583,
    'left_big_toe': 3216, 'left_small_toe': 3226, 'left_heel': 3387,
    'right_big_toe': 6617, 'right_small_toe': 6624, 'right_heel': 6787,
    'left_thumb': 2746, 'left_index': 2319, 'left_middle': 2445, 'left_ring': 2556,
    'left_pinky': 2673,
    'right_thumb': 6191, 'right_index': 5782, 'right_middle': 5905, 'right_ring': 6016,
    'right_pinky': 6133,
}
POINTS = JOINTS + len(LANDMARKS)
COLUMNS = 3 * JOINTS  # of a pose
_VERTICES = 6890
_LARGEST = 1e4  # of any number in a model
_HANDS = slice(66, COLUMNS)  # columns of the fingers' joints
_FEATURES = 9 * (JOINTS - 1)
_CHUNK = 1024  # frames at a time, 20 MB
_NAMES = (
    '{gender}/model.npz', '{gender}/model.pkl',
    'SMPLH_{GENDER}.npz', 'SMPLH_{gender}.npz', 'SMPLH_{GENDER}.pkl', 'SMPLH_{gender}.pkl',
)


@dataclass(frozen=True, eq=False)
class Model:
    """What of a body model joints and landmarks depend on (S numbers of shape).

    Attributes:
        joints: of the mean shape at rest, meters, float64[52, 3].
        joint_shapes: how each number of shape moves them, float64[52, 3, S].
        landmarks: of the mean shape at rest, meters, float64[21, 3].
        landmark_shapes: how each number of shape moves them, float64[21, 3, S].
        landmark_poses: how rotations correct them, float64[21, 3, 459].
        weights: share of each joint in a landmark's movement, float64[21, 52].
        mean_hands: axis-angle of the fingers at ease, float64[90]; None if the
            file does not state it.
    """

    joints: np.ndarray
    joint_shapes: np.ndarray
    landmarks: np.ndarray
    landmark_shapes: np.ndarray
    landmark_poses: np.ndarray
    weights: np.ndarray
    mean_hands: np.ndarray | None


def find(folder, gender: str) -> Path | None:
    """Returns the model of a gender in a folder as any of the releases lay it out."""
    for name in _NAMES:
        path = Path(folder) / name.format(gender=gender, GENDER=gender.upper())
        if path.is_file():
            return path
    return None


def load(path) -> Model:
    """Reads a model file, .npz or .pkl; nothing in it is run.

    Raises:
        FormatError: no such file, damaged, or the model of another body (SMPL, SMPL-X).
    """
    path = Path(path)
    if path.suffix not in ('.npz', '.pkl'):
        raise FormatError(f'{path}: expected an SMPL-H model, .npz or .pkl')
    read = archive.arrays if path.suffix == '.npz' else pickled.arrays
    needed = ('kintree_table', 'v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights')
    found = read(path, needed, ('hands_meanl', 'hands_meanr'))
    _check_tree(path, found['kintree_table'])
    shapes = found['shapedirs'].shape[-1:]
    for name, shape in (
        ('v_template', (_VERTICES, 3)),
        ('shapedirs', (_VERTICES, 3, *shapes)),
        ('posedirs', (_VERTICES, 3, _FEATURES)),
        ('J_regressor', (JOINTS, _VERTICES)),
        ('weights', (_VERTICES, JOINTS)),
    ):
        if found[name].shape != shape:
            raise FormatError(f'{path}: {name} is {found[name].shape}, expected {shape} of SMPL-H')
    vertices = list(LANDMARKS.values())
    template, shapedirs, regressor = (
        _numbers(path, name, found[name]) for name in ('v_template', 'shapedirs', 'J_regressor')
    )
    hands = [found[name].ravel() for name in ('hands_meanl', 'hands_meanr') if name in found]
    return Model(
        joints=regressor @ template,
        joint_shapes=np.tensordot(regressor, shapedirs, 1),
        landmarks=template[vertices],
        landmark_shapes=shapedirs[vertices],
        landmark_poses=_numbers(path, 'posedirs', found['posedirs'][vertices]),
        weights=_numbers(path, 'weights', found['weights'][vertices]),
        mean_hands=_mean_hands(path, hands),
    )


def forward(
    model: Model,
    poses: np.ndarray,
    *,
    betas: Sequence[float] = (),
    trans: np.ndarray | None = None,
    mean_hands: bool = False,
) -> np.ndarray:
    """Poses a body.

    Args:
        model: as loaded.
        poses: axis-angle of each joint in its parent's frame, radians, float[T, 156].
        betas: numbers of shape, at most S; those not given are 0.
        trans: moves each frame, meters, float[T, 3].
        mean_hands: takes the fingers' rotations as differences from hands at ease;
            otherwise, as AMASS stores them, from flat hands.

    Returns:
        52 joints, then the 21 landmarks, meters, in the axes of `trans`, float64[T, 73, 3].

    Raises:
        InputError: more betas than the model has, or it lacks the mean pose of the hands.
    """
    betas = np.asarray(betas, np.float64)
    if len(betas) > model.joint_shapes.shape[-1]:
        raise InputError(f'{len(betas)} betas, but the model has {model.joint_shapes.shape[-1]}')
    if mean_hands and model.mean_hands is None:
        raise InputError('the model has no hands_meanl and hands_meanr')
    joints = model.joints + model.joint_shapes[..., : len(betas)] @ betas
    landmarks = model.landmarks + model.landmark_shapes[..., : len(betas)] @ betas
    points = np.empty((len(poses), POINTS, 3))
    for start in range(0, len(poses), _CHUNK):
        some = slice(start, start + _CHUNK)
        pose = np.array(poses[some], np.float64)
        if mean_hands:
            pose[:, _HANDS] += model.mean_hands
        points[some] = _posed(model, pose.reshape(-1, JOINTS, 3), joints, landmarks)
    return points if trans is None else points + np.asarray(trans)[:, None]


def _posed(model, pose, joints, landmarks):
    """Poses one body of shaped joints and landmarks, float64[T, 73, 3]."""
    local = rotations(pose)
    turned, placed = np.empty_like(local), np.empty(local.shape[:-1])
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            turned[:, joint], placed[:, joint] = local[:, joint], joints[joint]
            continue
        turned[:, joint] = turned[:, parent] @ local[:, joint]
        bone = joints[joint] - joints[parent]
        placed[:, joint] = placed[:, parent] + turned[:, parent] @ bone
    feature = (local[:, 1:] - np.eye(3)).reshape(len(pose), _FEATURES)
    corrected = landmarks + np.tensordot(feature, model.landmark_poses, (1, 2))
    # Each joint carries a landmark along as if fixed to it; the weights mix where that leads.
    offset = placed - (turned @ joints[..., None])[..., 0]
    mixed = np.tensordot(turned, model.weights, (1, 1)).transpose(0, 3, 1, 2)
    skinned = (mixed @ corrected[..., None])[..., 0] + model.weights @ offset
    return np.concatenate([placed, skinned], 1)


def rotations(vectors: np.ndarray) -> np.ndarray:
    """Turns axis-angle float64[..., 3], radians, into matrices float64[..., 3, 3]."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    # np.sinc(a / pi) = sin(a) / a, also at 0; 1 - cos(a) = 2 sin(a / 2) ** 2.
    sine, cosine = np.sinc(angle / np.pi), np.sinc(angle / (2 * np.pi)) ** 2 / 2
    return np.eye(3) + sine * cross + cosine * (cross @ cross)


def _check_tree(path: Path, tree: np.ndarray):
    if tree.ndim != 2 or len(tree) != 2:
        raise FormatError(f'{path}: kintree_table is {tree.shape}, expected (2, {JOINTS})')
    count = tree.shape[1]
    if count != JOINTS:
        other = {16: ' (MANO)', 24: ' (SMPL)', 55: ' (SMPL-X)'}.get(count, '')
        raise FormatError(f'{path}: {count} joints{other}, expected the {JOINTS} of SMPL-H')
    # The root's parent is 2 ** 32 - 1 in the releases.
    if tuple(tree[0, 1:].tolist()) != PARENTS[1:]:
        raise FormatError(f'{path}: kintree_table is not the tree of SMPL-H')


def _mean_hands(path: Path, hands: list[np.ndarray]) -> np.ndarray | None:
    if len(hands) < 2:
        return None
    both = np.concatenate(hands)
    if both.shape != (COLUMNS - _HANDS.start,):
        found = f'hands_meanl and hands_meanr are {both.size} numbers'
        raise FormatError(f'{path}: {found}, expected {COLUMNS - _HANDS.start}')
    return _numbers(path, 'hands_mean', both)


def _numbers(path: Path, name: str, array: np.ndarray) -> np.ndarray:
    numbers = array.astype(np.float64) if array.dtype.kind in 'fiu' else np.array(np.nan)
    if not (np.abs(numbers) <= _LARGEST).all():  # nan too
        raise FormatError(f'{path}: {name} is not of numbers up to {_LARGEST:g}')
    return numbers
