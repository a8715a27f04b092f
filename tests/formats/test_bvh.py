"""BVH: any tree and order of channels; units; damage; real clips."""

import gzip
from pathlib import Path
import tempfile

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.formats import bvh, chain
from skeljax.skeletons import skeleton
from tests.formats.damage import damaged, sound_or_told, told

SMALL = """HIERARCHY
ROOT hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT chest
  {
    OFFSET 0 40 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT hand
    {
      OFFSET 70 0 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      End Site
      {
        OFFSET 10 0 0
      }
    }
  }
  JOINT foot
  {
    OFFSET 0 -90 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 0 10
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
1 2 3 90 0 0 0 0 90 0 0 0 0 0 0
1 2 3 0 0 0 0 0 0 0 0 0 0 0 0
"""


def _write(folder, text: str, name='clip.bvh') -> Path:
    path = Path(folder) / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith('.gz') else text.encode())
    return path


def test_a_small_body_by_hand(tmp_path):
    motion = formats.read(_write(tmp_path, SMALL))
    assert motion.joints.shape == (2, 1, 4, 3) and motion.joints.dtype == np.float32
    assert motion.valid.all() and motion.joint_valid is None
    assert (motion.fps, motion.source) == (30.0, 'clip.bvh')
    layout = skeleton.get(motion.layout)
    assert layout.joints == ('hips', 'chest', 'hand', 'foot')
    assert layout.parents == (-1, 0, 1, 0)
    # 70 + 40 + 90 units from hand to foot: centimeters. Rz(90) y = -x; Rz(90) Ry(90) x = -z.
    first = [[0.01, 0.02, 0.03], [-0.39, 0.02, 0.03], [-0.39, 0.02, -0.67], [0.91, 0.02, 0.03]]
    np.testing.assert_allclose(motion.joints[0, 0], first, atol=1e-6)
    second = [[0.01, 0.02, 0.03], [0.01, 0.42, 0.03], [0.71, 0.42, 0.03], [0.01, -0.88, 0.03]]
    np.testing.assert_allclose(motion.joints[1, 0], second, atol=1e-6)


def test_position_channels_replace_their_part_of_the_offset(tmp_path):
    text = SMALL.replace(
        'OFFSET 0 -90 0\n    CHANNELS 3 Zrotation Xrotation Yrotation',
        'OFFSET 5 -90 7\n    CHANNELS 2 Zposition Xposition',
    )
    head, _, rows = text.partition('0.0333333\n')
    rows = ''.join(f'1 2 3 {"0 " * 9} 11 12\n' for _ in rows.splitlines())
    joints = bvh.read(_write(tmp_path, f'{head}0.0333333\n{rows}'), unit=1).joints[:, 0]
    np.testing.assert_allclose(joints[:, 3] - joints[:, 0], [[12, -90, 11]] * 2)


ROTATIONS = st.permutations(['Xrotation', 'Yrotation', 'Zrotation'])


@st.composite
def _bodies(draw):
    """Draws parents, offsets, channels and values of up to 7 joints."""
    count = draw(st.integers(1, 7))
    parents = [-1] + [draw(st.integers(0, joint - 1)) for joint in range(1, count)]
    # BVH lists a joint's whole branch before its next sibling: renumber in that order.
    order = []
    walk = [0]
    while walk:
        joint = walk.pop()
        order.append(joint)
        walk += [child for child in range(count) if parents[child] == joint]
    parents = [-1 if j == 0 else order.index(parents[j]) for j in order]
    channels = []
    for _ in range(count):
        own = draw(ROTATIONS)[: draw(st.sampled_from([0, 1, 3, 3]))]
        own += draw(st.permutations(['Xposition', 'Yposition', 'Zposition']))[
            : draw(st.sampled_from([0, 0, 2, 3]))
        ]
        channels.append(draw(st.permutations(own)))
    channels[0] = channels[0] or ['Xposition']
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 3)), sum(map(len, channels))
    return parents, rng.normal(0, 9, (count, 3)), channels, rng.uniform(-200, 200, shape)


