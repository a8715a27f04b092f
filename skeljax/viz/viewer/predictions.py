"""Reads what `skeljax predict` wrote, with the recordings and the truth that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skeljax import documents, formats, localize
from skeljax.data import records
from skeljax.data.corpus import Corpus
from skeljax.data.records import Recording
from skeljax.errors import FormatError, InputError
from skeljax.formats import annotations as programs, archive, labels
from skeljax.localize.segments import Segments

_NEEDED = {'recording': str, 'fps': (int, float), 'frames': int, 'segments': list}


class Prediction(NamedTuple):
    """One file of predictions.

    Attributes:
        path: of the file.
        name: of the recording.
        fps: frames a second.
        frames: of the recording.
        classes: of the model; of an older file that does not tell them, those it found.
        items: its segments, as written.
        source: where the recording is; empty in an older file.
        scores: file of the frames' probabilities, None where there is none.
    """

    path: Path
    name: str
    fps: float
    frames: int
    classes: tuple[str, ...]
    items: list
    source: dict
    scores: Path | None


def read(paths: Sequence) -> list[Prediction]:
    """Reads files of predictions, or folders of them.

    Raises:
        InputError: none at all, or one that is damaged.
    """
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [_read(file, strict=False) for file in sorted(path.rglob('*.json'))]
            if not any(inside):
                raise InputError(f'{path}: no predictions here (NAME.json of `skeljax predict`)')
            found += filter(None, inside)
        else:
            found.append(_read(path, strict=True))
    return found


def classes_of(predictions: Sequence[Prediction]) -> tuple[str, ...]:
    """Joins the classes of all predictions, in the order in which they come."""
    return tuple(dict.fromkeys(name for one in predictions for name in one.classes))


def segments(prediction: Prediction, classes: Sequence[str]) -> Segments:
    """Returns the segments of a prediction, labels as indices into `classes`."""
    try:
        return localize.from_json_dict(prediction.items, classes=classes, fps=prediction.fps)
    except InputError as error:
        raise InputError(f'{prediction.path}: {error}') from None


def probabilities(prediction: Prediction, classes: Sequence[str]) -> np.ndarray | None:
    """Returns the frames' probabilities float32[T, L] of `classes`, where they are known.

    Raises:
        InputError: the file of scores is damaged or of another recording.
    """
    path = prediction.scores
    if path is None or not path.exists():
        return None
    stored = archive.arrays(path, ('probabilities',))['probabilities']
    if stored.dtype.kind != 'f':
        raise InputError(f'{path}: probabilities are {stored.dtype}, expected real numbers')
    own = np.asarray(stored, np.float32)
    count = len(prediction.classes)
    if own.ndim != 2 or len(own) != prediction.frames or own.shape[1] - count not in (0, 1):
        raise InputError(
            f'{path}: scores are {own.shape}, expected ({prediction.frames}, {count + 1})'
        )
    spread = np.zeros((len(own), len(classes)), np.float32)
    spread[:, [classes.index(name) for name in prediction.classes]] = own[:, :count]
    return spread


def recording(
    prediction: Prediction, classes: Sequence[str], *, folder=None, data_dir=None, options=None
) -> tuple[Recording, Segments | None]:
    """Reads the recording that was predicted, and its truth if a prepared corpus has it.

    Args:
        prediction: which says where it was.
        classes: whose indices are the labels of the truth.
        folder: where to look for it instead, by its name.
        data_dir: of the prepared corpus, if it was one and is elsewhere now.
        options: what the file does not tell itself, as `skeljax.formats.read` takes it.

    Raises:
        InputError: it is missing, damaged or another one, or its truth has other classes.
    """
    told, truth = prediction.source, None
    if folder is None and 'corpus' in told:
        data_dir = data_dir or prediction.path.parent / told['data_dir']
        corpus = Corpus(data_dir, told['corpus'], told['split'], keep=False)
        name = told.get('recording', prediction.name)
        found = next((r for r in corpus if r.name == name), None)
        if found is None:
            raise InputError(
                f'{prediction.path}: {told["corpus"]} {told["split"]} has no recording '
                f'{name!r}'
            )
        found = dataclasses.replace(found, name=prediction.name)
        truth = truth_of(found, corpus.classes, classes) if corpus.classes else None
    else:
        file = _file(prediction, folder)
        kinds = ('fps', 'layout', 'unit', 'up', 'subject')
        given = {name: told[name] for name in kinds if name in told}
        given |= {name: value for name, value in (options or {}).items() if value is not None}
        found = records.from_motion(formats.read(file, **given), name=prediction.name)
    frames = len(found.joints)
    if frames != prediction.frames or abs(found.fps / prediction.fps - 1) > 1e-3:
        raise InputError(
            f'{prediction.path}: predicted from {prediction.frames} frames at '
            f'{prediction.fps:g} a second, but the recording has {frames} at {found.fps:g}'
        )
    return found, truth


def truth_of(recording: Recording, own: Sequence[str], classes: Sequence[str]) -> Segments:
    """Returns the labeled segments of a recording, labels as indices into `classes`.

    Args:
        recording: labeled by indices into `own`.
        own: classes of its corpus.
        classes: of the page.

    Raises:
        InputError: a class that is not one of these.
    """
    other = [own[label] for label in recording.segment_label if own[label] not in classes]
    if other:
        known = ', '.join(classes[:12])
        raise InputError(f'{recording.name}: true class {other[0]!r} is none of: {known}')
    label = [classes.index(own[label]) for label in recording.segment_label]
    return Segments(recording.segment_start, recording.segment_end, label)


def truths(path, predictions: Sequence[Prediction], classes: Sequence[str]) -> dict:
    """Reads true segments, CSV or ActivityNet's JSON; recording -> Segments.

    Raises:
        InputError: it names none of the recordings, or has a class that no model knows.
    """
    table = programs.read(path)
    named = {one.name: one for one in predictions if one.name in table.segments}
    if not named:
        some = ', '.join(list(table.segments)[:3])
        raise InputError(
            f'{path}: labels none of the recordings ({predictions[0].name}, ...), but {some}, ...'
        )
    found = {}
    for name, one in named.items():
        try:
            rows = labels.to_frames(
                table.segments[name], fps=one.fps, frames=one.frames, classes=classes
            )
        except FormatError as error:
            first, *more = str(error).splitlines()
            raise FormatError(f'{first} (and {len(more)} more)' if more else first) from None
        start, end, label = zip(*rows, strict=True) if rows else ((),) * 3
        found[name] = Segments(start, end, label)
    return found


def _read(path: Path, *, strict: bool) -> Prediction | None:
    """Reads a file; not `strict`, None where it is JSON of another kind."""
    try:
        told = documents.parse(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: cannot be read: {error}') from None
    fitting = isinstance(told, dict) and all(
        isinstance(told.get(key), kind) for key, kind in _NEEDED.items()
    )
    classes = told.get('classes') or [] if fitting else []
    fitting = fitting and isinstance(classes, list) and all(isinstance(c, str) for c in classes)
    fitting = fitting and isinstance(told.get('source') or {}, dict)
    fitting = fitting and isinstance(told.get('scores') or '', str)
    if not fitting or not 0 < told['fps'] < math.inf or told['frames'] < 1:
        if not strict:
            return None
        needed = ', '.join(_NEEDED)
        raise InputError(f'{path}: no predictions of `skeljax predict`, which tell {needed}')
    named = {str(item.get('label')) for item in told['segments'] if isinstance(item, dict)}
    return Prediction(
        path=path,
        name=told['recording'],
        fps=float(told['fps']),
        frames=told['frames'],
        classes=tuple(told.get('classes') or sorted(named)),
        items=told['segments'],
        source=told.get('source') or {},
        scores=path.parent / told['scores'] if told.get('scores') else None,
    )


def _file(prediction: Prediction, folder) -> Path:
    """Finds the file of a recording where it was, or in a folder by its name."""
    if folder is not None:
        # The predictions themselves end like a recording of keypoints.
        own = prediction.path.resolve()
        inside = (p for p in sorted(Path(folder).rglob('*')) if formats.find(p))
        stems = {p: formats.stem(p) for p in inside if p.resolve() != own}
        name = prediction.name  # 'monday/walk' of one that was found below a folder
        path_of = lambda p: p.relative_to(folder).with_name(stems[p]).as_posix()
        fitting = [p for p in stems if path_of(p) == name]
        fitting = fitting or [p for p, stem in stems.items() if stem == name.rpartition('/')[2]]
        if not fitting:
            raise InputError(f'{prediction.path}: no recording {prediction.name!r} in {folder}')
        return fitting[0]
    told = prediction.source.get('file')
    file = prediction.path.parent / told if told else None
    if file is None or not file.exists():
        missing = f'its recording {file.resolve()} is missing' if file else 'tells no recording'
        raise InputError(f'{prediction.path}: {missing}; say by --recordings which folder has it')
    return file
