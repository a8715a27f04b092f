"""Selects and orders the persons of a recording, as published code does."""

import dataclasses

import numpy as np

from skeljax.data.records import Recording

# Limits of the release of CTR-GCN, below or above which a body is noise.
SHORT = 11  # largest number of frames
WIDE = 0.8  # width / height,
OFTEN = 0.69754  # exceeded in this share of the frames


def order_persons(recording: Recording, count: int = 2) -> Recording:
    """Keeps the `count` persons with the most motion, in decreasing order (2s-AGCN).

    Motion is the standard deviation over all joints and all frames of the person, summed over the
    axes. If there are fewer persons, absent ones are added.
    """
    return _taken(recording, _by(recording, _energy), count)


def first_persons(recording: Recording, count: int = 2) -> Recording:
    """Keeps the first `count` persons; adds absent ones if there are fewer."""
    return _taken(recording, range(recording.joints.shape[1]), count)


def order_variance(recording: Recording) -> Recording:
    """Orders persons by the variance of their joints summed over the axes (CTR-GCN).

    The variance is the smaller of two: over all frames, and over those in which the body is not
    too wide (see `denoise`).
    """
    return _taken(recording, _by(recording, _variance), recording.joints.shape[1])


def denoise(recording: Recording) -> Recording:
    """Removes false detections if there are several persons (CTR-GCN).

    These have at most `SHORT` frames, or a width (x) above `WIDE` times their height (y) in at
    least `OFTEN` of their frames. At least one person remains. For recordings with y up, before
    any alignment.
    """
    seen = recording.person_valid
    there = [person for person in range(seen.shape[1]) if seen[:, person].any()]
    long = [person for person in there if seen[:, person].sum() > SHORT]
    kept = (long or there) if len(there) > 1 else there
    for person in list(kept):
        share = 1 - _plausible(recording, person)[seen[:, person]].mean()
        if share >= OFTEN and len(kept) > 1:
            kept.remove(person)
    gone = sorted(set(there) - set(kept))
    valid = seen.copy()
    valid[:, gone] = False
    return _shown(recording, recording.joints, valid, recording.joint_valid)


def slots(recording: Recording, count: int = 2) -> Recording:
    """Assigns persons, in order, to `count` slots that hold one at a time (CTR-GCN).

    A person gets the first slot that is free from their first to their last frame, and is left
    out if there is none. This merges tracks of a person whom the sensor lost and detected again.
    """
    frames, _, joints, axes = recording.joints.shape
    moved = np.zeros((frames, count, joints, axes), np.float32)
    valid = np.zeros((frames, count), bool)
    measured = np.ones((frames, count, joints), bool)
    held: list[tuple[int, int] | None] = [None] * count  # frames of each slot, inclusive
    for person in range(recording.joints.shape[1]):
        seen = np.flatnonzero(recording.person_valid[:, person])
        if not len(seen):
            continue
        for place, span in enumerate(held):
            if span is None or seen[-1] < span[0] or span[1] < seen[0]:
                moved[seen, place] = recording.joints[seen, person]
                measured[seen, place] = recording.joint_valid[seen, person]
                valid[seen, place] = True
                ends = (seen[0], seen[-1], *(span or ()))
                held[place] = min(ends), max(ends)
                break
    return _shown(recording, moved, valid, measured)


def front(recording: Recording) -> Recording:
    """Moves persons who are absent at first to the start of the clip, without gaps (2s-AGCN).

    For clips of one action: persons are then no longer synchronous with each other or the labels.
    """
    order = np.tile(np.arange(len(recording.joints)), (recording.joints.shape[1], 1))
    valid = recording.person_valid.copy()
    for person, seen in enumerate(recording.person_valid.T):
        if not seen[0]:
            order[person] = np.argsort(~seen, kind='stable')
            valid[:, person] = np.sort(~seen) == 0
    return _reordered(recording, order, valid)


def loop(recording: Recording) -> Recording:
    """Repeats persons who are absent at the end from their first frame on (2s-AGCN).

    For clips of one action, as `front`. The repeated frames are valid.
    """
    frames = np.arange(len(recording.joints))
    order = np.tile(frames, (recording.joints.shape[1], 1))
    for person, seen in enumerate(recording.person_valid.T):
        if seen.any():
            order[person] = frames % (np.flatnonzero(seen)[-1] + 1)
    valid = np.take_along_axis(recording.person_valid, order.T, 0)
    return _reordered(recording, order, valid)


def _by(recording: Recording, motion) -> list[int]:
    """Returns persons in decreasing order of motion, absent ones last."""
    moved = [
        motion(recording, person) if recording.person_valid[:, person].any() else -1.0
        for person in range(recording.joints.shape[1])
    ]
    return list(np.argsort(-np.array(moved), kind='stable'))


def _energy(recording, person) -> float:
    shown = recording.joints[recording.person_valid[:, person], person].astype(np.float64)
    return float(shown.std((0, 1)).sum())


def _variance(recording, person) -> float:
    seen = recording.person_valid[:, person]
    variance = lambda frames: float(
        recording.joints[frames, person].astype(np.float64).var((0, 1)).sum()
    )
    plausible = seen & _plausible(recording, person)
    return min(variance(seen), variance(plausible)) if plausible.any() else variance(seen)


def _plausible(recording, person) -> np.ndarray:
    """Returns the frames in which a person is not wider than a body, bool[T]."""
    width, height = np.moveaxis(np.ptp(recording.joints[:, person, :, :2], axis=1), -1, 0)
    return width <= WIDE * height


def _taken(recording, order, count: int) -> Recording:
    """Keeps persons in an order, padded with absent ones to `count`."""
    order = list(order)[:count]
    missing = [(0, 0), (0, count - len(order))]
    return _shown(
        recording,
        np.pad(recording.joints[:, order], missing + [(0, 0)] * 2),
        np.pad(recording.person_valid[:, order], missing),
        np.pad(recording.joint_valid[:, order], missing + [(0, 0)], constant_values=True),
    )


def _reordered(recording, order, valid) -> Recording:
    """Reorders the frames of each person by int[M, T]."""
    persons = np.arange(len(order))
    return _shown(
        recording,
        recording.joints[order.T, persons],
        valid,
        recording.joint_valid[order.T, persons],
    )


def _shown(recording, joints, valid, measured) -> Recording:
    return dataclasses.replace(
        recording,
        joints=np.where(valid[..., None, None], joints, 0).astype(np.float32),
        frame_valid=valid.any(1),
        person_valid=valid,
        joint_valid=measured,
    )
