"""Finds which axis of an array of joints is which.

The letters are t (frames), m (persons), v (joints), c (coordinates) and n (samples), in the
order of the axes. `tvc` and `tmvc` are skeljax's own. `ctvm` and `nctvm` are those of the
data sets of ST-GCN (arXiv 1801.07455) and its successors, `mtvc` that of pyskl (arXiv
2205.09443), `vct` that of MDM (arXiv 2209.14916). In a table, `t` rows hold the coordinates
of joint after joint, person after person.
"""

from typing import NamedTuple

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats.wanted import Wanted
from skeljax.skeletons.skeleton import Layout

_WORDS = {
    't': 'frames', 'm': 'persons', 'v': 'joints', 'c': 'coordinates', 'n': 'samples',
}
_ORDERS = {
    3: ('tvc', 'ctv', 'vct', 'tcv', 'ntf'),
    4: ('tmvc', 'mtvc', 'ctvm', 'nctv', 'nvct'),
    5: ('nctvm', 'nmtvc', 'nmctv', 'ntmvc'),
}
_OWN = ('tvc', 'tmvc')
_CROWD = 20  # persons; an array with more is taken for one of samples
_REACH = 0.5  # of the size of a body: how far its joints go in one frame
_SURER = 1.5  # times as constant are the bones of the right order
_FLAT = ('coco', 'openpose', 'halpe', 'crowdpose', 'posetrack', 'mpii')


class Arranged(NamedTuple):
    """Joints in skeljax's own order.

    Attributes:
        joints: float64[T, M, V, 3]; nan where the file has nan.
        certain: confidence of each joint, float64[T, M, V]; None if none is stored.
        notes: what was estimated, one line each.
    """

    joints: np.ndarray
    certain: np.ndarray | None
    notes: tuple[str, ...]


def arrange(
    path, name: str, array: np.ndarray, wanted: Wanted, *, ordered: bool = False
) -> Arranged:
    """Brings an array of joints into the order frames, persons, joints, coordinates.

    Args:
        path: for messages.
        name: of the array, for messages.
        array: real numbers.
        wanted: layout of the joints, and which points of the array they are.
        ordered: the file's masks show that the axes are frames, persons, joints, coordinates;
            then no other order is considered where these sizes fit.

    Raises:
        FormatError: the array has no axis of so many joints, holds more than one sample, or
            fits two orders; names its axes.
    """
    layout = wanted.layout
    with np.errstate(all='ignore'):  # a damaged file may hold anything
        count = _count(array.shape, wanted)
        if array.ndim == 2:
            joints, notes = _unfolded(path, name, array, count)
        else:
            known = ordered and _fits(array.shape, 'tmvc', count)
            order = 'tmvc' if known else _order(path, name, array, wanted, count)
            joints = _permuted(array, order, count)
            stated = f'{name} are {array.shape}: read as {_axes(order)}'
            notes = () if order in _OWN else (stated,)
        joints = joints[:, :, wanted.parts[count]]
        joints, certain, noted = _split(path, name, joints, layout)
    joints = np.pad(joints, [(0, 0)] * 3 + [(0, 3 - joints.shape[-1])])
    return Arranged(joints, certain, (*notes, *wanted.note(count), *noted))


def _count(shape: tuple[int, ...], wanted: Wanted) -> int:
    """Returns how many points of each person an array has, of the numbers that there may be."""
    fits = (
        count for count in wanted.parts
        if any(_fits(shape, order, count) for order in _ORDERS.get(len(shape), ()))
        or len(shape) == 2 and shape[1] in [p * count * c for p in (1, 2) for c in (2, 3, 4)]
    )
    return next(fits, next(iter(wanted.parts)))


def _order(path, name: str, array: np.ndarray, wanted: Wanted, count: int) -> str:
    """Chooses the one order of axes that an array fits."""
    shape = array.shape
    fitting = [order for order in _ORDERS.get(array.ndim, ()) if _fits(shape, order, count)]
    if not fitting:
        raise FormatError(f'{path}: {_misfit(name, shape, count, wanted.layout)}')
    fitting.sort(key=lambda order: 'c' in order and shape[order.index('c')] != 3)
    single = [order for order in fitting if 'n' not in order or shape[order.index('n')] == 1]
    if {'tmvc', 'mtvc'} <= set(single):
        single.remove(_later(array))
    if not single or {'tmvc', 'mtvc'} & set(single) and min(shape[:2]) > _CROWD:
        many = fitting[0] if not single else 'ntvc'
        raise FormatError(
            f'{path}: {name} are {shape}: {_axes(many)}, expected one recording a file; '
            f'save each sample of it by itself, {_expected(count)}'
        )
    if 'tvc' in single:
        return 'tvc'
    if len(single) > 1:
        single = _surest(array, single, wanted, count)
    if len(single) > 1:
        either = ' or '.join(_axes(order) for order in single)
        raise FormatError(
            f'{path}: {name} are {shape}: {either}; save them as {_expected(count)}'
        )
    return single[0]


def _fits(shape: tuple[int, ...], order: str, count: int) -> bool:
    """Returns whether the axes of an order have sizes that can be theirs."""
    sizes = dict(zip(order, shape, strict=True))
    if order == 'ntf':
        return any(sizes['f'] == persons * count * 3 for persons in (1, 2)) and sizes['n'] > 0
    if order == 'tmvc' and sizes['t'] in (2, 3) and sizes['m'] > 10:
        return False  # so few frames of so many persons are coordinates of frames
    most = 4 if order[-1] == 'c' else 3  # with the confidence
    return sizes['v'] == count and 2 <= sizes['c'] <= most and min(shape) > 0


