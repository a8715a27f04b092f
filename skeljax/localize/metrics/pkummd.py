"""Scores segments as the official evaluation of PKU-MMD does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.localize.metrics.overlap import best_true, hull_overlap
from skeljax.localize.metrics.precision import average_precision, check_tious, claims, named
from skeljax.localize.metrics.result import Result
from skeljax.localize.metrics.tables import Pool, by_group, pool
from skeljax.localize.segments import Segments

TIOUS = (0.5,)
THETAS = tuple(step * 0.05 for step in range(1, 21))


def pkummd(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    tious: Sequence[float] = TIOUS,
    num_frames: Mapping[str, int] | None = None,
    probabilities: Mapping[str, np.ndarray] | None = None,
    faithful: bool = False,
) -> Result:
    """Takes mAP_action, mAP_video, F1, AP and 2D-AP of the PKU-MMD benchmark.

    A proposal matches the true segment of its recording and class with the largest overlap
    (shared frames over the hull of the two; of equal ones the last) if that reaches the
    threshold. Several proposals may match one true segment, which then counts once: more
    of them lower the precision and displace nothing. AP is taken over the proposals of one
    class (mAP_action), of one recording (mAP_video) or of all (AP; 2D-AP is its mean over
    thresholds 0.05, 0.1 to 1).

    By default AP is the area under the envelope of precision over recall, and the means
    leave out classes and recordings without truth. `faithful` is the release, in which
    they count as 0, and which reads precision only just before each matched proposal and
    at the end of the list: [right, wrong] scores 1 / 2, where the envelope has 1.

    Source: ECHO960/PKU-MMD, evaluate.py (arXiv 1703.07475).

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        tious: the benchmark's theta, one or several.
        num_frames: of every true recording; where given, no segment may end beyond.
        probabilities: not read.
        faithful: reproduce the release.

    Returns:
        `map` is mAP_action, and `ap` that of classes.

    Raises:
        InputError: names the recording that is unknown or holds a bad segment, or says
            that there is no truth at all.
    """
    tious = check_tious(tious)
    pooled = pool(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    num_true = len(pooled.truth)
    owner, share = _owners(pooled)
    matched, hits = claims(owner, share, tious, num_true)
    precise = _published if faithful else _envelope
    groups = (pooled.proposals.label, pooled.truth.label, num_classes)
    ap = _grouped(matched, hits, *groups, precise)
    maps = _mean(ap, faithful)
    plane = [precise(*claims(owner, share, (theta,), num_true), num_true)[0] for theta in THETAS]
    by_kind = {
        'mAP_action': maps,
        'mAP_video': _by_video(pooled, matched, hits, faithful),
        'F1': 2 * hits.sum(axis=1) / (len(pooled.proposals) + num_true),
        'AP': precise(matched, hits, num_true),
    }
    figures = {}
    for name, values in by_kind.items():
        figures |= named(name, tious, values)
    return Result(
        figures={**figures, '2D-AP': float(np.mean(plane))},
        mean=float(maps.mean()),
        num_predicted=len(pooled.proposals),
        num_true=num_true,
        tious=tious,
        map=maps,
        ap=ap,
    )


def map_video(pooled: Pool, tious: Sequence[float], *, faithful: bool) -> np.ndarray:
    """Takes mAP_video alone, float64[K]; see `pkummd`."""
    matched, hits = claims(*_owners(pooled), tious, len(pooled.truth))
    return _by_video(pooled, matched, hits, faithful)


def _owners(pooled: Pool) -> tuple[np.ndarray, np.ndarray]:
    return best_true(
        pooled.proposals, pooled.truth, pooled.num_classes, overlap=hull_overlap, last=True
    )


def _by_video(pooled: Pool, matched: np.ndarray, hits: np.ndarray, faithful: bool) -> np.ndarray:
    groups = (pooled.proposals.video, pooled.truth.video, len(pooled.names))
    ap = _grouped(matched, hits, *groups, _published if faithful else _envelope)
    return _mean(ap, faithful)


def _grouped(matched, hits, group, true_group, num_groups: int, precise) -> np.ndarray:
    """Takes the AP of each group of proposals, float64[K, G]; nan where it has no truth.

    Who competes for a true segment is of its class and recording, so it is in one group,
    and matches and hits are those of the whole ranking.
    """
    counts = np.bincount(true_group, minlength=num_groups)
    ap = np.full((len(hits), num_groups), np.nan)
    for index, rows in enumerate(by_group(group, num_groups)):
        if counts[index]:
            ap[:, index] = precise(matched[:, rows], hits[:, rows], counts[index])
    return ap


def _mean(ap: np.ndarray, faithful: bool) -> np.ndarray:
    return np.nan_to_num(ap).mean(axis=1) if faithful else np.nanmean(ap, axis=1)


def _envelope(_: np.ndarray, hits: np.ndarray, num_true: int) -> np.ndarray:
    return average_precision(hits, num_true)


def _published(matched: np.ndarray, hits: np.ndarray, num_true: int) -> np.ndarray:
    """Takes proposals away from the worst up, and precision only where a matched one goes."""
    precision = np.cumsum(hits, axis=-1) / np.arange(1, hits.shape[-1] + 1)
    read = np.zeros((len(hits), hits.shape[-1] + 1))
    # What is left when a matched proposal is taken away are the better ones.
    read[:, 1:-1] = np.where(matched[:, 1:], precision[:, :-1], 0)
    read[:, -1:] = precision[:, -1:] if hits.shape[-1] else 0
    best = np.maximum.accumulate(read[:, ::-1], axis=1)[:, ::-1]
    return np.sum(best[:, :-1] * hits, axis=1) / num_true
