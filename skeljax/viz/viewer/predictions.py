"""Reads predictions of `skeljax predict` with their recordings and truth."""

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

_REQUIRED = {'recording': str, 'fps': (int, float), 'frames': int, 'segments': list}


class Prediction(NamedTuple):
    """One file of predictions.

    Attributes:
        path: the file.
        name: name of the recording.
        fps: frames per second.
        frames: number of frames of the recording.
        classes: classes of the model; for older files, which lack them, those of the segments.
        items: segments as JSON objects.
        source: location of the recording; empty in older files.
        scores: file of the class probabilities of the frames, or None.
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
        InputError: a file is damaged, or a folder has no predictions.
    """
    predictions = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [_read(file, strict=False) for file in sorted(path.rglob('*.json'))]
            if not any(inside):
                raise InputError(f'{path}: no predictions here (NAME.json of `skeljax predict`)')
            predictions += filter(None, inside)
        else:
            predictions.append(_read(path, strict=True))
    return predictions


def classes_of(predictions: Sequence[Prediction]) -> tuple[str, ...]:
    """Returns the classes of all predictions, in order of first occurrence."""
    return tuple(dict.fromkeys(name for one in predictions for name in one.classes))


def segments(prediction: Prediction, classes: Sequence[str]) -> Segments:
    """Returns the segments of a prediction; labels are indices into `classes`."""
    try:
        return localize.from_json_dict(prediction.items, classes=classes, fps=prediction.fps)
    except InputError as error:
        raise InputError(f'{prediction.path}: {error}') from None


def probabilities(prediction: Prediction, classes: Sequence[str]) -> np.ndarray | None:
    """Returns the probabilities of `classes`, float32[T, L], or None if there are none.

    Raises:
        InputError: the file of scores is damaged or belongs to another recording.
    """
    path = prediction.scores
    if path is None or not path.exists():
        return None
    stored = archive.arrays(path, ('probabilities',))['probabilities']
    if stored.dtype.kind != 'f':
        raise InputError(f'{path}: expected probabilities of a float type, found {stored.dtype}')
    own = np.asarray(stored, np.float32)
    count = len(prediction.classes)
    if own.ndim != 2 or len(own) != prediction.frames or own.shape[1] - count not in (0, 1):
        raise InputError(
            f'{path}: expected scores of shape ({prediction.frames}, {count + 1}), '
            f'found {own.shape}'
        )
    values = np.zeros((len(own), len(classes)), np.float32)
    values[:, [classes.index(name) for name in prediction.classes]] = own[:, :count]
    return values


def recording(
    prediction: Prediction, classes: Sequence[str], *, folder=None, data_dir=None, options=None
) -> tuple[Recording, Segments | None]:
    """Reads the recording of a prediction, and its truth if it is in a prepared corpus.

    Args:
        prediction: the prediction, which names the location of the recording.
        classes: class names; labels of the truth are indices into them.
        folder: folder in which to search for the recording by name instead.
        data_dir: folder of the prepared corpora, if it has changed.
        options: options of `skeljax.formats.read` that override those in the prediction.

    Raises:
        InputError: the recording is missing, damaged or a different one, or its truth has other
            classes.
    """
    if folder is None and 'corpus' in prediction.source:
        recording, truth = _from_corpus(prediction, classes, data_dir)
    else:
        file, truth = _file(prediction, folder), None
        names = ('fps', 'layout', 'unit', 'up', 'subject')
        stored = {name: value for name, value in prediction.source.items() if name in names}
        given = {name: value for name, value in (options or {}).items() if value is not None}
        recording = records.from_motion(
            formats.read(file, **stored | given), name=prediction.name
        )
    frames = len(recording.joints)
    if frames != prediction.frames or abs(recording.fps / prediction.fps - 1) > 1e-3:
        raise InputError(
            f'{prediction.path}: predicted from {prediction.frames} frames at '
            f'{prediction.fps:g} fps, but the recording has {frames} frames at '
            f'{recording.fps:g} fps'
        )
    return recording, truth


def _from_corpus(
    prediction: Prediction, classes: Sequence[str], data_dir
) -> tuple[Recording, Segments | None]:
    source = prediction.source
    data_dir = data_dir or prediction.path.parent / source['data_dir']
    corpus = Corpus(data_dir, source['corpus'], source['split'], keep=False)
    name = source.get('recording', prediction.name)
    recording = next((r for r in corpus if r.name == name), None)
    if recording is None:
        raise InputError(
            f'{prediction.path}: {source["corpus"]} {source["split"]} has no recording {name!r}'
        )
    recording = dataclasses.replace(recording, name=prediction.name)
    truth = truth_of(recording, corpus.classes, classes) if corpus.classes else None
    return recording, truth


