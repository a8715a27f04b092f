"""Keeps the segments that an evaluation compared, so that they can be scored again."""

from collections.abc import Mapping
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.formats import archive
from skeljax.localize.segments import Segments

_FIELDS = ('start', 'end', 'label', 'score')


class Kept(NamedTuple):
    """The segments of one evaluation; frames are half-open.

    Attributes:
        truth: recording -> true segments.
        predicted: protocol -> recording -> proposals.
        num_frames: recording -> its frames.
    """

    truth: dict[str, Segments]
    predicted: dict[str, dict[str, Segments]]
    num_frames: dict[str, int]


def write(path, kept: Kept) -> Path:
    """Writes an NPZ file: recording names, then the four columns of every set."""
    path, names = Path(path), sorted(kept.truth)
    frames = np.array([kept.num_frames[name] for name in names], np.int64)
    columns = {'recordings': np.array(names), 'frames': frames}
    for name, found in {'truth': kept.truth, **kept.predicted}.items():
        parts = [found[recording] for recording in names]
        columns[f'{name}/count'] = np.array([len(part) for part in parts], np.int64)
        for field in _FIELDS:
            columns[f'{name}/{field}'] = np.concatenate([getattr(part, field) for part in parts])
    beside = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        with beside.open('wb') as file:
            np.savez_compressed(file, **columns)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def read(path) -> Kept:
    """Reads what `write` wrote.

    Raises:
        InputError: names the file that is missing or damaged.
    """
    try:
        columns = dict(archive.load(path))
        names = columns.pop('recordings').tolist()
        frames = dict(zip(names, columns.pop('frames').tolist(), strict=True))
        kinds = dict.fromkeys(key.rsplit('/', 1)[0] for key in columns)
        found = {kind: _split(columns, kind, names) for kind in kinds}
        return Kept(found.pop('truth'), found, frames)
    except Exception as error:  # columns of another kind fail in as many ways as there are
        reason = archive.reason(error)
        raise InputError(f'{path}: kept segments cannot be read: {reason}') from None


def _split(columns: Mapping[str, np.ndarray], kind: str, names: list[str]) -> dict[str, Segments]:
    cuts = np.cumsum(columns[f'{kind}/count'])[:-1]
    parts = [np.split(columns[f'{kind}/{field}'], cuts) for field in _FIELDS]
    return {name: Segments(*part) for name, *part in zip(names, *parts, strict=True)}
