"""Reads and writes files of scored segments, so that any system's predictions can be scored.

| kind | file | times |
|---|---|---|
| `activitynet` | JSON, `results` | seconds |
| `activitynet_truth` | JSON, `database` | seconds |
| `pku` | a text file a recording, alone or in a folder | frames |
| `csv`, `csv_frames` | a table, a row a segment | by the names of its columns |
| `predict` | JSON of `skeljax predict`, alone or in a folder | both |
| `boris` | a project of BORIS; scores are left out | seconds |

and, to be read alone, what other annotation programs write, a file or a folder of them
(`annotated`).

Any kind can be a truth or predictions. What is read is defined as follows, and told with
file, line or recording, and field:

* Seconds become frames at the nearest frame, `floor(seconds * fps + 1/2)`; a segment has
  at least one. Frames told at another rate go through seconds.
* Labels are names, or numbers into the class list (a name goes before a number; in
  PKU-MMD's files numbers, from 1, go before names). The list is the one given, else the
  truth's, else the file's own, else all labels in order. A list that a file or the caller
  tells is closed, another label is an error; one gathered from the labels of a truth is
  not, and what is predicted beyond it becomes a class that the truth does not have (and a
  note).
* Numbers are classes only of a closed list, from 0 or from 1 (and noted): as the caller
  says, else by a 0 or by the number of classes among them; otherwise they are refused, as
  are names where the truth has numbers, and numbers that count from another one.
* An end at or before its start, and a score or time that is no number, is an error.
* A segment may end one frame late, which is cut. A prediction that leaves its recording by
  more is cut as well (and noted), a truth is an error; so is what has no frame inside.
* A predicted recording that the truth does not have is an error; one that it has in
  another subset is left out (and noted). A recording without predictions has none.
* With `skip` errors of single rows leave the row out (and are noted) instead.
* No prediction at all is no error; a truth without a segment is refused when it is scored.
"""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import shutil

from skeljax.errors import FormatError, InputError
from skeljax.formats import annotations as programs, texts
from skeljax.localize.exchange import activitynet, annotated, pku, predicted, tabular
from skeljax.localize.exchange.parsed import Told
from skeljax.localize.exchange.sets import SegmentSet
from skeljax.localize.exchange.to_frames import settle

__all__ = ['KINDS', 'SegmentSet', 'read', 'write']

KINDS = ('activitynet', 'activitynet_truth', 'pku', 'csv', 'csv_frames', 'predict')
WITHOUT_SCORES = ('boris',)  # written and read too, as labels
_SHARED = ('.csv', '.tsv', '.json', '.nwb')  # endings of more than one kind
_FOLDERS = ('pku', 'predict')
_MEMBERS = {'results': 'activitynet', 'database': 'activitynet_truth', 'segments': 'predict'}


def read(
    path,
    *,
    fps: float | None = None,
    classes: Sequence[str] | None = None,
    subset: str | None = None,
    truth: SegmentSet | None = None,
    skip: bool = False,
    frame_base: int = 0,
    label_base: int | None = None,
    tier: str | None = None,
) -> SegmentSet:
    """Reads a file, or a folder of them, of any kind.

    Args:
        path: recognised by what it is: a folder of .txt or .json, a .csv or .tsv, a .txt,
            or what a .json (also .json.gz) has in it.
        fps: frames a second of the result; by default the truth's, else the file's own.
        classes: all of them; by default the truth's, else the file's own, else gathered.
        subset: reads only its recordings, where the file tells subsets.
        truth: the set that what is read is to be scored against; for predictions.
        skip: leaves bad rows out and notes them.
        frame_base: of PKU-MMD's files, see `skeljax.formats.pku`.
        label_base: 0 or 1, from which labels that are numbers count into the classes; by
            default as they show themselves.
        tier: whose labels to take of files of annotation programs, see
            `skeljax.formats.annotations`.

    Raises:
        FormatError: the file is of no kind, or something in it cannot be; names the place.
        InputError: fps is no positive number, or a class is given twice.
    """
    path = Path(path)
    told = _told(path, frame_base, tier)
    return settle(
        told, path, fps=fps, classes=classes, subset=subset, truth=truth, skip=skip,
        label_base=label_base,
    )


