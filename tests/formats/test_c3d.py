"""C3D: what the library wrote reads back; gaps, units, subjects, labels; damage."""

from pathlib import Path
import tempfile

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.formats import vertical
from skeljax.skeletons import skeleton
from tests.formats.damage import sound_or_told, told

c3d = pytest.importorskip('c3d')
pytestmark = pytest.mark.filterwarnings('ignore::UserWarning')  # of the library, when it writes
GAIT = skeleton.get('uiprmd39')
SOME = ('LASI', 'RASI', 'LKNE', 'BALL')


def _write(path, points, labels, *, found=None, units='mm', rate=100.0, screen=None, lists=()):
    """Writes points[T, N, 3]; those not found are invalid."""
    writer = c3d.Writer(point_rate=rate, point_units=units)
    writer.set_point_labels(list(labels))
    if screen:
        writer.set_screen_axis('+X', screen)
    for name, words in lists:
        text, size = writer.pack_labels(words)
        writer.point_group.add_str(name, name, text, size, len(words))
    rows = np.zeros((*points.shape[:2], 5), np.float32)
    rows[..., :3] = points
    if found is not None:
        rows[..., 3][~found] = -1
    writer.add_frames([(row, np.zeros((0, 0))) for row in rows])
    with open(path, 'wb') as file:
        writer.write(file)
    return path


