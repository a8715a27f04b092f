"""Reads Acclaim motion: a skeleton (ASF) and its angles frame by frame (AMC).

A bone of the .asf has a direction and a length in the room, at rest, and an axis:
Euler angles that turn the room's frame into the bone's, A. The .amc turns it about
its own axes by D, so that, G being the turn of the bone's parent,

    G_bone = G · A · D · A⁻¹        end = end of parent + length · G_bone · direction

A joint is the end of the bone that it is named after. Angles of an axis multiply so
that the first letter turns first (XYZ is Rz · Ry · Rx), degrees of freedom likewise
in the order in which `dof` lists them. One unit is 0.0254 m / `length` of :units:
inches over the scale. The vertical is y.
"""

from dataclasses import dataclass
from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import asf, chain, texts
from skeljax.formats.chain import Chain
from skeljax.formats.motion import Motion

FPS = 120.0  # of the CMU database; the files do not carry it
# HDM_PERSON_MOTION_TAKE_RATE, as the database HDM05 names its files.
_HDM05 = re.compile(r'HDM_.+_\d+_(\d{2,3})\.amc(?:\.gz)?', re.IGNORECASE)
_NAME = re.compile(r'(.+?)(_[^_]*)?\.amc(\.gz)?$', re.IGNORECASE)


@dataclass(frozen=True)
class Take:
    """The content of both files: the motion in meters, its tree and its layout."""

    chain: Chain
    parents: tuple[int, ...]
    layout: str


def read(path, *, skeleton=None, fps: float | None = None) -> Motion:
    """Reads absolute joints, float32[T, 1, V, 3].

    Args:
        path: of the .amc, plain or gzipped.
        skeleton: of the .asf; found by `find_skeleton` by default.
        fps: frames per second; by default that in a name of HDM05, else 120.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    own = find_skeleton(path) if skeleton is None else Path(skeleton)
    take = read_take(path, skeleton=own)
    joints = chain.forward(take.chain, take.parents)[:, None].astype(np.float32)
    name = Path(path).name
    if fps is None:
        hdm = _HDM05.fullmatch(name)
        fps = float(hdm[1]) if hdm else FPS
    return Motion(
        joints=joints,
        fps=fps,
        layout=take.layout,
        valid=np.ones(joints.shape[:2], bool),
        source=name,
        subject=_subject(name, own),
    )


def find_skeleton(path) -> Path:
    """Returns the .asf of an .amc: the longest name that begins the motion's, else the only one.

    So SUBJECT.asf is that of SUBJECT_TRIAL.amc, HDM_bk.asf that of HDM_bk_walk_001_120.amc.
    Looks beside it, then in the folder above.

    Raises:
        FormatError: neither is there; says what was looked for.
    """
    path = Path(path)
    listed = []
    for folder in (path.parent, path.parent.parent):
        found = sorted(p for p in folder.glob('*') if p.name.lower().endswith(('.asf', '.asf.gz')))
        own = [p for p in found if _begins(_stem(p), path.name)]
        if own:
            return max(own, key=lambda p: len(_stem(p)))
        if len(found) == 1:
            return found[0]
        listed += [p.name for p in found]
    match = _NAME.match(path.name)
    there = f'found {", ".join(listed[:5])}' if listed else 'found none'
    raise FormatError(
        f'{path}: no {match[1] if match else path.stem}.asf, nor one .asf alone, in '
        f'{path.parent} or {path.parent.parent}, {there}'
    )


def _stem(path: Path) -> str:
    return re.sub(r'\.asf(\.gz)?$', '', path.name, flags=re.IGNORECASE)


def _begins(stem: str, name: str) -> bool:
    """Returns whether the name of a motion begins with that of a skeleton, as a whole word."""
    rest = name[len(stem) :]
    return name.lower().startswith(stem.lower()) and not rest[:1].isalnum()


def _subject(name: str, skeleton: Path) -> str:
    """Returns who moves: the skeleton that is named as the motion, else SUBJECT_TRIAL."""
    if _begins(_stem(skeleton), name):
        return _stem(skeleton)
    match = _NAME.match(name)
    return match[1] if match and match[2] else ''


def read_take(path, *, skeleton=None) -> Take:
    """Reads the rotations themselves; see `read`."""
    body = asf.read(find_skeleton(path) if skeleton is None else skeleton)
    values, degrees = _frames(path, body)
    frames, bones = len(values), body.bones
    offsets, turns = np.zeros((frames, len(bones), 3)), np.empty((frames, len(bones), 3, 3))
    root, column = np.zeros((frames, 3)), 0
    for index, bone in enumerate(bones):
        own = values[:, column : column + len(bone.freedoms)]
        column += len(bone.freedoms)
        turned = [n for n, freedom in enumerate(bone.freedoms) if freedom[0] == 'r']
        angles = own[:, turned] if not degrees else np.deg2rad(own[:, turned])
        axes = ''.join(bone.freedoms[n][1] for n in turned)
        local = chain.rotations(angles[:, ::-1], axes[::-1])
        turns[:, index] = bone.axis @ local @ bone.axis.T
        offsets[:, index] = turns[:, index] @ bone.offset
        for n, freedom in enumerate(bone.freedoms):
            if freedom[0] == 't':  # asf.read grants it to the root alone
                root[:, 'xyz'.index(freedom[1])] = own[:, n] * body.unit
    parents = tuple(bone.parent for bone in bones)
    layout = chain.layout('asf', [bone.name for bone in bones], parents)
    return Take(Chain(root, offsets, turns), parents, layout)


def _frames(path, body: asf.Skeleton) -> tuple[np.ndarray, bool]:
    """Reads values float64[T, C], C in the order of the bones, and whether angles are degrees."""
    wanted = {bone.name: len(bone.freedoms) for bone in body.bones if bone.freedoms}
    degrees = body.degrees
    frames: list[dict[str, list[float]]] = []
    starts: list[int] = []  # line of each frame's number
    before = None
    for number, line in enumerate(texts.read(path).splitlines(), 1):
        match line.split():
            case []:
                continue
            case [word, *_] if word[0] in '#:':
                degrees = {':DEGREES': True, ':RADIANS': False}.get(word.upper(), degrees)
            case [word]:
                frame = int(word) if re.fullmatch('[0-9]{1,9}', word) else None
                if frame is None or before not in (None, frame - 1):
                    expected = 'the number of a frame' if before is None else before + 1
                    raise FormatError(f'{path}:{number}: {word!r:.40}, expected {expected}')
                before = frame
                frames.append({})
                starts.append(number)
            case [bone, *words]:
                if not frames or bone in frames[-1] or wanted.get(bone) != len(words):
                    expected = f'{wanted[bone]}, once a frame' if bone in wanted else 'no such bone'
                    stated = f'{bone!r:.40} with {len(words)} numbers, expected {expected}'
                    raise FormatError(f'{path}:{number}: {stated}')
                frames[-1][bone] = texts.row(path, number, words)
    for frame, start in zip(frames, starts, strict=True):
        if len(frame) < len(wanted):
            missing = next(bone for bone in wanted if bone not in frame)
            raise FormatError(f'{path}:{start}: a frame without bone {missing!r}')
    if not frames:
        raise FormatError(f'{path}: no frame, expected its number and a line a bone')
    return np.array([[n for bone in wanted for n in frame[bone]] for frame in frames]), degrees
