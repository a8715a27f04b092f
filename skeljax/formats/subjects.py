"""Separates persons from props among labeled points, and chooses which of them are read.

Systems label the points of several subjects `SUBJECT:POINT` (Vicon, Qualisys, Motive) or
`SUBJECT_POINT` (Motive by default). The subject with the most points is a person, and so is
each with at least half of the same points; the others are props. A point that one person
lacks was not measured of that person. Subjects of whom nothing was measured are left out.
"""

from dataclasses import dataclass

import numpy as np

from skeljax.errors import FormatError

_ALIKE = 0.5  # share of the first person's points that another person wears
_FEWEST = 5  # points of a subject whose name is separated by an underscore
_SIDES = ('l', 'r', 'left', 'right')


@dataclass(frozen=True)
class Chosen:
    """The points of the persons that are read.

    Attributes:
        names: of the V points.
        points: float64[T, M, V, 3].
        measured: bool[T, M, V].
        subject: names of the persons, separated by spaces.
        notes: who and what was left out.
    """

    names: list[str]
    points: np.ndarray
    measured: np.ndarray
    subject: str
    notes: tuple[str, ...]


def choose(
    path, labels: list[str], points: np.ndarray, measured: np.ndarray, *, wanted: str | None = None
) -> Chosen:
    """Sorts points by the subjects that wear them, and takes those of the persons.

    Args:
        path: for messages.
        labels: of each point; '' for none, which is left out.
        points: float64[T, N, 3].
        measured: bool[T, N].
        wanted: names of the subjects to take, separated by commas.

    Raises:
        FormatError: no point is labeled or was measured, or there is no subject of this name.
    """
    groups = _groups(labels)
    if not groups:
        raise FormatError(f'{path}: no labeled point')
    notes = []
    seen = {name: g for name, g in groups.items() if measured[:, [c for _, c in g]].any()}
    if not seen:
        raise FormatError(f'{path}: of {len(labels)} points none was ever measured')
    if wanted is not None:
        persons = _told(path, wanted, groups, seen)
    else:
        persons = _alike(seen)
        if absent := [name for name in groups if name not in seen]:
            notes.append(f'left out {_listed(absent)}: no point of theirs was ever measured')
        if props := [name for name in seen if name not in persons]:
            stated = f'left out {_listed(props)}: other points than {_listed(persons)}'
            notes.append(f'{stated}; the option subject takes them')
    merged = [_merged(group, points, measured) for group in persons.values()]
    for _, twice in merged:
        notes += [f'label {name!r:.40} twice: read as one point' for name in twice]
    names = list(dict.fromkeys(name for person, _ in merged for name in person))
    shape = (len(points), len(merged), len(names))
    joints, known = np.zeros((*shape, 3)), np.zeros(shape, bool)
    for index, (person, _) in enumerate(merged):
        for name, (values, flags) in person.items():
            joints[:, index, names.index(name)] = values
            known[:, index, names.index(name)] = flags
    lacking = [
        f'{subject or "the one without a name"} lacks {_listed(set(names) - person.keys())}'
        for subject, (person, _) in zip(persons, merged, strict=True)
        if len(person) < len(names)
    ]
    subject = ' '.join(filter(None, persons))
    return Chosen(names, joints, known, subject, (*notes, *lacking))


def _groups(labels: list[str]) -> dict[str, list[tuple[str, int]]]:
    """Sorts points by subject: subject -> (point, column) of each."""
    stated = [(*label.rpartition(':')[::2], column) for column, label in enumerate(labels) if label]
    if not any(subject for subject, _, _ in stated):
        stated = _by_underscore(stated)
    groups: dict[str, list[tuple[str, int]]] = {}
    for subject, name, column in stated:
        if name.strip():
            groups.setdefault(subject.strip(' -_'), []).append((name.strip(), column))
    return groups


def _by_underscore(stated: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """Splits SUBJECT_POINT where all points have it and every subject several points."""
    split = [(*name.rpartition('_')[::2], column) for _, name, column in stated]
    counts: dict[str, int] = {}
    for subject, _, _ in split:
        counts[subject] = counts.get(subject, 0) + 1
    sides = any(subject.lower() in _SIDES for subject in counts)
    if not split or '' in counts or sides or min(counts.values()) < _FEWEST:
        return stated
    return split


def _told(path, wanted: str, groups: dict, seen: dict) -> dict:
    names = [name.strip() for name in wanted.split(',')]
    for name in names:
        if name not in groups:
            raise FormatError(f'{path}: no subject {name!r:.40}, found {_listed(groups)}')
        if name not in seen:
            raise FormatError(f'{path}: no point of subject {name!r:.40} was ever measured')
    return {name: seen[name] for name in names}


def _alike(seen: dict) -> dict:
    """Returns the subjects that are persons; see the top of this file."""
    most = max(seen, key=lambda name: len(seen[name]))
    worn = {name for name, _ in seen[most]}
    return {
        subject: group
        for subject, group in seen.items()
        if subject == most or len(worn & {name for name, _ in group}) >= _ALIKE * len(worn)
    }


def _merged(group, points: np.ndarray, measured: np.ndarray):
    """Gathers a person's points, those of one label as one: name -> (values, flags); who twice."""
    person: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    twice: dict[str, None] = {}
    for name, column in group:
        values, flags = points[:, column], measured[:, column]
        if name in person:
            twice[name] = None
            before, known = person[name]
            values = np.where(known[:, None], before, values)
            flags = known | flags
        person[name] = values, flags
    return person, list(twice)


def _listed(names) -> str:
    """Returns a few names in one line."""
    names = sorted(names, key=str)
    shown = ', '.join(repr(' '.join(name.split()))[:42] for name in names[:5])
    return shown + (f' and {len(names) - 5} more' if len(names) > 5 else '')
