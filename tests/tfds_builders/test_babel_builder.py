"""BABEL from made-up files: joints as posed, labels where they were put, splits apart."""

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from skeljax.cli import prepare
from skeljax.data import builders, preparation
from skeljax.data.corpus import Corpus
from skeljax.data.records import GRID
from skeljax.errors import InputError
from skeljax.formats import amass, smplh

SUBSET = 'babel/subset1'
WALK, STAND, TURN, JUMP = range(4)
SPLITS = ('train', 'validation', 'test')
FPS = 120


def _validates(subject: str) -> bool:
    digest = hashlib.sha256(f'skeljax-1/babel/{subject}'.encode()).hexdigest()
    return int(digest[:16], 16) % 10 == 0


PERSONS = {
    validates: [f'{n:02}' for n in range(100) if _validates(f'CMU/{n:02}') == validates]
    for validates in (False, True)
}
TRAIN, VALIDATION = PERSONS[False][:3], PERSONS[True][:2]


def _motion(root: Path, file: str, seconds: float, fps: float = FPS) -> dict:
    """Writes a motion that drifts, and returns its content."""
    rng = np.random.default_rng(len(file))
    frames = round(seconds * fps)
    content = {
        'poses': rng.normal(0, 0.4, 156) + np.cumsum(rng.normal(0, 0.01, (frames, 156)), 0),
        'trans': np.cumsum(rng.normal(0, 0.01, (frames, 3)), 0),
        'betas': rng.normal(0, 1, 16),
        'gender': np.array('female'),
        'mocap_framerate': np.array(float(fps)),
    }
    path = root / 'amass' / file
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **content)
    return content


def _label(start, end, *categories) -> dict:
    return {'start_t': start, 'end_t': end, 'act_cat': list(categories) or None}


NAMES = ('walk', 'stand', 'turn', 'jump')
EACH = [_label(n / 2, n / 2 + 0.5, name) for n, name in enumerate(NAMES)]


class Tree:
    """Raw files as a user has them; grows by `add`."""

    def __init__(self, root: Path, models: Path):
        self.root, self._numbers = root, itertools.count(1)
        self.files: dict[str, dict] = {'train': {}, 'val': {}}
        root.mkdir(parents=True, exist_ok=True)
        (root / 'smplh').symlink_to(models)

    def add(self, name, person, labels, *, seconds=2.0, file=None, duration=None, written=True):
        """Adds a sequence to a file of annotations; returns its number and motion."""
        number = str(next(self._numbers))
        file = file or f'CMU/{person}/{person}_{number}_poses.npz'
        content = _motion(self.root, file, seconds) if written else None
        entry = {'feat_p': f'CMU/{file}', 'dur': duration or seconds}
        if name.startswith('extra'):
            entry |= {'frame_anns': None, 'seq_anns': [{'labels': [{'act_cat': None}]}]}
        else:
            entry['frame_ann'] = None if labels is None else {'labels': labels}
        self.files.setdefault(name, {})[number] = entry
        return number, content

    def write(self) -> Path:
        folder = self.root / 'babel_v1.0_release'
        folder.mkdir(exist_ok=True)
        for name, entries in self.files.items():
            (folder / f'{name}.json').write_text(json.dumps(entries))
        return self.root


@pytest.fixture
def tree(tmp_path, smplh_folder, monkeypatch) -> Tree:
    """A tree with one sequence of all classes in each split."""
    monkeypatch.delenv(amass.MODEL_VARIABLE, raising=False)
    made = Tree(tmp_path / 'raw', smplh_folder)
    for name, person in (('train', TRAIN[0]), ('train', VALIDATION[0]), ('val', TRAIN[1])):
        made.add(name, person, EACH)
    return made


def _prepared(tree: Tree, name: str = SUBSET, **options):
    """Prepares; returns the report and the recordings by name, of each split."""
    folder = tree.root.parent / 'data'
    report = preparation.prepare(name, data_dir=folder, manual_dir=tree.write(), **options)
    corpora = {split: Corpus(folder, name, split) for split in SPLITS}
    return report, {s: {r.name: r for r in corpus} for s, corpus in corpora.items()}


def _spans(recording) -> list[tuple[int, int, int]]:
    columns = (recording.segment_start, recording.segment_end, recording.segment_label)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _told(tree: Tree, name: str = SUBSET) -> str:
    """Returns the message with which a preparation fails, having left nothing."""
    with pytest.raises(InputError) as caught:
        _prepared(tree, name)
    assert not list((tree.root.parent / 'data').rglob('*'))
    return str(caught.value)


