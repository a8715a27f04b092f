"""The official evaluation of PKU-MMD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.localize.metrics import Result
from skeljax.localize.metrics.matching import (
    average_precision,
    best_true,
    check_tious,
    claims,
    hull_overlap,
    named,
)
from skeljax.localize.metrics.tables import Tables, by_group, make_tables
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
    """Computes mAP_action, mAP_video, F1, AP and 2D-AP of the PKU-MMD benchmark.

    A proposal matches the true segment of its recording and class with the largest overlap
    (intersection over convex hull; the last of equal ones) if that reaches the threshold.
    Several proposals may match one true segment: the best scored one is a true positive, the
    others are false positives. AP is computed over the proposals of one class (mAP_action), of
    one recording (mAP_video) or all (AP; 2D-AP is its mean over thresholds 0.05, 0.1 to 1).

    By default AP is the area under the envelope of precision over recall, and the means exclude
    classes and recordings without truth. `faithful` reproduces the release: these count as 0,
    and precision is evaluated only just before each matched proposal and at the end of the
    list, so [right, wrong] has the AP 1 / 2 and not 1.

    Source: ECHO960/PKU-MMD, evaluate.py (arXiv 1703.07475).

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        tious: one or several values of the theta of the benchmark.
        num_frames: of every true recording; if given, segments must end within.
        probabilities: ignored.
        faithful: reproduces the release.

    Returns:
        `map` is mAP_action, `ap` the AP of each class.

    Raises:
        InputError: an unknown recording, an invalid segment, or no true segment at all.
    """
    tious = check_tious(tious)
    tables = make_tables(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    num_true = len(tables.truth)
    owner, share = _owners(tables)
    matched, hits = claims(owner, share, tious, num_true)
    compute_ap = _released_ap if faithful else _envelope_ap
    groups = (tables.proposals.label, tables.truth.label, num_classes)
    ap = _ap_by_group(matched, hits, *groups, compute_ap)
    maps = _mean(ap, faithful)
    plane = [
        compute_ap(*claims(owner, share, (theta,), num_true), num_true)[0] for theta in THETAS
    ]
    by_kind = {
        'mAP_action': maps,
        'mAP_video': _by_video(tables, matched, hits, faithful),
        'F1': 2 * hits.sum(axis=1) / (len(tables.proposals) + num_true),
        'AP': compute_ap(matched, hits, num_true),
    }
    figures = {}
    for name, values in by_kind.items():
        figures |= named(name, tious, values)
    return Result(
        figures={**figures, '2D-AP': float(np.mean(plane))},
        mean=float(maps.mean()),
        num_predicted=len(tables.proposals),
        num_true=num_true,
        tious=tious,
        map=maps,
        ap=ap,
    )


def map_video(tables: Tables, tious: Sequence[float], *, faithful: bool) -> np.ndarray:
    """Returns mAP_video alone, float64[K]; see `pkummd`."""
    matched, hits = claims(*_owners(tables), tious, len(tables.truth))
    return _by_video(tables, matched, hits, faithful)


def _owners(tables: Tables) -> tuple[np.ndarray, np.ndarray]:
    return best_true(
        tables.proposals, tables.truth, tables.num_classes, overlap=hull_overlap, last=True
    )


def _by_video(tables: Tables, matched: np.ndarray, hits: np.ndarray, faithful: bool) -> np.ndarray:
    groups = (tables.proposals.video, tables.truth.video, len(tables.names))
    ap = _ap_by_group(matched, hits, *groups, _released_ap if faithful else _envelope_ap)
    return _mean(ap, faithful)


def _ap_by_group(matched, hits, group, true_group, num_groups: int, compute_ap) -> np.ndarray:
    """Returns the AP of each group of proposals, float64[K, G]; nan for groups without truth.

    Proposals that compete for a true segment are of its class and recording, hence in one group:
    the matches of a group are those of the whole ranking.
    """
    counts = np.bincount(true_group, minlength=num_groups)
    ap = np.full((len(hits), num_groups), np.nan)
    for index, rows in enumerate(by_group(group, num_groups)):
        if counts[index]:
            ap[:, index] = compute_ap(matched[:, rows], hits[:, rows], counts[index])
    return ap


def _mean(ap: np.ndarray, faithful: bool) -> np.ndarray:
    return np.nan_to_num(ap).mean(axis=1) if faithful else np.nanmean(ap, axis=1)


def _envelope_ap(_: np.ndarray, hits: np.ndarray, num_true: int) -> np.ndarray:
    return average_precision(hits, num_true)


def _released_ap(matched: np.ndarray, hits: np.ndarray, num_true: int) -> np.ndarray:
    """Removes proposals from the worst up; evaluates precision only where a matched one goes."""
    precision = np.cumsum(hits, axis=-1) / np.arange(1, hits.shape[-1] + 1)
    read = np.zeros((len(hits), hits.shape[-1] + 1))
    # When a matched proposal is removed, the better ones remain.
    read[:, 1:-1] = np.where(matched[:, 1:], precision[:, :-1], 0)
    read[:, -1:] = precision[:, -1:] if hits.shape[-1] else 0
    best = np.maximum.accumulate(read[:, ::-1], axis=1)[:, ::-1]
    return np.sum(best[:, :-1] * hits, axis=1) / num_true
