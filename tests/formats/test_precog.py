"""PRECOG files: what a row says, which run is an instance, damage reported in one line."""

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

import skeljax
from skeljax.errors import InputError
from skeljax.formats import precog
from skeljax.skeletons import skeleton
from tests import first_kinect
from tests.formats.damage import damaged, sound_or_told, told

JOINTS = np.random.default_rng(0).normal(size=(4, 20, 3)).round(5)
LABELS = [0, 3, 3, 8]
TEXT = first_kinect.sequence(JOINTS, LABELS)


@pytest.mark.parametrize('ending', ['', '.gz'])
def test_a_row_is_a_frame_of_twenty_joints_and_its_label(tmp_path, ending):
    path = first_kinect.write(tmp_path / f'Seq6_11.csv{ending}', TEXT)
    motion, labels = precog.read_labeled(path)
    np.testing.assert_array_equal(motion.joints[:, 0], JOINTS.astype(np.float32))
    assert motion.joints.dtype == np.float32 and motion.valid.shape == (4, 1)
    assert (motion.fps, motion.layout, motion.subject) == (25.0, 'kinect20', 's11')
    assert motion.source == path.name and motion.valid.all()
    assert labels.tolist() == LABELS
    assert skeleton.get(motion.layout).joints == first_kinect.JOINTS
    read = skeljax.read(path, fps=30)  # the file does not give the rate
    assert read.fps == 30.0
    np.testing.assert_array_equal(read.joints, motion.joints)


def test_how_a_file_ends_its_lines_does_not_matter(tmp_path):
    for number, text in enumerate((TEXT.replace('\n', '\r\n'), '\ufeff' + TEXT, TEXT + '\n')):
        motion = skeljax.read(first_kinect.write(tmp_path / f'{number}.csv', text))
        np.testing.assert_array_equal(motion.joints[:, 0], JOINTS.astype(np.float32))
        assert motion.subject == ''


def test_a_run_of_one_label_is_a_segment_if_it_is_five_frames_long():
    runs = [(0, 2), (1, 5), (2, 4), (0, 1), (2, 6), (7, 5), (0, 9), (7, 5)]
    labels = np.repeat(*np.array(runs).T)
    # Frames 7 to 10 are a stray run of label 2.
    assert precog.segments(labels) == [(2, 7, 0), (12, 18, 1), (18, 23, 6), (32, 37, 6)]
    assert precog.segments(np.array([0, 0])) == [] and precog.segments(np.full(4, 1)) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 8)), min_size=1, max_size=8))
def test_segments_cover_the_frames_of_long_runs(runs):
    labels = np.repeat(*np.array(runs).T)
    shown = np.zeros(len(labels), int)
    for start, end, label in precog.segments(labels):
        assert end - start >= 5 and (shown[start:end] == 0).all()
        shown[start:end] = label + 1
    for frame in range(len(labels)):
        same = lambda part: next((i for i, x in enumerate(part) if x != labels[frame]), len(part))
        length = same(labels[frame:]) + same(labels[:frame][::-1])
        assert shown[frame] == (labels[frame] if length >= 5 else 0)


@pytest.mark.parametrize(
    ('before', 'after', 'message'),
    [
        ('; Spine; ShoulderCenter', '; Spine; Chest', ":1: 'HipCenter; Spine; Chest; Head"),
        (';0\n', '\n', ':2: 20 columns, expected 20 joints and a label'),
        (';0\n', ';9\n', ":2: label '9', expected 0 to 8"),
        (';8\n', ';-1\n', ":5: label '-1', expected 0 to 8"),
        (';8\n', ';\n', ":5: label '', expected 0 to 8"),
        (';8\n', ';²\n', ":5: label '²', expected 0 to 8"),
        (';3\n', ' 1;3\n', ':3: FootRight is '),
        (';3\n', 'x;3\n', ':3: '),
    ],
)
def test_damage_is_reported_with_its_line(tmp_path, before, after, message):
    path = first_kinect.write(tmp_path / 'Seq1_1.csv', TEXT.replace(before, after, 1))
    assert told(skeljax.read, path).startswith(f'{path}{message}')


def test_a_file_without_rows_is_an_error(tmp_path):
    path = first_kinect.write(tmp_path / 'Seq1_1.csv', TEXT.split('\n')[0])
    assert told(skeljax.read, path) == f'{path}: no row, expected one a frame'
    path.write_text('')
    assert told(precog.read, path).startswith(f"{path}:1: '', expected \"HipCenter; Spine;")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_damage_is_reported_or_harmless(tmp_path_factory, data):
    path = tmp_path_factory.mktemp('damaged') / 'Seq1_1.csv'
    path.write_bytes(data.draw(damaged(TEXT.encode())))
    sound_or_told(precog.read, path)


def _lost(folder) -> str:
    return told(precog.takes, folder, error=InputError)


def test_recordings_are_found_by_the_names_of_their_files(tmp_path):
    for name in ('CSV/Seq2_11.csv', 'CSV/Seq2_11.csv.gz', 'CSV/Seq2_3.csv.gz', 'CSV/Seq_3.csv'):
        first_kinect.write(tmp_path / name, TEXT)
    found = precog.takes(tmp_path)
    assert [(t.sequence, t.person, t.name) for t in found] == [(2, 3, 'Seq2_3'), (2, 11, 'Seq2_11')]
    assert found[1].path.name == 'Seq2_11.csv'  # the plain file of the two
    again = first_kinect.write(tmp_path / 'Other' / 'Seq2_3.csv', TEXT)
    first = tmp_path / 'CSV' / 'Seq2_3.csv.gz'
    assert _lost(tmp_path) == f'{again}: the sequence and person of {first} again'
    assert _lost(tmp_path / 'none').endswith('none: no such directory')
    (tmp_path / 'empty').mkdir()
    assert _lost(tmp_path / 'empty').endswith('no "CSV/Seq1_1.csv" or the like')


def test_the_limb_that_a_class_names_moves_more_than_the_other(real_data):
    """The files do not name the classes; the mapping is that of the slides."""
    limbs = {
        side: [first_kinect.JOINTS.index(f'{joint}{side}') for joint in ('Hand', 'Ankle')]
        for side in ('Left', 'Right')
    }
    moved: dict[int, list] = {label: [] for label in range(6)}  # of which a side is named
    for take in precog.takes(real_data / 'precog'):
        motion, labels = precog.read_labeled(take.path)
        body = motion.joints[:, 0] - motion.joints[:, 0, :1]
        for start, end, label in precog.segments(labels):
            if label in moved and take.name not in ('Seq2_10', 'Seq4_10'):
                speed = np.linalg.norm(np.diff(body[start:end], axis=0), axis=-1).mean(0)
                moved[label].append([speed[limbs[side]] for side in ('Left', 'Right')])
    for label, speeds in moved.items():
        name = precog.CLASSES[label]
        left, right = np.mean(speeds, 0)[:, int('kick' in name)]
        assert (right > 1.3 * left) if 'right' in name else (left > 1.3 * right), name
