"""Opens a prepared corpus; its files are checked before TFDS reads them.

TFDS imports the module of any class that a `features.json` names. All corpora have one schema
(`skeljax.data.records`), so that only the three classes of that schema are accepted.
"""

from collections.abc import Iterator
import contextlib
import math
from pathlib import Path
import re

from array_record.python import array_record_module
import tensorflow_datasets as tfds

from skeljax import documents
from skeljax.data import records
from skeljax.errors import InputError
from skeljax.skeletons import skeleton

_VERSION = re.compile(r'\d{1,9}(\.\d{1,9})*')
_CLASSES = 'tensorflow_datasets.core.features.'
_TABLE = f'{_CLASSES}features_dict.FeaturesDict'
# A class of features -> the entry of features.json that describes one.
_CONTENTS = {f'{_CLASSES}tensor_feature.Tensor': 'tensor', f'{_CLASSES}text_feature.Text': 'text'}
_PLACES = '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}'


def folder(data_dir: Path, name: str) -> Path:
    """Returns the folder of the newest version of a prepared corpus.

    Raises:
        InputError: it is not prepared there.
    """
    versions = [
        path.parent
        for path in (data_dir / name).glob('*/dataset_info.json')
        if _VERSION.fullmatch(path.parent.name)
    ]
    if not versions:
        raise InputError(
            f'{data_dir / name}: no prepared corpus here; run '
            f'`skeljax prepare {name} --data-dir {data_dir}`'
        )
    return max(versions, key=lambda path: tuple(int(number) for number in path.name.split('.')))


def open_folder(place: Path) -> tfds.core.DatasetBuilder:
    """Opens the version of a corpus in a folder.

    Its `info.metadata` has the `classes`, the `layout` and the `fps` of the corpus.

    Raises:
        InputError: a file is missing, damaged, or not from a corpus; names the file.
    """
    with damage(place / 'dataset_info.json'):
        _check_info(_parsed(place / 'dataset_info.json'))
    with damage(place / 'features.json'):
        _check_features(_parsed(place / 'features.json'))
    with damage(place / 'metadata.json'):
        _check_metadata(_parsed(place / 'metadata.json'))
    with damage(place):
        builder = tfds.builder_from_directory(place)
        _check_schema(builder.info.features)
        return builder


def check_files(split: tfds.core.SplitInfo):
    """Raises InputError for the first file of a split that does not contain its records.

    Only the end of each file is read, which a truncated file lacks.
    """
    for path, expected in zip(split.filepaths, split.shard_lengths, strict=True):
        if not path.exists():
            raise InputError(f'{path}: missing; prepare the corpus again')
        try:
            reader = array_record_module.ArrayRecordReader(str(path))
            found = reader.num_records()
            reader.close()  # raises if the file could not be read
        except RuntimeError as error:
            text = str(error).splitlines()[0]
            raise InputError(f'{path}: damaged; prepare the corpus again ({text})') from None
        if found != expected:
            raise InputError(
                f'{path}: holds {found} records, expected {expected}; prepare the corpus again'
            )


@contextlib.contextmanager
def damage(where) -> Iterator[None]:
    """Converts any exception of a block that reads `where` to an InputError."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f'{where}: missing; prepare the corpus again') from None
    except Exception as error:
        reason = ' '.join(f'{error}'.split())[:200] or type(error).__name__
        raise InputError(f'{where}: damaged; prepare the corpus again ({reason})') from error


def _parsed(path: Path) -> dict:
    document = documents.parse(path.read_text(encoding='utf-8'))
    if not isinstance(document, dict):
        raise ValueError('no JSON object')
    return document


def _check_info(info: dict):
    if info.get('fileFormat') != 'array_record':
        raise ValueError(f'fileFormat is {info.get("fileFormat")!r:.40}, expected array_record')
    splits = info.get('splits')
    if not isinstance(splits, list) or not splits:
        raise ValueError('no splits')
    for split in splits:
        if split.get('filepathTemplate') != _PLACES:
            raise ValueError(f'files at {split.get("filepathTemplate")!r:.80}, expected {_PLACES}')
        if not re.fullmatch(r'[\w-]{1,100}', split['name']):
            raise ValueError(f'a split {split["name"]!r:.80}')


def _check_features(stored: dict):
    """Raises ValueError unless all features are plain tensors or texts."""
    if stored.keys() != {'pythonClassName', 'featuresDict'} or stored['pythonClassName'] != _TABLE:
        raise ValueError(f'{stored.get("pythonClassName")!r:.80}, expected a {_TABLE}')
    features = stored['featuresDict']['features']
    for name, feature in features.items():
        kind = feature.get('pythonClassName')
        if kind not in _CONTENTS or feature.keys() - {'description'} != {
            'pythonClassName', _CONTENTS[kind],
        }:
            raise ValueError(f'{name!r:.40} is a {kind!r:.80}, which no corpus has')


def _check_metadata(stored: dict):
    classes, fps = stored.get('classes'), stored.get('fps')
    if not isinstance(classes, list) or not all(isinstance(c, str) and c for c in classes):
        raise ValueError(f'classes are {classes!r:.60}, expected names')
    if len({*classes}) != len(classes):
        raise ValueError('two classes of one name')
    if type(fps) not in (int, float) or not 0 < fps < math.inf:
        raise ValueError(f'fps is {fps!r:.40}, expected frames per second')
    if not isinstance(stored.get('layout'), str):
        raise ValueError('no layout')
    skeleton.get(stored['layout'])


def _check_schema(found: tfds.features.FeaturesDict):
    """Raises ValueError unless the schema is that of `records.features`."""
    persons, joints = found['joints'].shape[1:3]
    expected = records.features(persons, joints)
    if found.keys() != expected.keys():
        named = ', '.join(sorted(found.keys() ^ expected.keys()))
        raise ValueError(f'its records are of another version of skeljax: {named}')
    for name in expected:
        shapes = [(feature[name].shape, feature[name].np_dtype) for feature in (found, expected)]
        if shapes[0] != shapes[1]:
            raise ValueError(f'{name} is {shapes[0]}, expected {shapes[1]}')