def _text(parents, offsets, channels, values, *, tab='\t', end='\n') -> str:
    lines = ['HIERARCHY']

    def joint(index: int, depth: int):
        indent = tab * depth
        lines.append(f'{indent}{"ROOT" if index == 0 else "JOINT"} j{index}')
        lines.append(indent + '{')
        lines.append(f'{indent}{tab}OFFSET {" ".join(map(repr, offsets[index].tolist()))}')
        if channels[index]:
            names = ' '.join(channels[index])
            lines.append(f'{indent}{tab}CHANNELS {len(channels[index])} {names}')
        children = [child for child, parent in enumerate(parents) if parent == index]
        for child in children:
            joint(child, depth + 1)
        if not children:
            lines.extend([f'{indent}{tab}End Site', indent + tab + '{'])
            lines.extend([f'{indent}{tab}{tab}OFFSET 0 1 0', indent + tab + '}'])
        lines.append(indent + '}')

    joint(0, 0)
    lines.extend(['MOTION', f'Frames:{tab}{len(values)}', f'Frame Time:{tab}0.01'])
    lines += [' '.join(map(repr, row)) for row in values.tolist()]
    return end.join(lines) + end


def _pose(parents, offsets, channels, row) -> np.ndarray:
    """Poses one frame, channel by channel, with 4 x 4 matrices."""
    rest, placed, joints = list(row), [], []
    for index, parent in enumerate(parents):
        shift, turn = np.eye(4), np.eye(4)
        shift[:3, 3] = offsets[index]
        for name in channels[index]:
            axis, value, one = 'XYZ'.index(name[0]), rest.pop(0), np.eye(4)
            if name.endswith('position'):
                shift[axis, 3] = value
                continue
            angle = np.deg2rad(value)
            i, j = (axis + 1) % 3, (axis + 2) % 3
            one[i, i] = one[j, j] = np.cos(angle)
            one[j, i], one[i, j] = np.sin(angle), -np.sin(angle)
            turn = turn @ one
        above = placed[parent] if parent >= 0 else np.eye(4)
        placed.append(above @ shift @ turn)
        joints.append(placed[-1][:3, 3])
    return np.array(joints)


@settings(max_examples=60, deadline=None)
@given(_bodies(), st.sampled_from(['\n', '\r\n']), st.sampled_from(['\t', '  ']))
def test_any_tree_and_order_of_channels_reads_back(body, end, tab):
    with tempfile.TemporaryDirectory() as folder:
        path = _write(folder, _text(*body, tab=tab, end=end))
        take = bvh.read_take(path, unit=2.0)
        joints = chain.forward(take.chain, take.parents)
    parents, offsets, channels, values = body
    assert take.parents == tuple(parents) and take.fps == 100.0
    expected = np.array([_pose(parents, offsets, channels, row) for row in values])
    np.testing.assert_allclose(joints, 2 * expected, atol=1e-9)


@pytest.mark.parametrize('meters', [1.4, 1.9, 2.7])
@pytest.mark.parametrize('unit', bvh.UNITS)
def test_the_unit_is_told_by_the_size_of_the_body(tmp_path, unit, meters):
    scale = meters / 2.0 / bvh.UNITS[unit] / 100  # the small body is 200 units
    text = SMALL
    for number in ('40', '70', '-90'):
        text = text.replace(f' {number} ', f' {float(number) * scale:.6f} ')
    text = text.replace('OFFSET 70 ', f'OFFSET {70 * scale:.6f} ')
    joints = bvh.read(_write(tmp_path, text)).joints[0, 0]
    length = sum(np.linalg.norm(joints[a] - joints[b]) for a, b in [(0, 1), (1, 2), (0, 3)])
    assert length == pytest.approx(meters, rel=1e-5)


def test_a_root_far_from_the_hips_is_no_bone(tmp_path):
    body = SMALL.partition('HIERARCHY\n')[2].partition('MOTION')
    room = 'HIERARCHY\nROOT room\n{\nOFFSET 0 0 0\nCHANNELS 1 Xposition\n'
    text = room + body[0].replace('ROOT', 'JOINT') + '}\nMOTION'
    text += body[2].replace('\n1 2 3', '\n0 3000 2 3')
    motion = bvh.read(_write(tmp_path, text))
    np.testing.assert_allclose(motion.joints[0, 0, 1], [30, 0.02, 0.03], rtol=1e-6)


@pytest.mark.parametrize('scale', ['0', '0.001', '1e7'])
def test_a_body_of_no_human_size_is_refused_unless_its_unit_is_given(tmp_path, scale):
    text = SMALL.replace('40', scale).replace('70', scale).replace('-90', scale)
    path = _write(tmp_path, text)
    assert 'no human body in any of m, cm, mm' in told(bvh.read, path)
    assert bvh.read(path, unit=0.01).joints.shape == (2, 1, 4, 3)


