"""Reads the options of a folder of recordings from its corpus.json."""

from dataclasses import dataclass, fields
import numbers
from pathlib import Path

from skeljax.errors import FormatError, InputError, is_name
from skeljax.formats import labels, options, texts, vertical, wanted
from skeljax.skeletons import skeleton


@dataclass(frozen=True)
class Options:
    """The keys of corpus.json; all are optional.

    Attributes:
        fps: frames per second of files that do not state it.
        layout: joint layout of files that do not state it: a name, or names of joints separated
            by commas.
        unit: of the coordinates in such files ('m', 'cm', 'mm', or a number of meters).
        up: axis of such files that points up ('x', 'y', 'z', '-x', '-y' or '-z').
        subject: name of the subject to read from files with several.
        resample: frame rate to which all recordings are resampled.
        remap: joint layout to which all recordings are mapped.
        persons: largest number of persons per recording; the first ones are kept.
        classes: in this order; by default all labels, alphabetically.
        split: 'file' (by the tables), 'subject' or 'recording' (at random).
        seed: of random splits.
        overlaps: treatment of overlapping segments, one of `labels.OVERLAPS`.
        tier: names of the tiers to read from files with several, separated by commas.
    """

    fps: float | None = None
    layout: str | None = None
    unit: str | float | None = None
    up: str | None = None
    subject: str | None = None
    resample: float | None = None
    remap: str | None = None
    persons: int | None = None
    classes: tuple[str, ...] | None = None
    split: str | None = None
    seed: int = 0
    overlaps: str = 'keep'
    tier: str | None = None


def read(folder: Path) -> Options:
    """Reads and checks corpus.json.

    Raises:
        FormatError: an unknown key or a value that does not fit it.
    """
    path = folder / 'corpus.json'
    if not path.is_file():
        return Options()
    document = texts.document(path)
    if not isinstance(document, dict):
        raise FormatError(f'{path}: expected an object, {{"fps": 30, ...}}')
    known = [option.name for option in fields(Options)]
    for name, value in document.items():
        if name not in known:
            raise FormatError(f'{path}: unknown option {name!r}, known: {", ".join(known)}')
        if value is not None:
            _check_option(path, name, value)
    if isinstance(document.get('layout'), list):
        document['layout'] = ','.join(document['layout'])
    if document.get('classes') is not None:
        document['classes'] = tuple(document['classes'])
    return Options(**document)


def _check_option(path: Path, name: str, value):
    """Raises FormatError if a value is invalid for its option."""
    try:
        if name in ('fps', 'resample'):
            options.rate(path, value)
        elif name == 'layout':
            wanted.parse(value)
        elif name == 'remap':
            skeleton.get(value if isinstance(value, str) else repr(value))
        elif name == 'unit':
            options.scale(value)
        elif name == 'up':
            vertical.check(value)
    except FormatError:
        raise
    except InputError as error:
        raise FormatError(f'{path}: {name}: {error}') from None
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    good, expected = {
        'subject': (isinstance(value, str) and value, 'a name'),
        'tier': (isinstance(value, str) and value, 'a name'),
        'overlaps': (value in labels.OVERLAPS, ', '.join(labels.OVERLAPS)),
        'persons': (whole and value > 0, 'a number from 1'),
        'seed': (whole, 'a whole number'),
        'split': (value in ('file', 'subject', 'recording'), 'file, subject or recording'),
        'classes': (_are_names(value), 'a list of different names'),
    }.get(name, (True, ''))
    if not good:
        raise FormatError(f'{path}: {name} is {str(value)[:40]!r}, expected {expected}')


def _are_names(value) -> bool:
    named = lambda text: isinstance(text, str) and text and is_name(text)
    texts_only = isinstance(value, list) and all(map(named, value))
    return texts_only and len(set(value)) == len(value)
