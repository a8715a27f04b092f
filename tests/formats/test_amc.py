"""Acclaim files: kinematics by hand and written anew, the skeleton found, damage, real trials."""

import gzip
from pathlib import Path
import tempfile

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.formats import amc, asf
from skeljax.skeletons import skeleton
from tests.formats.damage import damaged, sound_or_told, told

UNIT = 0.0254 / 0.45
ASF = """# a comment
:version 1.10
:name VICON
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
   any text: begin, end
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name thigh
     direction 0 -1 0
     length 8
     axis 0 0 20  XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
     id 2
     name shin
     direction 0 -1 0
     length 7
     axis 90 0 0 XYZ
    dof rz
    limits (-10.0 170.0)
  end
  begin
     id 3
     name hip
     direction 1 0 0
     length 2
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root hip
    hip thigh
    thigh shin
  end
"""
AMC = """#!OML:ASF any.ASF
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 90 0
thigh 0 0 0
shin 0
2
root 1 2 3 0 0 0
thigh 90 0 90
shin 90
"""


def _write(folder, *, skeleton=ASF, motion=AMC, names=('07.asf', '07_01.amc')) -> Path:
    for name, text in zip(names, (skeleton, motion), strict=True):
        path = Path(folder) / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith('.gz') else text.encode())
    return path


def test_a_small_body_by_hand(tmp_path):
    motion = formats.read(_write(tmp_path))
    assert motion.joints.shape == (2, 1, 4, 3) and motion.joints.dtype == np.float32
    assert (motion.fps, motion.source, motion.subject) == (120.0, '07_01.amc', '07')
    assert motion.valid.all() and motion.joint_valid is None
    layout = skeleton.get(motion.layout)
    # The hip comes last in the file, but first of those that hang on it.
    assert layout.joints == ('root', 'hip', 'thigh', 'shin')
    assert layout.parents == (-1, 0, 1, 2)
    # Frame 1: Ry(90) x = -z; what hangs stays vertical.
    first = np.array([[1, 2, 3], [1, 2, 1], [1, -6, 1], [1, -13, 1]]) * UNIT
    np.testing.assert_allclose(motion.joints[0, 0], first, atol=1e-6)
    # Frame 2, thigh: its own axes are turned by A = Rz(20), so D = Rz(90) Rx(90) within them;
    # G = A D A^-1 and -y goes by A^-1 to (-s, -c, 0), by Rx to (-s, 0, -c), by Rz to (0, -s, -c),
    # by A to (s s, -s c, -c), s and c being sine and cosine of 20 degrees.
    s, c = np.sin(np.deg2rad(20)), np.cos(np.deg2rad(20))
    thigh = np.array([s * s, -s * c, -c])
    np.testing.assert_allclose(
        motion.joints[1, 0, 2], (np.array([3, 2, 3]) + 8 * thigh) * UNIT, atol=1e-6
    )
    # Shin: A = Rx(90), D = Rz(90): -y by A^-1 to z, stays, by A to -y: as the thigh lies.
    np.testing.assert_allclose(
        motion.joints[1, 0, 3], (np.array([3, 2, 3]) + 15 * thigh) * UNIT, atol=1e-6
    )