def write(path, segments: SegmentSet, *, kind: str | None = None, frame_base: int = 0):
    """Writes segments so that `read` gives the same frames, labels and scores.

    Args:
        path: a file; for `pku` and `predict` a folder, which is made.
        segments: what to write; seconds need its `fps`, or the `rates` of all.
        kind: one of `KINDS` or `WITHOUT_SCORES`; by default `activitynet` for .json, `csv`
            for .csv, `boris` for .boris, `pku` for a name without an ending.
        frame_base: of PKU-MMD's files.

    Raises:
        InputError: an unknown kind, seconds without fps, a folder with something in it.
    """
    path = Path(path)
    usual = {'.json': 'activitynet', '.csv': 'csv', '.boris': 'boris', '': 'pku'}
    kind = kind or usual.get(path.suffix.lower())
    if kind not in (*KINDS, *WITHOUT_SCORES):
        known = ', '.join((*KINDS, *WITHOUT_SCORES))
        raise InputError(f'{path}: kind {kind!r}, expected one of {known}')
    rated = segments.rates and segments.segments.keys() <= segments.rates.keys()
    if segments.fps is None and not rated and kind not in ('pku', 'csv_frames'):
        raise InputError(f'{path}: written in seconds; tell the frames a second (fps)')
    if path.exists() and path.is_dir() and (kind not in _FOLDERS or any(path.iterdir())):
        raise InputError(f'{path}: is a folder with something in it, choose another name')
    if path.exists() and not path.is_dir() and kind in _FOLDERS:
        raise InputError(f'{path}: is a file, but {kind} is written as a folder')
    path.parent.mkdir(parents=True, exist_ok=True)
    # Nothing half-written may look whole.
    beside = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        if kind in _FOLDERS:
            beside.mkdir()
        _write(beside, segments, kind, frame_base)
        if path.is_dir():
            path.rmdir()
        beside.replace(path)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside)
        beside.unlink(missing_ok=True)


def _write(path: Path, segments: SegmentSet, kind: str, frame_base: int):
    match kind:
        case 'activitynet':
            activitynet.write_results(path, segments)
        case 'activitynet_truth':
            activitynet.write_database(path, segments)
        case 'pku':
            pku.write(path, segments, frame_base=frame_base)
        case 'csv' | 'csv_frames':
            tabular.write(path, segments, in_frames=kind == 'csv_frames')
        case 'predict':
            predicted.write(path, segments)
        case 'boris':
            annotated.write_boris(path, segments)


def _told(path: Path, frame_base: int, tier: str | None) -> Told:
    """Recognises a file and reads what it tells."""
    if path.is_dir():
        texts_in, documents = (sorted(path.rglob(f'*{end}')) for end in ('.txt', '.json'))
        labels = [file for file in sorted(path.rglob('*')) if programs.find(file)]
        if labels and not texts_in and not documents:
            return annotated.read(labels, tier=tier, root=path)
        if bool(texts_in) == bool(documents):
            found = 'both' if documents else 'neither'
            expected = '.txt files (PKU-MMD), .json files (skeljax predict) or .eaf and the like'
            raise FormatError(f'{path}: a folder with {found}, expected {expected}')
        if texts_in:
            return pku.read(path, frame_base=frame_base)
        read = {file: _document(file) for file in documents}
        # `skeljax predict` may have written ActivityNet's file of the same segments beside.
        own = {file: told for file, told in read.items() if 'segments' in told}
        return predicted.read(own or read)
    if not path.exists():
        raise FormatError(f'{path}: no such file or folder')
    ending = path.with_suffix('') if path.suffix.lower() == '.gz' else path
    if programs.find(path) or (path.suffix.lower() in _SHARED and _annotated(path)):
        return annotated.read([path], tier=tier)
    match ending.suffix.lower():
        case '.txt':
            return pku.read(path, frame_base=frame_base)
        case '.csv' | '.tsv':
            return tabular.read(path)
        case '.json':
            document = _document(path)
            kind = next((of for name, of in _MEMBERS.items() if name in document), None)
            if kind is None:
                raise FormatError(f'{path}: expected one of {", ".join(_MEMBERS)} in it')
            if kind == 'predict':
                return predicted.read({path: document})
            of = activitynet.read_results if kind == 'activitynet' else activitynet.read_database
            return of(path, document)
    known = ', '.join(programs.ENDINGS)
    expected = f'a .json, .csv, .tsv or .txt file, labels ({known}), or a folder'
    raise FormatError(f'{path}: expected {expected}')


def _annotated(path: Path) -> bool:
    """Says whether a table or JSON is of an annotation program."""
    return programs.module(path) not in ('labels', 'found', '')


def _document(path: Path) -> dict:
    document = texts.document(path, pairs=_once)
    if not isinstance(document, dict):
        raise FormatError(f'{path}: {type(document).__name__}, expected an object')
    return document


def _once(pairs) -> dict:
    """Makes a JSON object, in which no key may stand twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        again = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise ValueError(f'{again!r} stands twice in one object')
    return made