def _later(array: np.ndarray) -> str:
    """Returns which of tmvc and mtvc is the less likely one."""
    steps = {'tmvc': _step(array), 'mtvc': _step(array.swapaxes(0, 1))}
    likely = [order for order, step in steps.items() if step < _REACH]
    if len(likely) == 1:
        return 'mtvc' if likely == ['tmvc'] else 'tmvc'
    frames, persons = array.shape[:2]
    return 'tmvc' if frames < persons else 'mtvc'


def _step(array: np.ndarray) -> float:
    """Computes the motion of bodies float[T, M, V, C] between frames, in body sizes."""
    if len(array) < 2:
        return 0.0
    array = array.astype(np.float64)
    far = np.linalg.norm(np.diff(array, axis=0), axis=-1).mean(-1)
    size = np.linalg.norm(np.ptp(array[1:], axis=2), axis=-1)
    there = array.any((2, 3))
    known = (there[1:] & there[:-1]) & np.isfinite(far) & (size > 0)
    return float(np.median((far / size)[known])) if known.any() else 0.0


def _surest(array: np.ndarray, orders: list[str], wanted: Wanted, count: int) -> list[str]:
    """Keeps the order in which bones keep their length best; all where none stands out."""
    spread, layout = {}, wanted.layout
    for order in orders:
        joints = _permuted(array, order, count)[:, :, wanted.parts[count]]
        joints = joints[..., :2] if _third_is_certain(joints, layout) else joints[..., :3]
        spread[order] = _spread(joints, layout)
    best, second, *_ = sorted(spread, key=spread.get)
    if spread[best] * _SURER < spread[second]:
        return [best]
    # No person moves: data sets of ST-GCN have three coordinates, those of pyskl two or three.
    usual = {(3, 2): 'ctvm', (2, 3): 'mtvc'}.get((array.shape[0], array.shape[-1]))
    return [usual] if usual in orders else orders


def _spread(joints: np.ndarray, layout: Layout) -> float:
    """Computes the relative change of bone lengths over time; joints [T, M, V, C]."""
    if not layout.bones:
        return 1.0
    parents, children = np.array(layout.bones).T
    lengths = np.linalg.norm(joints[:, :, children] - joints[:, :, parents], axis=-1)
    there = joints.any((2, 3))[..., None] & np.isfinite(lengths)
    lengths = np.where(there, lengths, np.nan).reshape(len(joints), -1)
    known = np.isfinite(lengths).sum(0) > 1
    if not known.any():
        return 1.0
    mean, deviation = np.nanmean(lengths[:, known], 0), np.nanstd(lengths[:, known], 0)
    return float(np.median(deviation / np.maximum(mean, 1e-12)))


def _permuted(array: np.ndarray, order: str, count: int) -> np.ndarray:
    """Brings axes of an order to float64[T, M, V, C]; an axis of samples has one."""
    if 'n' in order:
        array, order = array[0], order[1:]
    array = array.astype(np.float64)
    if order == 'tf':
        return array.reshape(len(array), -1, count, 3)
    if 'm' not in order:
        array, order = array[None], f'm{order}'
    return array.transpose([order.index(letter) for letter in 'tmvc'])


def _unfolded(path, name: str, array: np.ndarray, count: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Splits rows of one frame each into joints, float64[T, M, V, C]."""
    frames, columns = array.shape
    array = array.astype(np.float64)
    for persons, numbers in ((1, 3), (1, 2), (1, 4), (2, 3), (2, 2), (2, 4)):
        if not frames or persons * count * numbers != columns:
            continue
        joints = array.reshape(frames, persons, count, numbers)
        if numbers == 4 and not _is_certainty(joints[..., 3]):
            continue
        stated = f'rows of {columns} read as {persons} x {count} joints of {numbers} numbers'
        return joints, (f'{name} are {array.shape}: {stated}',)
    raise FormatError(f'{path}: {name} are {array.shape}, expected {_expected(count)}')


def _split(path, name: str, joints: np.ndarray, layout: Layout):
    """Separates coordinates and confidence: joints [T, M, V, 2 or 3], certain [T, M, V], notes."""
    numbers = joints.shape[-1]
    if numbers == 4 and not _is_certainty(joints[..., 3]):
        raise FormatError(
            f'{path}: {name} have 4 numbers a joint, expected the fourth between 0 and 1'
        )
    if numbers == 4 or _third_is_certain(joints, layout):
        stated = f'the last of {numbers} numbers per joint is used as its confidence'
        return joints[..., :-1], joints[..., -1], (stated,)
    return joints, None, ()


def _third_is_certain(joints: np.ndarray, layout: Layout) -> bool:
    """Returns whether joints of a layout of images hold x, y and a confidence."""
    if joints.shape[-1] != 3 or not layout.name.startswith(_FLAT):
        return False
    return _is_certainty(joints[..., 2]) and bool(joints[..., 2].any())


def _is_certainty(values: np.ndarray) -> bool:
    values = values[~np.isnan(values)]
    return bool(((values >= 0) & (values <= 1.001)).all())


def _misfit(name: str, shape: tuple[int, ...], count: int, layout: Layout) -> str:
    """Returns why an array fits no order."""
    own = {3: (2, 3), 4: (2, 3)}.get(len(shape), ())
    if shape[-1] in own:
        return f'{shape[-2]} joints, expected the {count} of {layout.name}: {name} are {shape}'
    return f'{name} are {shape}, expected {_expected(count)}'


def _expected(count: int) -> str:
    return (
        f'(frames, joints, 2 or 3) or (frames, persons, joints, 2 or 3) with {count} joints'
    )


def _axes(order: str) -> str:
    if order == 'ntf':
        return 'samples, frames, coordinates of all joints'
    return ', '.join(_WORDS[letter] for letter in order)

