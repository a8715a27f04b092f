"""Moves the changes of a decoded sequence to minima of motion; this did not improve results."""

import numpy as np

from skeljax.localize.segments import Segments
from skeljax.localize.sequence import SequenceDecoder


def speed(joints: np.ndarray, fps: float) -> np.ndarray:
    """Computes the mean speed of the first person's joints, divided by its mean over time.

    Args:
        joints: float[T, M, V, 3] in meters.
        fps: frames per second.

    Returns:
        float64[T].
    """
    steps = np.linalg.norm(np.diff(joints[:, 0], axis=0, prepend=joints[:1, 0]), axis=-1)
    smooth = np.convolve(steps.mean(axis=1) * fps, np.ones(3) / 3, 'same')
    return smooth / max(smooth.mean(), 1e-9)


def unrefined(decoder: SequenceDecoder, probabilities: np.ndarray) -> Segments:
    """Decodes; changes remain at multiples of the decoder's stride."""
    path = decoder.decode(probabilities)
    start = np.array([first * decoder.stride for first, _, _ in path.steps], np.int64)
    return _segments(path, start, probabilities)


def on_motion(
    decoder: SequenceDecoder, probabilities: np.ndarray, motion: np.ndarray, *,
    reach: float = 0.4, weight: float = 1.0,
) -> Segments:
    """Decodes; each change is moved to the frame of the highest score minus weighted motion.

    Args:
        decoder: the sequence decoder.
        probabilities: float[T, L + 1].
        motion: float[T], the result of `speed`.
        reach: seconds on either side that are searched.
        weight: of the motion relative to log-probabilities.
    """
    path, logs = decoder.decode(probabilities), decoder.logarithms(probabilities)
    start, frames = path.start.copy(), round(reach * decoder.fps)
    for index in range(1, len(start)):
        low = max(start[index] - frames, start[index - 1] + 1)
        after = start[index + 1] if index + 1 < len(start) else len(logs)
        high = min(start[index] + frames, after - 1)
        if high > low:
            before, here = path.label[index - 1], path.label[index]
            gain = np.cumsum(logs[low:high, before] - logs[low:high, here])
            score = np.concatenate([[0.0], gain]) - weight * motion[low:high + 1]
            start[index] = low + int(np.argmax(score))
    return _segments(path, start, probabilities)


def _segments(path, start: np.ndarray, probabilities: np.ndarray) -> Segments:
    end = np.append(start[1:], len(probabilities))[:len(start)]
    kept = (path.label < probabilities.shape[1] - 1) & (end > start)
    return Segments(start[kept], end[kept], path.label[kept])
