"""Columns of tables as people name them: frames, persons, joints, times, decimal commas."""

import time

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

import skeljax
from skeljax.errors import FormatError, InputError
from skeljax.formats import cells, columns
from skeljax.skeletons import skeleton

RNG = np.random.default_rng(0)
NAMES = ['nose', 'left_hip', 'right_hip']
BODY = RNG.normal(size=(33, 4)).round(3) * [1, 1, 1, 0] + [0, 0, 0, 0.9]
MEDIAPIPE = skeleton.get('mediapipe33').joints


def _write(folder, head, rows, delimiter=',', name='a.csv'):
    lines = [delimiter.join(map(str, row)) for row in [head, *rows]]
    (folder / name).write_text('\n'.join(lines) + '\n')
    return folder / name


def _read(path, **options):
    """Reads a table as it is: what is up and the unit are not guessed."""
    return skeljax.read(path, **({'up': 'y', 'unit': 'm'} | options))


def _at(frame, who) -> list[float]:
    """Coordinates of three joints of one of two people, 6 numbers."""
    x, y = 100 + frame + 300 * who, 50 + frame
    return [x, y, x + 10, y + 20, x - 10, y + 20]


HEAD = [f'{name}_{axis}' for name in NAMES for axis in 'xy']


@pytest.mark.parametrize('frame', ['frame', 'frame_idx', 'Frame Number', 'frameIndex', 'image_id'])
@pytest.mark.parametrize(
    'person', ['track', 'id', 'person', 'person_id', 'Track ID', 'trackID', 'body_id', 'player']
)
def test_two_people_are_two_people(tmp_path, frame, person):
    rows = [[t, who, *_at(t, who)] for t in range(5) for who in (0, 1)]
    motion = _read(_write(tmp_path, [frame, person, *HEAD], rows), fps=30)
    assert motion.joints.shape[:2] == (5, 2) and motion.valid.all() and motion.notes == ()
    np.testing.assert_allclose(motion.joints[:, 1, 0, 0], 400 + np.arange(5))


@pytest.mark.parametrize('rows_of', ['frame', 'joint'])
def test_a_column_of_another_name_is_found_by_what_it_tells_apart(tmp_path, rows_of):
    if rows_of == 'frame':
        head = ['frame', 'note', 'Hund', *HEAD]
        rows = [[t, 'x', who, *_at(t, i)] for t in range(5) for i, who in enumerate('ab')]
    else:
        head = ['frame', 'note', 'Hund', 'joint', 'x', 'y']
        rows = [
            [t, 'x', who, name, *np.reshape(_at(t, i), (3, 2))[j]]
            for t in range(5) for i, who in enumerate('ab') for j, name in enumerate(NAMES)
        ]
    motion = _read(_write(tmp_path, head, rows), fps=30)
    assert motion.joints.shape[:2] == (5, 2)
    np.testing.assert_allclose(motion.joints[:, 1, 0, 0], 400 + np.arange(5))
    assert "column 'Hund' used as the person: it distinguishes rows of one frame" in motion.notes
    assert 'columns passed over: note' in motion.notes


def test_without_a_column_of_persons_they_are_followed_by_their_place(tmp_path):
    rows = [[t, *_at(t, who)] for t in range(5) for who in ((0, 1) if t % 2 else (1, 0))]
    motion = _read(_write(tmp_path, ['frame', *HEAD], rows), fps=30)
    assert motion.joints.shape[:2] == (5, 2)
    assert (np.abs(np.diff(motion.joints[:, :, 0, 0], axis=0)) == 1).all()
    assert motion.notes == ('5 frames have several rows: persons, distinguished by position',)


def test_persons_that_swap_are_mended(tmp_path):
    rows = [[t, who, *_at(t, who if t < 6 else 1 - who)] for t in range(12) for who in (0, 1)]
    motion = _read(_write(tmp_path, ['frame', 'track', *HEAD], rows), fps=30)
    assert (np.abs(np.diff(motion.joints[:, :, 0, 0], axis=0)) == 1).all()
    assert motion.notes == ('a person jumps to another: distinguished by position',)


def test_an_empty_track_is_a_person_without_an_identity(tmp_path):
    """SLEAP writes so what its tracker lost."""
    head = ['track', 'frame_idx', 'instance.score', *(n.replace('_x', '.x') for n in HEAD)]
    head = [n.replace('_y', '.y') for n in head]
    rows = [
        ['' if t == 2 else f'track_{who}', t, 0.9, *_at(t, who)] for t in range(5) for who in (0, 1)
    ]
    motion = _read(_write(tmp_path, head, rows), fps=30)
    assert motion.joints.shape[:2] == (5, 2) and motion.valid.all()
    assert 'columns passed over: instance.score' in motion.notes


