"""A damaged or hostile data directory: one line before TFDS reads it, nothing imported."""

import json
import shutil
import sys

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from skeljax.cli import main
from skeljax.data import corpus
from skeljax.errors import InputError

NAME = 'synthetic/tiny'
FILES = ('dataset_info.json', 'features.json', 'metadata.json')


@pytest.fixture
def copy(tiny, tmp_path):
    """A copy of a prepared corpus; returns the folder of data and that of the corpus."""
    shutil.copytree(tiny / NAME, tmp_path / NAME)
    (version,) = (tmp_path / NAME).iterdir()
    return tmp_path, version


def _told(data_dir) -> str:
    with pytest.raises(InputError) as caught:
        list(corpus.Corpus(data_dir, NAME, 'train'))
    message = str(caught.value)
    assert '\n' not in message and len(message) < 600
    return message


def _change(path, *places, value):
    document = json.loads(path.read_text())
    inner = document
    for place in places[:-1]:
        inner = inner[place]
    inner[places[-1]] = value
    path.write_text(json.dumps(document))


@pytest.mark.parametrize('places', [
    ('pythonClassName',),
    ('featuresDict', 'features', 'fps', 'pythonClassName'),
    ('featuresDict', 'features', 'more'),
    ('type',),
    ('featuresDict', 'features', 'fps', 'type'),
])
def test_a_class_that_features_name_is_not_imported(copy, places):
    folder, version = copy
    value = {'pythonClassName': 'this.Evil'} if places[-1] == 'more' else 'this.Evil'
    _change(version / 'features.json', *places, value=value)
    sys.modules.pop('this', None)
    assert f'{version}/features.json: damaged; prepare the corpus again (' in _told(folder)
    assert 'this' not in sys.modules


@pytest.mark.parametrize('name', FILES)
@pytest.mark.parametrize(
    'content',
    [
        None,
        b'',
        b'{',
        b'[]',
        b'3',
        b'null',
        b'{}',
        b'\xff\xfe',
        b'{"splits": 3, "fileFormat": "array_record"}',
        b'[' * 100_000,
    ],
)
def test_a_description_that_is_none_is_told(copy, name, content):
    folder, version = copy
    path = version / name
    path.unlink() if content is None else path.write_bytes(content)
    message = _told(folder)
    if content is None and name == 'dataset_info.json':
        assert 'no prepared corpus here' in message
    else:
        what = 'missing' if content is None else 'damaged'
        assert message.startswith(f'{path}: {what}; prepare the corpus again')


@pytest.mark.parametrize(
    'name, places, value, expected',
    [
        ('metadata.json', ('classes',), [1, 2], 'classes are [1, 2], expected names'),
        ('metadata.json', ('classes',), ['a', 'a'], 'two classes of one name'),
        ('metadata.json', ('fps',), '30', "fps is '30', expected frames per second"),
        ('metadata.json', ('fps',), 0, 'fps is 0, expected frames per second'),
        ('metadata.json', ('fps',), True, 'fps is True'),
        ('metadata.json', ('fps',), float('nan'), 'fps is nan'),
        ('metadata.json', ('layout',), 'ants6', "unknown joint layout 'ants6'"),
        ('metadata.json', ('layout',), 7, 'no layout'),
        (
            'dataset_info.json',
            ('fileFormat',),
            'tfrecord',
            "fileFormat is 'tfrecord', expected array_record",
        ),
        ('dataset_info.json', ('splits',), [], 'no splits'),
        ('dataset_info.json', ('splits', 0, 'name'), '../train', "a split '../train'"),
        (
            'dataset_info.json',
            ('splits', 0, 'filepathTemplate'),
            '/etc/passwd',
            "files at '/etc/passwd'",
        ),
        ('dataset_info.json', ('splits', 0, 'shardLengths'), ['many'], 'damaged'),
        ('dataset_info.json', ('version',), 'x', 'damaged'),
        ('features.json', ('featuresDict', 'features'), {}, 'damaged'),
    ],
)
def test_a_description_of_something_else_is_told(copy, name, places, value, expected):
    folder, version = copy
    _change(version / name, *places, value=value)
    message = _told(folder)
    assert expected in message and 'prepare the corpus again' in message


def test_records_of_another_schema_are_told(copy):
    folder, version = copy
    features = ('featuresDict', 'features')
    _change(version / 'features.json', *features, 'fps', 'tensor', 'dtype', value='float64')
    assert 'fps is ' in _told(folder)
    document = json.loads((version / 'features.json').read_text())
    del document['featuresDict']['features']['joint_valid']
    (version / 'features.json').write_text(json.dumps(document))
    assert 'of another version of skeljax: joint_valid' in _told(folder)


def test_a_folder_that_is_no_version_is_passed_over(copy):
    folder, version = copy
    shutil.copytree(version, version.parent / 'x')
    assert len(corpus.Corpus(folder, NAME, 'train')) == 8
    shutil.rmtree(version)
    assert 'no prepared corpus here' in _told(folder)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=20
    )
)
def test_flipped_bytes_of_records_are_told_or_change_nothing(copy, tiny, flips):
    folder, version = copy
    (path,) = version.glob('*-train.array_record*')
    (whole,) = (tiny / NAME).rglob('*-train.array_record*')
    raw = bytearray(whole.read_bytes())
    for place, flip in flips:
        raw[int(place * len(raw))] ^= flip
    path.write_bytes(raw)
    expected = [r.joints.tobytes() for r in corpus.Corpus(tiny, NAME, 'train')]
    try:
        found = [r.joints.tobytes() for r in corpus.Corpus(folder, NAME, 'train')]
    except InputError as error:
        assert 'prepare the corpus again' in str(error) and '\n' not in str(error)
    else:
        assert found == expected


def test_commands_tell_damage_in_one_line(copy, capsys):
    folder, version = copy
    (version / 'metadata.json').write_text('{')
    (version / 'report.json').write_text('{')
    assert main.main(['inspect', NAME, '--data-dir', str(folder)]) == 2
    told = capsys.readouterr().err
    assert (
        told.startswith('skeljax inspect: ')
        and told.count('\n') == 1
        and 'metadata.json: damaged' in told
    )
    assert main.main(['prepare', NAME, '--data-dir', str(folder)]) == 2
    assert (
        capsys.readouterr().err
        == f'skeljax prepare: {version}/report.json: damaged; use --overwrite\n'
    )
