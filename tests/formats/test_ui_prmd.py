"""UI-PRMD files: kinematics by hand, damage told in one line, the real corpus plausible."""

import gzip

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.errors import FormatError, InputError
from skeljax.formats import ui_prmd
from skeljax.formats.chain import forward
from skeljax.skeletons import skeleton

LAYOUT = skeleton.get('uiprmd22')
WAIST, SPINE, CHEST, HEAD_TIP, LEFT_LEG, RIGHT_LEG = (
    LAYOUT.joints.index(name) for name in 'Waist Spine Chest HeadTip LUpLeg RUpLeg'.split()
)
FEET = tuple(LAYOUT.joints.index(name) for name in ('LFoot', 'RFoot'))


def _lines(rows) -> str:
    return ''.join(','.join(str(number) for number in row) + '\n' for row in rows)


def _frame(joints: dict) -> list[float]:
    """Makes one line: triples of the named joints, zeros for the others."""
    table = np.zeros((22, 3))
    for joint, triple in joints.items():
        table[joint] = triple
    return table.ravel().tolist()


def _write(path, text: str):
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = text.encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == '.gz' else raw)
    return path


def _paths(root, name='m01_s01_e01', correct=True, ending='.txt'):
    part = 'Segmented Movements' if correct else 'Incorrect Segmented Movements'
    base = root / part / 'Kinect'
    end = ending if correct else f'_inc{ending}'
    return base / 'Positions' / f'{name}_positions{end}', base / 'Angles' / f'{name}_angles{end}'


def _pair(root, *, positions=None, angles=None, frames=2, **where):
    """Writes both files of a repetition, by default `frames` lines of zeros."""
    zeros = _lines([_frame({})] * frames)
    both = _paths(root, **where)
    for path, text in zip(both, (positions, angles), strict=True):
        _write(path, zeros if text is None else text)
    return both


def _joints(root, positions: dict, angles: dict):
    path, _ = _pair(root, positions=_lines([_frame(positions)]), angles=_lines([_frame(angles)]))
    return ui_prmd.read(path).joints[0, 0]


def _told(read, argument, error=InputError) -> str:
    """Returns the message, surely one line, with which a call fails."""
    with pytest.raises(error) as caught:
        read(argument)
    assert '\n' not in str(caught.value)
    return str(caught.value)


def test_a_quarter_turn_about_z_lays_the_spine_on_minus_x(tmp_path):
    joints = _joints(tmp_path, {WAIST: (20, 100, 30), SPINE: (0, 10, 0)}, {WAIST: (0, 0, 90)})
    np.testing.assert_allclose(joints[WAIST], [0.2, 1, 0.3], atol=1e-6)
    np.testing.assert_allclose(joints[SPINE], [0.1, 1, 0.3], atol=1e-6)


