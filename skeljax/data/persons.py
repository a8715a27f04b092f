"""Who is in a recording, and in which order: the field's ways with several persons."""

import dataclasses

import numpy as np

from skeljax.data.records import Recording

SHORT = 11  # frames; CTR-GCN's release takes whoever is seen for no longer to be noise
WIDE = 0.8  # and a body wider than this share of its height to be none,
OFTEN = 0.69754  # if it is so in this share of its frames


def order_persons(recording: Recording, count: int = 2) -> Recording:
    """Keeps the `count` persons who move most, the one who does so most first (2s-AGCN).

    Their energy is the standard deviation of all joints over all frames that show
    them, summed over the axes. Where there are fewer, absent persons are added.
    """
    return _taken(recording, _by(recording, _energy), count)


def first_persons(recording: Recording, count: int = 2) -> Recording:
    """Keeps the first `count` persons; where there are fewer, absent ones are added."""
    return _taken(recording, range(recording.joints.shape[1]), count)


def order_variance(recording: Recording) -> Recording:
    """Orders persons by the variance of their joints summed over the axes (CTR-GCN).

    Where it is less without the frames in which a body is wider than it can be
    (see `denoise`), it is that.
    """
    return _taken(recording, _by(recording, _variance), recording.joints.shape[1])


def denoise(recording: Recording) -> Recording:
    """Takes away, where several persons are seen, those who are none (CTR-GCN).

    These are seen in no more than `SHORT` frames, or are wider (x) than `WIDE` of
    their height (y) in `OFTEN` of their frames. The last one stays. For recordings
    whose y axis points up, before any alignment.
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
    """Gives persons, in order, to `count` places that hold one at a time (CTR-GCN).

    A person comes to the first place that nobody has had between their first and
    last frame, and is left out where there is none: someone whom a sensor lost and
    found again under another number is one person afterwards.
    """
    frames, _, joints, axes = recording.joints.shape
    moved = np.zeros((frames, count, joints, axes), np.float32)
    valid = np.zeros((frames, count), bool)
    measured = np.ones((frames, count, joints), bool)
    held: list[tuple[int, int] | None] = [None] * count  # frames of each place, both included
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
    """Moves whoever is absent at first to the front, gaps left out (2s-AGCN).

    For clips of one action: what one person does is no longer beside what the
    other does, nor beside the labels.
    """
    order = np.tile(np.arange(len(recording.joints)), (recording.joints.shape[1], 1))
    valid = recording.person_valid.copy()
    for person, seen in enumerate(recording.person_valid.T):
        if not seen[0]:
            order[person] = np.argsort(~seen, kind='stable')
            valid[:, person] = np.sort(~seen) == 0
    return _reordered(recording, order, valid)


def loop(recording: Recording) -> Recording:
    """Repeats whoever is absent at the end from their first frame on (2s-AGCN).

    For clips of one action, as `front`. The repeated frames count as seen.
    """
    frames = np.arange(len(recording.joints))
    order = np.tile(frames, (recording.joints.shape[1], 1))
    for person, seen in enumerate(recording.person_valid.T):
        if seen.any():
            order[person] = frames % (np.flatnonzero(seen)[-1] + 1)
    valid = np.take_along_axis(recording.person_valid, order.T, 0)
    return _reordered(recording, order, valid)


def _by(recording: Recording, motion) -> list[int]:
    """Orders persons by how much they move, most first; who are absent come last."""
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
    spread = lambda frames: float(
        recording.joints[frames, person].astype(np.float64).var((0, 1)).sum()
    )
    plausible = seen & _plausible(recording, person)
    return min(spread(seen), spread(plausible)) if plausible.any() else spread(seen)


def _plausible(recording, person) -> np.ndarray:
    """Tells the frames in which a person is not wider than a body can be, bool[T]."""
    width, height = np.moveaxis(np.ptp(recording.joints[:, person, :, :2], axis=1), -1, 0)
    return width <= WIDE * height


def _taken(recording, order, count: int) -> Recording:
    """Keeps persons in an order, filled up with absent ones to `count`."""
    order = list(order)[:count]
    missing = [(0, 0), (0, count - len(order))]
    return _shown(
        recording,
        np.pad(recording.joints[:, order], missing + [(0, 0)] * 2),
        np.pad(recording.person_valid[:, order], missing),
        np.pad(recording.joint_valid[:, order], missing + [(0, 0)], constant_values=True),
    )


def _reordered(recording, order, valid) -> Recording:
    """Puts each person's frames in an order of their own, int[M, T]."""
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
