"""A folder of one's own recordings: what is found, what its tables tell, what is wrong in them."""

import json

import pytest

from skeljax.data import folder
from skeljax.errors import InputError


@pytest.fixture
def own(tmp_path):
    """Writes files of a folder; recordings are empty, for nobody reads them here."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace('__', '/')
            path = path.with_name(path.name.replace('_', '.', 1))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text if isinstance(text, str) else json.dumps(text))
        return tmp_path

    write(walk_csv='', monday__run_npz='', monday__hop_bvh='', tuesday__hop_bvh='')
    return write


LABELS = 'recording,start,end,label\n'


def _told(own, **files) -> str:
    with pytest.raises(InputError) as error:
        folder.plan(own(**files))
    assert '\n' not in str(error.value)
    return str(error.value)


def test_recordings_of_all_formats_are_found_and_named_by_their_path(own):
    path = own(
        README_md='x', readme_txt='x', photo_jpg='x', _hidden_csv='x', subject_asf='x',
        corpus_json={}, monday__shape_npz='x',
    )
    plan = folder.plan(path)
    assert list(plan.files) == ['monday/hop', 'monday/run', 'tuesday/hop', 'walk']
    assert plan.files['monday/run'] == path / 'monday' / 'run.npz'
    assert plan.skipped == {'1 files, e.g. photo.jpg': 'of no known format'}
    assert plan.classes == () and not plan.labels and not plan.splits


def test_a_folder_of_openposes_frames_is_one_recording(tmp_path):
    for name in ('a_000_keypoints.json', 'a_001_keypoints.json'):
        path = tmp_path / 'monday' / 'walk' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('')
    assert folder.plan(tmp_path).files == {'monday/walk': path.parent}
    (tmp_path / 'b_000_keypoints.json').write_text('')
    with pytest.raises(InputError, match='a file of one frame, expected in a folder of its own'):
        folder.plan(tmp_path)


def test_tables_may_name_a_recording_in_any_clear_way(own):
    rows = 'walk.csv,0,1,a\nrun,1,2,b\n./monday/hop.bvh,0,1,a\ntuesday\\hop,,,\n'
    plan = folder.plan(own(labels_csv=LABELS + rows))
    told = {name: [(s.start, s.end, s.name) for s in some] for name, some in plan.labels.items()}
    assert told == {
        'walk': [(0, 1, 'a')], 'monday/run': [(1, 2, 'b')],
        'monday/hop': [(0, 1, 'a')], 'tuesday/hop': [],
    }
    assert plan.classes == ('a', 'b') and not plan.skipped


def test_what_the_labels_do_not_name_is_left_out_and_told(own):
    plan = folder.plan(own(labels_csv=LABELS + 'walk,0,1,a\nrun,0,1,b\n'))
    assert list(plan.files) == ['monday/run', 'walk']
    assert plan.skipped == {'2 recordings, e.g. monday/hop': 'not named in labels.csv'}


def test_splits_are_told_by_tables_the_most_particular_counts(own):
    database = {
        'walk': {'subset': 'training', 'annotations': [{'segment': [0, 1], 'label': 'a'}]},
        'run': {'subset': 'training'}, 'monday/hop': {'subset': 'training'}, 'tuesday/hop': {},
    }
    plan = folder.plan(own(
        labels_json={'database': database},
        subjects_csv='recording,subject,split\nrun,p1,val\nmonday/hop,p2,val\n',
        splits_csv='recording,split\nmonday/hop,Test\n',
    ))
    assert plan.splits == {'walk': 'train', 'monday/run': 'validation', 'monday/hop': 'test'}
    assert plan.subjects == {'monday/run': 'p1', 'monday/hop': 'p2'}
    assert plan.skipped == {'1 recordings, e.g. tuesday/hop': 'in no split'}
    assert folder.assign(plan, dict.fromkeys(plan.files, '')) == plan.splits


def test_nobody_is_in_two_splits_that_were_dealt_out(own):
    plan = folder.plan(own())
    names = [f'r{n}' for n in range(40)]
    subjects = {name: f'p{n // 4}' for n, name in enumerate(names)}
    split = folder.assign(plan, subjects)
    assert split.keys() == subjects.keys()
    of_person = {(subjects[name], split[name]) for name in names}
    assert len(of_person) == 10
    assert sorted(s for _, s in of_person) == ['test'] * 2 + ['train'] * 6 + ['validation'] * 2


def test_dealing_out_by_recording_does_not_mind_persons(own):
    plan = folder.plan(own(corpus_json={'split': 'recording', 'seed': 5}))
    subjects = {f'r{n}': 'p' for n in range(20)}
    split = list(folder.assign(plan, subjects).values())
    assert [split.count(name) for name in ('train', 'validation', 'test')] == [14, 3, 3]


def test_options_are_read(own):
    told = {
        'fps': 25, 'layout': 'ntu25', 'unit': 'cm', 'up': 'z', 'resample': 30, 'remap': 'uiprmd22',
        'persons': 2, 'subject': 'Ann',
        'classes': ['b', 'a'], 'split': 'recording', 'seed': 3, 'overlaps': 'cut', 'tier': 'a',
    }
    plan = folder.plan(own(corpus_json=told, labels_csv=LABELS + 'walk,0,1,a\n'))
    assert plan.classes == ('b', 'a')
    assert vars(plan.options) == told | {'classes': ('b', 'a')}


def test_an_axis_that_is_none_is_told(own):
    with pytest.raises(InputError, match="corpus.json: up: up is 'w', expected one of x, y, z"):
        folder.plan(own(corpus_json={'up': 'w'}))


@pytest.mark.parametrize(
    ('files', 'told'),
    [
        ({'walk_bvh': ''}, "two recordings of one name, 'walk'"),
        (
            {'labels_csv': LABELS + 'walk,0,1,a\ncrawl,0,1,a\n'},
            "labels.csv:3: 'crawl': no recording in",
        ),
        (
            {'labels_csv': LABELS + 'hop,0,1,a\n'},
            "2: 'hop': recordings monday/hop and tuesday/hop in",
        ),
        (
            {'labels_csv': LABELS + 'walk,0,1,a\nwalk.csv,1,2,a\n'},
            "labels.csv:3: 'walk.csv' is 'walk' again",
        ),
        ({'labels_csv': LABELS, 'labels_json': {}}, 'expected one of them'),
        ({'labels_csv': LABELS}, 'no recording is left'),
        (
            {'splits_csv': 'recording,split\nwalk,holiday\n'},
            "splits.csv:2: split 'holiday', expected train",
        ),
        (
            {'splits_csv': 'recording\nwalk\n'},
            'splits.csv:1: columns recording, expected recording, split',
        ),
        (
            {'splits_csv': 'recording,split\nwalk,test\nwalk,train\n'},
            "splits.csv:3: 'walk' again, as in",
        ),
        ({'corpus_json': '{\n"fps" 3}'}, 'corpus.json:2: no JSON'),
        ({'corpus_json': []}, 'corpus.json: expected an object'),
        ({'corpus_json': {'fsp': 30}}, "corpus.json: unknown option 'fsp', known: fps, layout"),
        ({'corpus_json': {'fps': 0}}, 'corpus.json: frame rate is 0'),
        ({'corpus_json': {'resample': '30'}}, "corpus.json: frame rate is '30'"),
        ({'corpus_json': {'layout': 'ntu'}}, "corpus.json: layout: unknown joint layout 'ntu'"),
        ({'corpus_json': {'remap': 7}}, "corpus.json: remap: unknown joint layout '7'"),
        ({'corpus_json': {'unit': True}}, 'corpus.json: unit: unit is True'),
        ({'corpus_json': {'persons': 0}}, "corpus.json: persons is '0', expected a number from 1"),
        (
            {'corpus_json': {'split': 'month'}},
            "corpus.json: split is 'month', expected file, subject or",
        ),
        ({'corpus_json': {'classes': ['a', 'a']}}, 'expected a list of different names'),
    ],
)
def test_what_is_wrong_is_told(own, files, told):
    assert told in _told(own, **files)


@pytest.mark.parametrize(
    ('by', 'told'), [('file', 'in no table of splits'), ('subject', 'no subject, as')]
)
def test_a_split_that_cannot_be_made_is_told(own, by, told):
    plan = folder.plan(own(corpus_json={'split': by}))
    with pytest.raises(InputError, match=f'^walk: {told}'):
        folder.assign(plan, {'walk': ''})


def test_a_folder_that_is_missing_or_holds_nothing_is_told(tmp_path):
    missing = tmp_path / 'none'
    for path, told in ((missing, 'no such directory'), (tmp_path, 'no recording, expected')):
        with pytest.raises(InputError, match=told):
            folder.plan(path)