def test_the_turn_about_y_comes_first_then_x_then_z(tmp_path):
    axes = {SPINE: (10, 0, 0), LEFT_LEG: (0, 10, 0), RIGHT_LEG: (0, 0, 10)}
    joints = _joints(tmp_path, axes, {WAIST: (90, 90, 90)})
    # By hand, Ry then Rx then Rz: x -> -z -> y -> -x; y -> y -> z -> z; z -> x -> x -> y.
    np.testing.assert_allclose(joints[SPINE], [-0.1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(joints[LEFT_LEG], [0, 0, 0.1], atol=1e-6)
    np.testing.assert_allclose(joints[RIGHT_LEG], [0, 0.1, 0], atol=1e-6)


def test_turns_add_up_along_the_chain(tmp_path):
    offsets = {SPINE: (0, 10, 0), CHEST: (0, 20, 0)}
    joints = _joints(tmp_path, offsets, {WAIST: (0, 0, 90), SPINE: (90, 0, 0), CHEST: (33, 44, 55)})
    # The chest's own turn moves only what hangs on it; Rz(90) Rx(90) y = Rz(90) z = z.
    np.testing.assert_allclose(joints[SPINE], [-0.1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(joints[CHEST], [-0.1, 0, 0.2], atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_bone_is_as_long_as_its_offset_whatever_the_angles(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    offsets, angles = rng.uniform(-50, 50, (3, 66)), rng.uniform(-720, 720, (3, 66))
    path, _ = _pair(
        tmp_path_factory.mktemp('bones'), positions=_lines(offsets), angles=_lines(angles)
    )
    joints = forward(ui_prmd.read_chain(path), LAYOUT.parents)
    parents, children = np.array(LAYOUT.bones).T
    lengths = np.linalg.norm(joints[:, children] - joints[:, parents], axis=-1)
    expected = np.linalg.norm(offsets.reshape(3, 22, 3)[:, children], axis=-1) / 100
    np.testing.assert_allclose(lengths, expected, atol=1e-12)
    np.testing.assert_allclose(joints[:, 0], offsets[:, :3] / 100, atol=1e-12)


@pytest.mark.parametrize('ending', ['.txt', '.txt.gz'])
def test_what_a_motion_tells_of_itself(tmp_path, ending):
    where = _lines(np.ones((5, 66)))
    path, _ = _pair(
        tmp_path, name='m03_s07_e02', correct=False, ending=ending, frames=5, positions=where
    )
    motion = formats.read(path)
    assert motion.joints.shape == (5, 1, 22, 3) and motion.joints.dtype == np.float32
    assert motion.valid.shape == (5, 1) and motion.valid.all()
    assert (motion.fps, motion.layout, motion.subject) == (30.0, 'uiprmd22', 's07')
    assert motion.source == path.name


def test_plain_and_gzipped_read_the_same(tmp_path):
    rng = np.random.default_rng(0)
    texts = {kind: _lines(rng.normal(0, 40, (4, 66)).round(3)) for kind in ('positions', 'angles')}
    plain, _ = _pair(tmp_path / 'plain', **texts)
    packed, _ = _pair(tmp_path / 'packed', ending='.txt.gz', **texts)
    mixed, twin = _pair(tmp_path / 'mixed', ending='.txt.gz', **texts)
    _write(twin.with_suffix(''), texts['angles'])
    twin.unlink()
    expected = ui_prmd.read(plain).joints
    for path in (packed, mixed):
        np.testing.assert_array_equal(ui_prmd.read(path).joints, expected)


def test_blank_lines_at_the_end_and_other_line_ends_do_not_matter(tmp_path):
    text = _lines([_frame({WAIST: (1, 2, 3)}), _frame({WAIST: (4, 5, 6)})])
    plain, _ = _pair(tmp_path / 'a', positions=text)
    other, _ = _pair(tmp_path / 'b', positions=text.replace('\n', '\r\n') + '\r\n')
    np.testing.assert_array_equal(ui_prmd.read(other).joints, ui_prmd.read(plain).joints)


def test_a_repetition_that_is_there_plain_and_gzipped_is_found_once(tmp_path):
    plain = _pair(tmp_path)
    _pair(tmp_path, ending='.txt.gz')
    (found,) = ui_prmd.repetitions(tmp_path)
    assert (found.positions, found.angles) == plain


def test_repetitions_are_sorted_and_told_apart_by_how_they_were_done(tmp_path):
    for name in ('m10_s02_e01', 'm02_s10_e01', 'm02_s09_e03'):
        _pair(tmp_path, name=name)
    _pair(tmp_path, name='m02_s09_e03', correct=False)
    (tmp_path / 'Segmented Movements' / 'Kinect' / 'Positions' / 'notes.txt').write_text('')
    found = ui_prmd.repetitions(tmp_path)
    assert sorted(r.name for r in found[:2]) == ['m02_s09_e03', 'm02_s09_e03_inc']
    assert [r.name for r in found[2:]] == ['m02_s10_e01', 'm10_s02_e01']
    assert [r.correct for r in found if r.name.endswith('_inc')] == [False]


@pytest.mark.parametrize(
    ('bad', 'told'),
    [
        (_frame({})[:-1], '65 columns, expected 66'),
        (_frame({}) + [0.0], '67 columns, expected 66'),
        (['0,5x', *_frame({})[2:]], "'5x'"),
        (['0', '', *_frame({})[2:]], "'', expected a number"),
        (['0', 'nan', *_frame({})[2:]], "'nan', expected a number"),
        ([*_frame({})[1:], '-inf'], "'-inf', expected a number"),
    ],
)
@pytest.mark.parametrize('kind', ['positions', 'angles'])
def test_a_bad_line_is_named_with_its_number(tmp_path, bad, told, kind):
    text = _lines([_frame({}), bad, _frame({})])
    positions, angles = _pair(tmp_path, frames=3, **{kind: text})
    path = positions if kind == 'positions' else angles
    message = _told(ui_prmd.read, positions, FormatError)
    assert message.startswith(f'{path}:2: ') and told in message


@pytest.mark.parametrize('ending', ['.txt', '.txt.gz'])
@pytest.mark.parametrize('text', ['', '\n\n'])
def test_an_empty_file_is_named(tmp_path, ending, text):
    path, _ = _pair(tmp_path, positions=text, ending=ending)
    told = _told(ui_prmd.read, path, FormatError)
    assert told == f'{path}: empty, expected one line of 66 or 117 numbers a frame'


@pytest.mark.parametrize('keep', [slice(-12), slice(6), slice(2, None)])
def test_a_damaged_gzip_is_named(tmp_path, keep):
    path, _ = _pair(tmp_path, ending='.txt.gz')
    path.write_bytes(path.read_bytes()[keep])
    assert _told(ui_prmd.read, path, FormatError).startswith(f'{path}: cannot be read: ')


def test_files_of_different_length_are_both_named(tmp_path):
    path, twin = _pair(tmp_path, frames=3, angles=_lines([_frame({})] * 4))
    told = _told(ui_prmd.read, path, FormatError)
    assert told == f'{path}: 3 frames, but {twin} has 4: expected as many'


def test_a_missing_angles_file_is_named(tmp_path):
    path, twin = _pair(tmp_path)
    twin.unlink()
    for told in (_told(ui_prmd.repetitions, tmp_path), _told(ui_prmd.read, path)):
        assert told == f'{path}: its angles file {twin} is missing'


def test_a_missing_positions_file_is_named(tmp_path):
    path, twin = _pair(tmp_path)
    path.unlink()
    told = _told(ui_prmd.repetitions, tmp_path)
    assert told == f'{twin}: its positions file is missing from {path.parent}'


def test_a_movement_the_corpus_does_not_have_is_named(tmp_path):
    path, _ = _pair(tmp_path, name='m11_s01_e01')
    assert _told(ui_prmd.repetitions, tmp_path) == f'{path}: movement 11, expected 1 to 10'


def test_a_folder_that_is_missing_or_holds_nothing_is_named(tmp_path):
    for folder, told in [(tmp_path / 'none', 'no such directory'), (tmp_path, 'no "Segmented')]:
        assert _told(ui_prmd.repetitions, folder).startswith(f'{folder}: {told}')


def test_a_file_of_no_known_format_or_none_at_all_is_named(tmp_path):
    strange = _write(tmp_path / 'walk.xyz', 'x')
    told = _told(formats.read, strange, FormatError)
    assert told.startswith(f'{strange}: unknown format, known: .amc')
    for path in (tmp_path / 'm01_s01_e01_positions.txt', tmp_path):
        assert _told(formats.read, path) == f'{path}: no such file'


def test_the_real_corpus_has_two_thousand_repetitions(real_data):
    found = ui_prmd.repetitions(real_data / 'ui_prmd')
    numbers = {(r.movement, r.person, r.episode, r.correct) for r in found}
    assert len(found) == len(numbers) == 2000
    assert [sorted({n[i] for n in numbers}) for i in range(3)] == [list(range(1, 11))] * 3


def test_a_real_squat_has_a_body_that_stands_on_its_feet(real_data):
    path, _ = _paths(real_data / 'ui_prmd', ending='.txt.gz')
    joints = ui_prmd.read(path).joints[:, 0]
    feet = joints[:, FEET]
    # Kinect is not exact: a bone varies by centimeters, a foot does while the waist sinks.
    parents, children = np.array(LAYOUT.bones).T
    bones = np.linalg.norm(joints[:, children] - joints[:, parents], axis=-1)
    assert bones.std(0).max() < 0.04 and bones.mean(0).max() < 0.5
    for left, right in LAYOUT.mirror:
        assert bones[:, left - 1].mean() == pytest.approx(bones[:, right - 1].mean(), abs=0.04)
    assert (joints[:, HEAD_TIP, 1] - feet[..., 1].max(1)).min() > 0.5
    assert np.ptp(joints[:, WAIST, 1]) > 0.5
    assert feet[..., 1].std(0).max() < 0.04 and np.ptp(feet[..., ::2], axis=0).max() < 0.06
