"""Reads what pose estimators write, .json: MediaPipe Pose, OpenPose, COCO keypoints.

    MediaPipe  [{"poseWorldLandmarks" or "landmarks": [{x, y, z, visibility} x 33]}, ...]
    OpenPose   [{"people": [{"pose_keypoints_2d": [x, y, c, ...]}]}, ...], or a folder of
               one such file a frame, *_keypoints.json
    COCO       [{"image_id", "keypoints": [x, y, v, ...], "score", "track_id"}, ...], or
               {"images": [...], "annotations": [{"image_id", "keypoints", ...}]}

A list of frames may stand in {"fps": 30, "frames": [...]}; "width" and "height" of the
image there turn MediaPipe's fractions of the image into pixels. In COCO's list, the last
number of an image_id counts the frames from 0.

Images have y downward and depth forward: y becomes -y, and z of a motion in space -z,
so that left stays left. A flat motion has z = 0. Its unit stays the image's, be it
pixels or fractions, unless `unit` tells metres. A certainty of 0 means not measured.
"""

from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import filling, options, texts, tracking
from skeljax.formats.motion import Motion
from skeljax.formats.tracking import Pose

ENDING = '_keypoints.json'  # of OpenPose's files of one frame
_MEDIAPIPE = (
    'poseWorldLandmarks', 'pose_world_landmarks', 'worldLandmarks', 'world_landmarks',
    'poseLandmarks', 'pose_landmarks', 'landmarks', 'landmark',
)
_LAYOUTS = {  # estimator -> number of points -> layout
    'mediapipe': {33: 'mediapipe33'},
    'openpose': {25: 'openpose25', 18: 'openpose18'},
    'coco': {
        17: 'coco17', 23: 'coco23', 26: 'halpe26', 14: 'crowdpose14', 16: 'mpii16',
        133: 'coco_wholebody133', 136: 'halpe136',
    },
}
_PERSONS = 100
_LIMIT = 1e9  # of a coordinate, in whatever unit


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None
) -> Motion:
    """Reads the poses of one recording.

    Args:
        path: a file, or a folder of OpenPose's files of one frame each.
        fps: frames a second, where the file does not tell.
        layout: of the points, where they are not as many as the estimator's own.
        unit: of the coordinates in metres, 1 by default.

    Raises:
        FormatError: the file is damaged; names the frame.
    """
    path = Path(path)
    document = _folder(path) if path.is_dir() else texts.document(path)
    try:
        rate, kind, frames = _frames(path, document)
    except FormatError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise FormatError(f'{path}: no keypoints: {type(error).__name__}: {error}') from None
    counts = {len(pose.points) for poses in frames for pose in poses}
    if not counts:
        raise FormatError(f'{path}: nobody in {len(frames)} frames')
    if max(map(len, frames)) > _PERSONS:
        raise FormatError(f'{path}: more than {_PERSONS} persons at once')
    own, taken = _layout(path, kind, counts, layout)
    joints, measured = (some[:, :, taken] for some in tracking.arrange(frames))
    joints = joints * [1, -1, -1] * (1.0 if unit is None else unit) + 0.0  # not -0.0
    rate = options.rate(path, rate, fps)
    notes = own.note(max(counts))
    return filling.motion(path, joints, measured, fps=rate, layout=own.text, notes=notes)


def _folder(path: Path) -> list:
    """Reads a folder of one file a frame, in the order of their numbers."""
    files = sorted(path.glob(f'*{ENDING}'))
    recordings = sorted({re.sub(r'_?\d+$', '', file.name.removesuffix(ENDING)) for file in files})
    if not files:
        raise FormatError(f'{path}: no *{ENDING} in this folder')
    if len(recordings) > 1:
        raise FormatError(
            f'{path}: frames of {recordings[0]!r} and {recordings[1]!r}, expected one recording'
        )
    numbered = {}
    for file in files:
        number = _number(file.name.removesuffix(ENDING), file)
        if number in numbered:
            raise FormatError(f'{file}: frame {number} again, as in {numbered[number].name}')
        numbered[number] = file
    _check_room(path, max(numbered) - min(numbered) + 1, len(files))
    span = range(min(numbered), max(numbered) + 1)
    return [texts.document(numbered[number]) if number in numbered else None for number in span]


def _frames(path: Path, document) -> tuple[float | None, str, list[list[Pose]]]:
    """Finds the frame rate, the estimator and the poses of each frame."""
    told = document if isinstance(document, dict) else {}
    rate = next((told[name] for name in ('fps', 'frame_rate') if name in told), None)
    if 'annotations' in told:
        return rate, 'coco', _annotated(path, told)
    listed = told.get('frames', told.get('results', document))
    if isinstance(listed, dict):
        listed = [listed]
    if not isinstance(listed, list) or not listed:
        raise FormatError(f'{path}: no list of frames')
    if any(isinstance(item, dict) and 'image_id' in item for item in listed):
        return rate, 'coco', _results(path, listed)
    if isinstance(listed[0], dict) and 'x' in listed[0]:
        listed = [listed]
    size = [float(told.get(name, 1)) for name in ('width', 'height')]
    kinds, frames = set(), []
    for number, frame in enumerate(listed):
        try:
            kind, poses = _frame(frame, size)
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise FormatError(
                f'{path}: frame {number}: no pose: {type(error).__name__}: {error}'
            ) from None
        kinds |= {kind} - {''}
        frames.append(poses)
    if len(kinds) > 1:
        raise FormatError(f'{path}: frames of {" and of ".join(sorted(kinds))}')
    return rate, kinds.pop() if kinds else '', frames


