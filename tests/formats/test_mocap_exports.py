"""What Motive, Vicon Nexus, Qualisys and Xsens MVN export as text."""

from pathlib import Path
import tempfile

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.formats import motive, nexus, qualisys
from skeljax.skeletons import skeleton
from tests.formats.damage import damaged, sound_or_told, told

NAMES = ('LASI', 'RASI', 'LPSI', 'RPSI', 'LKNE', 'LANK')
BONES = (
    'Hip',
    'Ab',
    'Neck',
    'Head',
    *(
        s + bone
        for s in 'LR'
        for bone in ('Shoulder', 'UArm', 'FArm', 'Hand', 'Thigh', 'Shin', 'Foot')
    ),
)
SEGMENTS = {
    'Pelvis': None,
    'L5': 'Pelvis',
    'T8': 'L5',
    'Head': 'T8',
    'RightUpperLeg': 'Pelvis',
    'RightLowerLeg': 'RightUpperLeg',
    'RightFoot': 'RightLowerLeg',
    'LeftUpperLeg': 'Pelvis',
    'LeftLowerLeg': 'LeftUpperLeg',
    'LeftFoot': 'LeftLowerLeg',
}


def _points(frames=4, count=len(NAMES), seed=0) -> np.ndarray:
    return np.round(np.random.default_rng(seed).uniform(0.1, 2, (frames, count, 3)), 4)


def _cell(value) -> str:
    return '' if np.isnan(value) else f'{value:.5f}'


def _write(folder, text, name='take.csv') -> Path:
    path = Path(folder) / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _motive(
    points, names=BONES, kind='Bone', asset='Ann', space='Global', units='Meters', parents=True
) -> str:
    wide = 7 if kind == 'Bone' else 3  # a bone has a rotation too
    spread = lambda words: ','.join(word for word in words for _ in range(wide))
    first = (
        'Format Version,1.23,Take Name,walk,Capture Frame Rate,120.000000,Export Frame Rate,'
        f'120.000000,Total Exported Frames,{len(points)},Rotation Type,Quaternion,'
        f'Length Units,{units},'
        f'Coordinate Space,{space}'
    )
    what = ['Rotation'] * (wide - 3) + ['Position'] * 3
    axes = ['X', 'Y', 'Z', 'W'][: wide - 3] + ['X', 'Y', 'Z']
    lines = [
        first,
        '',
        f',Type,{spread([kind] * len(names))}',
        f',Name,{spread(f"{asset}:{name}" for name in names)}',
        f',ID,{spread("0" for _ in names)}',
    ]
    if parents:
        lines.append(f',Parent,{spread("1" for _ in names)}')
    lines += [
        ',,' + ','.join(what * len(names)),
        'Frame,Time (Seconds),' + ','.join(axes * len(names)),
    ]
    for number, row in enumerate(points):
        cells = [c for point in row for c in (*['0.5'] * (wide - 3), *map(_cell, point))]
        lines.append(','.join([str(number), f'{number / 120:.6f}', *cells]))
    return '\n'.join(lines) + '\n'


def _nexus(points, names=NAMES, subject='Ann', unit='mm', more='') -> str:
    spread = ',,,'.join(f'{subject}:{name}' for name in names)
    lines = [
        'Trajectories',
        '100',
        f',,{spread},,',
        'Frame,Sub Frame,' + ','.join(['X,Y,Z'] * len(names)),
        ',,' + ','.join([unit] * 3 * len(names)),
    ]
    lines += [
        ','.join([str(n + 1), '0', *map(_cell, row.ravel() * 1000)]) for n, row in enumerate(points)
    ]
    return more + '\r\n'.join(lines) + '\r\n\r\nDevices\r\n2000\r\n,Force\r\n1,2\r\n'


def _qualisys(points, names=NAMES, columns=True, kind='3D') -> str:
    lines = [
        f'NO_OF_FRAMES\t{len(points)}',
        'NO_OF_CAMERAS\t8',
        f'NO_OF_MARKERS\t{len(names)}',
        'FREQUENCY\t100',
        'NO_OF_ANALOG\t0',
        'ANALOG_FREQUENCY\t0',
        'DESCRIPTION\t--',
        'TIME_STAMP\t2026-01-01, 10:00:00',
        f'DATA_INCLUDED\t{kind}',
        'MARKER_NAMES\t' + '\t'.join(names),
    ]
    if columns:
        lines.append(
            'Frame\tTime\t' + '\t'.join(f'{name} {axis}' for name in names for axis in 'XYZ')
        )
    for n, row in enumerate(points):
        lead = [str(n + 1), f'{n / 100:.3f}'] if columns else []
        lines.append('\t'.join([*lead, *map(_cell, row.ravel() * 1000)]))
    return '\r\n'.join(lines) + '\r\n'


