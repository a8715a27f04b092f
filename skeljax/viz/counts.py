"""Counts the content of recordings, one at a time, and formats the counts as text tables."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.data.records import Recording
from skeljax.skeletons import skeleton
from skeljax.viz import table

_QUANTILES = {'shortest': 0.0, '10 %': 0.1, 'median': 0.5, '90 %': 0.9, 'longest': 1.0}


class SplitCounts:
    """Counts of the recordings of one split; the recordings themselves are not stored.

    Attributes:
        seconds: length of each recording.
        segments: length of each segment in seconds.
        instances: class -> number of segments.
        subjects: names of the subjects.
        rates: frame rates.
        layouts: names of the joint layouts.
        persons: largest number of persons in one frame.
        labeled: number of frames inside a segment.
        frames: number of all frames.
        joints: number of joint positions of persons that are present.
        missing: number of those that were not measured.
    """

    def __init__(self):
        self.seconds: list[float] = []
        self.segments: list[float] = []
        self.instances: collections.Counter = collections.Counter()
        self.subjects: set[str] = set()
        self.rates: set[float] = set()
        self.layouts: set[str] = set()
        self.persons = self.labeled = self.frames = self.joints = self.missing = 0

    def add(self, recording: Recording, classes: Sequence[str]):
        """Adds one recording to the counts."""
        lengths = recording.segment_end - recording.segment_start
        self.seconds.append(len(recording.joints) / recording.fps)
        self.segments += (lengths / recording.fps).tolist()
        self.instances.update(classes[label] for label in recording.segment_label)
        self.subjects |= {recording.subject} - {''}
        self.rates.add(round(recording.fps, 3))
        layout = skeleton.get(recording.layout)
        self.layouts.add(f'{layout.name} ({layout.num_joints} joints)')
        self.persons = max(self.persons, int(recording.person_valid.sum(1).max(initial=0)))
        self.labeled += int(lengths.sum())
        self.frames += len(recording.joints)
        measured = recording.joint_valid[recording.person_valid]
        self.joints += measured.size
        self.missing += int(measured.size - measured.sum())


def describe(splits: Mapping[str, SplitCounts], classes: Sequence[str]) -> str:
    """Returns tables with one column per split: totals, lengths and instances of each class.

    Args:
        splits: split -> its counts.
        classes: class names.
    """
    counts = list(splits.values())
    rates = sorted({rate for split in counts for rate in split.rates})
    layouts = sorted({layout for split in counts for layout in split.layouts})
    parts = [
        f'layout: {", ".join(layouts)}\nframes per second: {", ".join(f"{r:g}" for r in rates)}'
    ]
    rows = {
        'recordings': [len(split.seconds) for split in counts],
        'minutes': [sum(split.seconds) / 60 for split in counts],
        'subjects': [len(split.subjects) or np.nan for split in counts],
        'persons at once': [split.persons for split in counts],
        'segments': [len(split.segments) for split in counts],
        'frames labeled, %': [_percent(split.labeled, split.frames) for split in counts],
        'joints missing, %': [_percent(split.missing, split.joints) for split in counts],
    }
    parts.append(table.text(list(rows), list(splits), list(rows.values()), corner='total'))
    for name, corner in (('seconds', 'recording, s'), ('segments', 'segment, s')):
        lengths = [_quantiles(getattr(split, name)) for split in counts]
        columns = list(zip(*lengths, strict=True))
        parts.append(table.text(list(_QUANTILES), list(splits), columns, corner=corner))
    if classes:
        instances = [[split.instances[name] for split in counts] for name in classes]
        parts.append(table.text(classes, list(splits), instances, corner='instances', digits=0))
    return '\n\n'.join(parts)


def _percent(part: int, total: int) -> float:
    return 100 * part / total if total else np.nan


def _quantiles(lengths: list[float]) -> list[float]:
    if not lengths:
        return [np.nan] * len(_QUANTILES)
    return np.quantile(lengths, list(_QUANTILES.values())).tolist()
