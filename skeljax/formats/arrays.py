"""Reads joints stored by numpy: .npy (the joints alone) and .npz (named arrays).

    joints       float[T, V, 3], [T, M, V, 3], or with 2 coordinates (the third is 0), or in
                 another order (`skeljax.formats.axes`); may have another name of `_JOINTS`;
                 nan if not measured
    fps          frames per second
    layout       name of a joint layout; or joint_names [V] and, of one's own, parents [V]
    unit         see `skeljax.formats.options`; by default estimated from the size of a body
    valid        which person was there, bool[T] or [T, M]
    joint_valid  what was measured, bool[T, V] or [T, M, V]
    subject      who moved

Options of the same names give what the file does not state. Objects are never
unpickled. A person of whom no joint was measured in a frame was not there.
"""

from pathlib import Path

import numpy as np

from skeljax.errors import FormatError, InputError
from skeljax.formats import archive, axes, filling, lengths, options
from skeljax.formats.motion import Motion
from skeljax.formats.wanted import Wanted
from skeljax.skeletons import skeleton

_JOINTS = (
    'joints', 'keypoints', 'positions', 'data', 'joint', 'keypoint', 'skeleton', 'xyz', 'motion',
    'joints3d', 'joints_3d', 'keypoints3d', 'keypoints_3d', 'arr_0',
)


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None
) -> Motion:
    """Reads the joints of one file.

    Args:
        path: .npy or .npz.
        fps: frames per second, if the file does not state it.
        layout: of the joints, if the file does not state it.
        unit: of the coordinates in meters, if the file does not state it; by default as
            `lengths.settle` estimates it.

    Raises:
        FormatError: the file is damaged, or does not fit its own or the given options.
    """
    path = Path(path)
    archived = path.suffix.lower() == '.npz'
    arrays = archive.load(path) if archived else {'joints': archive.single(path)}
    name = next((name for name in _JOINTS if name in arrays), None)
    if name is None:
        there = ', '.join(sorted(arrays)[:8]) or 'nothing'
        raise FormatError(f'{path}: holds {there}, expected an array {_JOINTS[0]!r}')
    if arrays[name].dtype.kind not in 'fiu':
        raise FormatError(f'{path}: {name} are {arrays[name].dtype}, expected real numbers')
    rate = options.rate(path, _scalar(path, arrays, 'fps'), fps)
    own = _layout(path, arrays, layout, arrays[name].shape)
    ordered = _has_own_order(arrays, arrays[name].shape)
    found = axes.arrange(path, name, arrays[name], own, ordered=ordered)
    if 'unit' in arrays:
        unit = _unit(path, arrays)
    measured = ~np.isnan(found.joints).any(-1)
    if found.certain is not None:
        measured &= found.certain > 0
    seen = _flags(path, arrays, 'joint_valid', measured.shape)
    measured = measured if seen is None else measured & seen
    scale, notes = lengths.settle(unit, found.joints, measured, own.layout)
    subject = _scalar(path, arrays, 'subject')
    return filling.motion(
        path,
        found.joints * scale,
        measured,
        fps=rate,
        layout=own.text,
        valid=_flags(path, arrays, 'valid', measured.shape[:2]),
        subject='' if subject is None else str(subject),
        notes=(*found.notes, *notes),
    )


def _has_own_order(arrays: dict, shape: tuple[int, ...]) -> bool:
    """Checks whether a mask with the axes frames and persons fits the joints' first two axes."""
    masks = (arrays[name].shape[:2] for name in ('valid', 'joint_valid') if name in arrays)
    return len(shape) == 4 and any(mask == shape[:2] for mask in masks)


def _scalar(path: Path, arrays: dict, name: str):
    """Returns the one value of an array, None if there is no such array."""
    if name not in arrays:
        return None
    if arrays[name].size != 1 or arrays[name].dtype.kind not in 'fiuU':
        found = f'{arrays[name].dtype}{list(arrays[name].shape)}'
        raise FormatError(f'{path}: {name} is {found}, expected one number or text')
    return arrays[name].reshape(-1)[0].item()


def _unit(path: Path, arrays: dict) -> float:
    try:
        return options.scale(_scalar(path, arrays, 'unit'))
    except FormatError:
        raise
    except InputError as error:
        raise FormatError(f'{path}: {error}') from None


def _layout(path: Path, arrays: dict, given, shape: tuple[int, ...]) -> Wanted:
    """Returns the layout: the file's by name, the file's own, or the one given."""
    if 'layout' not in arrays and 'joint_names' in arrays:
        return _own_layout(path, arrays)
    stated = _scalar(path, arrays, 'layout') if 'layout' in arrays else given
    if stated is None:
        fitting = [n for n, own in skeleton.LAYOUTS.items() if own.num_joints in shape[1:]]
        hint = f'; of its shape {shape} may be {", ".join(fitting)}' if fitting else ''
        raise FormatError(f'{path}: no joint layout, expected the option layout{hint}')
    return options.layout(path, stated if isinstance(stated, list | tuple) else str(stated))


def _own_layout(path: Path, arrays: dict) -> Wanted:
    names = arrays['joint_names']
    if names.ndim != 1 or names.dtype.kind != 'U':
        raise FormatError(f'{path}: joint_names are {names.dtype}{names.shape}, expected texts')
    if 'parents' not in arrays:
        return options.layout(path, names.tolist())
    parents = arrays['parents']
    if parents.shape != names.shape or parents.dtype.kind not in 'iu':
        expected = f'expected {len(names)} integers'
        raise FormatError(f'{path}: parents are {parents.shape}, {expected}')
    try:
        own = skeleton.infer('own', tuple(names.tolist()), tuple(parents.tolist()))
    except InputError as error:
        raise FormatError(f'{path}: {error}') from None
    return Wanted(own, {len(names): tuple(range(len(names)))})


def _flags(path: Path, arrays: dict, name: str, shape: tuple[int, ...]) -> np.ndarray | None:
    """Reads bool[*shape], None if there is none; the axis of persons may be left out."""
    if name not in arrays:
        return None
    flags = arrays[name]
    if flags.ndim == len(shape) - 1 and shape[1] == 1:
        flags = flags[:, None]
    if flags.shape != shape or flags.dtype.kind not in 'biu':
        found = f'{arrays[name].dtype}{list(arrays[name].shape)}'
        raise FormatError(f'{path}: {name} is {found}, expected bool{list(shape)}')
    return flags.astype(bool)