def _mvnx(points, segments=SEGMENTS, joints=True) -> str:
    tree = ''.join(
        f'<joint label="j{n}"><connector1>{above}/j{n}</connector1>'
        f'<connector2>{name}/j{n}</connector2></joint>'
        for n, (name, above) in enumerate(segments.items())
        if above and joints
    )
    row = lambda values: ' '.join(f'{v:.6f}' for v in values.ravel())
    frames = ''.join(
        f'<frame time="{n * 16}" index="{n}" type="normal"><orientation>1 0 0 0</orientation>'
        f'<position>{row(p)}</position></frame>' for n, p in enumerate(points)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<mvnx xmlns="http://www.xsens.com/mvn/mvnx" version="4">'
        '<mvn version="2020"/><subject label="Ann" frameRate="60" segmentCount="7"><segments>'
        + ''.join(
            f'<segment id="{n}" label="{s}"><points/></segment>' for n, s in enumerate(segments)
        )
        + f'</segments><sensors><sensor label="Pelvis"/></sensors><joints>{tree}</joints><frames>'
        f'<frame type="tpose"><position>{row(points[0] + 9)}</position></frame>{frames}</frames>'
        '</subject></mvnx>'
    )


def _parent(layout, name: str) -> str:
    parent = layout.parents[layout.joints.index(name)]
    return layout.joints[parent] if parent >= 0 else ''


@pytest.mark.parametrize('parents', [True, False])
@pytest.mark.parametrize(
    ('units', 'scale'), [('Meters', 1), ('Millimeters', 0.001), ('Centimeters', 0.01)]
)
def test_bones_of_motive_are_joints(tmp_path, parents, units, scale):
    points = _points(count=len(BONES))
    points[1, 3] = np.nan
    motion = formats.read(_write(tmp_path, _motive(points, units=units, parents=parents)))
    assert (motion.fps, motion.subject, motion.notes) == (120.0, 'Ann', ('positions of bones',))
    seen = ~np.isnan(points).any(-1)
    np.testing.assert_array_equal(motion.joint_valid[:, 0], seen)
    np.testing.assert_allclose(motion.joints[:, 0][seen], points[seen] * scale, rtol=1e-6)
    layout = skeleton.get(motion.layout)
    assert layout.joints == BONES
    assert _parent(layout, 'LFArm') == 'LUArm' and _parent(layout, 'LShin') == 'LThigh'
    assert layout.points[layout.joints.index('LShin')] == 'left knee'


def test_markers_of_motive_where_there_are_no_bones(tmp_path):
    names = ('WaistLFront', 'WaistRFront', 'WaistLBack', 'WaistRBack', 'LKneeOut')
    points = _points(count=5)
    motion = formats.read(_write(tmp_path, _motive(points, names, 'Marker')))
    np.testing.assert_allclose(motion.joints[:, 0], points, rtol=1e-6)
    assert any('markers of Motive, on the skin' in note for note in motion.notes)
    centers = formats.read(tmp_path / 'take.csv', layout='centers')
    assert 'left_hip' in skeleton.get(centers.layout).joints


def test_trajectories_of_nexus_have_z_up_and_may_stand_below_other_sections(tmp_path):
    points = _points()
    points[2, 1] = np.nan
    for more in ('', '\ufeff'):
        motion = formats.read(_write(tmp_path, _nexus(points, more=more)))
        assert (motion.fps, motion.subject) == (100.0, 'Ann')
        seen = ~np.isnan(points).any(-1)
        np.testing.assert_allclose(motion.joints[:, 0][seen], points[seen][:, [1, 2, 0]], rtol=1e-5)
    assert any('markers of Plug-in Gait' in note for note in motion.notes)
    below = _write(tmp_path, 'Devices\n2000\n,Force\n1,2\n\n' + _nexus(points), 'b.csv')
    np.testing.assert_array_equal(nexus.read(below).joints, motion.joints)
    flat = nexus.read(below, up='y').joints[0, 0, 0]
    np.testing.assert_allclose(flat, points[0, 0], rtol=1e-5)


