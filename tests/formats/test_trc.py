"""TRC: what OpenSim, Pose2Sim, Sports2D and Cortex write; gaps, units, rates; damage."""

import gzip
from pathlib import Path
import tempfile
import time

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.skeletons import skeleton
from tests.formats.damage import damaged, sound_or_told, told

HEADER = (
    'PathFileType\t4\t(X/Y/Z)\twalk.trc\n'
    'DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\t'
    'OrigDataStartFrame\tOrigNumFrames\n'
    '{rate}\t{rate}\t{frames}\t{markers}\t{units}\t{rate}\t1\t{frames}\n'
)
HALPE = (
    'Hip RHip RKnee RAnkle RBigToe RSmallToe RHeel LHip LKnee LAnkle LBigToe LSmallToe LHeel '
    'Neck Head Nose RShoulder RElbow RWrist LShoulder LElbow LWrist'
).split()  # as Pose2Sim and Sports2D write HALPE_26


def _text(points, names, rate=60.0, units='m', first=1, end='\n', blank=True) -> str:
    head = HEADER.format(rate=f'{rate:g}', frames=len(points), markers=len(names), units=units)
    names_line = 'Frame#\tTime\t' + '\t\t\t'.join(names) + '\t\t'
    axes = '\t\t' + '\t'.join(f'{axis}{n + 1}' for n in range(len(names)) for axis in 'XYZ')
    rows = [
        '\t'.join(
            [
                str(first + n),
                f'{n / rate:.4f}',
                *('' if np.isnan(v) else f'{v:.5f}' for v in row.ravel()),
            ]
        )
        for n, row in enumerate(points)
    ]
    return head + '\n'.join(
        [names_line, axes, *([''] if blank else []), *(row + end for row in rows)]
    )


def _write(folder, text: str, name='walk.trc') -> Path:
    path = Path(folder) / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith('.gz') else text.encode())
    return path


def _points(frames=4, count=3, seed=0) -> np.ndarray:
    return np.round(np.random.default_rng(seed).uniform(0.1, 2, (frames, count, 3)), 5)


SMALL = _text(_points(), ('Hip', 'RKnee', 'LKnee'), end='')


def test_markers_are_joints_in_metres_with_y_up(tmp_path):
    points = _points()
    motion = formats.read(_write(tmp_path, _text(points, ('Hip', 'RKnee', 'LKnee'))))
    assert motion.joints.shape == (4, 1, 3, 3) and motion.joints.dtype == np.float32
    np.testing.assert_allclose(motion.joints[:, 0], points, rtol=1e-6)
    assert (motion.fps, motion.source, motion.joint_valid, motion.notes) == (
        60.0,
        'walk.trc',
        None,
        (),
    )
    assert skeleton.get(motion.layout).joints == ('Hip', 'RKnee', 'LKnee')


@pytest.mark.parametrize(('units', 'scale'), [('mm', 0.001), ('cm', 0.01), ('M', 1), ('meters', 1)])
def test_the_unit_is_the_files(tmp_path, units, scale):
    text = _text(_points(), ('A', 'B', 'C'), units=units)
    joints = formats.read(_write(tmp_path, text), unit='foot').joints
    np.testing.assert_allclose(joints[:, 0], _points() * scale, rtol=1e-6)


@pytest.mark.parametrize('end', ['\n', '\r\n', '\t\n', '\t\t\t\n'])
@pytest.mark.parametrize('blank', [True, False])
@pytest.mark.parametrize('name', ['walk.trc', 'Walk.TRC', 'walk.trc.gz'])
def test_line_ends_and_blanks_behind_do_not_matter(tmp_path, end, blank, name):
    text = _text(_points(), ('A', 'B', 'C'), end=end, blank=blank)
    joints = formats.read(_write(tmp_path, text, name)).joints
    np.testing.assert_allclose(joints[:, 0], _points(), rtol=1e-6)


def test_columns_parted_by_spaces_and_names_without_gaps(tmp_path):
    text = _text(_points(), ('A', 'B', 'C')).replace('\t', ' ')
    np.testing.assert_allclose(
        formats.read(_write(tmp_path, text)).joints[:, 0], _points(), rtol=1e-6
    )
    text = _text(_points(), ('A', 'B', 'C')).replace('A\t\t\tB\t\t\tC\t\t', 'A\tB\tC')
    assert skeleton.get(formats.read(_write(tmp_path, text)).layout).joints == ('A', 'B', 'C')


