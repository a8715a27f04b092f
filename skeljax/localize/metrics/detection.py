"""Scores segments as the detection evaluation of HiCLR and PCM3 does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.localize.metrics.overlap import best_true
from skeljax.localize.metrics.pkummd import map_video
from skeljax.localize.metrics.precision import average_precision, check_tious, claims, named
from skeljax.localize.metrics.result import Result
from skeljax.localize.metrics.tables import by_group, pool
from skeljax.localize.segments import Segments

TIOUS = (0.1, 0.3, 0.5)
VIDEO_TIOU = 0.5


def detection(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    tious: Sequence[float] = TIOUS,
    num_frames: Mapping[str, int] | None = None,
    probabilities: Mapping[str, np.ndarray] | None = None,
    faithful: bool = False,
) -> Result:
    """Takes mAP_a by the rules of Pascal VOC, and mAP_v by those of `pkummd`.

    Per class, from the best score down, a proposal may take only the true segment of its
    recording with which its IoU is highest (the first of equal ones): it is right if that
    reaches the threshold and is still free, else wrong, though another were free. mAP_a is
    the mean over the classes of the truth of the area under the envelope of precision over
    recall; mAP_v is mAP_video of `pkummd` at 0.5. Papers report 0.5, then 0.3 and 0.1.

    `faithful` is the release: it adds 1 to all lengths, as of inclusive ends, though its
    segments are half-open, so that neighbours that touch share a frame; and its mAP_v has
    the release's precision, see `pkummd`.

    Source: JHang2020/Simple-Skeleton-Detection, processor/evaluate_metrics.py.

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        tious: thresholds of mAP_a, above 0 and up to 1.
        num_frames: of every true recording; where given, no segment may end beyond.
        probabilities: not read.
        faithful: reproduce the release.

    Raises:
        InputError: names the recording that is unknown or holds a bad segment, or says
            that there is no truth at all.
    """
    tious = check_tious(tious)
    pooled = pool(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    found, true = (t.lengthened(1) if faithful else t for t in (pooled.proposals, pooled.truth))
    _, hits = claims(*best_true(found, true, num_classes), tious, len(pooled.truth))
    counts = np.bincount(pooled.truth.label, minlength=num_classes)
    ap = np.full((len(tious), num_classes), np.nan)
    for label, rows in enumerate(by_group(pooled.proposals.label, num_classes)):
        if counts[label]:
            ap[:, label] = average_precision(hits[:, rows], counts[label])
    maps = np.nanmean(ap, axis=1)
    video = named('mAP_v', (VIDEO_TIOU,), map_video(pooled, (VIDEO_TIOU,), faithful=faithful))
    mean = float(maps.mean())
    return Result(
        figures={**named('mAP_a', tious, maps), **video, 'mean': mean},
        mean=mean,
        num_predicted=len(pooled.proposals),
        num_true=len(pooled.truth),
        tious=tious,
        map=maps,
        ap=ap,
    )
