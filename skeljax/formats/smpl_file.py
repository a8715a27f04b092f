"""Poses of SMPL as pose estimators save them, made joints by the user's own body model.

WHAM and AIST++ hold the rotations of SMPL's 24 joints and need the model (see `smpl`);
PHALP, which 4DHumans tracks with, holds joints too, and these are read.
"""

from collections.abc import Mapping

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import chain, filling, options, pickled, smpl
from skeljax.formats.archive import reason
from skeljax.formats.motion import Motion

_JOINTS = len(smpl.SMPL)
_PERSONS = 100
_FRAMES = 10**6


def is_wham(content) -> bool:
    """Returns whether a pickle holds the output of WHAM: person -> poses."""
    return isinstance(content, dict) and bool(content) and all(
        isinstance(person, dict) and {'pose_world', 'trans_world'} <= person.keys()
        for person in content.values()
    )


def is_phalp(content) -> bool:
    """Returns whether a pickle holds the tracks of PHALP: frame -> who and where."""
    return isinstance(content, dict) and bool(content) and all(
        isinstance(frame, dict) and {'tid', '3d_joints'} <= frame.keys()
        for frame in content.values()
    )


def is_aist(content) -> bool:
    """Returns whether a pickle holds a motion of AIST++."""
    return isinstance(content, dict) and {'smpl_poses', 'smpl_trans'} <= content.keys()


def wham(path, content: Mapping, fps: float | None) -> Motion:
    """Reads the persons of WHAM, y up, float32[T, M, 24, 3].

    Raises:
        FormatError: an array is missing or of another shape; no body model.
    """
    model = smpl.body(path, _JOINTS, 'neutral')
    persons = []
    for key, person in content.items():
        where = f'{path}: person {key!r:.20}'
        pose = _table(where, person, 'pose_world', 3 * _JOINTS)
        trans = _table(where, person, 'trans_world', 3)
        betas = _array(where, person, 'betas').reshape(-1, 10).mean(0)
        numbers = person.get('frame_ids', person.get('frame_id'))
        frames = np.arange(len(pose)) if numbers is None else pickled.array(numbers).ravel()
        if not len(pose) == len(trans) == len(frames):
            stated = f'{len(pose)} poses, {len(trans)} places, {len(frames)} frames'
            raise FormatError(f'{where}: {stated}, expected as many')
        persons.append((frames.astype(np.int64), smpl.forward(model, pose, betas, trans)))
    return _gathered(path, persons, fps, 30.0)


def aist(path, content: Mapping, fps: float | None) -> Motion:
    """Reads the dancer of a motion of AIST++, y up, float32[T, 1, 24, 3].

    Raises:
        FormatError: an array is missing or of another shape; no body model.
    """
    model = smpl.body(path, _JOINTS, 'neutral')
    pose, trans = _table(path, content, 'smpl_poses', 72), _table(path, content, 'smpl_trans', 3)
    scale = _array(path, content, 'smpl_scaling').reshape(-1) if 'smpl_scaling' in content else [1]
    if len(pose) != len(trans) or not scale[0] > 0:
        raise FormatError(f'{path}: {len(pose)} poses, {len(trans)} places, scale {scale[0]:g}')
    joints = smpl.forward(model, pose, np.zeros(0), trans / scale[0])
    return _gathered(path, [(np.arange(len(pose)), joints)], fps, 60.0)


def phalp(path, content: Mapping, fps: float | None) -> Motion:
    """Reads the joints of PHALP's tracks, float32[T, M, 24, 3]; the camera's y goes down.

    Raises:
        FormatError: an array is missing or of another shape, or no person is in any frame.
    """
    tracks: dict[str, list[tuple[int, np.ndarray]]] = {}
    for number, (key, frame) in enumerate(content.items()):
        where = f'{path}: frame {str(key)[-40:]!r}'
        if len(frame['tid']) > len(frame['3d_joints']):
            stated = f'{len(frame["tid"])} persons, {len(frame["3d_joints"])} bodies'
            raise FormatError(f'{where}: {stated}, expected as many')
        for who, joints in zip(frame['tid'], frame['3d_joints']):
            joints = _array(where, {'3d_joints': joints}, '3d_joints').reshape(-1, 3)
            if len(joints) < _JOINTS:
                raise FormatError(f'{where}: {len(joints)} joints, expected {_JOINTS} and more')
            tracks.setdefault(str(who), []).append((number, joints[:_JOINTS] * [1, -1, -1]))
    persons = [
        (np.array([n for n, _ in some]), np.array([joints for _, joints in some]))
        for some in tracks.values()
    ]
    return _gathered(path, persons, fps, 30.0, frames=len(content))


def _gathered(path, persons: list, fps: float | None, usual: float, frames: int = 0) -> Motion:
    """Puts persons, (frames int[N], joints float[N, 24, 3]) each, into one motion."""
    persons = [person for person in persons if len(person[0])]
    if not persons or len(persons) > _PERSONS:
        raise FormatError(f'{path}: {len(persons)} persons, expected 1 to {_PERSONS}')
    first = 0 if frames else min(int(numbers.min()) for numbers, _ in persons)
    count = frames or max(int(numbers.max()) for numbers, _ in persons) + 1 - first
    rows = sum(len(numbers) for numbers, _ in persons)
    if not 0 < count <= min(_FRAMES, 1000 + 100 * rows):
        raise FormatError(f'{path}: {count} frames of {rows} poses')
    persons.sort(key=lambda person: -len(person[0]))
    joints = np.zeros((count, len(persons), _JOINTS, 3))
    measured = np.zeros(joints.shape[:3], bool)
    for index, (numbers, points) in enumerate(persons):
        joints[numbers - first, index], measured[numbers - first, index] = points, True
    stated = f'no frame rate: {usual:g} taken; the option fps sets another'
    return filling.motion(
        path,
        joints,
        measured,
        fps=options.rate(path, fps, usual),
        layout=chain.layout('smpl', smpl.SMPL, smpl.SMPL_PARENTS),
        notes=() if fps else (stated,),
    )


def _table(where, content: Mapping, name: str, columns: int) -> np.ndarray:
    found = _array(where, content, name)
    if found.ndim < 2 or found.size % columns or not found.size:
        raise FormatError(f'{where}: {name} is {found.shape}, expected (frames, {columns})')
    return found.reshape(-1, columns)


def _array(where, content: Mapping, name: str) -> np.ndarray:
    try:
        found = np.asarray(pickled.array(content[name]), np.float64)
    except Exception as error:  # whatever the damage of a pickle causes
        raise FormatError(f'{where}: {name}: {reason(error)}, expected numbers') from None
    if not (np.abs(found) < 1e6).all():
        raise FormatError(f'{where}: {name} holds what is no number, or too large')
    return found