def test_a_recording_is_the_male_body_at_30_frames_a_second_with_y_up(tree, smplh_folder):
    number, content = tree.add('train', TRAIN[2], [_label(0.5, 1, 'walk')], seconds=1.25)
    report, read = _prepared(tree)
    recording = read['train'][f'babel_{number}']
    model = smplh.load(smplh_folder / 'male' / 'model.npz')
    # int(30 * 1.25) frames were seen.
    points = smplh.forward(model, content['poses'][::4], trans=content['trans'][::4])[:37]
    expected = np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1)[:, amass.NTU25]
    np.testing.assert_allclose(recording.joints[:, 0], expected, atol=0.51 * GRID)
    assert _spans(recording) == [(15, 30, WALK)]
    assert (recording.subject, recording.layout) == (f'CMU/{TRAIN[2]}', 'ntu25')
    assert recording.source == f'CMU/{TRAIN[2]}/{TRAIN[2]}_{number}_poses.npz'
    assert recording.frame_valid.all() and recording.person_valid.all()
    assert (report['classes'], report['fps']) == (list(NAMES), 30.0)
    assert report['skipped'] == {}


def test_labels_stand_where_the_annotators_put_them_whatever_lies_between(tree):
    labels = [
        _label(0.0, 0.2, 'walk'), _label(0.4, 0.6), _label(1.0, 2.0, 'walk', 'jump'),
        _label(1.2, 1.4, 'turn', 'eat'), _label(1.5, 9.0, 'stand'), _label(0.6, 0.8, 'eat'),
    ]
    number, _ = tree.add('train', TRAIN[2], labels, duration=1.9)
    recording = _prepared(tree)[1]['train'][f'babel_{number}']
    assert len(recording.joints) == 57
    assert _spans(recording) == [(0, 6, WALK), (30, 36, WALK), (36, 42, TURN), (42, 57, WALK)]


def test_faithfully_labels_move_up_over_gaps_and_the_end_is_cut(tree, smplh_folder):
    labels = [
        _label(0.0, 0.2, 'walk'), _label(0.4, 0.6), _label(1.0, 2.0, 'jump', 'walk'),
        _label(1.2, 1.4, 'turn'), _label(0.6, 0.8, 'eat'),
    ]
    number, content = tree.add('train', TRAIN[2], labels)
    _, read = _prepared(tree, 'babel/subset1_faithful')
    recording = read['train'][f'babel_{number}']
    # Covered: 6 frames of walk, 6 of eat, 30 of jump and turn. The motion starts at 0 all the same.
    assert _spans(recording) == [(0, 6, WALK), (12, 42, JUMP)]
    model = smplh.load(smplh_folder / 'male' / 'model.npz')
    points = smplh.forward(model, content['poses'][::4], mean_hands=True)[:42]
    expected = points[:, amass.NTU25_PUBLISHED]
    np.testing.assert_allclose(recording.joints[:, 0], expected, atol=0.51 * GRID)


def test_a_motion_a_little_shorter_than_its_labels_cuts_them(tree):
    number, _ = tree.add('train', TRAIN[2], [_label(1, 2.8, 'walk')], duration=2.8)
    for name, end in ((SUBSET, 60), ('babel/subset1_faithful', 54)):
        recording = _prepared(tree, name)[1]['train'][f'babel_{number}']
        (span,) = _spans(recording)
        # Faithfully the 54 labeled frames stand at the start.
        assert span[1:] == (end, WALK) and len(recording.joints) == end


def test_a_motion_much_shorter_than_its_annotation_is_named(tree):
    number, _ = tree.add('train', TRAIN[2], EACH, seconds=1.0, duration=2.0)
    path = tree.root / 'amass' / f'CMU/{TRAIN[2]}/{TRAIN[2]}_{number}_poses.npz'
    told = f'{path}: 1.00 s of motion, expected 2.00 s of sequence {number}'
    assert _told(tree) == told


def test_splits_share_no_subject_and_no_motion_where_they_need_not(tree):
    for person in (*TRAIN, *VALIDATION):
        tree.add('train', person, EACH)
    both, _ = tree.add('train', TRAIN[2], EACH)
    source = tree.files['train'][both]['feat_p'].removeprefix('CMU/')
    tested, _ = tree.add('val', TRAIN[2], EACH, file=source)
    report, read = _prepared(tree)
    subjects = {split: {r.subject for r in read[split].values()} for split in SPLITS}
    assert subjects['train'] == {f'CMU/{person}' for person in TRAIN}
    assert subjects['validation'] == {f'CMU/{person}' for person in VALIDATION}
    assert f'babel_{tested}' in read['test'] and len(read['test']) == 2
    sources = [r.source for split in SPLITS for r in read[split].values()]
    assert len(sources) == len(set(sources)) == 4 + 3 + 2
    assert report['skipped'] == {
        '1 sequences of train.json with a motion of the test split': 'not in config subset1'
    }


