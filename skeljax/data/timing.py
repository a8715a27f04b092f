"""Recordings at another frame rate or of another length; segments come along."""

import dataclasses

import numpy as np

from skeljax.data.records import Recording
from skeljax.errors import InputError

_HAIR = 1e-6  # frames; positions are computed, not exact
_SAME = 1e-4  # share by which rates may differ: 30 a second is written as 0.0333333 seconds a frame


def resample(recording: Recording, fps: float) -> Recording:
    """Shows a recording at `fps` frames a second.

    Frame i shows the moment i / fps after the first frame, interpolated linearly
    between the two frames around it (the last is held); there are ceil(T · fps /
    old fps) of them. At a quarter of the rate these are frames 0, 4, 8, ... themselves.
    A recording that has this rate, but for a rounding, is returned itself.

    Raises:
        InputError: no such rate.
    """
    if not 0 < fps < np.inf:
        raise InputError(f'{recording.name}: cannot be resampled to {fps} frames a second')
    if abs(recording.fps / fps - 1) < _SAME:
        return recording
    step = recording.fps / fps
    count = max(1, int(np.ceil(len(recording.joints) / step - _HAIR)))
    return _retimed(recording, np.arange(count) * step, fps, shown=0.0)


def stretch(recording: Recording, frames: int) -> Recording:
    """Stretches a clip to a number of frames, as CrosSCLR's release does (OpenCV's linear resize).

    Frame i shows frame (i + 1/2) · T / frames - 1/2 of the clip, interpolated linearly
    and held beyond the ends.

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

    Between a frame that shows a person and one that does not, the one that does is
    taken as it is, where it is the nearer one; else the person is absent.

    Args:
        recording: T frames.
        positions: increasing.
        fps: of the result.
        shown: where in the time of a frame, of 0 to 1, stands what it shows.
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
    """Moves segments to the frames whose moments lie in them, [start, end), one at least.

    Segments that touch still do, and segments that do not overlap do not, but for
    those that are shorter than one frame.
    """
    spans = recording.segment_start, recording.segment_end
    start, end = (np.searchsorted(moments, span - _HAIR).astype(np.int32) for span in spans)
    start = np.minimum(start, len(moments) - 1).astype(np.int32)
    return {'segment_start': start, 'segment_end': np.maximum(end, start + 1).astype(np.int32)}