@pytest.mark.parametrize(
    ('time', 'fps'),
    [('0.0333333', 30), ('.0083333', 120), ('0.008333', 120), ('0.01', 100), ('0.0416667', 24),
     ('0.0333667', 1 / 0.0333667), ('0.3', 1 / 0.3)],
)
def test_a_frame_time_that_was_rounded_is_a_whole_rate(tmp_path, time, fps):
    path = _write(tmp_path, SMALL.replace('0.0333333', time))
    assert bvh.read(path).fps == fps


@pytest.mark.parametrize('name', ['clip.bvh', 'clip.bvh.gz', 'CLIP.BVH'])
def test_line_ends_tabs_braces_and_packing_do_not_matter(tmp_path, name):
    plain = formats.read(_write(tmp_path, SMALL, 'plain.bvh')).joints
    text = SMALL.replace('\n{', ' {').replace('  ', '\t').replace('\n', '\r\n') + '\r\n\r\n'
    np.testing.assert_array_equal(formats.read(_write(tmp_path, text, name)).joints, plain)


@pytest.mark.parametrize(
    ('old', 'new', 'line', 'message'),
    [
        ('HIERARCHY', 'MOTION', None, 'no HIERARCHY with a ROOT at its start'),
        ('OFFSET 70 0 0', 'OFFSET 70 0', 12, 'OFFSET with 2 numbers, expected 3'),
        ('OFFSET 70 0 0', 'OFFSET 70 x 0', 12, "'x', expected a number"),
        ('OFFSET 70 0 0', 'OFFSET 70 nan 0', 12, "'nan', expected a number"),
        ('OFFSET 70 0 0', 'OFFSET 7_0 0 0', 12, "'7_0', expected a number"),
        ('CHANNELS 6 X', 'CHANNELS 5 X', 5, 'expected their number and names'),
        ('6 Xposition', '6 Wposition', 5, 'expected their number and names'),
        ('End Site\n', '', 14, "'{' is out of place"),
        ('JOINT foot', 'JOINT', 20, 'expected a BVH hierarchy'),
        ('JOINT foot', 'ROOT foot', 20, 'expected a BVH hierarchy'),
        ('      OFFSET 70 0 0\n', '', 17, "joint 'hand' closed without OFFSET"),
        ('OFFSET 0 0 10\n    }\n', 'OFFSET 0 0 10\n', 29, "'MOTION'"),
        ('Frames: 2', 'Frames: many', 31, 'expected "Frames: N" and "Frame Time: S"'),
        ('0.0333333', '0', 32, 'frame time of 0.0 s'),
        ('0.0333333', 'x', 32, "'x', expected a number"),
        ('1 2 3 90', '1 2 90', 33, '14 columns, expected 15'),
        ('1 2 3 0', '1 2 3 3 0', 34, '16 columns, expected 15'),
        ('1 2 3 90', '1 2 inf 90', 33, "'inf', expected a number"),
        ('1 2 3 90', '1 2 3..0 90', 33, "'3..0', expected a number"),
        ('Frames: 2', 'Frames: 4', None, '2 lines of numbers, but "Frames: 4"'),
        ('Frames: 2', 'Frames: 0', None, '2 lines of numbers, but "Frames: 0"'),
    ],
)
def test_damage_is_named_with_its_line(tmp_path, old, new, line, message):
    assert old in SMALL
    path = _write(tmp_path, SMALL.replace(old, new, 1))
    found = told(bvh.read, path)
    assert found.startswith(f'{path}:{line}: ' if line else f'{path}: ') and message in found, found


def test_names_in_latin1_are_read(tmp_path):
    path = tmp_path / 'clip.bvh'
    path.write_bytes(SMALL.replace('chest', 'Brüst').encode('latin-1'))
    assert skeleton.get(formats.read(path).layout).joints[1] == 'Brüst'


def _two(second: str) -> str:
    """Returns a file of two actors; of each frame the second repeats the numbers of the first."""
    head, rest = SMALL.split('MOTION\n')
    tree = head.removeprefix('HIERARCHY\n')
    start, rows = rest.split('0.0333333\n')
    rows = ''.join(f'{row} {row}\n' for row in rows.splitlines())
    return f'{head}{second.format(tree=tree)}MOTION\n{start}0.0333333\n{rows}'


