"""Joints of the bodies SMPL, SMPL-H and SMPL-X (Loper et al. 2015, Pavlakos et al. 2019).

Only joints are computed, which need no surface: their places at rest from the numbers of
shape, then forward kinematics. The models are files whose licenses forbid passing them
on: https://smpl.is.tue.mpg.de, https://smpl-x.is.tue.mpg.de.
"""

from dataclasses import dataclass
import functools
import os
from pathlib import Path

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import archive, pickled, smplh

_LARGEST = 1e4  # of any number in a model
_NAMES = (
    '{KIND}_{GENDER}.npz', '{KIND}_{GENDER}.pkl', '{KIND}_{gender}.npz', '{KIND}_{gender}.pkl',
    '{gender}/model.npz', '{gender}/model.pkl', 'basicModel_{g}_lbs_10_207_0_v1.0.0.pkl',
    'basicmodel_{g}_lbs_10_207_0_v1.1.0.pkl', 'basicModel_{gender}_lbs_10_207_0_v1.0.0.pkl',
)
# Number of joints -> kind of model, and where it comes from.
KINDS = {24: 'smpl', 52: 'smplh', 55: 'smplx'}
_SITES = {'smpl': 'https://smpl.is.tue.mpg.de', 'smplh': 'https://mano.is.tue.mpg.de',
          'smplx': 'https://smpl-x.is.tue.mpg.de'}
VARIABLES = {kind: f'SKELJAX_{kind.upper()}' for kind in _SITES}
_TITLES = {'smpl': 'SMPL', 'smplh': 'SMPL-H', 'smplx': 'SMPL-X'}
BODY = (
    'pelvis', 'left_hip', 'right_hip', 'spine1', 'left_knee', 'right_knee', 'spine2', 'left_ankle',
    'right_ankle', 'spine3', 'left_foot', 'right_foot', 'neck', 'left_collar', 'right_collar',
    'head', 'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist',
    'right_wrist',
)
SMPL = (*BODY, 'left_hand', 'right_hand')
SMPL_PARENTS = (*smplh.PARENTS[:22], 20, 21)


@dataclass(frozen=True, eq=False)
class Body:
    """What of a model joints depend on.

    Attributes:
        joints: of the mean shape at rest, meters, float64[J, 3].
        shapes: how each number of shape moves them, float64[J, 3, S].
        parents: of each joint, -1 for the root.
    """

    joints: np.ndarray
    shapes: np.ndarray
    parents: tuple[int, ...]


@functools.lru_cache(maxsize=4)
def load(path: Path, joints: int) -> Body:
    """Reads a model of so many joints, .npz or .pkl; nothing in it is run.

    Raises:
        FormatError: no such file, damaged, or the model of another body.
    """
    read = archive.arrays if path.suffix == '.npz' else pickled.arrays
    found = read(path, ('kintree_table', 'v_template', 'shapedirs', 'J_regressor'))
    tree, regressor = found['kintree_table'], found['J_regressor']
    if tree.shape != (2, joints):
        other = _TITLES.get(KINDS.get(tree.shape[-1], ''), 'another body')
        raise FormatError(f'{path}: the model of {other}, expected {_TITLES[KINDS[joints]]}')
    vertices = regressor.shape[-1]
    shapes = found['shapedirs']
    if regressor.shape[0] != joints or found['v_template'].shape != (vertices, 3) or (
        shapes.ndim != 3 or shapes.shape[:2] != (vertices, 3)
    ):
        raise FormatError(f'{path}: arrays of a model that do not fit together')
    parents = (-1, *(int(parent) for parent in tree[0, 1:]))
    if not all(0 <= parent < joint for joint, parent in enumerate(parents) if joint):
        raise FormatError(f'{path}: kintree_table is no tree')
    arrays = [a.astype(np.float64) for a in (regressor, found['v_template'], shapes)]
    if not all((np.abs(array) < _LARGEST).all() for array in arrays):
        raise FormatError(f'{path}: a number that is not below {_LARGEST:g}')
    regressor, template, shapes = arrays
    return Body(regressor @ template, np.tensordot(regressor, shapes, 1), parents)


def locate(near, kind: str, gender: str) -> Path | None:
    """Returns the model of a kind and gender, None if there is none.

    Looks where the variable SKELJAX_KIND says, a file or a folder, else in the nearest
    folder named as the kind beside or above a file.
    """
    given = os.environ.get(VARIABLES[kind])
    folders = [f / kind for f in Path(near).absolute().parents]
    for place in [Path(given)] if given else folders:
        if place.is_file():
            return place
        for wanted in dict.fromkeys((gender, 'neutral')):
            for name in _NAMES:
                words = {'KIND': kind.upper(), 'GENDER': wanted.upper(), 'gender': wanted,
                         'g': wanted[0]}
                path = place / name.format(**words)
                if path.is_file():
                    return path
    return None


def body(near, joints: int, gender: str) -> Body:
    """Finds and reads the model of so many joints; see `locate`.

    Raises:
        FormatError: there is none; names where one is expected.
    """
    kind = KINDS[joints]
    path = locate(near, kind, gender)
    if path is None:
        where = f'set {VARIABLES[kind]} to its file or folder, or put a folder "{kind}" beside'
        stated = f'needs the {gender} {_TITLES[kind]} body model, found none: {where}'
        raise FormatError(f'{near}: {stated} or above ({_SITES[kind]})')
    return load(path, joints)


def forward(model: Body, poses: np.ndarray, betas: np.ndarray, trans: np.ndarray) -> np.ndarray:
    """Computes the joints of poses, float64[T, J, 3].

    Args:
        model: the body.
        poses: axis-angle of each joint, radians, float[T, 3 J].
        betas: numbers of shape, float[S], as many as there are up to those of the model.
        trans: of the body, meters, float[T, 3].
    """
    betas = np.asarray(betas, np.float64)[: model.shapes.shape[-1]]
    rest = model.joints + model.shapes[..., : len(betas)] @ betas
    local = smplh.rotations(np.asarray(poses, np.float64).reshape(len(poses), -1, 3))
    placed, turned = np.empty(local.shape[:-1]), np.empty_like(local)
    for joint, parent in enumerate(model.parents):
        if parent < 0:
            placed[:, joint], turned[:, joint] = rest[joint], local[:, joint]
            continue
        bone = rest[joint] - rest[parent]
        placed[:, joint] = placed[:, parent] + turned[:, parent] @ bone
        turned[:, joint] = turned[:, parent] @ local[:, joint]
    return placed + np.asarray(trans, np.float64)[:, None]
