"""Opens a prepared corpus; what its files say is checked before TFDS reads them.

TFDS imports the module of any class that a `features.json` names. A corpus has one schema
(`skeljax.data.records`), so nothing but the three classes of that schema is ever imported.
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
    """Finds the newest version of a prepared corpus.

    Raises:
        InputError: there is none.
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
    """Opens the version of a corpus that a folder holds.

    Its `info.metadata` has the `classes`, the `layout` and the `fps` of a corpus.

    Raises:
        InputError: naming the file that is missing, damaged, or not one of a corpus.
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
    """Raises InputError at the first file of a split that does not hold its records.

    Only what stands at the end of each is read, which a truncated one lacks.
    """
    for path, expected in zip(split.filepaths, split.shard_lengths, strict=True):
        if not path.exists():
            raise InputError(f'{path}: missing; prepare the corpus again')
        try:
            reader = array_record_module.ArrayRecordReader(str(path))
            found = reader.num_records()
            reader.close()  # where it could not be read, this raises
        except RuntimeError as error:
            text = str(error).splitlines()[0]
            raise InputError(f'{path}: damaged; prepare the corpus again ({text})') from None
        if found != expected:
            raise InputError(
                f'{path}: holds {found} records, expected {expected}; prepare the corpus again'
            )


@contextlib.contextmanager
def damage(where) -> Iterator[None]:
    """Raises an InputError that `where` is damaged, whatever a block that reads it raises."""
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


def _check_features(told: dict):
    """Raises ValueError where anything but plain tensors and texts, or another schema, is named."""
    if told.keys() != {'pythonClassName', 'featuresDict'} or told['pythonClassName'] != _TABLE:
        raise ValueError(f'{told.get("pythonClassName")!r:.80}, expected a {_TABLE}')
    features = told['featuresDict']['features']
    for name, feature in features.items():
        kind = feature.get('pythonClassName')
        if kind not in _CONTENTS or feature.keys() - {'description'} != {
            'pythonClassName', _CONTENTS[kind],
        }:
            raise ValueError(f'{name!r:.40} is a {kind!r:.80}, which no corpus has')


def _check_metadata(told: dict):
    classes, fps = told.get('classes'), told.get('fps')
    if not isinstance(classes, list) or not all(isinstance(c, str) and c for c in classes):
        raise ValueError(f'classes are {classes!r:.60}, expected names')
    if len({*classes}) != len(classes):
        raise ValueError('two classes of one name')
    if type(fps) not in (int, float) or not 0 < fps < math.inf:
        raise ValueError(f'fps is {fps!r:.40}, expected frames a second')
    if not isinstance(told.get('layout'), str):
        raise ValueError('no layout')
    skeleton.get(told['layout'])


def _check_schema(found: tfds.features.FeaturesDict):
    """Raises ValueError where records are not those of `records.features`."""
    persons, joints = found['joints'].shape[1:3]
    expected = records.features(persons, joints)
    if found.keys() != expected.keys():
        named = ', '.join(sorted(found.keys() ^ expected.keys()))
        raise ValueError(f'its records are of another version of skeljax: {named}')
    for name in expected:
        shapes = [(feature[name].shape, feature[name].np_dtype) for feature in (found, expected)]
        if shapes[0] != shapes[1]:
            raise ValueError(f'{name} is {shapes[0]}, expected {shapes[1]}')
