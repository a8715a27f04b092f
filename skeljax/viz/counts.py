"""Counts what recordings hold, one at a time, and lays the counts out as text."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.data.records import Recording
from skeljax.skeletons import skeleton
from skeljax.viz import table

_QUANTILES = {'shortest': 0.0, '10 %': 0.1, 'median': 0.5, '90 %': 0.9, 'longest': 1.0}


class Tally:
    """Counts of the recordings of one split; keeps none of them.

    Attributes:
        seconds: of each recording.
        segments: seconds of each segment.
        instances: class -> segments of it.
        subjects: who moves.
        rates: frame rates.
        layouts: joint layouts, by name.
        persons: most at once.
        labeled: frames in a segment.
        frames: in all.
        joints: of persons that are there.
        missing: those of them that were not measured.
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
        """Counts one recording."""
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


def describe(tallies: Mapping[str, Tally], classes: Sequence[str]) -> str:
    """Writes tallies side by side: sizes, lengths, then instances of each class.

    Args:
        tallies: split -> what it holds.
        classes: names of the classes.
    """
    some = list(tallies.values())
    rates = sorted({rate for tally in some for rate in tally.rates})
    layouts = sorted({layout for tally in some for layout in tally.layouts})
    parts = [
        f'layout: {", ".join(layouts)}\nframes a second: {", ".join(f"{r:g}" for r in rates)}'
    ]
    rows = {
        'recordings': [len(tally.seconds) for tally in some],
        'minutes': [sum(tally.seconds) / 60 for tally in some],
        'subjects': [len(tally.subjects) or np.nan for tally in some],
        'persons at once': [tally.persons for tally in some],
        'segments': [len(tally.segments) for tally in some],
        'frames labeled, %': [_percent(tally.labeled, tally.frames) for tally in some],
        'joints missing, %': [_percent(tally.missing, tally.joints) for tally in some],
    }
    parts.append(table.text(list(rows), list(tallies), list(rows.values()), corner='in all'))
    for name, corner in (('seconds', 'recording, s'), ('segments', 'segment, s')):
        lengths = [_quantiles(getattr(tally, name)) for tally in some]
        columns = list(zip(*lengths, strict=True))
        parts.append(table.text(list(_QUANTILES), list(tallies), columns, corner=corner))
    if classes:
        counts = [[tally.instances[name] for tally in some] for name in classes]
        parts.append(table.text(classes, list(tallies), counts, corner='instances', digits=0))
    return '\n\n'.join(parts)


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else np.nan


def _quantiles(lengths: list[float]) -> list[float]:
    if not lengths:
        return [np.nan] * len(_QUANTILES)
    return np.quantile(lengths, list(_QUANTILES.values())).tolist()
