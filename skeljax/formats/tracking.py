"""Poses found frame by frame, put into slots of persons.

A person is expected where a constant velocity takes them; poses and persons are matched so
that the sum of the distances is least (scipy's `linear_sum_assignment`). An identity that
the file states is trusted unless it jumps to another body.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

_PATIENCE = 30  # frames; a person absent for longer gets a new identity
_REACH = 0.5  # of a body's size, how far the joints of one person go in a frame
_JUMP = 2.0  # of a body's size, how far no person goes in a frame
_MEMORY = 6  # poses of a person from which the velocity is computed


@dataclass(frozen=True)
class Pose:
    """One person in one frame.

    Attributes:
        points: float64[V, 3]; anything where not measured.
        measured: bool[V].
        track: identity, if the file states it.
    """

    points: np.ndarray
    measured: np.ndarray
    track: str | None = None


@dataclass
class _Track:
    """Poses of one person by frame, and the identity that the file gave them last."""

    name: str | None = None
    poses: dict[int, Pose] = field(default_factory=dict)
    recent: list[tuple[int, Pose]] = field(default_factory=list)

    @property
    def last(self) -> int:
        return self.recent[-1][0]

    def add(self, frame: int, pose: Pose):
        self.poses[frame] = pose
        self.recent = [*self.recent[1 - _MEMORY :], (frame, pose)]
        self.name = pose.track or self.name

    def velocity(self) -> np.ndarray:
        """Returns what the body moves in a frame, float64[3]."""
        (first, before), (last, after) = self.recent[0], self.recent[-1]
        both = before.measured & after.measured
        if last == first or not both.any():
            return np.zeros(3)
        return (after.points[both] - before.points[both]).mean(0) / (last - first)


def arrange(frames: Sequence[Sequence[Pose]]) -> tuple[np.ndarray, np.ndarray]:
    """Assigns the poses of a recording to as few slots as there are simultaneous persons.

    A pose goes on as the person of its identity, if the file states one and it does not
    jump; else as one of the persons of the last 30 frames, if its joints are within half a
    body of where they are expected.
    The person present in the most frames gets the first slot.

    Args:
        frames: the poses of each frame.

    Returns:
        joints float64[T, M, V, 3] and measured bool[T, M, V].
    """
    names = [[pose.track for pose in poses] for poses in frames]
    stated = all(None not in some and len(set(some)) == len(some) for some in names)
    tracks = _told(frames) if stated else None
    if tracks is None or any(_jumps(track) for track in tracks):
        tracks = _followed(frames)
    tracks = sorted(tracks, key=lambda track: -len(track.poses))
    slots = _slots(tracks, len(frames))
    example = next(iter(tracks[0].poses.values()))
    shape = (len(frames), max(slots) + 1, len(example.points))
    joints, measured = np.zeros((*shape, 3)), np.zeros(shape, bool)
    for track, slot in zip(tracks, slots, strict=True):
        for frame, pose in track.poses.items():
            joints[frame, slot], measured[frame, slot] = pose.points, pose.measured
    return joints, measured


def steps(joints: np.ndarray, measured: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Computes how far a person goes from one pose to the next, in sizes of the body.

    Args:
        joints: float64[N, V, 3], poses of one person in the order of time.
        measured: bool[N, V].
        frames: of each pose, int[N].

    Returns:
        float64[N - 1]; 0 where the poses have no joint in common or lie more than 30
        frames apart.
    """
    both = measured[1:] & measured[:-1]
    joints = np.where(measured[..., None], joints, 0)
    apart = np.linalg.norm(np.diff(joints, axis=0), axis=-1)
    apart = np.where(both, apart, 0).sum(1) / np.maximum(both.sum(1), 1)
    low = np.where(measured[..., None], joints, np.inf).min(1)
    high = np.where(measured[..., None], joints, -np.inf).max(1)
    size = np.linalg.norm(np.where(measured.any(1)[:, None], high - low, 0), axis=-1)
    size = np.maximum(size[1:], size[:-1])
    near = both.any(1) & (np.diff(frames) <= _PATIENCE) & (size > 0)
    return np.where(near, apart / np.where(size > 0, size, 1), 0)


