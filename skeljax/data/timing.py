"""Resamples recordings to another frame rate or length, together with their segments."""

import dataclasses

import numpy as np

from skeljax.data.records import Recording
from skeljax.errors import InputError

_HAIR = 1e-6  # frames; positions are computed, not exact
_SAME = 1e-4  # relative difference of equal rates: 1 / 30 may be written as 0.0333333 seconds


def resample(recording: Recording, fps: float) -> Recording:
    """Resamples a recording to `fps` frames per second.

    Frame i is at the time i / fps after the first frame, interpolated linearly between its two
    neighbors (the last frame is repeated); there are ceil(T * fps / old fps) frames. At a quarter
    of the rate these are exactly frames 0, 4, 8, ... A recording with this rate, up to rounding,
    is returned unchanged.

    Raises:
        InputError: no such rate.
    """
    if not 0 < fps < np.inf:
        raise InputError(f'{recording.name}: cannot be resampled to {fps} frames per second')
    if abs(recording.fps / fps - 1) < _SAME:
        return recording
    step = recording.fps / fps
    count = max(1, int(np.ceil(len(recording.joints) / step - _HAIR)))
    return _retimed(recording, np.arange(count) * step, fps, shown=0.0)


def stretch(recording: Recording, frames: int) -> Recording:
    """Stretches a clip to a number of frames as the release of CrosSCLR (linear resize of OpenCV).

    Frame i is frame (i + 1/2) * T / frames - 1/2 of the clip, interpolated linearly; beyond the
    ends the first and last frame are repeated.

    Raises:
        InputError: no such number.
    """
    if frames < 1:
        raise InputError(f'{recording.name}: cannot be stretched to {frames} frames')
    step = len(recording.joints) / frames
    positions = (np.arange(frames) + 0.5) * step - 0.5
    return _retimed(recording, positions, recording.fps / step, shown=0.5)


def _retimed(recording: Recording, positions, fps: float, *, shown: float) -> Recording:
    """Interpolates a recording at positions in frames, float64[T'].

    If a person is present in only one of two neighboring frames, that pose is taken if its frame
    is the nearest one; otherwise the person is absent.

    Args:
        recording: T frames.
        positions: increasing.
        fps: of the result.
        shown: the time of a pose within its frame, from 0 to 1.
    """
    last = len(recording.joints) - 1
    place = np.clip(positions, 0, last)
    low = np.floor(place + _HAIR).astype(int)
    high = np.minimum(low + 1, last)
    share = np.clip(place - low, 0, 1)
    nearest = np.where(share <= 0.5, low, high)
    weight = np.stack([1 - share, share])[..., None] * recording.person_valid[[low, high]]
    weight /= np.maximum(weight.sum(0), _HAIR)
    valid = recording.person_valid[nearest]
    weight = (weight * valid).astype(np.float32)[..., None, None]
    return dataclasses.replace(
        recording,
        joints=weight[0] * recording.joints[low] + weight[1] * recording.joints[high],
        frame_valid=recording.frame_valid[nearest],
        person_valid=valid,
        joint_valid=recording.joint_valid[nearest],
        fps=float(fps),
        **_segments(recording, positions + shown),
    )


def _segments(recording: Recording, moments) -> dict[str, np.ndarray]:
    """Returns the segments as frames whose times lie in them, [start, end), at least one frame.

    Adjacent segments remain adjacent and disjoint segments disjoint, except those shorter than
    one frame.
    """
    spans = recording.segment_start, recording.segment_end
    start, end = (np.searchsorted(moments, span - _HAIR).astype(np.int32) for span in spans)
    start = np.minimum(start, len(moments) - 1).astype(np.int32)
    return {'segment_start': start, 'segment_end': np.maximum(end, start + 1).astype(np.int32)}
