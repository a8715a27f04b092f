"""Draws a sheet of skeletons: what people do in the segments of each class.

All are drawn to one scale (flat recordings, whose unit is that of an image, to one of their
own) and as they are: a body in the wrong unit or along the wrong axis shows, and is marked.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from dataclasses import dataclass
import os
from pathlib import Path
import textwrap

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
import numpy as np

from skeljax.data import orientation, posture
from skeljax.data.posture import Posture
from skeljax.data.records import Recording
from skeljax.errors import InputError
from skeljax.skeletons import skeleton
from skeljax.viz.figure import FAINT, INK, add_title, color, hatch, new_figure, save

POSES = 8  # in a strip
STRIPS = 8  # at least, as far as there are recordings
_KEPT = 4  # strips of each class to choose from
_GRAY = '#8a8a8a'
_ODD = '#c1121f'
_TURN = np.deg2rad(25)  # away from the front, so that depth shows
_WIDTH, _HEIGHT = 9.0, 1.25  # inches of a strip


@dataclass(frozen=True)
class Strip:
    """Poses of one segment, or of a whole recording.

    Attributes:
        recording: where it is from.
        label: class, -1 for none.
        seconds: of each pose, float[P].
        joints: float32[P, M, V, 3].
        persons: who is there, bool[P, M].
        measured: bool[P, M, V].
        layout: of the joints, as text.
        posture: of the whole recording.
    """

    recording: str
    label: int
    seconds: np.ndarray
    joints: np.ndarray
    persons: np.ndarray
    measured: np.ndarray
    layout: str
    posture: Posture


class Sheet:
    """Collects strips from recordings as they pass, a few of each class."""

    def __init__(self):
        self._strips: dict[int, list[Strip]] = collections.defaultdict(list)

    def add(self, recording: Recording):
        """Takes what is still wanted from one recording."""
        taken = set()
        what = posture.of(recording)
        spans = (recording.segment_start, recording.segment_end, recording.segment_label)
        whole = [(0, len(recording.joints), -1)] if not len(recording.segment_label) else []
        for start, end, label in [*zip(*(s.tolist() for s in spans), strict=True), *whole]:
            room = _KEPT if label >= 0 else STRIPS
            if label not in taken and len(self._strips[label]) < room:
                taken.add(label)
                self._strips[label].append(_strip(recording, start, end, label, what))

    def choose(self) -> list[Strip]:
        """Chooses strips: every class once, then again up to eight in all.

        Of each class it takes the recording that was taken least often so far.
        Recordings without labels are shown only where there are no others.
        """
        labeled = sorted(label for label in self._strips if label >= 0)
        used: collections.Counter = collections.Counter()
        chosen: dict[int, list[Strip]] = {label: [] for label in labeled or [-1]}
        left = {label: list(self._strips[label]) for label in chosen}
        while any(left.values()):
            for label in chosen:
                count = sum(map(len, chosen.values()))
                if left[label] and (not chosen[label] or count < STRIPS):
                    best = min(left[label], key=lambda strip: used[strip.recording])
                    left[label].remove(best)
                    chosen[label].append(best)
                    used[best.recording] += 1
            if sum(map(len, chosen.values())) >= STRIPS:
                break
        return [strip for some in chosen.values() for strip in some]


def draw(
    path: str | os.PathLike, strips: Sequence[Strip], *, classes: Sequence[str], title: str = ''
) -> Path:
    """Draws strips below each other, in two or three columns where there are many.

    A strip runs from the beginning of its segment to the end. Everybody is seen from
    the front, a little from the side, without the path through the room; the left of
    the body in the color of the class, the right paler, what was not measured dotted.
    Beside it stand the height and, in red, what no person is like.

    Args:
        path: PNG file to write.
        strips: what to draw.
        classes: names of the classes.
        title: a line above the picture.

    Returns:
        The path.

    Raises:
        InputError: no strip.
    """
    if not strips:
        raise InputError(f'{path}: no recording to draw')
    columns = 1 if len(strips) <= 12 else 2 if len(strips) <= 40 else 3
    rows = -(-len(strips) // columns)
    figure = new_figure(_WIDTH * columns, _HEIGHT * rows + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False)
    scales = _scales(strips)
    for index, axes in enumerate(panels.T.flat):  # down the first column, then the next
        axes.set_axis_off()
        if index < len(strips):
            _draw_strip(axes, strips[index], classes, scales[strips[index].posture.flat])
    add_title(figure, title)
    return save(figure, path)


def _scales(strips: Sequence[Strip]) -> dict[bool, float]:
    """Finds the heights of a strip in a unit of the recordings, flat and not: flat -> float."""
    scales = {}
    for flat in {strip.posture.flat for strip in strips}:
        alike = [strip for strip in strips if strip.posture.flat == flat]
        sizes = [s.posture.size for s in alike if s.posture.size]
        low, high = (0, np.inf) if flat else posture.PEOPLE
        typical = np.median([size for size in sizes if low <= size <= high] or sizes or [1.0])
        usual = [s for s in alike if s.posture.size <= 2 * typical]
        tallest = max((np.ptp(_heights(s, _body(s))) for s in usual), default=0)
        scales[flat] = 1 / max(tallest, typical)
    return scales


def _heights(strip: Strip, body: np.ndarray) -> np.ndarray:
    heights = strip.joints[strip.persons][:, body, 1]
    return heights if heights.size else np.zeros(1)


def _strip(
    recording: Recording, start: int, end: int, label: int, what: Posture | None = None
) -> Strip:
    frames = np.round(np.linspace(start, end - 1, POSES)).astype(int)
    frames = np.unique(frames)
    return Strip(
        recording=recording.name,
        label=label,
        seconds=frames / recording.fps,
        joints=recording.joints[frames],
        persons=recording.person_valid[frames],
        measured=recording.joint_valid[frames],
        layout=recording.layout,
        posture=posture.of(recording) if what is None else what,
    )


def _draw_strip(axes: Axes, strip: Strip, classes: Sequence[str], scale: float):
    """Draws one strip; a unit of both axes is 1 / `scale` of the recording's."""
    body = _body(strip)
    flat = _project(strip, body) * scale
    layout = skeleton.get(strip.layout)
    bones = [(parent, child) for parent, child in layout.bones if body[parent] and body[child]]
    right = {joint for part in layout.parts[2::2] for joint in part}
    tint = color(strip.label) if strip.label >= 0 else INK
    width = _WIDTH / _HEIGHT * 1.32  # of the strip, in heights
    begin = width * 2.2 / (POSES + 2.2)
    whole = np.ptp(flat)
    flat, poses = _placed(strip, flat, body, begin, width)
    shrunk = np.ptp(flat) / whole if whole else 1.0
    for pose, centre in poses:
        for person in np.flatnonzero(strip.persons[pose]):
            measured = strip.measured[pose, person]
            _draw_pose(axes, flat[pose, person] + [centre, 0], measured, bones, right, tint)
        axes.text(
            centre, -0.1, f'{strip.seconds[pose]:.1f} s', ha='center', va='top', fontsize=7,
            color=_GRAY,
        )
    axes.axhline(-0.04, xmin=begin / width, color=FAINT, linewidth=0.8, zorder=0)
    _draw_names(axes, strip, tint, classes, shrunk)
    axes.set_xlim(0, width)
    axes.set_ylim(-0.27, 1.05)
    axes.set_aspect('equal', adjustable='box', anchor='W')


