"""Poses found frame by frame, put into slots of persons."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

_PATIENCE = 30  # frames after which whoever comes back is somebody else
_REACH = 0.5  # of a body's size, how far the joints of one person go in a frame


@dataclass(frozen=True)
class Pose:
    """One person in one frame.

    Attributes:
        points: float64[V, 3]; anything where not measured.
        measured: bool[V].
        track: who it is, where the file tells.
    """

    points: np.ndarray
    measured: np.ndarray
    track: str | None = None


@dataclass
class _Track:
    """Poses of one person by frame."""

    poses: dict[int, Pose] = field(default_factory=dict)

    @property
    def last(self) -> int:
        return next(reversed(self.poses))


def arrange(frames: Sequence[Sequence[Pose]]) -> tuple[np.ndarray, np.ndarray]:
    """Puts the poses of a recording into as few slots as people were seen at once.

    Where every pose tells whose it is, and nobody is in a frame twice, that decides;
    else a pose goes on as the nearest one of the last 30 frames, if its joints moved by
    less than half a body.
    Whoever was seen the longest gets the first slot.

    Args:
        frames: the poses of each frame.

    Returns:
        joints float64[T, M, V, 3] and measured bool[T, M, V].
    """
    names = [[pose.track for pose in poses] for poses in frames]
    told = all(None not in some and len(set(some)) == len(some) for some in names)
    tracks = _told(frames) if told else _followed(frames)
    tracks = sorted(tracks, key=lambda track: -len(track.poses))
    slots = _slots(tracks, len(frames))
    example = next(iter(tracks[0].poses.values()))
    shape = (len(frames), max(slots) + 1, len(example.points))
    joints, measured = np.zeros((*shape, 3)), np.zeros(shape, bool)
    for track, slot in zip(tracks, slots, strict=True):
        for frame, pose in track.poses.items():
            joints[frame, slot], measured[frame, slot] = pose.points, pose.measured
    return joints, measured


def _told(frames) -> list[_Track]:
    tracks: dict[str, _Track] = {}
    for frame, poses in enumerate(frames):
        for pose in poses:
            tracks.setdefault(pose.track, _Track()).poses[frame] = pose
    return list(tracks.values())


def _followed(frames) -> list[_Track]:
    """Follows people by where they were, the nearest pair first."""
    done: list[_Track] = []
    current: list[_Track] = []
    for frame, poses in enumerate(frames):
        done += [track for track in current if frame - track.last > _PATIENCE]
        current = [track for track in current if frame - track.last <= _PATIENCE]
        distances = sorted(
            (distance, old, new)
            for old, track in enumerate(current)
            for new, pose in enumerate(poses)
            if (distance := _distance(track.poses[track.last], pose)) < _REACH
        )
        taken: dict[int, int] = {}
        for _, old, new in distances:
            if old not in taken.values() and new not in taken:
                taken[new] = old
        for new, pose in enumerate(poses):
            if new not in taken:
                current.append(_Track())
            current[taken.get(new, -1)].poses[frame] = pose
    return done + current


def _distance(before: Pose, after: Pose) -> float:
    """Measures how far the joints of both are apart, in sizes of the body."""
    both = before.measured & after.measured
    if both.any():
        apart = np.linalg.norm(before.points[both] - after.points[both], axis=-1).mean()
    elif before.measured.any() and after.measured.any():
        middle = [pose.points[pose.measured].mean(0) for pose in (before, after)]
        apart = np.linalg.norm(middle[0] - middle[1])
    else:
        return np.inf
    size = max(_size(before), _size(after))
    return float(apart / size) if size > 0 else float(0 if apart == 0 else np.inf)


def _size(pose: Pose) -> float:
    seen = pose.points[pose.measured]
    return float(np.linalg.norm(np.ptp(seen, axis=0))) if len(seen) else 0.0


def _slots(tracks: list[_Track], num_frames: int) -> list[int]:
    """Gives each track the first slot that is free from its first frame to its last."""
    busy: list[np.ndarray] = []
    slots = []
    for track in tracks:
        stay = slice(next(iter(track.poses)), track.last + 1)
        slot = next((i for i, frames in enumerate(busy) if not frames[stay].any()), len(busy))
        if slot == len(busy):
            busy.append(np.zeros(num_frames, bool))
        busy[slot][stay] = True
        slots.append(slot)
    return slots