def test_what_a_subset_cannot_use_is_counted(tree):
    tree.add('train', TRAIN[0], None)
    tree.add('val', TRAIN[0], [_label(0, 1, 'eat'), _label(3, 4, 'walk')])
    long = _label(0, 1001 / 30, 'walk')
    tree.add('train', TRAIN[0], [long], seconds=34.0)
    kept, _ = tree.add('train', TRAIN[0], [{**long, 'end_t': 1000 / 30}], seconds=34.0)
    report, read = _prepared(tree)
    assert set(read['train']) == {'babel_1', f'babel_{kept}'}
    assert len(read['train'][f'babel_{kept}'].joints) == 1020
    assert report['skipped'] == {
        f'1 sequences of {what}': 'not in config subset1'
        for what in (
            'train.json without frame labels',
            'train.json with more than 1000 labeled frames',
            'val.json without a frame of the classes',
        )
    }


def test_all_has_every_motion_whole_and_without_labels(tree):
    tree.add('train', TRAIN[0], None, seconds=40.0, duration=35.0)
    tree.add('extra_train', TRAIN[2], None)
    again = tree.files['train']['1']['feat_p'].removeprefix('CMU/')
    tree.add('extra_train', TRAIN[0], None, file=again)
    tree.add('extra_val', VALIDATION[0], None, seconds=0.01)
    report, read = _prepared(tree, 'babel/all')
    lengths = {split: sorted(len(r.joints) for r in read[split].values()) for split in SPLITS}
    assert lengths == {'train': [60, 60, 1200], 'validation': [60], 'test': [1, 60]}
    assert report['classes'] == [] and report['splits']['train']['segments'] == 0
    assert report['skipped'] == {
        '1 sequences of train.json with the motion of another': 'not in config all'
    }
    assert 'babel/all' in prepare.describe(report)
    corpus = Corpus(tree.root.parent / 'data', 'babel/all', 'train')
    assert corpus.classes == () and (corpus.labels(0) == 0).all()


def test_motions_that_are_missing_are_all_named_or_left_out(tree):
    numbers = [tree.add('train', TRAIN[2], EACH, written=False)[0] for _ in range(2)]
    told = [
        f'{tree.root}/amass/CMU/{TRAIN[2]}/{TRAIN[2]}_{n}_poses.npz: no such file, '
        f'expected for sequence {n}'
        for n in numbers
    ]
    assert _told(tree).splitlines() == [f'{SUBSET}: 2 damaged', *told]
    report, read = _prepared(tree, on_error='skip', processes=2)
    assert report['damaged'] == told and list(read['train']) == ['babel_1']


def test_a_damaged_motion_and_one_too_slow_are_named(tree):
    first, _ = tree.add('train', TRAIN[2], EACH)
    second, _ = tree.add('train', TRAIN[2], EACH)
    folder = tree.root / 'amass' / 'CMU' / TRAIN[2]
    path = folder / f'{TRAIN[2]}_{first}_poses.npz'
    path.write_bytes(path.read_bytes()[:5000])
    _motion(tree.root, f'CMU/{TRAIN[2]}/{TRAIN[2]}_{second}_poses.npz', 2.0, fps=25)
    _, damaged, slow = _told(tree).splitlines()
    assert damaged.startswith(f'{path}: cannot be read as .npz: ')
    path = folder / f'{TRAIN[2]}_{second}_poses.npz'
    assert slow == f'{path}: 25 frames per second, expected at least 30'


def test_a_malformed_annotation_is_named(tree):
    tree.files['val']['99'] = {'feat_p': 5}
    path = tree.root / 'babel_v1.0_release' / 'val.json'
    assert _told(tree) == f"{path}: sequence '99': feat_p is a int"


def test_annotations_that_are_not_there_or_there_twice_are_told(tree):
    folder = tree.write() / 'babel_v1.0_release'
    (tree.root / 'train.json').write_text((folder / 'train.json').read_text())
    assert _told(tree) == f'{tree.root}: 2 files train.json of BABEL, expected one'
    (tree.root / 'train.json').unlink()
    tree.files = {'val': {}}
    (folder / 'train.json').unlink()
    assert _told(tree) == f'{tree.root}: 0 files train.json of BABEL, expected one'


def test_a_split_without_sequences_is_told(tree):
    del tree.files['train']['2']
    told = f"{tree.root}/babel_v1.0_release: no sequence for the split 'validation'"
    assert _told(tree) == told


def test_a_split_without_motions_is_told(tree):
    (tree.root / 'amass').rename(tree.root / 'AMASS')
    example = f'CMU/{TRAIN[0]}/{TRAIN[0]}_1_poses.npz'
    told = f"{tree.root}/amass: has none of the 1 motions of the split 'train', e.g. {example}"
    assert _told(tree) == told


def test_the_body_model_is_asked_for_once(tree):
    (tree.root / 'smplh').unlink()
    told = _told(tree)
    assert told.startswith(f'{tree.root}/amass: needs the male SMPL-H body model, found none: set')
    assert '\n' not in told


def test_each_subset_comes_corrected_and_faithful():
    names = [f'babel/subset{n}{how}' for how in ('', '_faithful') for n in (1, 2, 3)]
    assert builders.configs('babel') == [*names, 'babel/all']
