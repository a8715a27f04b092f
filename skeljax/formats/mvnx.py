"""Reads MVNX, the XML of Xsens MVN: where each segment begins, frame by frame.

A segment begins at the joint toward the pelvis, so that the origin of the right lower leg is
the right knee. Frames of type `normal` are the motion, others are poses of calibration.
Meters; the vertical is z. The tree is that of the joints between segments.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import chain, filling, markers, named, options
from skeljax.formats.motion import Motion

_FRAMES = 10**7  # positions in a recording, beyond which it is refused


def read(
    path, *, fps: float | None = None, layout: str | None = None, up: str | None = None
) -> Motion:
    """Reads the origins of segments as joints in meters, float32[T, 1, V, 3], y up.

    Args:
        path: of the .mvnx.
        fps: frames per second, if the file has none.
        layout: whose joints to take, by name.
        up: axis that points up, z by default.

    Raises:
        FormatError: names the file, the frame, what was found and expected.
    """
    path = Path(path)
    stated, segments, joints, frames = _parsed(path)
    if not segments or not frames:
        found = f'{len(segments)} segments and {len(frames)} frames'
        raise FormatError(f'{path}: {found} with positions, expected MVNX with segment positions')
    points = np.array(frames).reshape(len(frames), len(segments), 3)
    points = markers.upright(points, up or 'z')
    text, chosen = named.layout(path, segments, source='mvnx', wanted=layout)
    if layout is None and (parents := _parents(segments, joints)):
        text, chosen = chain.layout('mvnx', segments, parents), list(range(len(segments)))
    try:
        rate = float(stated.get('frameRate', 'nan'))
    except ValueError:
        rate = np.nan
    return filling.motion(
        path,
        points[:, None, chosen],
        np.ones((len(points), 1, len(chosen)), bool),
        fps=options.rate(path, rate if rate > 0 else None, fps),
        layout=text,
        subject=stated.get('label', ''),
    )


def _parsed(path: Path) -> tuple[dict, list[str], list[tuple[str, str]], list[np.ndarray]]:
    """Reads attributes of the subject, its segments, its joints and positions of each frame."""
    stated: dict[str, str] = {}
    segments: list[str] = []
    joints: list[tuple[str, str]] = []
    frames: list[np.ndarray] = []
    inside = ''
    try:
        # Elements are let go when they are read: a recording is far larger than its numbers.
        for event, element in ElementTree.iterparse(path, ('start', 'end')):
            tag = element.tag.rpartition('}')[2]
            if event == 'start':
                if tag == 'subject' and not stated:
                    stated = dict(element.attrib)
                inside = tag if tag in ('segments', 'joints') else inside
                continue
            if tag == inside:
                inside = ''
            if inside == 'segments' and tag == 'segment' and element.get('label'):
                segments.append(element.get('label'))
            elif inside == 'joints' and tag == 'joint' and element.get('label'):
                ends = [_child(element, f'connector{n}').partition('/')[0] for n in (1, 2)]
                joints.append((ends[0], ends[1]))
            elif tag == 'frame':
                if element.get('type', 'normal') == 'normal':
                    frames.append(_position(path, element, len(frames), 3 * len(segments)))
                element.clear()
                if len(frames) * len(segments) > _FRAMES:
                    raise FormatError(f'{path}: more than {_FRAMES} positions')
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise FormatError(f'{path}:{line}: no XML: {str(error).split(":")[0]}') from None
    except (OSError, LookupError) as error:
        raise FormatError(f'{path}: cannot be read: {error}') from None
    return stated, segments, joints, frames


def _child(element, name: str) -> str:
    found = (child for child in element if child.tag.rpartition('}')[2] == name)
    return next((child.text or '' for child in found), '').strip()


def _position(path: Path, element, number: int, count: int) -> np.ndarray:
    words = _child(element, 'position').split()
    try:
        values = np.array(words, np.float64)
    except ValueError:
        values = np.array([np.nan])
    if len(values) != count or not (np.abs(values) < 1e6).all():
        stated = f'position with {len(words)} words, expected {count} numbers'
        raise FormatError(f'{path}: frame {number}: {stated}')
    return values


def _parents(segments: list[str], joints: list[tuple[str, str]]) -> tuple[int, ...] | None:
    """Returns the parent of each segment by the joints, None if they are no tree."""
    above = {child: parent for parent, child in joints}
    if set(above) != set(segments[1:]) or not set(above.values()) <= set(segments):
        return None
    parents = (-1, *(segments.index(above[segment]) for segment in segments[1:]))
    return parents if all(parent < n for n, parent in enumerate(parents)) else None
