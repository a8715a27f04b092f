"""Kinder-Gator files: what a row says, which file is which trial, damage reported in one line."""

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

import skeljax
from skeljax.errors import InputError
from skeljax.formats import kinder_gator
from skeljax.skeletons import skeleton
from tests import first_kinect
from tests.formats.damage import damaged, sound_or_told, told

JOINTS = np.random.default_rng(0).normal(size=(4, 20, 3)).round(5)
NAME = 'POSE-p565_12-Draw-the-letter-A-1469182437113.csv'
TEXT = first_kinect.trial(JOINTS, 565, 'Draw-the-letter-A')


@pytest.mark.parametrize('ending', ['', '.gz'])
def test_a_row_is_a_frame_of_twenty_joints(tmp_path, ending):
    path = first_kinect.write(tmp_path / f'{NAME}{ending}', TEXT)
    motion = skeljax.read(path)
    np.testing.assert_array_equal(motion.joints[:, 0], JOINTS.astype(np.float32))
    assert motion.joints.dtype == np.float32 and motion.valid.shape == (4, 1)
    assert (motion.fps, motion.layout, motion.subject) == (30.0, 'kinect20', 'p565')
    assert motion.source == path.name and motion.valid.all()
    assert skeleton.get(motion.layout).joints == first_kinect.JOINTS


def test_how_a_file_ends_its_lines_does_not_matter(tmp_path):
    for number, text in enumerate((TEXT.replace('\n', '\r\n'), '\ufeff' + TEXT, TEXT + '\n')):
        motion = skeljax.read(first_kinect.write(tmp_path / f'{number}.csv', text))
        np.testing.assert_array_equal(motion.joints[:, 0], JOINTS.astype(np.float32))


def test_times_that_jitter_move_no_frame(tmp_path):
    times = [1000, 1000, 1078, 1100]  # steps of 0, 78 and 22 ms, 30 frames a second in all
    text = first_kinect.trial(JOINTS, 565, 'Bow', times)
    motion = skeljax.read(first_kinect.write(tmp_path / 'a.csv', text))
    np.testing.assert_array_equal(motion.joints[:, 0], JOINTS.astype(np.float32))


@pytest.mark.parametrize(
    ('times', 'message'),
    [
        ([1000, 1033, 1020, 1100], ':4: time 1020.0 ms after 1033.0 ms, expected times in order'),
        ([1000, 1066, 1133, 1200], ': 4 rows in 0.20 s, expected 27 to 33 a second'),
        ([1000, 1000, 1000, 1000], ': 4 rows in 0.00 s, expected 27 to 33 a second'),
    ],
)
def test_rows_that_are_not_thirty_a_second_are_an_error(tmp_path, times, message):
    text = first_kinect.trial(JOINTS, 565, 'Bow', times)
    path = first_kinect.write(tmp_path / 'a.csv', text)
    assert told(skeljax.read, path) == f'{path}{message}'


@pytest.mark.parametrize(
    ('before', 'after', 'message'),
    [
        (',HipCenterX,HipCenterY', ',HipCenterX,HipY', ":1: 'Timestamp,HipCenterX,HipY"),
        (',565,Draw-the-letter-A,\n', ',565,Draw-the-letter-A\n', ':2: 63 columns, expected 64'),
        ('565,Draw-the-letter-A,\n', '566,Draw-the-letter-A,\n', ':3: person and action 565 Draw'),
        ('1033.3333', '1033.33_3', ":3: '1033.33_3', expected a number"),
        ('1033.3333', 'nan', ":3: 'nan', expected a number"),
        ('\n1033.3333', '\n\n1033.3333', ':3: 1 columns, expected 64'),
    ],
)
def test_damage_is_reported_with_its_line(tmp_path, before, after, message):
    path = first_kinect.write(tmp_path / NAME, TEXT.replace(before, after, 1))
    assert told(skeljax.read, path).startswith(f'{path}{message}')