@pytest.mark.parametrize('columns', [True, False])
def test_the_table_of_qualisys(tmp_path, columns):
    points = _points()
    points[1, 0], points[2, 1] = np.nan, 0
    text = _qualisys(points, columns=columns).replace('\t\t\t', '\tNULL\tNULL\tNULL', 1)
    motion = formats.read(_write(tmp_path, text, 'take.tsv'))
    seen = ~np.isnan(points).any(-1) & points.any(-1)
    np.testing.assert_array_equal(motion.joint_valid[:, 0], seen)
    np.testing.assert_allclose(motion.joints[:, 0][seen], points[seen][:, [1, 2, 0]], rtol=1e-5)
    assert motion.fps == 100.0 and len(motion.joints) == 4


@pytest.mark.parametrize('joints', [True, False])
def test_origins_of_segments_of_xsens(tmp_path, joints):
    points = _points(count=len(SEGMENTS))
    motion = formats.read(_write(tmp_path, _mvnx(points, joints=joints), 'take.mvnx'))
    np.testing.assert_allclose(motion.joints[:, 0], points[..., [1, 2, 0]], rtol=1e-5)
    assert (motion.fps, motion.subject) == (60.0, 'Ann') and len(motion.joints) == 4
    layout = skeleton.get(motion.layout)
    assert layout.joints == tuple(SEGMENTS)
    assert _parent(layout, 'RightLowerLeg') == 'RightUpperLeg' and _parent(layout, 'L5') == 'Pelvis'
    assert layout.points[5] == 'right knee'


def test_the_table_of_xsens_is_one_of_joints(tmp_path):
    points = _points(count=3)
    head = 'Frame,' + ','.join(
        f'{name} {axis}' for name in ('Pelvis', 'L5', 'Right Upper Leg') for axis in 'xyz'
    )
    rows = [','.join([str(n), *map(_cell, row.ravel())]) for n, row in enumerate(points)]
    motion = formats.read(_write(tmp_path, '\n'.join([head, *rows])), fps=60)
    np.testing.assert_allclose(motion.joints[:, 0], points, rtol=1e-6)


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        (
            'a.csv',
            _motive(_points(count=len(BONES)), space='Local'),
            ":1: Coordinate Space 'Local', expected Global",
        ),
        (
            'a.csv',
            _motive(_points(count=len(BONES)), kind='Rigid Body'),
            'positions of Rigid Body, expected of bones',
        ),
        (
            'a.csv',
            _motive(_points(count=len(BONES))).split('Frame,Time')[0],
            'no line that begins with Frame',
        ),
        ('a.csv', _motive(_points(0, len(BONES))), 'no line that begins with Frame and rows'),
        (
            'a.csv',
            _motive(_points(count=len(BONES)), units='Miles'),
            "Length Units 'Miles', expected mm, cm or m",
        ),
        ('a.csv', 'Trajectories\n100\n', 'no section Trajectories with its header and rows'),
        ('a.csv', _nexus(_points(0)), 'no frame below line 5'),
        (
            'a.csv',
            _nexus(_points()).replace('X,Y,Z', 'A,B,C'),
            ':4: no Frame and X, Y, Z of markers',
        ),
        (
            'a.tsv',
            _qualisys(_points(), kind='6D'),
            "DATA_INCLUDED '6D', expected 3D with MARKER_NAMES",
        ),
        ('a.tsv', _qualisys(_points(0)), 'no frame below its header'),
        ('a.mvnx', '<mvnx></mvnx>', '0 segments and 0 frames with positions'),
        ('a.mvnx', '<mvnx>', ':1: no XML'),
        ('a.mvnx', _mvnx(_points(count=6)), 'frame 0: position with 18 words, expected 30 numbers'),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path, name, text, message):
    path = _write(tmp_path, text, name)
    found = told(formats.read, path)
    assert found.startswith(f'{path}:') and message in found


SAMPLES = {
    'a.csv': _motive(_points(count=len(BONES))),
    'b.csv': _nexus(_points()),
    'c.tsv': _qualisys(_points()),
    'd.mvnx': _mvnx(_points(count=10)),
}
READERS = {
    'a.csv': motive.read,
    'b.csv': nexus.read,
    'c.tsv': qualisys.read,
    'd.mvnx': formats.read,
}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_file_is_sound_or_told(data):
    name = data.draw(st.sampled_from(sorted(SAMPLES)))
    raw = data.draw(damaged(SAMPLES[name].encode()))
    with tempfile.TemporaryDirectory() as folder:
        sound_or_told(READERS[name], _write(folder, raw, name))