def test_columns_that_count_are_not_counted_over(tmp_path):
    rows = [[who, t, *_at(t, who)] for who in (0, 1) for t in range(5)]
    with pytest.raises(FormatError) as error:
        _read(_write(tmp_path, ['Hund', 'Bild', *HEAD], rows), fps=30)
    assert "columns 'Hund' and 'Bild' distinguish the rows" in str(error.value)
    assert 'expected the names frame and person' in str(error.value)


def test_cells_that_take_turns_are_persons(tmp_path):
    rows = [[who, *_at(t, i)] for t in range(5) for i, who in enumerate('ab')]
    motion = _read(_write(tmp_path, ['Hund', *HEAD], rows), fps=30)
    assert motion.joints.shape[:2] == (5, 2)
    assert motion.notes == ("column 'Hund' used as the person: its cells repeat in each frame",)


def test_a_number_of_the_row_is_no_person(tmp_path):
    rows = [[t, t + 100, *_at(t, 0)] for t in range(5)]
    motion = _read(_write(tmp_path, ['frame', 'id', *HEAD], rows), fps=30)
    assert motion.joints.shape[:2] == (5, 1) and motion.notes == ('columns passed over: id',)


def test_a_subject_is_who_moves(tmp_path):
    rows = [[t, 'p07', *_at(t, 0)] for t in range(5)]
    motion = _read(_write(tmp_path, ['frame', 'Subject', *HEAD], rows), fps=30)
    assert motion.subject == 'p07' and motion.joints.shape[1] == 1


def test_frames_may_be_names_of_images(tmp_path):
    rows = [[f'walk2_{t:05}.jpg', *_at(t, 0)] for t in (7, 8, 10)]
    motion = _read(_write(tmp_path, ['image_name', *HEAD], rows), fps=30)
    assert motion.valid[:, 0].tolist() == [True, True, False, True]


# What scripts around MediaPipe write: a row a frame with these names, or a row a landmark.
WIDE = {
    'x1,y1,z1,v1': lambda n, name, axis: f'{axis[0]}{n + 1}',
    'x0': lambda n, name, axis: f'{axis[0]}{n}',
    'landmark_0_x': lambda n, name, axis: f'landmark_{n}_{axis}',
    'landmark_x_00': lambda n, name, axis: f'landmark_{axis}_{n:02}',
    '0_x': lambda n, name, axis: f'{n}_{axis}',
    'nose_x': lambda n, name, axis: f'{name}_{axis}',
    'NOSE_X': lambda n, name, axis: f'{name}_{axis}'.upper(),
    'PoseLandmark.NOSE_x': lambda n, name, axis: f'PoseLandmark.{name.upper()}_{axis}',
    'x_nose': lambda n, name, axis: f'{axis}_{name}',
    'noseX': lambda n, name, axis: name.title().replace('_', '') + axis.capitalize()[0],
    'nose_x (m)': lambda n, name, axis: f'{name}_{axis} (m)' if axis in 'xyz' else f'{name}_{axis}',
}


@pytest.mark.parametrize('form', WIDE)
def test_mediapipe_in_a_row_a_frame(tmp_path, form):
    head = [
        WIDE[form](n, name, axis)
        for n, name in enumerate(MEDIAPIPE) for axis in ('x', 'y', 'z', 'visibility')
    ]
    if form == 'noseX':  # has no visibility
        head = [name for n, name in enumerate(head) if n % 4 < 3]
    values = BODY[:, :3] if form == 'noseX' else BODY
    rows = [[f'{t / 30:.3f}', *values.ravel()] for t in range(4)]
    motion = _read(_write(tmp_path, ['timestamp', *head], rows))
    assert (motion.layout, motion.fps) == ('mediapipe33', 30.0)
    np.testing.assert_allclose(motion.joints[2, 0], BODY[:, :3], atol=1e-6)


@pytest.mark.parametrize('joint', ['landmark', 'landmark_id', 'keypoint', 'name', 'id', 'bodypart'])
def test_mediapipe_in_a_row_a_landmark(tmp_path, joint):
    told = (lambda n: n) if joint in ('landmark_id', 'id') else lambda n: MEDIAPIPE[n].upper()
    rows = [[t, told(n), *BODY[n]] for t in range(4) for n in range(33)]
    head = ['frame_number', joint, 'x', 'y', 'z', 'visibility']
    motion = _read(_write(tmp_path, head, rows), fps=30)
    assert motion.layout == 'mediapipe33' and motion.joints.shape[:2] == (4, 1)
    np.testing.assert_allclose(motion.joints[2, 0], BODY[:, :3], atol=1e-6)