def test_a_file_without_rows_is_an_error(tmp_path):
    path = first_kinect.write(tmp_path / NAME, TEXT.split('\n')[0])
    assert told(skeljax.read, path) == f'{path}: no row, expected one a frame'
    path.write_text('')
    assert told(kinder_gator.read, path).startswith(f"{path}:1: '', expected \"Timestamp,Hip")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_damage_is_reported_or_harmless(tmp_path_factory, data):
    path = tmp_path_factory.mktemp('damaged') / NAME
    path.write_bytes(data.draw(damaged(TEXT.encode())))
    sound_or_told(kinder_gator.read, path)


def test_a_cut_gzip_file_is_an_error(tmp_path):
    path = first_kinect.write(tmp_path / f'{NAME}.gz', TEXT)
    path.write_bytes(path.read_bytes()[:-12])
    assert told(skeljax.read, path).startswith(f'{path}: cannot be read: ')


def test_trials_are_found_by_the_names_of_their_files(tmp_path):
    for name in (
        'Adults/POSE-p565_12-Draw-the-letter-A-1469182437113.csv',
        'Adults/POSE-p565_12-Draw-the-letter-A-1469182437113.csv.gz',
        'Adults/POSE-p565_02-Throw-a-ball--1469182437000.csv.gz',
        'Children/POSE-p106_05-Bow-1455372223852.csv',
        'Children/notes.csv',
    ):
        first_kinect.write(tmp_path / name, TEXT)
    found = kinder_gator.trials(tmp_path)
    assert [(t.person, t.number, t.action) for t in found] == [
        (106, 5, 'Bow'), (565, 2, 'Throw-a-ball-'), (565, 12, 'Draw-the-letter-A'),
    ]
    assert found[2].path.name.endswith('.csv')  # the plain file of the two


def _lost(folder) -> str:
    return told(kinder_gator.trials, folder, error=InputError)


def test_what_is_no_trial_is_an_error(tmp_path):
    assert _lost(tmp_path / 'none').endswith('none: no such directory')
    assert _lost(tmp_path).startswith(f'{tmp_path}: no "Adults/POSE-p565_01')
    path = first_kinect.write(tmp_path / 'POSE-p1_01-Sing-5.csv', TEXT)
    assert _lost(tmp_path) == f"{path}: action 'Sing' is none of the 58"
    path.unlink()
    first = first_kinect.write(tmp_path / 'POSE-p1_01-Bow-5.csv', TEXT)
    again = first_kinect.write(tmp_path / 'POSE-p1_03-Bow-7.csv', TEXT)
    assert _lost(tmp_path) == f'{again}: the person and action of {first} again'


def test_actions_have_names_without_hyphens():
    names = [kinder_gator.action_name(action) for action in kinder_gator.ACTIONS]
    assert len(set(names)) == 58 and not any('-' in name for name in names)
    assert kinder_gator.action_name('Draw-the-letter-A') == 'draw the letter A'
    assert kinder_gator.action_name('Throw-a-ball-') == 'throw a ball'
    assert kinder_gator.action_name('Climb-and-imaginary-ladder') == 'climb an imaginary ladder'


def test_people_of_the_corpus_stand_upright_and_face_the_sensor(real_data):
    folder = real_data / 'kinder_gator'
    found = [t for t in kinder_gator.trials(folder) if t.action == 'Raise-your-hand']
    assert len(found) == 20
    for trial in found:
        pose = dict(zip(first_kinect.JOINTS, skeljax.read(trial.path).joints[0, 0], strict=True))
        heights = [pose[name][1] for name in ('FootLeft', 'KneeLeft', 'HipCenter', 'Head')]
        assert heights == sorted(heights) and 0.5 < heights[3] - heights[0] < 2.2
        # y up and z away from the sensor are right-handed with x to the right of who faces it.
        for part in ('Shoulder', 'Hip'):
            assert pose[f'{part}Right'][0] > pose[f'{part}Left'][0]
        assert pose['FootLeft'][2] < pose['AnkleLeft'][2] + 0.05
