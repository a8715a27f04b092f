"""Reads the people of one frame from JSON, by what their programs call what they write.

| kind | a person |
|---|---|
| openpose | `pose_keypoints_2d`, or `pose_keypoints_3d`, of OpenPose; `joints` of AlphaPose |
| mediapipe | `landmarks` and the like |
| coco | `keypoints` of COCO, AlphaPose, mmpose, Ultralytics, MoveNet |
| kinetics | `pose` and `score` of Kinetics-skeleton |
| panoptic | `joints19` of CMU Panoptic |
| azure | `joint_positions` of the Azure Kinect |
| points | the points alone |
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from skeljax.formats import points
from skeljax.formats.points import Points
from skeljax.formats.tracking import Pose

WORLD = ('poseWorldLandmarks', 'pose_world_landmarks', 'worldLandmarks', 'world_landmarks')
LANDMARKS = (
    *WORLD, 'poseLandmarks', 'pose_landmarks', 'rawLandmarks', 'landmarks', 'landmark', 'pose',
)
_LISTS = (
    'people', 'bodies', 'skeleton', 'skeletons', 'instances', 'persons', 'predictions', 'poses',
    'detections', 'results', 'objects', 'humans',
)
_KEYPOINTS = ('keypoints3D', 'keypoints_3d', 'keypoints', 'keypoint', 'joints')
_SCORES = ('keypoint_scores', 'scores', 'kp_score', 'kp_scores', 'keypoints_scores')
_TRACK = (
    'track_id', 'person_id', 'body_id', 'instance_id', 'idx', 'track', 'person', 'tracking_id',
)


class Person(NamedTuple):
    """One person, and what its program is.

    Attributes:
        pose: where.
        kind: see the table above.
        names: of the points, () where they are only in their order.
        world: whether the points are in a room, not in an image.
        hands: whether hands stand beside the body.
    """

    pose: Pose
    kind: str
    names: tuple[str, ...] = ()
    world: bool = False
    hands: bool = False


def read(frame, size: Sequence[float] = (1.0, 1.0), *, hands: bool = False) -> list[Person]:
    """Reads the people of one frame; none if it is empty.

    Args:
        frame: what JSON has.
        size: width and height of the image, where landmarks are fractions of it.
        hands: reads OpenPose's hands too, behind the body.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: no person is found where one should be.
    """
    if not frame:
        return []
    if isinstance(frame, Mapping):
        return _of_object(frame, size, hands)
    if points.are_points(frame):
        return [_person(points.read(frame, certain=False), 'points')]
    if not isinstance(frame, list):
        raise ValueError(f'found {str(frame)[:40]}')
    return [person for item in frame for person in read(item, size, hands=hands)]


def _of_object(frame: Mapping, size, hands: bool) -> list[Person]:
    """Reads an object: a person, or one that holds people."""
    for reader in (_openpose, _panoptic, _azure, _kinetics, _keypoints):
        found = reader(frame, hands)
        if found is not None:
            return found
    name = next((name for name in LANDMARKS if frame.get(name)), None)
    if name is not None:
        return _mediapipe(frame[name], size, name in WORLD)
    listed = next((name for name in _LISTS if isinstance(frame.get(name), list)), None)
    if listed is not None:
        return [person for item in frame[listed] for person in read(item, size, hands=hands)]
    if points.are_points(frame):
        return [_person(points.read(frame), 'points')]
    inside = [value for value in frame.values() if points.are_points(value)]
    if len(inside) == 1:
        return [_person(points.read(inside[0], certain=False), 'points')]
    if frame.keys() & {*LANDMARKS, *_LISTS, *_KEYPOINTS, 'pose_keypoints_2d'}:
        return []
    raise ValueError(f'found {", ".join(map(str, frame))[:60]}')


def _openpose(person: Mapping, hands: bool) -> list[Person] | None:
    """Reads a person of OpenPose, its old form, or AlphaPose's of CMU's; none without a point."""
    deep = person.get('pose_keypoints_3d') or []
    keys = ('pose_keypoints_2d', 'pose_keypoints')
    key = next((key for key in keys if key in person), None)
    if not deep and key is None:
        joints = person.get('joints')
        flat = isinstance(joints, list) and joints and not isinstance(joints[0], list | Mapping)
        if not flat:
            return None
        key = 'joints'
    values = list(deep or person[key] or [])
    kept = [f'hand_{side}_keypoints_{"3" if deep else "2"}d' for side in ('left', 'right')]
    there = any(person.get(name) for name in kept)
    if hands and values:
        lost = [0.0] * (84 if deep else 63)
        values += [number for name in kept for number in (person.get(name) or lost)]
    if not values:
        return []
    table = np.array(values, np.float64).reshape(-1, 4 if deep else 3)
    found = points.read(table[:, :-1].tolist(), scores=table[:, -1])
    return [Person(_pose(found, person), 'openpose', world=bool(deep), hands=there and not hands)]


def _panoptic(person: Mapping, hands: bool) -> list[Person] | None:
    if 'joints19' not in person:
        return None
    table = np.array(person['joints19'], np.float64).reshape(-1, 4)
    found = points.read(table[:, :3].tolist(), scores=np.where(table[:, 3] < 0, 0, 1))
    return [Person(_pose(found, {'body_id': person.get('id')}), 'panoptic', world=True)]


def _azure(person: Mapping, hands: bool) -> list[Person] | None:
    if 'joint_positions' not in person:
        return None
    levels = person.get('confidence_levels') or person.get('joint_confidences')
    found = points.read(person['joint_positions'], certain=False, scores=levels)
    return [Person(_pose(found, person), 'azure', world=True)]


def _kinetics(person: Mapping, hands: bool) -> list[Person] | None:
    pose, score = person.get('pose'), person.get('score')
    if not isinstance(pose, list) or not isinstance(score, list):
        return None
    table = np.array(pose, np.float64).reshape(len(score), -1)
    return [Person(_pose(points.read(table.tolist(), scores=score), person), 'kinetics')]


def _keypoints(person: Mapping, hands: bool) -> list[Person] | None:
    """Reads `keypoints` in any form: of one person, or of all of a frame."""
    key = next((key for key in _KEYPOINTS if person.get(key)), None)
    if key is None:
        return None
    value, scores = person[key], next((person[s] for s in _SCORES if s in person), None)
    if isinstance(value, Mapping) and isinstance(value.get('xy'), list):
        several, scores = value['xy'], value.get('conf')
    elif points.are_points(value):
        several, scores = [value], None if not isinstance(scores, list) else [scores]
    else:
        several = value
    found = []
    for number, one in enumerate(several):
        sure = scores[number] if isinstance(scores, list) and scores else None
        read_one = points.read(one, scores=sure if isinstance(sure, list) else None)
        # Objects with a z in pixels are BlazePose's in an image; those in space are named so.
        image = '3d' not in key.lower() and isinstance(one, list) and isinstance(one[0], Mapping)
        deep = bool(read_one.points[..., 2].any()) and not image
        pose = _pose(read_one, person if len(several) == 1 else {})
        found.append(Person(pose, 'coco', read_one.names, deep))
    return found


def _mediapipe(value, size, world: bool) -> list[Person]:
    """Reads the landmarks of one person, or of several."""
    while isinstance(value, Mapping) and not points.are_points(value):
        name = next((name for name in LANDMARKS if value.get(name)), None)
        if name is None:
            raise ValueError(f'found {", ".join(map(str, value))[:60]}')
        value, world = value[name], world or name in WORLD
    several = [value] if points.are_points(value) else value
    found = []
    for one in several:
        one = one.get('landmark', one) if isinstance(one, Mapping) else one
        read_one = points.read(one, certain=False)
        scale = [1.0, 1.0, 1.0] if world else [*size, size[0]]
        read_one = read_one._replace(points=read_one.points * scale)
        found.append(Person(_pose(read_one, {}), 'mediapipe', read_one.names, world))
    return found


def _person(found: Points, kind: str) -> Person:
    return Person(_pose(found, {}), kind, found.names, bool(found.points[..., 2].any()))


def _pose(found: Points, person: Mapping) -> Pose:
    """Returns a pose, with the identity in its object."""
    for key in _TRACK:
        who = person.get(key)
        who = who[0] if isinstance(who, list) and len(who) == 1 else who
        if isinstance(who, str | int) and not isinstance(who, bool) and who not in (-1, ''):
            return Pose(found.points, found.measured, str(who))
    return Pose(found.points, found.measured)
