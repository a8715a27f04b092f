"""Reads and writes files of scored segments, so that predictions of any system can be scored.

| kind | file | times |
|---|---|---|
| `activitynet` | JSON, `results` | seconds |
| `activitynet_truth` | JSON, `database` | seconds |
| `pku` | a text file a recording, alone or in a folder | frames |
| `csv`, `csv_frames` | a table, one row per segment | by the names of its columns |
| `predict` | JSON of `skeljax predict`, alone or in a folder | both |
| `boris` | a project of BORIS, without scores | seconds |

Files of other annotation programs, or a folder of them, can be read but not written (`annotated`).

Any kind can contain true or predicted segments. These rules hold for all kinds; errors name the
file, the line or recording, and the field:

* Seconds are converted to the nearest frame, `floor(seconds * fps + 1/2)`; a segment has at
  least one frame. Frames at another rate are converted via seconds.
* Labels are names, or numbers that index the class list. Names take precedence, except in files
  of PKU-MMD, whose numbers count from 1. The class list is the argument, else that of the truth,
  else that of the file, else all labels in order. A list from an argument or a file is closed:
  other labels are errors. A list collected from the labels of a truth is open: other predicted
  labels become classes without truth (and a note).
* Numbers can only index a closed list, from 0 or from 1 (and a note): by the argument
  `label_base`, else inferred if the labels include 0 or the number of classes. Otherwise they
  are errors, as are names if the truth has numbers, and numbers with another base.
* An end at or before the start is an error, as is a score or time that is not a number.
* A segment that ends one frame after its recording is cut. A prediction further outside is cut
  too (and a note); for a truth this is an error. A segment entirely outside is an error.
* A predicted recording that is not in the truth is an error. If it is in another subset of the
  truth, it is dropped (and a note). A true recording may have no predictions.
* With `skip`, rows with errors are dropped (and a note).
* A file without predictions is valid; a truth without segments is an error when it is scored.
"""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import shutil

from skeljax.errors import FormatError, InputError
from skeljax.formats import annotations as programs, texts
from skeljax.localize.exchange import activitynet, annotated, pku, predicted, tabular
from skeljax.localize.exchange.parsed import ParsedFile
from skeljax.localize.exchange.sets import SegmentSet
from skeljax.localize.exchange.to_frames import to_frames

__all__ = ['KINDS', 'SegmentSet', 'read', 'write']

KINDS = ('activitynet', 'activitynet_truth', 'pku', 'csv', 'csv_frames', 'predict')
WITHOUT_SCORES = ('boris',)  # can be written too
_SHARED = ('.csv', '.tsv', '.json', '.nwb')  # suffixes of more than one kind
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
    """Reads a file or folder of any kind.

    Args:
        path: a folder of .txt or .json, a .csv, .tsv or .txt, or a .json (also .json.gz), whose
            kind is determined by its content.
        fps: frames per second of the result; by default that of the truth, else of the file.
        classes: names of all classes; by default those of the truth, else of the file, else all
            labels.
        subset: reads only recordings of this subset, if the file has subsets.
        truth: for predictions, the set against which they will be scored.
        skip: drops invalid rows, with a note.
        frame_base: of files of PKU-MMD, see `skeljax.formats.pku`.
        label_base: 0 or 1, index of the first class if labels are numbers; by default inferred.
        tier: tier to read from files of annotation programs, see `skeljax.formats.annotations`.

    Raises:
        FormatError: an unknown kind or invalid content; names the place.
        InputError: `fps` is not a positive number, or a class is listed twice.
    """
    path = Path(path)
    parsed = _parse(path, frame_base, tier)
    return to_frames(
        parsed, path, fps=fps, classes=classes, subset=subset, truth=truth, skip=skip,
        label_base=label_base,
    )


def write(path, segments: SegmentSet, *, kind: str | None = None, frame_base: int = 0):
    """Writes segments; `read` returns the same frames, labels and scores.

    Args:
        path: a file; for `pku` and `predict` a folder, which is created.
        segments: to write; kinds in seconds need its `fps`, or `rates` of all recordings.
        kind: one of `KINDS` or `WITHOUT_SCORES`; by default `activitynet` for .json, `csv`
            for .csv, `boris` for .boris, `pku` for a name without a suffix.
        frame_base: of files of PKU-MMD.

    Raises:
        InputError: an unknown kind, seconds without a frame rate, or a folder that is not empty.
    """
    path = Path(path)
    usual = {'.json': 'activitynet', '.csv': 'csv', '.boris': 'boris', '': 'pku'}
    kind = kind or usual.get(path.suffix.lower())
    if kind not in (*KINDS, *WITHOUT_SCORES):
        known = ', '.join((*KINDS, *WITHOUT_SCORES))
        raise InputError(f'{path}: kind {kind!r}, expected one of {known}')
    rated = segments.rates and segments.segments.keys() <= segments.rates.keys()
    if segments.fps is None and not rated and kind not in ('pku', 'csv_frames'):
        raise InputError(f'{path}: its times are seconds; give the frames per second (fps)')
    if path.exists() and path.is_dir() and (kind not in _FOLDERS or any(path.iterdir())):
        raise InputError(f'{path}: is a folder that is not empty, choose another name')
    if path.exists() and not path.is_dir() and kind in _FOLDERS:
        raise InputError(f'{path}: is a file, but {kind} is written as a folder')
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written elsewhere and renamed, so that no partial file remains.
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        if kind in _FOLDERS:
            temporary.mkdir()
        _write(temporary, segments, kind, frame_base)
        if path.is_dir():
            path.rmdir()
        temporary.replace(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)


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


def _parse(path: Path, frame_base: int, tier: str | None) -> ParsedFile:
    """Reads a file or folder by its kind."""
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
        # `skeljax predict` may have written the same segments in ActivityNet's form too.
        own = {file: document for file, document in read.items() if 'segments' in document}
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
    """Returns whether a table or JSON file was written by an annotation program."""
    return programs.module(path) not in ('labels', 'found', '')


def _document(path: Path) -> dict:
    document = texts.document(path, pairs=_once)
    if not isinstance(document, dict):
        raise FormatError(f'{path}: {type(document).__name__}, expected an object')
    return document


def _once(pairs) -> dict:
    """Builds a JSON object; raises ValueError if a key is repeated."""
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = [key for key, _ in pairs]
        again = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise ValueError(f'{again!r} stands twice in one object')
    return document
