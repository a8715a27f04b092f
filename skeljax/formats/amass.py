"""Reads AMASS (Mahmood et al. 2019): poses of the body models SMPL-H, SMPL-X or SMPL.

One .npz a motion: `poses` (axis-angle of each joint a frame, fingers relative to flat
hands), `trans` (meters, z up), `betas`, `gender`, `mocap_framerate`. To become joints
it needs the body model, a file of its own (see `skeljax.formats.smplh` and `smpl`). Of
SMPL-X the 52 joints that SMPL-H has too are read. Where only an SMPL-H model is there, it
replaces the others, with its mean shape, because their shape parameters differ.
"""

from dataclasses import dataclass
import functools
import os
from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError, InputError
from skeljax.formats import archive, chain, smpl, smplh
from skeljax.formats.motion import Motion

LAYOUT = 'smplh52'
MODEL_VARIABLE = 'SKELJAX_SMPLH'
# Joints of the layout ntu25 among the points of `smplh.forward`; hands are the roots of the
# index fingers, hand tips the tips of the index fingers.
NTU25 = (
    0, 3, 12, 15, 16, 18, 20, 22, 17, 19, 21, 37, 1, 4, 7, 10, 2, 5, 8, 11, 9, 64, 63, 69, 68,
)
# The published preparation of BABEL takes thumbs for hand tips and hand tips for thumbs.
NTU25_PUBLISHED = (*NTU25[:21], 63, 64, 68, 69)
# Folder of a dataset as BABEL and the first release name it -> as later releases do.
_RENAMED = {
    'BioMotionLab_NTroje': 'BMLrub', 'DFaust_67': 'DFaust', 'MPI_HDM05': 'HDM05',
    'MPI_Limits': 'PosePrior', 'MPI_mosh': 'MoSh', 'SSM_synced': 'SSM',
    'TCD_handMocap': 'TCDHands', 'Transitions_mocap': 'Transitions',
    'Eyes_Japan_Dataset': 'EyesJapanDataset',
}
_LARGEST = 1e4  # radians, meters, numbers of shape
_GENDERS = ('female', 'male', 'neutral')
_RATES = ('mocap_framerate', 'mocap_frame_rate')
# Names of folders: a date before a person, a person before what was done.
_DATED = re.compile(r'\d{8}_(.+)')
_ACCAD = re.compile(r'((?:Fem|M)ale\d+)\D.*_c3d')
_WHERE = (
    f'set {MODEL_VARIABLE} to the file or to the folder with GENDER/model.npz, or put that folder '
    'as "smplh" beside or above (https://mano.is.tue.mpg.de, "Extended SMPL+H model")'
)


@dataclass(frozen=True, eq=False)
class Capture:
    """The content of a motion file.

    Attributes:
        poses: axis-angle of each joint, radians, float64[T, 156], of SMPL-X 165, SMPL 72.
        trans: of the body, meters, z up, float64[T, 3].
        betas: numbers of shape, float64[S].
        gender: 'female', 'male' or 'neutral'.
        fps: frames per second.
    """

    poses: np.ndarray
    trans: np.ndarray
    betas: np.ndarray
    gender: str
    fps: float


def load(path, *, any_body: bool = False) -> Capture:
    """Reads a file as it is, without a body model.

    Args:
        path: of the .npz.
        any_body: takes poses of SMPL-X and SMPL too.

    Raises:
        FormatError: no such file, damaged, of another model than SMPL-H.
    """
    path = Path(path)
    found = archive.arrays(path, ('poses', 'trans'), ('betas', 'gender', *_RATES))
    poses, trans = _table(path, 'poses', found['poses']), _table(path, 'trans', found['trans'])
    frames, columns = poses.shape
    others = {165: 'SMPL-X', 72: 'SMPL'}
    if columns != smplh.COLUMNS and not (any_body and columns in others):
        of = f' ({others[columns]})' if columns in others else ''
        more = ', 165 of SMPL-X or 72 of SMPL' if any_body else ''
        expected = f'expected {smplh.COLUMNS} of SMPL-H{more}'
        raise FormatError(f'{path}: poses have {columns} columns{of}, {expected}')
    if not frames or trans.shape != (frames, 3):
        expected = 'expected (frames, 3) of as many frames, at least one'
        raise FormatError(f'{path}: {frames} poses, but trans is {trans.shape}, {expected}')
    rate = next((found[name] for name in _RATES if name in found), None)
    betas = found.get('betas', np.zeros(0))
    return Capture(
        poses, trans, _table(path, 'betas', betas.reshape(1, -1))[0],
        _gender(path, found.get('gender')), _rate(path, rate),
    )


def read(path, model=None) -> Motion:
    """Reads a motion as the joints of its own body, y up, at its own frame rate.

    Those are the 52 of SMPL-H, of SMPL 24.

    Args:
        path: of the .npz.
        model: a model file, or a folder that holds those of each gender; by default
            what the variable SKELJAX_SMPLH names, or the nearest folder "smplh"
            beside or above the file.

    Raises:
        FormatError: no model, or the file is damaged.
    """
    path = Path(path)
    capture = load(path, any_body=True)
    if capture.poses.shape[1] != smplh.COLUMNS and model is None:
        return _other_body(path, capture)
    body = body_model(path, capture.gender, model)
    try:
        points = smplh.forward(body, capture.poses, betas=capture.betas, trans=capture.trans)
    except InputError as error:
        raise FormatError(f'{path}: {error}, expected the extended SMPL+H model') from None
    joints = upright(points[:, : smplh.JOINTS])[:, None].astype(np.float32)
    return Motion(
        joints=joints,
        fps=capture.fps,
        layout=LAYOUT,
        valid=np.ones(joints.shape[:2], bool),
        source=path.name,
        subject=subject(path),
    )