def _frame(frame, size) -> tuple[str, list[Pose]]:
    """Reads one frame of MediaPipe or OpenPose; one that is empty is of neither."""
    if not frame:
        return '', []
    if isinstance(frame, dict) and 'people' in frame:
        return 'openpose', [pose for person in frame['people'] for pose in _openpose(person)]
    world = False
    while isinstance(frame, dict):
        name = next((name for name in _MEDIAPIPE if frame.get(name)), None)
        if name is None:
            if not frame.keys() & set(_MEDIAPIPE):
                raise ValueError(f'found {", ".join(map(str, frame))[:60]}')
            return 'mediapipe', []
        frame, world = frame[name], world or 'world' in name.lower()
    people = [frame] if isinstance(frame[0], dict) and 'x' in frame[0] else frame
    size = [1.0, 1.0] if world else size
    return 'mediapipe', [_mediapipe(person, size) for person in people]


def _mediapipe(person, size) -> Pose:
    person = person['landmark'] if isinstance(person, dict) else person
    points = np.array(
        [[point['x'], point['y'], point.get('z', 0)] for point in person], np.float64
    ) * [*size, size[0]]
    certain = np.array([1 if point.get('visibility') is None else point['visibility']
                        for point in person], np.float64)
    return _pose(points.reshape(-1, 3), certain)


def _openpose(person) -> list[Pose]:
    """Reads a person; none where no keypoint is listed."""
    deep = person.get('pose_keypoints_3d') or []
    values = np.array(deep or person['pose_keypoints_2d'], np.float64)
    if not values.size:
        return []
    points = values.reshape(-1, 4 if deep else 3)
    who = np.ravel(person.get('person_id', -1))
    track = str(who[0]) if len(who) and who[0] != -1 else None
    return [_pose(points[:, :-1], points[:, -1], track)]


def _coco(item) -> Pose:
    points = np.array(item['keypoints'], np.float64).reshape(-1, 3)
    track = next((item[name] for name in ('track_id', 'idx') if item.get(name) is not None), None)
    return _pose(points[:, :2], points[:, 2], None if track is None else str(track))


def _pose(points: np.ndarray, certain: np.ndarray, track: str | None = None) -> Pose:
    measured = (certain > 0) & ~np.isnan(points).any(1)
    if not (np.abs(points[measured]) < _LIMIT).all():
        raise ValueError('a coordinate beyond all images')
    return Pose(np.pad(points, [(0, 0), (0, 3 - points.shape[1])]), measured, track)


def _annotated(path: Path, document: dict) -> list[list[Pose]]:
    """Reads COCO's annotations; frames are the images, in the order of the file."""
    place = {image['id']: number for number, image in enumerate(document['images'])}
    frames = [[] for _ in place]
    for number, item in enumerate(document['annotations']):
        if item['image_id'] not in place:
            raise FormatError(f'{path}: annotation {number}: no image {item["image_id"]!r}')
        if item.get('keypoints'):
            frames[place[item['image_id']]].append(_coco(item))
    return frames


def _results(path: Path, listed: list) -> list[list[Pose]]:
    """Reads COCO's list of results."""
    numbers = [_number(item['image_id'], path) for item in listed]
    _check_room(path, max(numbers) + 1, len(listed))
    frames = [[] for _ in range(max(numbers) + 1)]
    for number, item in zip(numbers, listed, strict=True):
        frames[number].append(_coco(item))
    return frames


def _number(name, path: Path) -> int:
    """Reads the number of a frame from its name."""
    digits = re.findall(r'\d+', re.sub(r'\.[a-zA-Z]{2,4}\d?$', '', str(name)))
    if not digits or len(digits[-1]) > 15:
        raise FormatError(f'{path}: {name!r} tells no number of a frame')
    return int(digits[-1])


def _check_room(path: Path, frames: int, given: int):
    if frames > 1000 + 100 * given:
        raise FormatError(f'{path}: frame {frames - 1} of {given}, expected them counted from 0')


def _layout(path: Path, kind: str, counts: set[int], given):
    """Finds the layout by the number of points: the estimator's, else the one given.

    Returns:
        The layout, and which of the points are its joints.
    """
    count = min(counts)
    if len(counts) > 1:
        raise FormatError(f'{path}: persons of {count} and of {max(counts)} points')
    known = _LAYOUTS[kind]
    if given is None and count not in known:
        expected = ' or '.join(map(str, known))
        raise FormatError(
            f'{path}: {count} points, {kind} has {expected}; or use the option layout'
        )
    own = None if given is None else options.layout(path, given)
    if own is None or count not in own.parts and count in known:
        own = options.layout(path, known[count])
    return own, own.take(path, count)