def test_joints_that_are_only_numbered_need_a_layout_where_several_fit(tmp_path):
    head = [f'{axis}{n}' for n in range(17) for axis in 'xy']
    path = _write(tmp_path, head, [range(34)] * 3)
    (note,) = _read(path, fps=30).notes
    assert 'no layout is the only one of 17: the option layout sets it' in note
    motion = _read(path, fps=30, layout='coco17')
    assert motion.layout == 'coco17' and motion.notes == ()
    np.testing.assert_array_equal(motion.joints[0, 0, :, 0], np.arange(0, 34, 2))


@pytest.mark.parametrize(
    ('name', 'step', 'told'),
    [
        ('time_ms', 33.333, ()),
        ('Time (ms)', 33.333, ()),
        ('timestamp_us', 33333, ()),
        ('timestamp', 33.333, ('timestamp taken for milliseconds: 33.333 from frame to frame',)),
        ('time', 33333, ('time taken for microseconds: 33333 from frame to frame',)),
        ('t', 33333333, ('t taken for nanoseconds: 3.33333e+07 from frame to frame',)),
    ],
)
def test_times_in_other_units(tmp_path, name, step, told):
    rows = [[round(step * t, 3), *_at(t, 0)] for t in range(10)]
    motion = _read(_write(tmp_path, [name, *HEAD], rows))
    assert motion.fps == pytest.approx(30, rel=1e-4) and motion.notes == told


def test_units_in_the_names_count(tmp_path):
    head = [f'{name} (mm)' for name in HEAD]
    motion = _read(_write(tmp_path, head, [_at(0, 0)] * 2), fps=30)
    np.testing.assert_allclose(motion.joints[0, 0, 0], [0.1, 0.05, 0])


@pytest.mark.parametrize('delimiter', [';', '\t'])
def test_a_decimal_comma_is_a_point_where_no_comma_parts_columns(tmp_path, delimiter):
    rows = [[f'{v:.3f}'.replace('.', ',') for v in (t / 30, *_at(t, 0))] for t in range(9)]
    rows[4][1] = ''
    motion = _read(_write(tmp_path, ['time', *HEAD], rows, delimiter))
    assert motion.fps == 30.0 and not motion.joint_valid[4, 0, 0]
    np.testing.assert_allclose(motion.joints[5, 0, 0], [105, 55, 0])
    rows[0][1] = '"7,25"'  # a quoted cell
    motion = _read(_write(tmp_path, ['time', *HEAD], rows, delimiter))
    assert motion.joints[0, 0, 0, 0] == 7.25


@pytest.mark.parametrize(
    ('delimiter', 'cell', 'told'),
    [
        (',', '"0,5"', "a_x is '0,5', a decimal comma, expected a point"),
        (';', '1.234,5', "a_x is '1.234,5', expected a number without a mark of thousands"),
    ],
)
def test_other_marks_in_numbers_are_refused(tmp_path, delimiter, cell, told):
    path = _write(tmp_path, ['a_x', 'a_y'], [[1, 2], [cell, 3]], delimiter)
    with pytest.raises(FormatError) as error:
        _read(path, fps=30)
    assert str(error.value).startswith(f'{path}:3: {told}')


def test_columns_of_text_keep_their_commas(tmp_path):
    sheet = cells.read(_write(tmp_path, ['start', 'label'], [['0,5', 'a,b'], ['2', '1,2']], ';'))
    assert sheet.rows == [['0.5', 'a,b'], ['2', '1,2']]


def test_a_table_of_labels_may_have_decimal_commas(tmp_path):
    from skeljax.formats import labels

    head = ['recording', 'start', 'end', 'label']
    found = labels.read(_write(tmp_path, head, [['a', '0,5', '1,5', 'squat']], ';'))
    (label,) = found.segments['a']
    assert (label.start, label.end, label.name, label.damage) == (0.5, 1.5, 'squat', '')


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text('xyzv_. 01aNframeid', min_size=1, max_size=9), min_size=1, max_size=8))
def test_any_names_are_sorted_or_refused(names):
    try:
        found = columns.find('a.csv', names)
    except InputError as error:
        assert '\n' not in str(error)
    else:
        used = sum([*found.axes, *found.certainty], [])
        assert len(used) == len(set(used)) and set(used) <= set(range(len(names)))


def test_ten_minutes_are_read_in_two_seconds(tmp_path):
    """Of process time; 33 landmarks with visibility at 30 frames a second."""
    names = [f'{n}_{a}' for n in MEDIAPIPE for a in ('x', 'y', 'z', 'visibility')]
    some = [','.join(f'{v:.6f}' for v in RNG.normal(size=132)) for _ in range(50)]
    rows = [f'{t},{some[t % 50]}' for t in range(18000)]
    path = tmp_path / 'a.csv'
    path.write_text('\n'.join([','.join(['frame', *names]), *rows]) + '\n')
    begin = time.process_time()
    assert len(_read(path, fps=30).joints) == 18000
    assert time.process_time() - begin < 2
