"""Finds the frames of a JSON document of poses from any program.

    COCO, PoseTrack     {"images": [...], "annotations": [{"image_id", "keypoints", ...}]}
    COCO, AlphaPose     [{"image_id", "keypoints", ...}, ...]
    mmpose              {"meta_info", "instance_info": [{"frame_id", "instances": [...]}]}
    Kinetics-skeleton   {"data": [{"frame_index", "skeleton": [...]}], "label"}
    Azure Kinect        {"frames": [{"frame_id", "timestamp_usec", "bodies": [...]}]}
    others              a list of frames, or an object of frames by number or by name

Frames may say their number and their time; people of one frame are read by `people`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import moments, people, points
from skeljax.formats.people import Person

_FRAMES = ('frames', 'instance_info', 'data', 'results', 'poses', 'predictions', 'sequence')
_NUMBER = (
    'frame_index', 'frame_id', 'frame', 'frame_idx', 'frame_number', 'frameNumber', 'frameIndex',
    'frame_num', 'frame_count', 'frame_no',
)
_TIMES = {  # key -> seconds of a unit; None is seconds, unless the steps say otherwise
    'timestamp_usec': 1e-6, 'timestamp_us': 1e-6, 'timestamp_ms': 1e-3, 'time_ms': 1e-3,
    'timestamp': None, 'time': None, 'seconds': 1.0, 't': None, 'univTime': 1e-3,
}
_RATE = ('fps', 'frame_rate', 'frameRate', 'framerate', 'video_fps', 'FPS')
_ABOUT = ('meta_info', 'metadata', 'meta', 'video_info', 'video', 'info')
_ERRORS = (TypeError, ValueError, KeyError, AttributeError, OverflowError, IndexError)


@dataclass
class Found:
    """What a document holds.

    Attributes:
        frames: the people of each frame.
        fps: frames per second, None if it does not state it.
        names: of the points, () where they are only in their order.
        notes: what was estimated or left out, one line each.
    """

    frames: list[list[Person]]
    fps: float | None = None
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read(path: Path, document, *, hands: bool = False) -> Found:
    """Reads the people in the frames of a document.

    Args:
        path: for messages.
        document: what JSON has.
        hands: reads OpenPose's hands too.

    Raises:
        FormatError: names the frame in which no person could be read, or what is missing.
    """
    stated = document if isinstance(document, Mapping) else {}
    try:
        if 'annotations' in stated and isinstance(stated['annotations'], list):
            found = _annotated(path, stated)
        else:
            found = _listed(path, document, hands)
        found.fps = next((r for r in (_rate(stated), found.fps) if r is not None), None)
    except FormatError:
        raise
    except _ERRORS as error:
        raise FormatError(f'{path}: no keypoints: {type(error).__name__}: {error}') from None
    found.names = found.names or _names(stated)
    if isinstance(stated.get('label'), str) and 'data' in stated:
        found.notes += (f'the file is labeled {stated["label"]!r:.60}, which is not used',)
    return found


def _listed(path: Path, document, hands: bool) -> Found:
    """Reads a list of frames, or an object with one."""
    stated = document if isinstance(document, Mapping) else {}
    size = _size(stated)
    listed = _frames(path, document)
    if any(isinstance(item, Mapping) and 'image_id' in item for item in listed):
        return Found(_results(path, listed))
    frames = []
    for number, frame in enumerate(listed):
        try:
            frames.append(people.read(frame, size, hands=hands))
        except _ERRORS as error:
            told_by = f'{type(error).__name__}: {error}'
            raise FormatError(f'{path}: frame {number}: no pose: {told_by}') from None
    fps, notes = _timed(path, listed)
    return Found(_placed(path, listed, frames), fps, notes=notes)


def _frames(path: Path, document) -> list:
    """Returns the list of frames."""
    if isinstance(document, Mapping):
        name = next((n for n in _FRAMES if isinstance(document.get(n), list | dict)), None)
        inside = None if name is None else document[name]
        if inside is not None and not points.are_points(inside):
            document = inside
    if isinstance(document, Mapping):
        keyed = _keyed(document)
        document = [document] if keyed is None else keyed
    if not isinstance(document, list) or not document:
        raise FormatError(f'{path}: no list of frames')
    if points.are_points(document) or _is_one(document):
        return [document]
    return document


def _keyed(document: Mapping) -> list | None:
    """Returns the frames of an object that has them by number or by name, None for another."""
    numbers = {key: _digits(key) for key in document}
    frames = [v for v in document.values() if v is None or isinstance(v, list | dict)]
    if len(frames) < len(document) or None in numbers.values() or points.are_points(document):
        return None
    if len(set(numbers.values())) < len(numbers):
        return None
    return [
        {'frame': numbers[key], 'people': [value]} if value else {'frame': numbers[key]}
        for key, value in sorted(document.items(), key=lambda item: numbers[item[0]])
    ]


def _is_one(document: list) -> bool:
    """Returns whether a list is that of the people of one frame: with boxes, without numbers."""
    objects = [item for item in document if isinstance(item, Mapping)]
    return len(objects) == len(document) and all(
        item.keys() & {'bbox', 'box'} and 'keypoints' in item and _number(item) is None
        and 'image_id' not in item
        for item in objects
    )


def _placed(path: Path, listed: list, frames: list[list[Person]]) -> list[list[Person]]:
    """Puts frames where their numbers say; in their order where not all have one."""
    numbers = [_number(item) for item in listed]
    if None in numbers:
        return frames
    first = min(numbers)
    check_room(path, max(numbers) - first + 1, len(numbers))
    placed: list[list[Person]] = [[] for _ in range(max(numbers) - first + 1)]
    for number, some in zip(numbers, frames, strict=True):
        placed[number - first] += some
    return placed


def _timed(path: Path, listed: list) -> tuple[float | None, tuple[str, ...]]:
    """Returns the frame rate from the times of frames."""
    objects = [item for item in listed if isinstance(item, Mapping)]
    if objects and isinstance(objects[0].get('fpsType'), str):
        rate = re.search(r'(\d+)_?(\d*)', objects[0]['fpsType'])
        return (float(f'{rate[1]}.{rate[2] or 0}') if rate else None), ()
    name = next((n for n in _TIMES if all(n in item for item in objects)), None)
    if name is None or len(objects) < len(listed):
        return None, ()
    times = [item[name] for item in objects]
    if not all(isinstance(t, int | float) and abs(t) < 1e18 for t in times):
        raise FormatError(f'{path}: {name} is no number in every frame')
    numbers = [_number(item) for item in objects]
    given = None if None in numbers else numbers
    return moments.rate(name, np.array(times, np.float64), _TIMES[name], given)


def _annotated(path: Path, document: Mapping) -> Found:
    """Reads COCO's annotations; frames are the images, in the order of the file."""
    videos = {image.get('vid_id', image.get('video_id')) for image in document['images']}
    if len(videos) > 1:
        raise FormatError(f'{path}: images of {len(videos)} videos, expected one recording a file')
    place = {image['id']: number for number, image in enumerate(document['images'])}
    frames: list[list[Person]] = [[] for _ in place]
    for number, item in enumerate(document['annotations']):
        if item['image_id'] not in place:
            raise FormatError(f'{path}: annotation {number}: no image {item["image_id"]!r}')
        if item.get('keypoints'):
            frames[place[item['image_id']]] += people.read(item)
    return Found(frames)