def _other_body(path: Path, capture: Capture) -> Motion:
    """Reads a motion of SMPL-X or SMPL, by its own model or else by one of SMPL-H."""
    count = capture.poses.shape[1] // 3
    title, notes = {24: 'SMPL', 55: 'SMPL-X'}[count], ()
    hands = count == 55  # the jaw and two eyes stand before them
    kept = [*range(22), *range(25, 55)] if hands else list(range(24))
    layout = LAYOUT if hands else chain.layout('smpl', smpl.SMPL, smpl.SMPL_PARENTS)
    own = smpl.locate(path, smpl.KINDS[count], capture.gender)
    other = None if own else smpl.locate(path, 'smplh', capture.gender)
    if other:
        body, joints = smpl.load(other, smplh.JOINTS), capture.poses.reshape(-1, count, 3)
        turned = np.zeros((len(joints), smplh.JOINTS, 3))
        turned[:, :22] = joints[:, :22]
        if hands:
            turned[:, 22:] = joints[:, 25:]
        points = smpl.forward(body, turned.reshape(len(turned), -1), np.zeros(0), capture.trans)
        # The hands of SMPL are where the middle fingers of SMPL-H begin.
        kept = list(range(52)) if hands else [*range(22), 25, 40]
        notes = (f'poses of {title} on the SMPL-H model in its mean shape: no model of {title}',)
    else:
        body = smpl.body(path, count, capture.gender)
        points = smpl.forward(body, capture.poses, capture.betas, capture.trans)
    joints = upright(points[:, kept])[:, None].astype(np.float32)
    return Motion(
        joints=joints,
        fps=capture.fps,
        layout=layout,
        valid=np.ones(joints.shape[:2], bool),
        source=path.name,
        subject=subject(path),
        notes=notes,
    )


def body_model(near, gender: str, model=None) -> smplh.Model:
    """Finds and reads a body model; see `read`. The last few are cached.

    Raises:
        FormatError: there is none; names the expected places.
    """
    near = Path(near)
    given = model or os.environ.get(MODEL_VARIABLE)
    places = [Path(given)] if given else [folder / 'smplh' for folder in near.absolute().parents]
    for place in places:
        if place.is_file():
            return _loaded(place)
        if found := smplh.find(place, gender):
            return _loaded(found)
    tried = f'{given} is or has none' if given else 'found none'
    raise FormatError(f'{near}: needs the {gender} SMPL-H body model, {tried}: {_WHERE}')


def locate(root, file: str) -> Path | None:
    """Returns DATASET/PERSON/NAME.npz below `root`, the dataset under its old or new name."""
    dataset, _, rest = file.partition('/')
    for name in (dataset, _RENAMED.get(dataset, dataset)):
        path = Path(root) / name / rest
        if path.is_file():
            return path
    return None


def upright(points: np.ndarray) -> np.ndarray:
    """Turns z up into y up (about x, so that x stays), float[..., 3]."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1)


def resampled(frames: int, fps: float, to: float = 30.0) -> np.ndarray:
    """Picks frames for a lower rate, int[N]: frame n is the last one not after n / `to` s.

    At the whole rates of AMASS (60, 100, 120, 150, 250) the very frames that BABEL's
    videos show.

    Raises:
        InputError: the rate is lower already.
    """
    if fps < to:
        raise InputError(f'{fps:g} frames per second, expected at least {to:g}')
    # Of 2.9999999999 frames, 3 are meant.
    picked = np.floor(np.arange(int(frames * to / fps) + 1) * (fps / to) + 1e-9).astype(np.int64)
    return picked[picked < frames]


def subject(path) -> str:
    """Names who moves, DATASET/PERSON, by the two folders above a file.

    One person's folders in ACCAD (Female1Running_c3d, Female1Walking_c3d) and those of
    one person on several dates (20120731_StefanosTheodorou) count as one.
    """
    *_, dataset, person, _ = ('', '', *Path(path).parts)
    if match := _DATED.fullmatch(person) or _ACCAD.fullmatch(person):
        person = match[1]
    return f'{dataset}/{person}'.strip('/')


@functools.lru_cache(maxsize=4)
def _loaded(path: Path) -> smplh.Model:
    return smplh.load(path)


def _table(path: Path, name: str, array: np.ndarray) -> np.ndarray:
    if array.ndim != 2 or array.dtype.kind not in 'fiu':
        found = f'{array.dtype} {array.shape}'
        raise FormatError(f'{path}: {name} is {found}, expected a table of numbers')
    with np.errstate(invalid='ignore'):  # a damaged file may hold signalling nan
        array = array.astype(np.float64)
    bad = np.argwhere(~(np.abs(array) <= _LARGEST))  # nan too
    if len(bad):
        frame, column = bad[0]
        found = f'{name}, frame {frame}, column {column} is {array[frame, column]:g}'
        raise FormatError(f'{path}: {found}, expected at most {_LARGEST:g}')
    return array


def _gender(path: Path, value) -> str:
    if value is None:
        return 'neutral'
    # Some files hold b'male', some the text "b'male'".
    text = str(value.item() if value.ndim == 0 else value).strip().lower()
    text = text.removeprefix("b'").removesuffix("'")
    if text not in _GENDERS:
        raise FormatError(f'{path}: gender is {text[:40]!r}, expected one of {", ".join(_GENDERS)}')
    return text


def _rate(path: Path, value) -> float:
    if value is None:
        raise FormatError(f'{path}: no {_RATES[0]}, expected frames per second')
    if value.size != 1 or value.dtype.kind not in 'fiu' or not 0 < value.item() < 1e6:
        raise FormatError(f'{path}: frame rate is {" ".join(str(value)[:40].split())}')
    return float(value.item())
