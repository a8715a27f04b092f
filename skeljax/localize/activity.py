"""Turns class probabilities of frames into segments of activity, each of one class."""

from __future__ import annotations

import numpy as np

from skeljax.localize.decode import checked
from skeljax.localize.segments import Segments, from_frame_labels


def activity_runs(
    probabilities: np.ndarray,
    *,
    reach: int = 10,
    threshold: float = 0.4,
    faithful: bool = False,
) -> Segments:
    """Proposes every run of frames that are probably not background, as its likeliest class.

    The decoding of the detection evaluation of HiCLR and PCM3: probabilities are averaged
    over the frames [i - reach, i + reach) within the recording; a frame is active if its
    background is at most 1 - threshold; a run is of the class whose mean over it is
    highest, and that mean is its score. Neighbouring actions without a gap become one.
    `faithful` is the release, whose averages never take the recording's last frame.

    Source: JHang2020/Simple-Skeleton-Detection, processor/detection_downsample_linear.py.

    Args:
        probabilities: float[T, L + 1] of one recording, background last, padding cut off.
        reach: frames averaged on either side; 0 averages nothing.
        threshold: least probability of activity.
        faithful: reproduce the release.

    Returns:
        Segments in temporal order, which never overlap.

    Raises:
        InputError: not two-dimensional, no class beside background, or not probabilities.
    """
    scores = _averaged(checked(probabilities), reach, faithful)
    active = 1 - scores[:, -1] >= threshold
    runs = from_frame_labels(active.astype(np.int64), 0)
    if not len(runs):
        return runs
    # Sums from each start to the next edge; those of the gaps between are dropped.
    edges = np.stack([runs.start, runs.end], axis=1).ravel()
    padded = np.concatenate([scores[:, :-1], np.zeros((1, scores.shape[1] - 1))])
    means = np.add.reduceat(padded, edges, axis=0)[::2] / (runs.end - runs.start)[:, None]
    label = means.argmax(axis=1)
    return Segments(runs.start, runs.end, label, means[np.arange(len(label)), label])


def _averaged(scores: np.ndarray, reach: int, faithful: bool) -> np.ndarray:
    num_frames = len(scores)
    if reach == 0 or num_frames < 2:
        return scores
    total = np.zeros((num_frames + 1, scores.shape[1]))
    np.cumsum(scores, axis=0, out=total[1:])
    position = np.arange(num_frames)
    first = np.maximum(position - reach, 0)
    last = np.minimum(position + reach, num_frames - 1 if faithful else num_frames)
    return (total[last] - total[first]) / (last - first)[:, None]