def _placed(strip: Strip, flat: np.ndarray, body: np.ndarray, begin: float, width: float):
    """Gives poses places between `begin` and `width`: fewer where people are far apart.

    Returns:
        flat float[P, M, V, 2], made smaller where even two poses would not fit, and
        (pose, middle of its place) of each that is shown.
    """
    reach = np.abs(flat[..., 0][strip.persons][:, body]).max(initial=0)
    room = width - begin
    if 4 * reach > room:
        flat = flat * (room / (4 * reach))
        reach = room / 4
    count = min(len(flat), POSES, int(room / max(2 * reach, room / POSES) + 1e-6))
    chosen = np.unique(np.round(np.linspace(0, len(flat) - 1, count)).astype(int))
    step = max(room / POSES, room / count if count < len(flat) else 0)
    return flat, [(pose, begin + (place + 0.5) * step) for place, pose in enumerate(chosen)]


def _draw_names(axes: Axes, strip: Strip, tint: str, classes: Sequence[str], shrunk: float):
    """Writes beside a strip of what it is, how tall, and what is odd."""
    name = classes[strip.label] if strip.label >= 0 else strip.recording
    size, letters = (9.5, 21) if strip.label >= 0 else (7.5, 29)
    wrapped = textwrap.wrap(
        name, letters, max_lines=2, placeholder=' …'
    )
    told = [(line, size, 'bold', INK) for line in wrapped]
    if strip.label >= 0:
        told.append((_shortened(strip.recording, 32), 7.5, 'normal', _GRAY))
    tall = strip.posture.tall() + (f', drawn at {100 * shrunk:.2g} %' if shrunk < 0.99 else '')
    told.append((tall, 7.5, 'normal', _GRAY))
    told += [(f'! {odd}', 7.5, 'bold', _ODD) for odd in strip.posture.odd()]
    for line, (text, size, weight, ink) in enumerate(told):
        axes.text(0.1, 0.5 + 0.17 * ((len(told) - 1) / 2 - line), text, fontsize=size, color=ink,
                  fontweight=weight, parse_math=False, va='center')
    pattern = hatch(strip.label) if strip.label >= 0 else ''
    axes.add_patch(Rectangle((0, 0.12), 0.035, 0.76, facecolor=tint, hatch=pattern,
                             edgecolor='white', linewidth=0))