def jump(step: np.ndarray) -> bool:
    """Returns whether steps (see `steps`) may be those of more than one person."""
    return bool((step > _REACH).any())


def _told(frames) -> list[_Track]:
    tracks: dict[str, _Track] = {}
    for frame, poses in enumerate(frames):
        for pose in poses:
            tracks.setdefault(pose.track, _Track(pose.track)).add(frame, pose)
    return list(tracks.values())


def _jumps(track: _Track) -> bool:
    joints = np.stack([pose.points for pose in track.poses.values()])
    measured = np.stack([pose.measured for pose in track.poses.values()])
    return jump(steps(joints, measured, np.array(list(track.poses))))


def _followed(frames) -> list[_Track]:
    """Follows people by their identities and by where they are expected."""
    tracks: list[_Track] = []
    for frame, poses in enumerate(frames):
        taken = _by_name(frame, poses, tracks)
        lost = [n for n in range(len(poses)) if n not in taken]
        known = {track.name for track in tracks}
        # A new identity is a new person, unless an identity has jumped in this frame.
        jumped = any(poses[n].track in known for n in lost if poses[n].track)
        fresh = [n for n in lost if not poses[n].track or poses[n].track in known or jumped]
        free = [
            track for track in tracks
            if frame - track.last <= _PATIENCE and not any(track is t for t in taken.values())
        ]
        for expected in (True, False):
            for n, track in _matched(frame, [(n, poses[n]) for n in fresh], free, expected):
                taken[n] = track
            fresh = [n for n in fresh if n not in taken]
            free = [track for track in free if not any(track is t for t in taken.values())]
        for n, pose in enumerate(poses):
            if n not in taken:
                taken[n] = _Track(pose.track)
                tracks.append(taken[n])
        for n, track in taken.items():
            for other in tracks:  # an identity belongs to one person
                if other is not track and poses[n].track and other.name == poses[n].track:
                    other.name = None
            track.add(frame, poses[n])
    return tracks


def _by_name(frame: int, poses, tracks: list[_Track]) -> dict[int, _Track]:
    """Matches the poses whose identity is known and did not jump: pose -> person."""
    owners = {track.name: track for track in tracks if track.name}
    names = [pose.track for pose in poses]
    taken = {}
    for n, pose in enumerate(poses):
        owner = owners.get(pose.track)
        if owner is None or names.count(pose.track) > 1:
            continue
        far = _distance(owner, frame, pose, expected=False)
        if frame - owner.last <= _PATIENCE and far > _REACH:
            others = [track for track in tracks if frame - track.last <= _PATIENCE]
            nearest = min(others, key=lambda track: _distance(track, frame, pose, expected=True))
            if nearest is not owner or far > _JUMP:
                continue
        taken[n] = owner
    return taken


def _matched(frame: int, poses, tracks: list[_Track], expected: bool):
    """Yields (number of a pose, its person) of the best assignment within reach."""
    if not poses or not tracks:
        return
    from scipy.optimize import linear_sum_assignment  # slow to import, seldom needed

    cost = np.array([
        [_distance(track, frame, pose, expected=expected) for _, pose in poses]
        for track in tracks
    ])
    near = cost < _REACH
    # Whoever is out of reach costs more than all who are within it.
    rows, columns = linear_sum_assignment(np.where(near, cost, _REACH * (cost.size + 1)))
    for row, column in zip(rows, columns, strict=True):
        if near[row, column]:
            yield poses[column][0], tracks[row]


def _distance(track: _Track, frame: int, after: Pose, *, expected: bool) -> float:
    """Computes how far the joints of both are apart, in sizes of the body.

    Args:
        track: the person.
        frame: of the pose.
        after: the pose.
        expected: moves the person by the velocity first.
    """
    last, before = track.recent[-1]
    moved = track.velocity() * (frame - last) if expected else 0.0
    both = before.measured & after.measured
    if both.any():
        apart = np.linalg.norm(before.points[both] + moved - after.points[both], axis=-1).mean()
    elif before.measured.any() and after.measured.any():
        middle = [pose.points[pose.measured].mean(0) for pose in (before, after)]
        apart = np.linalg.norm(middle[0] + moved - middle[1])
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
