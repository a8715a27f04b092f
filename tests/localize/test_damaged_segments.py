"""Truths, predictions and stored results with numbers and labels that cannot be."""

import json
import sys
import zipfile

import numpy as np
import pytest

from skeljax import localize
from skeljax.data import folder_options
from skeljax.errors import InputError
from skeljax.formats import labels
from skeljax.localize import exchange
from skeljax.localize.segments import Segments
from skeljax.viz import saved_eval
from skeljax.viz.viewer import predictions

HUGE = 10**400
NUMBERS = [
    HUGE, -HUGE, 10**5000, 1e308, float('inf'), float('nan'), '9' * 5000, '1e999', True, None, [],
    {},
]


def _told(read, *arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        read(*arguments, **options)
    message = str(caught.value)
    assert '\n' not in message and len(message) < 1000
    return message


def _write(path, document):
    with_digits = json.dumps(document, default=str)
    path.write_text(with_digits)
    return path


@pytest.fixture(autouse=True)
def any_digits(monkeypatch):
    """Lets Python write whole numbers of any length, as other programs do."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    yield
    sys.set_int_max_str_digits(before)


def _results(**changes):
    item = {'label': 'a', 'score': 0.5, 'segment': [0, 1]} | changes
    return {'results': {'r': [item]}, 'fps': 30}


def _database(**changes):
    entry = {'annotations': [{'label': 'a', 'segment': [0, 1]}], 'duration': 9, 'fps': 30} | changes
    return {'database': {'r': entry}}


def _predict(**changes):
    item = {'label': 'a', 'start_frame': 0, 'end_frame': 9, 'score': 0.5} | changes
    return {'recording': 'r', 'fps': 30, 'frames': 90, 'segments': [item]}


@pytest.mark.parametrize('value', NUMBERS, ids=lambda value: type(value).__name__)
def test_numbers_that_cannot_be_are_told_by_every_kind_of_file(tmp_path, value):
    documents = [
        _results(segment=[0, value]), _results(segment=[value, 1]),
        _database(annotations=[{'label': 'a', 'segment': [value, value]}]),
        _predict(end_frame=value) | {'frames': None},
    ]
    if value != 1e308:  # a score may be any number
        documents += [_results(score=value), _predict(score=value), _predict() | {'fps': value}]
    if value is not None:  # else it is not told
        documents += [_database(duration=value), _predict() | {'frames': value}]
    for document in documents:
        _told(exchange.read, _write(tmp_path / 'a.json', document), fps=30)


@pytest.mark.parametrize('label', [HUGE, '9' * 5000, 'x' * 5000, None, True, [], {}, '', ' '])
def test_labels_that_cannot_be_are_told_by_every_kind_of_file(tmp_path, label):
    for document in (_results(label=label), _predict(label=label)):
        _told(exchange.read, _write(tmp_path / 'a.json', document), fps=30)
    (tmp_path / 'a.csv').write_text(f'recording,start,end,label\nr,0,1,{label if label else ""}\n')
    if isinstance(label, str):
        _told(exchange.read, tmp_path / 'a.csv', fps=30)


def test_a_label_of_many_digits_is_ordered_as_a_number(tmp_path):
    names = ['9' * 900, '10', '9', 'walk']
    rows = ''.join(f'r,{i},{i + 1},{name}\n' for i, name in enumerate(names))
    (tmp_path / 'a.csv').write_text('recording,start,end,label\n' + rows)
    assert exchange.read(tmp_path / 'a.csv', fps=30).classes == ('9', '10', '9' * 900, 'walk')


@pytest.mark.parametrize('item', [
    {'label': 'a', 'start_frame': HUGE, 'end_frame': HUGE},
    {'label': 'a', 'start_seconds': 1e308, 'end_seconds': 1e308},
    {'label': 'a', 'start_frame': 0, 'end_frame': 1e300},
    {'label': 'a', 'start_frame': 0, 'end_frame': 5, 'score': HUGE},
    {'label': HUGE, 'start_frame': 0, 'end_frame': 5},
    {'label': 'b' * 10**6, 'start_frame': 0, 'end_frame': 5},
    [[]], 7, None,
])
def test_items_that_are_no_segments(item):
    assert 'segment 0: ' in _told(localize.from_json_dict, [item], classes=['a'], fps=1e4)


@pytest.mark.filterwarnings('error')
def test_frames_that_no_integer_holds():
    _told(Segments, [0.0], [1e300], [0])
    _told(Segments, [0], [2**70], [0])


def test_half_a_frame_goes_up_everywhere(tmp_path):
    """0.1 s at 25 frames a second is 2.5 frames."""
    item = {'label': 'a', 'start_seconds': 0.1, 'end_seconds': 0.5, 'score': 1.0}
    assert localize.from_json_dict([item], classes=['a'], fps=25.0).start.tolist() == [3]
    (tmp_path / 'a.csv').write_text('recording,start,end,label\nr,0.1,0.5,a\n')
    assert exchange.read(tmp_path / 'a.csv', fps=25.0).segments['r'].start.tolist() == [3]
    table = labels.read(tmp_path / 'a.csv').segments['r']
    assert labels.to_frames(table, fps=25.0, frames=50, classes=['a']) == [(3, 13, 0)]


@pytest.mark.parametrize(
    'name', ['fps', 'resample', 'persons', 'seed', 'unit', 'classes', 'layout', 'split']
)
@pytest.mark.parametrize('value', [HUGE, -HUGE, True, [], {}, [1], float('nan')])
def test_corpus_json_with_values_that_cannot_be(tmp_path, name, value):
    if (name, value) == ('classes', []):
        return  # none is told
    _write(tmp_path / 'corpus.json', {name: value})
    assert 'corpus.json: ' in _told(folder_options.read, tmp_path)


@pytest.mark.parametrize('value', [HUGE, -1, True, 'many', [], None])
@pytest.mark.parametrize(
    'name', ['fps', 'frames', 'segments', 'recording', 'classes', 'source', 'scores']
)
def test_stored_predictions_with_values_that_cannot_be(tmp_path, name, value):
    good = name in ('classes', 'source', 'scores') and value in ([], None)
    good = good or (name, value) in (('scores', 'many'), ('recording', 'many'), ('segments', []))
    good = good or name in ('fps', 'frames') and value is True  # which is 1
    path = _write(tmp_path / 'a.json', _predict() | {'classes': ['a'], name: value})
    if good:
        (found,) = predictions.read([path])
        predictions.segments(found, ['a'])
    else:
        assert str(path) in _told(predictions.read, [path])


def _kept() -> saved_eval.SavedSegments:
    some = Segments([0, 5], [3, 9], [0, 1], [0.5, 0.25])
    none = Segments([], [], [])
    predicted = {'babel': {'a': none, 'b': some}}
    return saved_eval.SavedSegments({'a': some, 'b': none}, predicted, {'a': 9, 'b': 20})


@pytest.mark.parametrize('seed', range(8))
def test_damaged_results_are_told(tmp_path, seed):
    path = saved_eval.write(tmp_path / 'evaluate-test.npz', _kept())
    whole, rng = path.read_bytes(), np.random.default_rng(seed)
    for _ in range(50):
        raw = bytearray(whole)
        for place in rng.integers(0, len(raw), rng.integers(1, 9)):
            raw[place] = rng.integers(256)
        path.write_bytes(bytes(raw))
        try:
            saved_eval.read(path)
        except InputError as error:
            assert str(path) in str(error) and '\n' not in str(error)


def test_results_packed_in_another_way_are_told(tmp_path):
    """Bytes of the archive that say 'encrypted', or compressed by what Python does not know."""
    path = saved_eval.write(tmp_path / 'evaluate-test.npz', _kept())
    with zipfile.ZipFile(path) as archive:
        place = archive.start_dir
    raw = bytearray(path.read_bytes())
    for offset, value in ((8, 1), (10, 99)):
        other = raw.copy()
        other[place + offset] = value
        path.write_bytes(bytes(other))
        assert 'saved segments cannot be read' in _told(saved_eval.read, path)


@pytest.mark.parametrize('columns', [
    {}, {'recordings': np.array(['a'])}, {'recordings': np.array(3), 'frames': np.array(3)},
    {'recordings': np.array(['a']), 'frames': np.array([9]), 'truth/count': np.array([-1])},
    {'recordings': np.array([1.5]), 'frames': np.array([9]), 'truth/count': np.array([2**40]),
     'truth/start': np.array([np.nan])},
])
def test_results_of_something_else_are_told(tmp_path, columns):
    np.savez(tmp_path / 'a.npz', **columns)
    assert 'saved segments cannot be read' in _told(saved_eval.read, tmp_path / 'a.npz')