@st.composite
def _bodies(draw):
    """Draws (parent, direction, length, axis, order, freedoms) of up to 6 bones, and a motion."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    bones = []
    for number in range(draw(st.integers(1, 6))):
        direction = rng.normal(size=3)
        freedoms = draw(st.permutations(['rx', 'ry', 'rz']))[: draw(st.integers(0, 3))]
        bones.append(
            (
                draw(st.integers(0, number)),  # 0 is the root
                direction / np.linalg.norm(direction),
                rng.uniform(1, 9),
                rng.uniform(-90, 90, 3),
                ''.join(draw(st.permutations('XYZ'))),
                freedoms,
            )
        )
    columns = 6 + sum(len(bone[-1]) for bone in bones)
    root = draw(st.permutations(['TX', 'TY', 'TZ', 'RX', 'RY', 'RZ']))
    return root, bones, rng.uniform(-180, 180, (draw(st.integers(1, 3)), columns))


def _texts(root, bones, values, *, radians: bool) -> tuple[str, str]:
    angle = np.deg2rad if radians else lambda x: x
    word = lambda numbers: ' '.join(repr(float(number)) for number in numbers)
    lines = [':units', ' length 1.0', f' angle {"rad" if radians else "deg"}', ':root']
    lines += [f' order {" ".join(root)}', ' axis XYZ', ' position 0 0 0', ' orientation 0 0 0']
    lines.append(':bonedata')
    for number, (_, direction, length, axis, order, freedoms) in enumerate(bones, 1):
        lines += ['begin', f'id {number}', f'name b{number}', f'direction {word(direction)}']
        lines += [f'length {length!r}', f'axis {word(angle(axis))} {order}']
        lines += [f'dof {" ".join(freedoms)}'] if freedoms else []
        lines.append('end')
    name = lambda number: f'b{number}' if number else 'root'
    lines += [':hierarchy', 'begin']
    lines += [f'{name(parent)} b{number}' for number, (parent, *_) in enumerate(bones, 1)]
    skeleton_text = '\n'.join([*lines, 'end', ''])
    rows = [':RADIANS' if radians else ':DEGREES']
    for frame, row in enumerate(values, 1):
        rows.append(str(frame))
        rest = list(row)
        all_ = [root, *([freedom.upper() for freedom in bone[-1]] for bone in bones)]
        for number, freedoms in enumerate(all_):
            own = [rest.pop(0) for _ in freedoms]
            kinds = zip(freedoms, own, strict=True)
            own = [float(angle(x)) if freedom[0] == 'R' else x for freedom, x in kinds]
            rows += [f'{name(number)} {word(own)}'] if freedoms else []
    return skeleton_text, '\n'.join([*rows, ''])


def _product(letters, degrees) -> np.ndarray:
    """Multiplies turns so that the first letter turns first."""
    turn = np.eye(3)
    for letter, value in zip(letters.lower(), np.deg2rad(degrees), strict=True):
        i = ('xyz'.index(letter) + 1) % 3
        j = (i + 1) % 3
        one = np.eye(3)
        one[i, i] = one[j, j] = np.cos(value)
        one[j, i], one[i, j] = np.sin(value), -np.sin(value)
        turn = one @ turn
    return turn


def _pose(root, bones, row) -> np.ndarray:
    rest = dict(zip(root, row[:6], strict=True))
    row = list(row[6:])
    turned = [_product(''.join(f[1] for f in root if f[0] == 'R'),
                       [rest[f] for f in root if f[0] == 'R'])]
    ends = [np.array([rest['TX'], rest['TY'], rest['TZ']])]
    for parent, direction, length, axis, order, freedoms in bones:
        own = [row.pop(0) for _ in freedoms]
        turn = _product(order, [axis['XYZ'.index(letter)] for letter in order])
        local = _product(''.join(f[1] for f in freedoms), own)
        turned.append(turned[parent] @ turn @ local @ np.linalg.inv(turn))
        ends.append(ends[parent] + turned[-1] @ direction * length)
    return np.array(ends) * 0.0254


@settings(max_examples=50, deadline=None)
@given(_bodies(), st.booleans())
def test_any_skeleton_and_order_reads_back(body, radians):
    texts = _texts(*body, radians=radians)
    with tempfile.TemporaryDirectory() as folder:
        joints = amc.read(_write(folder, skeleton=texts[0], motion=texts[1])).joints[:, 0]
    root, bones, values = body
    expected = np.array([_pose(root, bones, row) for row in values])
    np.testing.assert_allclose(joints, expected, atol=1e-5)


def test_plain_and_packed_line_ends_and_the_order_of_bones_in_a_frame_do_not_matter(tmp_path):
    for name in 'abc':
        (tmp_path / name).mkdir()
    expected = formats.read(_write(tmp_path / 'a')).joints
    packed = _write(tmp_path / 'b', names=('07.asf.gz', '07_01.amc.gz'))
    np.testing.assert_array_equal(formats.read(packed).joints, expected)
    motion = AMC.replace('thigh 90 0 90\nshin 90', 'shin 90\nthigh 90 0 90')
    windows = [text.replace('\n', '\r\n') for text in (ASF, motion)]
    other = _write(tmp_path / 'c', skeleton=windows[0], motion=windows[1])
    np.testing.assert_array_equal(formats.read(other).joints, expected)


def test_the_skeleton_of_the_subject_comes_first_then_the_only_one_then_the_folder_above(tmp_path):
    folder = tmp_path / 'amc'
    folder.mkdir()
    path = _write(folder)
    (folder / '08.asf').write_text('')
    assert amc.find_skeleton(path) == folder / '07.asf'
    (folder / '07.asf').unlink()
    assert amc.find_skeleton(path) == folder / '08.asf'
    (folder / '08.asf').unlink()
    (tmp_path / '09.ASF').write_text(ASF)
    assert amc.find_skeleton(path) == tmp_path / '09.ASF'
    (tmp_path / '10.asf').write_text(ASF)
    message = told(amc.read, path)
    where = f'{folder} or {tmp_path}, found 09.ASF, 10.asf'
    assert message == f'{path}: no 07.asf, nor one .asf alone, in {where}'
    assert amc.read(path, skeleton=tmp_path / '10.asf', fps=60.0).fps == 60.0


def test_names_of_hdm05_tell_skeleton_subject_and_rate(tmp_path):
    for name in ('HDM_bk.asf', 'HDM_bkx.asf', 'HDM_b.asf'):
        (tmp_path / name).write_text(ASF)
    walk = _write(tmp_path).rename(tmp_path / 'HDM_bk_walk_001_120.amc')
    assert amc.find_skeleton(walk) == tmp_path / 'HDM_bk.asf'
    motion = formats.read(walk)
    assert (motion.subject, motion.fps) == ('HDM_bk', 120.0)
    slow = walk.rename(tmp_path / 'HDM_bk_walk_001_60.amc')
    assert formats.read(slow).fps == 60.0 and formats.read(slow, fps=30).fps == 30.0
    long = slow.rename(tmp_path / 'HDM_bkx_walk_001_120.amc')
    assert formats.read(long).subject == 'HDM_bkx'


def test_two_motions_of_one_skeleton_alone_are_of_one_subject(tmp_path):
    for take in '12':
        path = _write(tmp_path, names=('HDM_aa.asf', f'HDM_aa_wave_00{take}_120.amc'))
        assert formats.read(path).subject == 'HDM_aa'
    (tmp_path / 'HDM_aa.asf').rename(tmp_path / 'other.asf')
    assert formats.read(path).subject == 'HDM_aa_wave_002'


@pytest.mark.parametrize(
    ('old', 'new', 'line', 'message'),
    [
        ('1\nroot', 'root', 4, "'root' with 6 numbers, expected 6, once a frame"),
        ('\n2\n', '\n3\n', 8, "'3', expected 2"),
        ('\n2\n', '\ntwo\n', 8, "'two', expected 2"),
        ('\n2\n', '\n', 8, "'root' with 6 numbers, expected 6, once a frame"),
        ('thigh 90 0 90', 'thigh 90 0', 10, "'thigh' with 2 numbers, expected 3"),
        ('thigh 90 0 90', 'thigh 90 x 90', 10, "'x', expected a number"),
        ('thigh 90 0 90', 'thigh 90 nan 90', 10, "'nan', expected a number"),
        ('shin 90', 'toe 90', 11, "'toe' with 1 numbers, expected no such bone"),
        ('thigh 0 0 0\n', '', 4, "a frame without bone 'thigh'"),
        (AMC[AMC.index('1\n') :], '', None, 'no frame'),
    ],
)
def test_a_damaged_motion_is_named_with_its_line(tmp_path, old, new, line, message):
    assert old in AMC
    path = _write(tmp_path, motion=AMC.replace(old, new, 1))
    found = told(amc.read, path)
    assert found.startswith(f'{path}:{line}: ' if line else f'{path}: ') and message in found, found


@pytest.mark.parametrize(
    ('old', 'new', 'line', 'message'),
    [
        (':hierarchy', ':tree', None, 'no :hierarchy'),
        ('length 0.45', 'length 0', 6, 'length 0, expected more than 0'),
        ('angle deg', 'angle gon', 7, 'angle gon, expected deg or rad'),
        ('orientation 0 0 0', 'orientation 0 90 0', 14, 'orientation of the root that is not 0'),
        ('order TX', 'order WX', 11, 'expected of tx ty tz rx ry rz'),
        ('name shin', 'name thigh', 27, "a second bone 'thigh'"),
        ('direction 1 0 0', 'direction 1 0', 39, '2 numbers, expected 3'),
        ('length 8', '', 16, 'a bone without length'),
        ('axis 90 0 0 XYZ', 'axis 90 0 0 XYX', 32, 'expected 3 numbers and XYZ'),
        ('dof rz', 'dof rz l', 33, 'expected of rx ry rz'),
        ('hip thigh', 'hip leg', 46, "'leg' is no bone of :bonedata"),
        ('hip thigh', 'hip shin', 47, "'shin' has a second parent, 'thigh'"),
        ('    hip thigh\n', '', None, "bone 'thigh' is not connected to the root"),
        ('  end\n:hierarchy', ':hierarchy', 36, 'begin without end'),
    ],
)
def test_a_damaged_skeleton_is_named_with_its_line(tmp_path, old, new, line, message):
    assert old in ASF
    path = _write(tmp_path, skeleton=ASF.replace(old, new, 1))
    found, where = told(amc.read, path), f'{tmp_path / "07.asf"}:'
    assert found.startswith(f'{where}{line}: ' if line else f'{where} ') and message in found, found


def test_bones_in_a_ring_are_no_endless_search(tmp_path):
    ring = ASF.replace('    root hip\n', '').replace('thigh shin', 'thigh shin\n shin hip')
    path = _write(tmp_path, skeleton=ring)
    assert 'is not connected to the root' in told(amc.read, path)


@settings(max_examples=100, deadline=None)
@given(damaged(AMC.encode()), damaged(ASF.encode()), st.sampled_from(['amc', 'asf', 'both']))
def test_a_damaged_pair_is_sound_or_told(motion, skeleton_, which):
    with tempfile.TemporaryDirectory() as folder:
        path = _write(folder)
        if which != 'asf':
            path.write_bytes(motion)
        if which != 'amc':
            path.with_name('07.asf').write_bytes(skeleton_)
        sound_or_told(formats.read, path)


def test_the_real_skeleton_is_the_layout_of_the_corpus(real_data):
    body = asf.read(real_data / 'cmu_mocap' / '86.asf')
    layout = skeleton.get('cmu31')
    assert tuple(bone.name for bone in body.bones) == layout.joints
    assert tuple(bone.parent for bone in body.bones) == layout.parents
    assert body.unit == pytest.approx(0.056444, abs=1e-6) and body.degrees


@pytest.mark.parametrize('trial', ['13_30', '14_14'])
def test_real_trials_stand_on_the_floor(real_data, trial):
    motion = formats.read(real_data / 'cmu_mocap' / 'amc' / f'{trial}.amc.gz')
    layout = skeleton.get('cmu31')
    assert (motion.layout, motion.fps, motion.subject) == ('cmu31', 120.0, trial[:2])
    joints = motion.joints[:, 0]
    parents, children = np.array(layout.bones).T
    bones = np.linalg.norm(joints[:, children] - joints[:, parents], axis=-1)
    assert (np.ptp(bones, 0) < 0.01 * bones.mean(0)).all()
    feet = joints[:, [layout.joints.index(f'{side}foot') for side in 'lr'], 1]
    head = joints[:, layout.joints.index('head'), 1]
    assert -0.05 < feet.min() and np.median(feet.min(1)) < 0.08
    assert 1.5 < np.median(head) < 1.8 and head.max() < 2.0
    steps = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * motion.fps
    assert steps.max() < 15  # meters a second: no frame leaps