def truth_of(recording: Recording, own: Sequence[str], classes: Sequence[str]) -> Segments:
    """Returns the labeled segments of a recording; labels are indices into `classes`.

    Args:
        recording: a recording whose labels are indices into `own`.
        own: classes of its corpus.
        classes: classes of the page.

    Raises:
        InputError: a class is not in `classes`.
    """
    other = [own[label] for label in recording.segment_label if own[label] not in classes]
    if other:
        known = ', '.join(classes[:12])
        raise InputError(f'{recording.name}: true class {other[0]!r} is not one of: {known}')
    label = [classes.index(own[label]) for label in recording.segment_label]
    return Segments(recording.segment_start, recording.segment_end, label)


def truths(path, predictions: Sequence[Prediction], classes: Sequence[str]) -> dict:
    """Reads true segments from CSV or ActivityNet's JSON; returns recording -> Segments.

    Raises:
        InputError: the file has none of the recordings, or a class that is not in `classes`.
    """
    table = programs.read(path)
    named = {one.name: one for one in predictions if one.name in table.segments}
    if not named:
        names = ', '.join(list(table.segments)[:3])
        raise InputError(
            f'{path}: expected labels of {predictions[0].name}, ..., found those of {names}, ...'
        )
    truth = {}
    for name, one in named.items():
        try:
            rows = labels.to_frames(
                table.segments[name], fps=one.fps, frames=one.frames, classes=classes
            )
        except FormatError as error:
            first, *more = str(error).splitlines()
            raise FormatError(f'{first} (and {len(more)} more)' if more else first) from None
        start, end, label = zip(*rows, strict=True) if rows else ((),) * 3
        truth[name] = Segments(start, end, label)
    return truth


def _read(path: Path, *, strict: bool) -> Prediction | None:
    """Reads a file; unless `strict`, returns None if it is JSON of another kind."""
    try:
        content = documents.parse(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: cannot be read: {error}') from None
    if not _is_prediction(content):
        if not strict:
            return None
        keys = ', '.join(_REQUIRED)
        raise InputError(f'{path}: not written by `skeljax predict`; expected the keys {keys}')
    names = {str(item.get('label')) for item in content['segments'] if isinstance(item, dict)}
    return Prediction(
        path=path,
        name=content['recording'],
        fps=float(content['fps']),
        frames=content['frames'],
        classes=tuple(content.get('classes') or sorted(names)),
        items=content['segments'],
        source=content.get('source') or {},
        scores=path.parent / content['scores'] if content.get('scores') else None,
    )


def _is_prediction(content) -> bool:
    """Checks keys and types of a JSON file."""
    if not isinstance(content, dict):
        return False
    if not all(isinstance(content.get(key), kind) for key, kind in _REQUIRED.items()):
        return False
    classes = content.get('classes') or []
    return (
        isinstance(classes, list)
        and all(isinstance(name, str) for name in classes)
        and isinstance(content.get('source') or {}, dict)
        and isinstance(content.get('scores') or '', str)
        and 0 < content['fps'] < math.inf
        and content['frames'] >= 1
    )


def _file(prediction: Prediction, folder) -> Path:
    """Returns the file of a recording: its original location, or by name in a folder."""
    if folder is not None:
        # A file of predictions has the suffix of a keypoint recording.
        own = prediction.path.resolve()
        inside = (p for p in sorted(Path(folder).rglob('*')) if formats.find(p))
        stems = {p: formats.stem(p) for p in inside if p.resolve() != own}
        name = prediction.name  # with the subfolder, e.g. 'monday/walk'
        path_of = lambda p: p.relative_to(folder).with_name(stems[p]).as_posix()
        matches = [p for p in stems if path_of(p) == name]
        matches = matches or [p for p, stem in stems.items() if stem == name.rpartition('/')[2]]
        if not matches:
            raise InputError(f'{prediction.path}: no recording {prediction.name!r} in {folder}')
        return matches[0]
    stored = prediction.source.get('file')
    file = prediction.path.parent / stored if stored else None
    if file is None or not file.exists():
        missing = f'its recording {file.resolve()} is missing' if file else 'names no recording'
        raise InputError(f'{prediction.path}: {missing}; give its folder by --recordings')
    return file
