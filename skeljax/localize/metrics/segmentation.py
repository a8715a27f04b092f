"""The metrics of temporal action segmentation: frame accuracy, edit score, F1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.metrics import Result
from skeljax.localize.metrics.matching import best_true, check_tious, hull_overlap
from skeljax.localize.metrics.tables import Table, make_tables
from skeljax.localize.segments import Segments, from_frame_labels, to_frame_labels

TIOUS = (0.1, 0.25, 0.5)
BACKGROUND = ('accuracy', 'everywhere', 'nowhere')


def segmentation(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    tious: Sequence[float] = TIOUS,
    num_frames: Mapping[str, int] | None = None,
    probabilities: Mapping[str, np.ndarray] | None = None,
    background: str = 'accuracy',
) -> Result:
    """Computes frame accuracy, edit score and F1@{10, 25, 50}.

    Every frame has one label, see `to_frame_labels`.

    * accuracy: fraction of all frames of all recordings whose label is correct.
    * edit: 1 - Levenshtein distance of the label sequences / length of the longer one, mean over
      recordings; 1 where both are empty.
    * F1@t: a predicted run is a true positive if the true run of its class that it overlaps most
      (the first of equal ones) reaches the threshold and no earlier run was matched to it. Runs
      of all recordings are counted together.

    `background` selects where background counts:

    * 'accuracy': as a label in the accuracy, but not in edit and F1 (as MS-TCN evaluates).
    * 'everywhere': as a class, in edit and F1 too.
    * 'nowhere': frames whose true label is background are excluded from the accuracy too.

    Source: yabufarha/ms-tcn, eval.py (arXiv 1903.01945), after Lea et al. (arXiv 1611.05267).

    Args:
        predictions: segments by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        tious: thresholds of F1, above 0 and up to 1.
        num_frames: of every true recording.
        probabilities: ignored.
        background: one of `BACKGROUND`.

    Returns:
        `mean` is the mean of all figures; `map` is empty.

    Raises:
        InputError: an unknown recording, one without a number of frames, an invalid segment,
            no true segment at all, or an unknown `background`.
    """
    tious = check_tious(tious)
    if background not in BACKGROUND:
        raise InputError(f'background counts in {", ".join(BACKGROUND)}, not {background!r}')
    if num_frames is None:
        raise InputError('segmentation needs the number of frames of every recording')
    tables = make_tables(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    found, true = (
        [_frame_labels(by_name.get(name), num_frames[name], num_classes) for name in tables.names]
        for by_name in (predictions, truth)
    )
    left_out = -1 if background == 'everywhere' else num_classes
    runs = [[from_frame_labels(labels, left_out) for labels in side] for side in (found, true)]
    figures = {
        'accuracy': _accuracy(found, true, num_classes if background == 'nowhere' else -1),
        'edit': float(np.mean([_edit(p.label, t.label) for p, t in zip(*runs, strict=True)])),
        **_f1(runs[0], runs[1], num_classes, tious),
    }
    return Result(
        figures=figures,
        mean=float(np.mean(list(figures.values()))),
        num_predicted=len(tables.proposals),
        num_true=len(tables.truth),
        tious=tious,
    )


def _frame_labels(segments: Segments | None, num_frames: int, num_classes: int) -> np.ndarray:
    if segments is None:
        return np.full(num_frames, num_classes, np.int64)
    return to_frame_labels(segments, num_frames, num_classes)


def _accuracy(found: Sequence[np.ndarray], true: Sequence[np.ndarray], left_out: int) -> float:
    found, true = np.concatenate(found), np.concatenate(true)
    return float(np.mean((found == true)[true != left_out]))


def _edit(found: np.ndarray, true: np.ndarray) -> float:
    """Returns 1 - Levenshtein distance / longer length of two label sequences.

    rapidfuzz has the distance, but would be a dependency for these ten lines.
    """
    short, long = sorted((found, true), key=len)
    if not len(long):
        return 1.0
    index = np.arange(len(long) + 1)
    distance = index
    for label in short:
        # Substitutions and deletions first; insertions are then a running minimum.
        other = np.minimum(distance[1:] + 1, distance[:-1] + (long != label))
        row = np.concatenate([distance[:1] + 1, other])
        distance = np.minimum.accumulate(row - index) + index
    return 1 - int(distance[-1]) / len(long)


def _f1(found, true, num_classes: int, tious: Sequence[float]) -> dict[str, float]:
    """Returns F1@percent for each threshold, over the runs of all recordings."""
    proposals, truth = _table(found), _table(true)
    # num_classes + 1: background may be a class too.
    owner, share = best_true(proposals, truth, num_classes + 1, overlap=hull_overlap)
    figures = {}
    for tiou in tious:
        right = len(np.unique(owner[share >= tiou]))
        figures[f'F1@{round(100 * tiou, 6):g}'] = 2 * right / (len(proposals) + len(truth))
    return figures


def _table(runs: Sequence[Segments]) -> Table:
    video = np.repeat(np.arange(len(runs)), [len(part) for part in runs])
    fields = ('start', 'end', 'label', 'score')
    return Table(video, *(np.concatenate([getattr(r, name) for r in runs]) for name in fields))
