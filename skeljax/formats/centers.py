"""Centers of joints from markers on the skin, by simple published rules.

Hips: from the front of the pelvis, by its width (Bell, Pedersen and Brand 1990,
doi:10.1016/0021-9290(90)90054-7), where the file has them. Knees, ankles, elbows and
wrists: the middle of the markers on both sides of the joint (Wu et al. 2002 and 2005, the
standard of the International Society of Biomechanics). Where only the outer marker is
there, and for shoulders, the marker stays what it is; a note names these.
"""

from collections.abc import Mapping

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import sites
from skeljax.formats.subjects import Chosen

NAME = 'centers'  # the layout by which a user asks for them
# Of the width of the pelvis, from the middle of its front: forward, outward, upward.
_BELL = (-0.19, 0.36, -0.30)
_BOTH_SIDES = {'knee': 'knee inside', 'ankle': 'ankle inside', 'elbow': 'elbow inside',
               'wrist': 'wrist outside'}
_AS_THEY_ARE = ('shoulder', 'heel', 'toe', 'hand')
_HEAD = ('left front head', 'right front head', 'left back head', 'right back head')
# Names of what is returned, in this order.
_ORDER = (
    'pelvis', 'chest', 'neck', 'head',
    *(f'{side} {word}' for side in ('left', 'right') for word in (
        'shoulder', 'elbow', 'wrist', 'hand', 'hip', 'knee', 'ankle', 'heel', 'toe')),
)


def compute(path, chosen: Chosen) -> Chosen:
    """Computes centers of joints, named as `left_knee`, from the markers of a known set.

    Args:
        path: for messages.
        chosen: markers, in any unit; right-handed axes.

    Raises:
        FormatError: the names are of no known set of markers.
    """
    place = sites.sites(chosen.names)
    if not place:
        known = 'Plug-in Gait, Helen Hayes, Motive, OpenCap, Qualisys'
        raise FormatError(f'{path}: no joint centers, expected the markers of {known}')
    points = np.where(chosen.measured[..., None], chosen.points, np.nan)
    at = {site: points[:, :, index] for site, index in place.items()}
    found, outer = _centers(at)
    names = [name for name in _ORDER if name in found]
    joints = np.stack([found[name] for name in names], 2)
    notes = [f'joint centers computed from the markers of {sites.marker_set(chosen.names)}']
    if outer:
        stated = ', '.join(outer)
        notes.append(f'{stated}: the outer marker, not the center, for lack of an inner one')
    if any(name.endswith('shoulder') for name in names):
        notes.append('shoulders: the marker on the acromion, not the center')
    return Chosen(
        names=[name.replace(' ', '_') for name in names],
        points=np.nan_to_num(joints),
        measured=np.isfinite(joints).all(-1),
        subject=chosen.subject,
        notes=(*chosen.notes, *notes),
    )


def _centers(at: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Computes centers float[T, M, 3] by name; lists the kinds of joint left at their marker."""
    found = dict(zip(('left hip', 'right hip', 'pelvis'), _hips(at), strict=True))
    outer: dict[str, None] = {}
    for side in ('left', 'right'):
        for word, inside in _BOTH_SIDES.items():
            pair = [at.get(f'{side} {name}') for name in (word, inside)]
            if pair[0] is None:
                continue
            found[f'{side} {word}'] = pair[0] if pair[1] is None else (pair[0] + pair[1]) / 2
            if pair[1] is None:
                outer[f'{word}s'] = None
        for word in _AS_THEY_ARE:
            if f'{side} {word}' in at:
                found[f'{side} {word}'] = at[f'{side} {word}']
    for name, of in (
        ('chest', [at.get('sternum'), at.get('back')]),
        ('neck', [at.get('neck'), at.get('throat')]),
        ('head', [at.get(site) for site in _HEAD]),
        ('head', [at.get('head top')]),
    ):
        there = [points for points in of if points is not None]
        if name not in found and there and (name != 'head' or len(there) == len(of)):
            found[name] = np.mean(there, axis=0)
    return found, list(outer)


def _hips(at: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Computes left hip, right hip, middle of the pelvis, float[T, M, 3]; nan if unknown."""
    left, right = at['left front pelvis'], at['right front pelvis']
    front = (left + right) / 2
    backs = [at[site] for site in ('left back pelvis', 'right back pelvis') if site in at]
    behind = sum(backs) / 2 if len(backs) == 2 else at.get('sacrum')
    pelvis = front if behind is None else (front + behind) / 2
    if 'left hip center' in at and 'right hip center' in at:
        return at['left hip center'], at['right hip center'], pelvis
    if behind is None:
        unknown = np.full_like(front, np.nan)
        return unknown, unknown, pelvis
    with np.errstate(invalid='ignore', divide='ignore'):
        outward = _unit(left - right)
        forward = front - behind
        forward = _unit(forward - (forward * outward).sum(-1, keepdims=True) * outward)
        upward = np.cross(forward, outward)
        width = np.full((1, front.shape[1], 1), np.nan)
        for person in range(front.shape[1]):
            across = np.linalg.norm(left[:, person] - right[:, person], axis=-1)
            if np.isfinite(across).any():
                width[:, person] = np.nanmedian(across)
        ahead, aside, above = (share * width for share in _BELL)
        middle = front + ahead * forward + above * upward
    return middle + aside * outward, middle - aside * outward, pelvis


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