def test_halpe_of_pose2sim_gets_a_tree_of_the_body(tmp_path):
    text = _text(_points(count=len(HALPE)), HALPE)
    layout = skeleton.get(formats.read(_write(tmp_path, text)).layout)
    parent = {j: layout.joints[p] for j, p in zip(layout.joints, layout.parents) if p >= 0}
    assert 'Hip' not in parent and parent['RHip'] == 'Hip' and parent['RKnee'] == 'RHip'
    assert parent['RHeel'] == parent['RBigToe'] == 'RAnkle' and parent['RSmallToe'] == 'RBigToe'
    assert parent['LElbow'] == 'LShoulder' and parent['Neck'] == 'Hip' and parent['Nose'] == 'Head'
    assert layout.points[layout.joints.index('LWrist')] == 'left wrist'


def test_names_of_joints_and_the_vertical_may_be_given(tmp_path):
    """Those of `layout` are taken in its order; they hang together as in the file."""
    points = _points(count=4)
    path = _write(tmp_path, _text(points, ('Hip', 'RKnee', 'RAnkle', 'Ball')))
    whole = formats.read(path, up='y')
    taken = formats.read(path, layout=['RAnkle', 'Hip'], up='y')
    layout = skeleton.get(taken.layout)
    assert layout.joints == ('RAnkle', 'Hip') and layout.parents == (1, -1)
    np.testing.assert_array_equal(taken.joints, whole.joints[:, :, [2, 0]])
    np.testing.assert_array_equal(
        formats.read(path, layout='RAnkle,Hip', up='y').joints, taken.joints
    )
    turned = formats.read(path, up='z')
    np.testing.assert_array_equal(turned.joints, whole.joints[..., [1, 2, 0]])


def test_names_of_a_known_layout_come_in_its_order(tmp_path):
    h36m = skeleton.get('h36m17')
    points = _points(count=17)
    path = _write(tmp_path, _text(points, h36m.joints[::-1]))
    motion = formats.read(path)
    assert motion.layout == 'h36m17'
    np.testing.assert_allclose(motion.joints[:, 0], points[:, ::-1], rtol=1e-6)
    taken = formats.read(
        _write(tmp_path, _text(_points(count=20), (*h36m.joints, 'X', 'Y', 'Z'))), layout='h36m17'
    )
    np.testing.assert_allclose(taken.joints[:, 0], _points(count=20)[:, :17], rtol=1e-6)


def test_blank_cells_and_the_origin_were_not_measured(tmp_path):
    points = _points()
    points[1, 0], points[2, 1], points[:2, 2] = np.nan, 0, np.nan
    text = _text(points, ('A', 'B', 'C'), end='')
    motion = formats.read(_write(tmp_path, text))
    found = np.ones((4, 3), bool)
    found[1, 0] = found[2, 1] = found[0, 2] = found[1, 2] = False
    np.testing.assert_array_equal(motion.joint_valid[:, 0], found)
    np.testing.assert_allclose(motion.joints[1, 0, 0], points[[0, 2], 0].mean(0), rtol=1e-5)
    # The last blank cells of a line may be missing altogether.
    short = '\n'.join(line.rstrip('\t') for line in text.split('\n'))
    again = formats.read(_write(tmp_path, short))
    np.testing.assert_array_equal(again.joints, motion.joints)


def test_frames_that_the_file_leaves_out_are_empty(tmp_path):
    rows = _text(_points(), ('A', 'B', 'C'), end='').split('\n')
    text = '\n'.join([*rows[:8], *rows[9:]])  # without frame 3, at 0.0333 s
    motion = formats.read(_write(tmp_path, text))
    assert motion.fps == 60.0 and motion.valid[:, 0].tolist() == [True, True, False, True]
    assert motion.notes == ('3 frames, though its header has 4',)
    every_second = '\n'.join([*rows[:7], rows[8]])
    motion = formats.read(_write(tmp_path, every_second))
    assert len(motion.joints) == 2 and motion.fps == 30.0


