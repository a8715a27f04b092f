"""Draws a sheet of skeletons with poses from segments of each class.

All strips have one scale (flat recordings, which have image units, have a scale of their own) and
show the recordings unchanged, so that a wrong unit or vertical axis is visible; it is also marked.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
import os
from pathlib import Path
import textwrap

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
import numpy as np

from skeljax.data import posture
from skeljax.data.records import Recording
from skeljax.errors import InputError
from skeljax.skeletons import skeleton
from skeljax.viz import pose_strip
from skeljax.viz.figure import FAINT, INK, add_title, color, hatch, new_figure, save
from skeljax.viz.pose_strip import POSES, Strip

MIN_STRIPS = 8  # if there are enough recordings
_PER_CLASS = 4  # strips stored as candidates
_GRAY = '#8a8a8a'
_WARNING = '#c1121f'
_WIDTH, _HEIGHT = 9.0, 1.25  # inches of a strip


class PoseSheet:
    """Collects candidate strips from recordings, a few per class."""

    def __init__(self):
        self._strips: dict[int, list[Strip]] = collections.defaultdict(list)

    def add(self, recording: Recording):
        """Stores at most one strip per class from a recording, up to the limit of the class."""
        added = set()
        body = posture.of(recording)
        spans = (recording.segment_start, recording.segment_end, recording.segment_label)
        whole = [(0, len(recording.joints), -1)] if not len(recording.segment_label) else []
        for start, end, label in [*zip(*(s.tolist() for s in spans), strict=True), *whole]:
            limit = _PER_CLASS if label >= 0 else MIN_STRIPS
            if label not in added and len(self._strips[label]) < limit:
                added.add(label)
                self._strips[label].append(pose_strip.cut(recording, start, end, label, body))

    def choose(self) -> list[Strip]:
        """Returns one strip per class, and further ones up to `MIN_STRIPS` in total.

        Within a class, recordings that were chosen least often take precedence. Recordings
        without labels are used only if there are no others.
        """
        labeled = sorted(label for label in self._strips if label >= 0)
        uses: collections.Counter = collections.Counter()
        chosen: dict[int, list[Strip]] = {label: [] for label in labeled or [-1]}
        candidates = {label: list(self._strips[label]) for label in chosen}
        while any(candidates.values()):
            for label in chosen:
                total = sum(map(len, chosen.values()))
                if candidates[label] and (not chosen[label] or total < MIN_STRIPS):
                    best = min(candidates[label], key=lambda strip: uses[strip.recording])
                    candidates[label].remove(best)
                    chosen[label].append(best)
                    uses[best.recording] += 1
            if sum(map(len, chosen.values())) >= MIN_STRIPS:
                break
        return [strip for strips in chosen.values() for strip in strips]


def draw(
    path: str | os.PathLike, strips: Sequence[Strip], *, classes: Sequence[str], title: str = ''
) -> Path:
    """Draws strips in one, two or three columns, depending on their number.

    A strip shows poses from the start to the end of its segment, in a view from the front and
    slightly from the side, without the translation of the body. The left side of the body has
    the color of the class, the right side is paler, and joints that were not measured are
    dotted. Next to it are the height and, in red, implausible properties.

    Args:
        path: PNG file to write.
        strips: strips to draw.
        classes: class names.
        title: text above the plot.

    Returns:
        The path.

    Raises:
        InputError: there are no strips.
    """
    if not strips:
        raise InputError(f'{path}: no recording to draw')
    columns = 1 if len(strips) <= 12 else 2 if len(strips) <= 40 else 3
    rows = -(-len(strips) // columns)
    figure = new_figure(_WIDTH * columns, _HEIGHT * rows + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False)
    scales = _scales(strips)
    for index, axes in enumerate(panels.T.flat):  # column by column
        axes.set_axis_off()
        if index < len(strips):
            _draw_strip(axes, strips[index], classes, scales[strips[index].posture.flat])
    add_title(figure, title)
    return save(figure, path)


def _scales(strips: Sequence[Strip]) -> dict[bool, float]:
    """Returns the scale of flat and of 3-D recordings, in strip heights per unit: flat -> float."""
    scales = {}
    for flat in {strip.posture.flat for strip in strips}:
        group = [strip for strip in strips if strip.posture.flat == flat]
        sizes = [s.posture.size for s in group if s.posture.size]
        low, high = (0, np.inf) if flat else posture.PEOPLE
        typical = np.median([size for size in sizes if low <= size <= high] or sizes or [1.0])
        plausible = [s for s in group if s.posture.size <= 2 * typical]
        tallest = max(
            (np.ptp(pose_strip.heights(s, pose_strip.body_joints(s))) for s in plausible),
            default=0,
        )
        scales[flat] = 1 / max(tallest, typical)
    return scales


def _draw_strip(axes: Axes, strip: Strip, classes: Sequence[str], scale: float):
    """Draws one strip; one unit of both axes is 1 / `scale` units of the recording."""
    body = pose_strip.body_joints(strip)
    flat = pose_strip.project(strip, body) * scale
    layout = skeleton.get(strip.layout)
    bones = [(parent, child) for parent, child in layout.bones if body[parent] and body[child]]
    right = {joint for part in layout.parts[2::2] for joint in part}
    tint = color(strip.label) if strip.label >= 0 else INK
    width = _WIDTH / _HEIGHT * 1.32  # of the strip, in heights
    begin = width * 2.2 / (POSES + 2.2)
    extent = np.ptp(flat)
    flat, poses = _place(strip, flat, body, begin, width)
    shrinkage = np.ptp(flat) / extent if extent else 1.0
    for pose, center in poses:
        for person in np.flatnonzero(strip.persons[pose]):
            measured = strip.measured[pose, person]
            _draw_pose(axes, flat[pose, person] + [center, 0], measured, bones, right, tint)
        axes.text(
            center, -0.1, f'{strip.seconds[pose]:.1f} s', ha='center', va='top', fontsize=7,
            color=_GRAY,
        )
    axes.axhline(-0.04, xmin=begin / width, color=FAINT, linewidth=0.8, zorder=0)
    _draw_text(axes, strip, tint, classes, shrinkage)
    axes.set_xlim(0, width)
    axes.set_ylim(-0.27, 1.05)
    axes.set_aspect('equal', adjustable='box', anchor='W')


def _place(strip: Strip, flat: np.ndarray, body: np.ndarray, begin: float, width: float):
    """Distributes poses between `begin` and `width`: fewer if the persons are far apart.

    Returns:
        flat float[P, M, V, 2], scaled down if not even two poses would fit, and a list of
        (pose, x coordinate of its center) of the poses to draw.
    """
    extent = np.abs(flat[..., 0][strip.persons][:, body]).max(initial=0)
    space = width - begin
    if 4 * extent > space:
        flat = flat * (space / (4 * extent))
        extent = space / 4
    count = min(len(flat), POSES, int(space / max(2 * extent, space / POSES) + 1e-6))
    poses = np.unique(np.round(np.linspace(0, len(flat) - 1, count)).astype(int))
    step = max(space / POSES, space / count if count < len(flat) else 0)
    return flat, [(pose, begin + (index + 0.5) * step) for index, pose in enumerate(poses)]


def _draw_text(axes: Axes, strip: Strip, tint: str, classes: Sequence[str], shrinkage: float):
    """Writes class, recording, height and warnings next to a strip."""
    name = classes[strip.label] if strip.label >= 0 else strip.recording
    size, letters = (9.5, 21) if strip.label >= 0 else (7.5, 29)
    wrapped = textwrap.wrap(name, letters, max_lines=2, placeholder=' …')
    lines = [(line, size, 'bold', INK) for line in wrapped]
    if strip.label >= 0:
        lines.append((_shorten(strip.recording, 32), 7.5, 'normal', _GRAY))
    height = strip.posture.tall()
    if shrinkage < 0.99:
        height += f', drawn at {100 * shrinkage:.2g} %'
    lines.append((height, 7.5, 'normal', _GRAY))
    lines += [(f'! {odd}', 7.5, 'bold', _WARNING) for odd in strip.posture.odd()]
    for index, (text, size, weight, ink) in enumerate(lines):
        axes.text(
            0.1, 0.5 + 0.17 * ((len(lines) - 1) / 2 - index), text, fontsize=size, color=ink,
            fontweight=weight, parse_math=False, va='center',
        )
    pattern = hatch(strip.label) if strip.label >= 0 else ''
    axes.add_patch(Rectangle(
        (0, 0.12), 0.035, 0.76, facecolor=tint, hatch=pattern, edgecolor='white', linewidth=0
    ))


def _draw_pose(axes: Axes, points: np.ndarray, measured: np.ndarray, bones, right, tint: str):
    """Draws the bones of one person, points float[V, 2]; bones to joints of `right` are paler."""
    strong, pale = np.array(to_rgb(tint)), 1 - 0.5 * (1 - np.array(to_rgb(tint)))
    axes.add_collection(LineCollection(
        [points[[parent, child]] for parent, child in bones],
        colors=[pale if child in right else strong for _, child in bones],
        linestyles=[
            '-' if measured[parent] and measured[child] else (0, (1, 1.2))
            for parent, child in bones
        ],
        linewidths=1.5, capstyle='round',
    ))


def _shorten(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1] + '…'
