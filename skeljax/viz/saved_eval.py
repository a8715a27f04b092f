"""Stores the segments of an evaluation, so that they can be evaluated again without the model."""

from collections.abc import Mapping
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.formats import archive
from skeljax.localize.segments import Segments

_FIELDS = ('start', 'end', 'label', 'score')


class SavedSegments(NamedTuple):
    """The segments of one evaluation; frames are half-open.

    Attributes:
        truth: recording -> true segments.
        predicted: protocol -> recording -> proposals.
        num_frames: recording -> its number of frames.
    """

    truth: dict[str, Segments]
    predicted: dict[str, dict[str, Segments]]
    num_frames: dict[str, int]


def write(path, segments: SavedSegments) -> Path:
    """Writes an NPZ file: recording names and frame counts, then four columns per segment set."""
    path, names = Path(path), sorted(segments.truth)
    frames = np.array([segments.num_frames[name] for name in names], np.int64)
    columns = {'recordings': np.array(names), 'frames': frames}
    for name, by_recording in {'truth': segments.truth, **segments.predicted}.items():
        parts = [by_recording[recording] for recording in names]
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


def read(path) -> SavedSegments:
    """Reads a file written by `write`.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        columns = dict(archive.load(path))
        names = columns.pop('recordings').tolist()
        frames = dict(zip(names, columns.pop('frames').tolist(), strict=True))
        sets = dict.fromkeys(key.rsplit('/', 1)[0] for key in columns)
        predicted = {name: _split(columns, name, names) for name in sets}
        return SavedSegments(predicted.pop('truth'), predicted, frames)
    except Exception as error:  # a damaged file can raise nearly any exception
        reason = archive.reason(error)
        raise InputError(f'{path}: saved segments cannot be read: {reason}') from None


def _split(
    columns: Mapping[str, np.ndarray], segment_set: str, names: list[str]
) -> dict[str, Segments]:
    ends = np.cumsum(columns[f'{segment_set}/count'])[:-1]
    parts = [np.split(columns[f'{segment_set}/{field}'], ends) for field in _FIELDS]
    return {name: Segments(*part) for name, *part in zip(names, *parts, strict=True)}