def test_times_count_more_than_a_stale_header(tmp_path):
    text = _text(_points(60), ('A', 'B', 'C'), rate=60).replace('60\t60\t60\t3', '120\t120\t60\t3')
    motion = formats.read(_write(tmp_path, text))
    assert motion.fps == 60 and motion.notes == (
        '60 frames per second by its times, though its header has 120',
    )
    text = text.replace('\t'.join(HEADER.splitlines()[1].split('\t')), 'A\tB')
    assert formats.read(_write(tmp_path, text), unit='m').fps == 60


def test_several_subjects_are_told_apart(tmp_path):
    names = ['Ann:A', 'Ann:B', 'Ann:C', 'Box:1', 'Box:2']
    motion = formats.read(_write(tmp_path, _text(_points(count=5), names)))
    assert motion.subject == 'Ann' and motion.joints.shape == (4, 1, 3, 3)
    assert motion.notes == (
        "left out 'Box': other points than 'Ann'; the option subject takes them",
    )
    box = formats.read(tmp_path / 'walk.trc', subject='Box')
    np.testing.assert_allclose(box.joints[:, 0], _points(count=5)[:, 3:], rtol=1e-6)


def test_a_decimal_comma_and_latin_names_are_read(tmp_path):
    text = _text(_points(), ('Fuß', 'B', 'C'))
    head, _, body = text.partition('X1')
    path = tmp_path / 'walk.trc'
    path.write_bytes((head + 'X1' + body.replace('.', ',')).encode('latin-1'))
    motion = formats.read(path)
    np.testing.assert_allclose(motion.joints[:, 0], _points(), rtol=1e-6)
    assert skeleton.get(motion.layout).joints[0] == 'Fuß'
    assert motion.notes == ('decimal commas read as points',)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda t: 'walk', 'no line Frame#, Time and rows below it'),
        (lambda t: t.split('\n\n')[0] + '\n\n', 'no frame below its header'),
        (lambda t: t.replace('\tm\t', '\tpx\t'), 'Units are pixels, expected meters'),
        (lambda t: t.replace('\tm\t', '\tmile\t'), "Units 'mile', expected mm, cm or m"),
        (
            lambda t: t.replace('\n3\t', '\n1\t'),
            ':9: frame 1 after 2, expected whole numbers that grow',
        ),
        (lambda t: t.replace('\n4\t', '\n999999\t'), ':10: frame 999999 in 4 rows'),
        (lambda t: t.replace('\n3\t0.0333\t', '\n3\t0.0333\tx'), ':9: '),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path, change, message):
    path = _write(tmp_path, change(SMALL))
    found = told(formats.read, path)
    assert found.startswith(f'{path}:') and message in found


@pytest.mark.parametrize(
    ('name', 'hint'),
    [
        ('walk.mot', 'holds joint angles of an OpenSim model, not points; give the .trc'),
        ('walk.sto', 'PointKinematics'),
        ('walk.FBX', 'export BVH from it, e.g. with Blender (free)'),
        ('walk.glb', 'Blender'),
        ('walk.mp4', 'a video, not joints; run a pose estimator'),
    ],
)
def test_a_format_that_is_not_read_is_told_what_to_export(tmp_path, name, hint):
    path = tmp_path / name
    path.write_bytes(b'')
    found = told(formats.read, path)
    assert found.startswith(f'{path}: ') and hint in found


def test_ten_minutes_are_read_in_under_two_seconds(tmp_path):
    rng = np.random.default_rng(0)
    some = [
        _text(rng.uniform(100, 2000, (1, 26, 3)), HALPE + list('abcd')).rstrip().split('\n')[-1]
        for _ in range(50)
    ]
    rows = [row.split('\t', 2)[2] for row in some]
    frames = 10 * 60 * 60
    body = [f'{n + 1}\t{n / 60:.4f}\t{rows[n % 50]}' for n in range(frames)]
    head = _text(np.ones((1, 26, 3)), HALPE + list('abcd'), units='mm').rstrip().split('\n')[:-1]
    path = _write(tmp_path, '\n'.join([*head, *body]) + '\n')
    for _ in range(3):  # a busy machine may need another try
        start = time.process_time()
        motion = formats.read(path)
        took = time.process_time() - start
        if took < 2:
            break
    assert motion.joints.shape == (frames, 1, 26, 3) and took < 2


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_damaged_file_is_sound_or_told(data):
    raw = data.draw(damaged(SMALL.encode()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'walk.trc'
        path.write_bytes(raw)
        sound_or_told(formats.read, path)