def _results(path: Path, listed: list) -> list[list[Person]]:
    """Reads COCO's list of results."""
    numbers = [frame_number(item['image_id'], path) for item in listed]
    check_room(path, max(numbers) + 1, len(listed))
    frames: list[list[Person]] = [[] for _ in range(max(numbers) + 1)]
    for number, item in zip(numbers, listed, strict=True):
        frames[number] += people.read(item)
    return frames


def frame_number(name, path: Path) -> int:
    """Reads the number of a frame from its name.

    Raises:
        FormatError: it has none.
    """
    number = _digits(name)
    if number is None:
        raise FormatError(f'{path}: {name!r} contains no frame number')
    return number


def check_room(path: Path, frames: int, given: int):
    """Raises FormatError if there are far more frames than are stored."""
    if frames > 1000 + 100 * given:
        raise FormatError(f'{path}: frame {frames - 1} of {given}, expected them counted from 0')


def _digits(name) -> int | None:
    digits = re.findall(r'\d+', re.sub(r'\.[a-zA-Z]{2,4}\d?$', '', str(name)))
    return int(digits[-1]) if digits and len(digits[-1]) <= 15 else None


def _number(item) -> int | None:
    """Returns the number of a frame, None if it has none."""
    if not isinstance(item, Mapping):
        return None
    number = next((item[key] for key in _NUMBER if key in item), None)
    whole = isinstance(number, int) and not isinstance(number, bool) and abs(number) < 2**53
    return number if whole else None


def _rate(stated: Mapping):
    """Returns the frame rate of a document."""
    inside = [stated, *(stated[key] for key in _ABOUT if isinstance(stated.get(key), Mapping))]
    return next((some[key] for some in inside for key in _RATE if key in some), None)


def _size(stated: Mapping) -> list[float]:
    """Returns the width and height of the image, 1 without."""
    inside = [stated, *(stated[key] for key in _ABOUT if isinstance(stated.get(key), Mapping))]
    return [float(next((s[name] for s in inside if name in s), 1)) for name in ('width', 'height')]


def _names(stated: Mapping) -> tuple[str, ...]:
    """Returns the names of the points that a document lists."""
    category = next(iter(stated.get('categories') or ()), {})
    about = stated.get('meta_info') if isinstance(stated.get('meta_info'), Mapping) else {}
    by_id = about.get('keypoint_id2name')
    if isinstance(by_id, Mapping) and all(str(n) in by_id for n in range(len(by_id))):
        listed = [by_id[str(n)] for n in range(len(by_id))]
    elif isinstance(category, Mapping) and category.get('keypoints'):
        listed = category['keypoints']
    else:
        listed = stated.get('joint_names') or stated.get('keypoint_names') or ()
    good = isinstance(listed, list) and all(isinstance(n, str) and n for n in listed)
    return tuple(listed) if good else ()