def test_two_roots_of_like_trees_are_two_persons(tmp_path):
    one = formats.read(_write(tmp_path, SMALL, 'one.bvh'))
    path = _write(tmp_path, _two('{tree}').replace('ROOT hips', 'ROOT first', 1))
    motion = formats.read(path)
    assert motion.joints.shape == (2, 2, 4, 3) and motion.valid.all()
    for person in (0, 1):
        np.testing.assert_array_equal(motion.joints[:, person], one.joints[:, 0])
    alone = formats.read(path, subject='hips')
    np.testing.assert_array_equal(alone.joints, one.joints)
    assert skeleton.get(alone.layout).joints[0] == 'hips'
    assert "no ROOT 'eve', found 'first', 'hips'" in told(
        lambda p: formats.read(p, subject='eve'), path
    )
    assert '2 actors, expected one' in told(bvh.read_take, path)


def test_a_root_of_another_tree_is_left_out(tmp_path):
    prop = 'ROOT box\n{{\nOFFSET 0 0 0\nCHANNELS 3 Xposition Yposition Zposition\n}}\n'
    text = _two(prop)
    head, _, rows = text.partition('0.0333333\n')
    rows = ''.join(' '.join(row.split()[:18]) + '\n' for row in rows.splitlines())
    motion = formats.read(_write(tmp_path, f'{head}0.0333333\n{rows}'))
    assert motion.joints.shape == (2, 1, 4, 3)
    assert "left out 'box': another tree; the option subject takes it" in motion.notes


def test_a_recording_cut_off_in_its_last_frame_is_read_without_it(tmp_path):
    whole = formats.read(_write(tmp_path, SMALL))
    for text in (
        SMALL.replace('Frames: 2', 'Frames: 3'),
        SMALL.replace('Frames: 2', 'Frames: 3') + '1 2 3 0 0\n',
        SMALL.replace('Frames: 2', 'Frames: 1'),
    ):
        motion = formats.read(_write(tmp_path, text))
        np.testing.assert_array_equal(motion.joints, whole.joints)
        assert any(note.startswith('2 frames, though "Frames: ') for note in motion.notes)


def test_frames_with_nan_are_filled_in(tmp_path):
    last = SMALL.splitlines()[-1]
    text = (
        SMALL.replace('Frames: 2', 'Frames: 4') + last.replace('1 2 3', 'nan 2 3') + f'\n{last}\n'
    )
    motion = formats.read(_write(tmp_path, text))
    assert motion.joint_valid[:, 0, 0].tolist() == [True, True, False, True]
    np.testing.assert_allclose(motion.joints[2], motion.joints[1], atol=1e-6)
    assert '1 frames hold nan: filled in from those around' in motion.notes
    bad = '\n'.join(SMALL.splitlines()[:-2]) + '\n' + ('nan ' * 15 + '\n') * 2
    assert 'no frame without nan' in told(formats.read, _write(tmp_path, bad))


def test_a_joint_inside_an_end_site_is_out_of_place(tmp_path):
    inside = 'JOINT x\n{\nOFFSET 1 0 0\n}\n'
    path = _write(tmp_path, SMALL.replace('OFFSET 10 0 0\n', f'OFFSET 10 0 0\n{inside}'))
    assert told(bvh.read, path).startswith(f'{path}:17: ')


@settings(max_examples=150, deadline=None)
@given(damaged(SMALL.encode()))
def test_a_damaged_file_is_sound_or_told(raw):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'clip.bvh'
        path.write_bytes(raw)
        sound_or_told(formats.read, path)


def _clips(real_data, number: int) -> list[Path]:
    return sorted((real_data / 'bandai_namco').glob(f'*-{number}/data/*.bvh'))


@pytest.mark.parametrize('number', [1, 2])
def test_real_clips_have_bones_that_keep_their_length_and_feet_on_the_floor(real_data, number):
    layout = skeleton.get('bandai22')
    feet, head = [layout.joints.index(f'Toes_{side}') for side in 'LR'], layout.joints.index('Head')
    parents, children = np.array(layout.bones[1:]).T  # the first is the way from the room's origin
    for path in _clips(real_data, number)[::7]:
        motion = formats.read(path)
        assert (motion.layout, motion.fps) == ('bandai22', 30.0)
        joints = motion.joints[:, 0]
        bones = np.linalg.norm(joints[:, children] - joints[:, parents], axis=-1)
        assert (np.ptp(bones, 0) < 0.01 * bones.mean(0)).all(), path
        lowest = joints[:, feet, 1].min(1)
        assert -0.06 < lowest.min() and np.median(lowest) < 0.12, path
        assert 1.1 < np.median(joints[:, head, 1]) < 1.6, path
