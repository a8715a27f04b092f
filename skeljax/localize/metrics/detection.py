"""The detection evaluation of HiCLR and PCM3: mAP_a and mAP_v."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.localize.metrics import Result
from skeljax.localize.metrics.matching import (
    average_precision,
    best_true,
    check_tious,
    claims,
    named,
)
from skeljax.localize.metrics.pkummd import map_video
from skeljax.localize.metrics.tables import by_group, make_tables
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
    """Computes mAP_a by the rules of Pascal VOC, and mAP_v by those of `pkummd`.

    Per class, from the best score down, a proposal is compared only with the true segment of its
    recording with the highest IoU (the first of equal ones). It is a true positive if the IoU
    reaches the threshold and the true segment is unmatched, and a false positive otherwise, even
    if another true segment is free. mAP_a is the mean, over the classes in the truth, of the
    area under the envelope of precision over recall. mAP_v is mAP_video of `pkummd` at 0.5.
    Papers report 0.5, then 0.3 and 0.1.

    `faithful` reproduces the release: it adds 1 to all lengths as if ends were inclusive, though
    its segments are half-open, so adjacent segments share a frame; and mAP_v uses the precision
    of the release, see `pkummd`.

    Source: JHang2020/Simple-Skeleton-Detection, processor/evaluate_metrics.py.

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        tious: thresholds of mAP_a, above 0 and up to 1.
        num_frames: of every true recording; if given, segments must end within.
        probabilities: ignored.
        faithful: reproduces the release.

    Raises:
        InputError: an unknown recording, an invalid segment, or no true segment at all.
    """
    tious = check_tious(tious)
    tables = make_tables(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    proposals, true = (
        table.lengthened(1) if faithful else table for table in (tables.proposals, tables.truth)
    )
    _, hits = claims(*best_true(proposals, true, num_classes), tious, len(tables.truth))
    counts = np.bincount(tables.truth.label, minlength=num_classes)
    ap = np.full((len(tious), num_classes), np.nan)
    for label, rows in enumerate(by_group(tables.proposals.label, num_classes)):
        if counts[label]:
            ap[:, label] = average_precision(hits[:, rows], counts[label])
    maps = np.nanmean(ap, axis=1)
    video = named('mAP_v', (VIDEO_TIOU,), map_video(tables, (VIDEO_TIOU,), faithful=faithful))
    mean = float(maps.mean())
    return Result(
        figures={**named('mAP_a', tious, maps), **video, 'mean': mean},
        mean=mean,
        num_predicted=len(tables.proposals),
        num_true=len(tables.truth),
        tious=tious,
        map=maps,
        ap=ap,
    )