def _points(frames=5, count=len(SOME), seed=0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(100, 1800, (frames, count, 3)).astype(np.float32)


def test_points_in_millimetres_with_z_up_become_joints_in_metres_with_y_up(tmp_path):
    points = _points()
    motion = formats.read(_write(tmp_path / 'a.c3d', points, SOME, rate=250.0))
    assert (motion.fps, motion.source, motion.subject) == (250.0, 'a.c3d', '')
    assert motion.joints.dtype == np.float32 and motion.joint_valid is None and motion.valid.all()
    np.testing.assert_allclose(motion.joints[:, 0], points[..., [1, 2, 0]] / 1000, rtol=1e-6)
    assert skeleton.get(motion.layout).joints == SOME


@pytest.mark.parametrize(
    ('units', 'scale'), [('m', 1), ('cm', 0.01), ('mm  ', 0.001), (' ', 0.001)]
)
def test_the_unit_is_the_files(tmp_path, units, scale):
    points = _points()
    joints = formats.read(_write(tmp_path / 'a.c3d', points, SOME, units=units)).joints
    np.testing.assert_allclose(joints[:, 0], points[..., [1, 2, 0]] * scale, rtol=1e-6)


@pytest.mark.parametrize(
    ('screen', 'axes'), [('+Y', [0, 1, 2]), ('+Z', [1, 2, 0]), ('+X', [2, 0, 1])]
)
def test_the_vertical_is_the_files(tmp_path, screen, axes):
    points = _points()
    joints = formats.read(_write(tmp_path / 'a.c3d', points, SOME, screen=screen)).joints
    np.testing.assert_allclose(joints[:, 0], points[..., axes] / 1000, rtol=1e-6)


@pytest.mark.parametrize('axis', [1, 2])
def test_without_screen_axes_the_vertical_is_guessed_or_told(tmp_path, axis):
    """z is up, y is up: feet to head tell; a body without ends has z up."""
    joints = np.tile(np.arange(39.0)[:, None], (5, 1, 3)).astype(np.float32)
    for name, height in (('LFHD', 1700), ('RFHD', 1700), ('LANK', 100), ('RANK', 100)):
        joints[:, GAIT.joints.index(name), axis] = height
    path = _write(tmp_path / 'a.c3d', joints, GAIT.joints)
    motion = formats.read(path)
    assert np.ptp(motion.joints[0, 0], axis=0).argmax() == 1
    up = 'xyz'[axis]
    assert motion.notes[-1] == vertical.note(up)
    told = formats.read(path, up=up)
    np.testing.assert_array_equal(told.joints, motion.joints)
    assert told.notes == motion.notes[:-1]
    other = formats.read(_write(tmp_path / 'b.c3d', _points(), SOME))
    assert other.notes[-1].startswith('z is assumed to be up, as is usual in C3D')
    screen = formats.read(_write(tmp_path / 'c.c3d', joints, GAIT.joints, screen='+Y'), up='z')
    np.testing.assert_allclose(screen.joints[:, 0], joints / 1000, rtol=1e-6)


def test_all_of_plug_in_gait_is_a_known_layout_in_its_order(tmp_path):
    labels = [*reversed(GAIT.joints), 'BALL', '*40', 'LKneeAngles']
    points = _points(count=42)
    lists = [('ANGLES', ['LKneeAngles'])]
    motion = formats.read(_write(tmp_path / 'a.c3d', points, labels, lists=lists))
    assert motion.layout == 'uiprmd39'
    np.testing.assert_allclose(motion.joints[:, 0, 0], points[:, 38, [1, 2, 0]] / 1000, rtol=1e-6)


def test_a_layout_of_its_own_follows_plug_in_gait_where_it_can(tmp_path):
    labels = ('LTOE', 'LKNE', 'LASI', 'BALL', 'STRN')
    layout = skeleton.get(formats.read(_write(tmp_path / 'a.c3d', _points(count=5), labels)).layout)
    assert layout.joints == labels
    parents = dict(zip(labels, layout.parents, strict=True))
    assert parents['STRN'] == -1
    assert labels[parents['BALL']] == 'STRN'
    assert labels[parents['LTOE']] == 'LKNE' and labels[parents['LKNE']] == 'LASI'


def test_angles_and_points_without_a_label_are_no_joints(tmp_path):
    labels = ('C7', '*1', 'HipAngle', '')
    path = _write(tmp_path / 'a.c3d', _points(), labels, lists=[('ANGLES', ['HipAngle'])])
    assert skeleton.get(formats.read(path).layout).joints == ('C7',)


def test_a_gap_is_told_and_bridged(tmp_path):
    points = np.zeros((4, 2, 3), np.float32)
    points[:, 0] = 1000
    points[:, 1] = np.arange(1, 5)[:, None] * 100
    found = np.ones((4, 2), bool)
    found[1:3, 1] = False
    points[3, 0] = 0  # as other systems write what they lost
    points[1, 1] = np.nan
    motion = formats.read(_write(tmp_path / 'a.c3d', points, ('C7', 'T10'), found=found))
    found[3, 0] = False
    np.testing.assert_array_equal(motion.joint_valid[:, 0], found)
    np.testing.assert_allclose(motion.joints[:, 0, 0], 1, rtol=1e-6)
    np.testing.assert_allclose(motion.joints[:, 0, 1, 0], [0.1, 0.2, 0.3, 0.4], rtol=1e-6)
    assert motion.valid.all()


def test_a_frame_without_any_point_is_without_the_person(tmp_path):
    found = np.ones((5, 4), bool)
    found[2] = False
    motion = formats.read(_write(tmp_path / 'a.c3d', _points(), SOME, found=found))
    np.testing.assert_array_equal(motion.valid[:, 0], [True, True, False, True, True])
    assert (motion.joints[2] == 0).all()


def test_subjects_that_wear_the_same_points_are_persons(tmp_path):
    labels = [f'{who}:{name}' for name in ('C7', 'T10') for who in ('Ann', 'Bo')]
    points = _points()
    motion = formats.read(_write(tmp_path / 'a.c3d', points, labels))
    assert motion.joints.shape == (5, 2, 2, 3) and motion.subject == 'Ann Bo'
    second = points[:, [1, 3]][..., [1, 2, 0]] / 1000
    np.testing.assert_allclose(motion.joints[:, 1], second, rtol=1e-6)


@pytest.mark.parametrize(
    ('labels', 'options', 'message'),
    [
        (('*1', '*2', '*3', '*4'), {}, 'no labeled point'),
        (SOME, {'units': 'mile'}, "POINT:UNITS 'mile', expected mm, cm or m"),
        (SOME, {'screen': '-Z'}, "POINT:Y_SCREEN '-z', expected +X, +Y or +Z"),
        (SOME, {'found': np.zeros((5, 4), bool)}, 'of 4 points none was ever measured'),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path, labels, options, message):
    path = _write(tmp_path / 'a.c3d', _points(), labels, **options)
    found = told(formats.read, path)
    assert found.startswith(f'{path}: ') and message in found


def test_a_truncated_or_strange_file_is_told(tmp_path):
    path = _write(tmp_path / 'a.c3d', _points(frames=200), SOME)
    raw = path.read_bytes()
    path.write_bytes(raw[:-5000])
    assert 'expected 200 by its header' in told(formats.read, path)
    for bad in (b'', b'hello', raw[:512], raw[512:]):
        path.write_bytes(bad)
        assert told(formats.read, path).startswith(f'{path}: ')


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_damaged_file_is_sound_or_told(data):
    with tempfile.TemporaryDirectory() as folder:
        path = _write(Path(folder) / 'a.c3d', _points(), SOME)
        raw = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 5))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))])
        sound_or_told(formats.read, path)