def _draw_pose(axes: Axes, points: np.ndarray, measured: np.ndarray, bones, right, tint: str):
    """Draws the bones of one person, points float[V, 2]; those that lead to `right` paler."""
    strong, pale = np.array(to_rgb(tint)), 1 - 0.5 * (1 - np.array(to_rgb(tint)))
    lines = [points[[parent, child]] for parent, child in bones]
    colors = [pale if child in right else strong for _, child in bones]
    known = [bool(measured[parent] and measured[child]) for parent, child in bones]
    styles = ['-' if seen else (0, (1, 1.2)) for seen in known]
    axes.add_collection(
        LineCollection(lines, colors=colors, linestyles=styles, linewidths=1.5, capstyle='round')
    )


def _project(strip: Strip, body: np.ndarray) -> np.ndarray:
    """Looks at a strip from the front, y up, float[P, M, V, 2]: the lowest joint at 0.

    Args:
        strip: poses.
        body: joints that count, bool[V].
    """
    joints = strip.joints.astype(np.float64)
    seen = joints[strip.persons][:, body]
    if not len(seen):
        return np.zeros((*joints.shape[:3], 2))
    ground = joints[..., [0, 2]]
    flat = np.stack([ground @ _across(strip, ground), joints[..., 1]], -1)
    for pose, there in zip(flat, strip.persons, strict=True):
        pose[..., 0] -= pose[there][:, body, 0].mean() if there.any() else 0
    flat[..., 1] -= flat[strip.persons][:, body, 1].min()
    return flat


def _body(strip: Strip) -> np.ndarray:
    """Finds the joints of the body, bool[V]."""
    return orientation.body_of(strip.joints[strip.persons], skeleton.get(strip.layout))


def _across(strip: Strip, ground: np.ndarray) -> np.ndarray:
    """Finds the direction on the ground that goes to the right of the picture, float[2]."""
    pairs = np.array(skeleton.get(strip.layout).mirror)
    if not len(pairs) or not strip.persons.any() or np.ptp(ground[..., 1]) == 0:
        return np.array([1.0, 0.0])
    # Seen from the front, the left of a body is on the right.
    apart = ground[..., pairs[:, 0], :] - ground[..., pairs[:, 1], :]
    across = apart[strip.persons].mean((0, 1))
    length = np.linalg.norm(across)
    if length < 1e-6:
        return np.array([1.0, 0.0])
    (x, y), (cos, sin) = across / length, (np.cos(_TURN), np.sin(_TURN))
    return np.array([cos * x - sin * y, sin * x + cos * y])


def _shortened(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1] + '…'
