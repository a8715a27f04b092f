"""Folders of JSON files of one frame each, whatever they are called: one folder is a recording."""

from collections.abc import Mapping
import functools
from pathlib import Path
import re

from skeljax.errors import FormatError
from skeljax.formats import documents, texts

_ENDING = '_keypoints'  # of the names of OpenPose's files
_LARGEST = 2_000_000  # bytes of a file of one frame


def is_frames(path) -> bool:
    """Returns whether a folder holds JSON files of one frame each, all numbered by their names."""
    path = Path(path)
    if not path.is_dir():
        return False
    files = _files(path)
    numbered = all(re.search(r'\d$', _stem(file)) for file in files)
    return bool(files) and numbered and _is_frame(files[0], files[0].stat().st_mtime_ns)


def read(path: Path) -> list:
    """Reads a folder of one file per frame, in the order of their numbers.

    A frame whose file is missing is one without anybody.

    Raises:
        FormatError: a file is damaged; two recordings, or one frame twice; names the file.
    """
    files = _files(path)
    recordings = sorted({re.sub(r'[_.-]?\d+$', '', _stem(file)) for file in files})
    if not files:
        raise FormatError(f'{path}: no JSON file in this folder')
    if len(recordings) > 1:
        raise FormatError(
            f'{path}: frames of {recordings[0]!r} and {recordings[1]!r}, expected one recording'
        )
    numbered: dict[int, Path] = {}
    for file in files:
        number = documents.frame_number(_stem(file), file)
        if number in numbered:
            raise FormatError(f'{file}: frame {number} again, as in {numbered[number].name}')
        numbered[number] = file
    span = range(min(numbered), max(numbered) + 1)
    documents.check_room(path, len(span), len(files))
    return [_frame(numbered[number]) if number in numbered else None for number in span]


def _frame(file: Path):
    """Reads one file; a list of COCO's results becomes that of the people of its image."""
    document = texts.document(file)
    if isinstance(document, list):
        return [
            {key: value for key, value in item.items() if key != 'image_id'}
            if isinstance(item, Mapping) else item
            for item in document
        ]
    return document


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.glob('*.json') if not file.name.startswith('.'))


def _stem(file: Path) -> str:
    return file.stem.removesuffix(_ENDING)


@functools.lru_cache(maxsize=256)
def _is_frame(file: Path, _changed: int) -> bool:
    """Returns whether a file holds one frame: the people of an image, or one person."""
    if file.stem.endswith(_ENDING):
        return True
    if file.stat().st_size > _LARGEST:
        return False
    try:
        document = texts.document(file)
    except FormatError:
        return False
    if isinstance(document, Mapping):
        return bool(document.keys() & {'people', 'bodies'}) and 'frames' not in document
    items = document if isinstance(document, list) else []
    if not items or not all(isinstance(item, Mapping) for item in items):
        return False
    images = {str(item.get('image_id')) for item in items}
    return len(images) == 1 and all(
        'keypoints' in item and item.keys() & {'bbox', 'box', 'image_id'} for item in items
    )
