"""C3D as vendors write it: what contradicts itself, several subjects, what is no joint."""

from pathlib import Path
import tempfile
import time

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.formats import c3d_file, vertical
from skeljax.skeletons import skeleton
from tests.formats.c3d_bytes import pack
from tests.formats.damage import sound_or_told, told

BODY = (
    'LFHD RFHD C7 STRN LSHO LELB LWRA RSHO RELB RWRA LASI RASI LKNE LANK RKNE RANK'.split()
)


def _points(frames=6, count=len(BODY), seed=0) -> np.ndarray:
    return np.round(np.random.default_rng(seed).uniform(100, 1800, (frames, count, 3)), 1)


def _write(folder, points, labels, **options) -> Path:
    path = Path(folder) / 'a.c3d'
    path.write_bytes(pack(points, labels, **options))
    return path


def _read(folder, points, labels, subject=None, layout=None, **options):
    return formats.read(_write(folder, points, labels, **options), subject=subject, layout=layout)


VARIANTS = [
    {},
    {'order': '>'},
    {'order': 'dec'},
    {'scale': 0.1},
    {'scale': 0.1, 'order': '>'},
    {'analog': 8},
    {'analog': 8, 'header': {'analog': 0}, 'parameters': {
        'ANALOG:USED': np.array([2], np.int16), 'ANALOG:RATE': np.array([400.0], np.float32)}},
    {'header': {'first': 0, 'last': 5}},  # Motive
    {'header': {'first': 300, 'last': 305}},  # cut from a longer take
    {'parameters': {'POINT:FRAMES': np.array([7], np.uint16)}},
    {'parameters': {'POINT:FRAMES': np.array([5], np.uint16)}},
    {'parameters': {'POINT:FRAMES': None}},
    {'parameters': {'POINT:USED': np.array([20], np.int16)}},
    {'parameters': {'POINT:SCALE': np.array([0.1], np.float32)}},
    {'header': {'points': 9}},
    {'header': {'rate': 50.0}},
    {'parameters': {'POINT:RATE': None}},
]


@pytest.mark.parametrize('options', VARIANTS)
def test_whatever_contradicts_itself_the_points_are_those_stored(tmp_path, options):
    points = _points()
    motion = _read(tmp_path, points, BODY, **options)
    assert motion.joints.shape == (6, 1, 16, 3) and motion.fps == 100
    np.testing.assert_allclose(motion.joints[:, 0], points[..., [1, 2, 0]] / 1000, rtol=2e-6)


# The others ezc3d 1.7.2 refuses (MIPS), reads otherwise, or ends the process over.
@pytest.mark.parametrize('options', [VARIANTS[n] for n in (0, 2, 3, 7, 8)])
def test_points_are_those_of_ezc3d(tmp_path, options):
    ezc3d = pytest.importorskip('ezc3d', reason='needs ezc3d to compare with')
    path = _write(tmp_path, _points(), BODY, **options)
    theirs = ezc3d.c3d(str(path))['data']['points'][:3].transpose(2, 1, 0)
    file = c3d_file.read(path)
    assert file.measured.all()
    np.testing.assert_allclose(file.points, theirs, rtol=1e-6)


def test_a_recording_cut_off_in_its_last_frame_is_read_without_it(tmp_path):
    path = _write(tmp_path, _points(200), BODY)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    motion = formats.read(path)
    assert len(motion.joints) == 199
    assert motion.notes[0] == '199 frames, though its header has 200'
    path.write_bytes(whole[:-600])
    assert '197 frames, expected 200 by its header' in told(formats.read, path)


def test_more_frames_than_sixteen_bits_count(tmp_path):
    points = np.ones((66_000, 1, 3)) * np.arange(1, 66_001)[:, None, None]
    for header, parameters in (
        ({'last': 65535}, {'POINT:FRAMES': np.array([65535], np.uint16),
                           'POINT:LONG_FRAMES': np.array([66000], np.float32)}),
        ({'last': 66000 - 65536}, {
            'POINT:FRAMES': np.array([66000 - 65536], np.uint16),
            'TRIAL:ACTUAL_START_FIELD': np.array([1, 0], np.uint16),
            'TRIAL:ACTUAL_END_FIELD': np.array([66000 - 65536, 1], np.uint16)}),
    ):
        motion = _read(tmp_path, points, ['C7'], header=header, parameters=parameters)
        assert len(motion.joints) == 66_000 and motion.joints[-1, 0, 0, 0] == 66


@pytest.mark.parametrize(('word', 'scale'), [
    ('meters', 1), ('Metres', 1), ('M', 1), ('MM', 0.001), ('millimeters', 0.001), ('cm', 0.01),
    ('inches', 0.0254), ('', 0.001),
])
def test_a_unit_is_known_however_it_is_spelled(tmp_path, word, scale):
    joints = _read(tmp_path, _points(), BODY, parameters={'POINT:UNITS': word}).joints
    np.testing.assert_allclose(joints[:, 0], _points()[..., [1, 2, 0]] * scale, rtol=2e-6)


def test_a_label_given_twice_is_one_point(tmp_path):
    labels = ['C7', 'C7', 'T10']
    found = np.ones((6, 3), bool)
    found[:3, 0] = False
    points = _points(count=3)
    motion = _read(tmp_path, points, labels, found=found)
    assert skeleton.get(motion.layout).joints == ('C7', 'T10') and motion.joint_valid is None
    whole = np.where(found[:, :1], points[:, 0], points[:, 1])
    np.testing.assert_allclose(motion.joints[:, 0, 0], whole[:, [1, 2, 0]] / 1000, rtol=2e-6)
    assert motion.notes[:-1] == ("label 'C7' twice: read as one point",)
    assert motion.notes[-1] == vertical.note('z', 'as is usual in C3D')


def test_of_a_person_and_a_prop_the_person_is_read(tmp_path):
    labels = [f'Box:m{n}' for n in range(4)] + [f'Ann:{name}' for name in BODY]
    motion = _read(tmp_path, _points(count=20), labels)
    assert motion.subject == 'Ann' and motion.joints.shape == (6, 1, 16, 3)
    told_of = "left out 'Box': other points than 'Ann'; the option subject takes them"
    assert told_of in motion.notes
    box = _read(tmp_path, _points(count=20), labels, subject='Box')
    np.testing.assert_allclose(
        box.joints[:, 0], _points(count=20)[:, :4, [1, 2, 0]] / 1000, rtol=2e-6
    )
    both = _read(tmp_path, _points(count=20), labels, subject='Box, Ann')
    assert both.subject == 'Box Ann' and both.joints.shape == (6, 2, 20, 3)
    assert "no subject 'Eve', found 'Ann', 'Box'" in told(
        lambda path: formats.read(path, subject='Eve'), tmp_path / 'a.c3d'
    )


def test_a_marker_that_one_of_two_persons_lacks_was_not_measured(tmp_path):
    labels = [f'Ann:{name}' for name in BODY] + [f'Bob:{name}' for name in BODY[:-1]]
    motion = _read(tmp_path, _points(count=31), labels)
    assert motion.subject == 'Ann Bob' and motion.joints.shape == (6, 2, 16, 3)
    expected = np.ones((6, 2, 16), bool)
    expected[:, 1, 15] = False
    np.testing.assert_array_equal(motion.joint_valid, expected)
    assert "Bob lacks 'RANK'" in motion.notes


def test_a_subject_of_whom_nothing_was_measured_is_left_out(tmp_path):
    labels = [f'{who}:{name}' for who in ('Ann', 'Bob') for name in BODY]
    points = _points(count=32)
    points[:, 16:] = 0
    motion = _read(tmp_path, points, labels)
    assert motion.subject == 'Ann' and motion.joints.shape == (6, 1, 16, 3)
    assert "left out 'Bob': no point of theirs was ever measured" in motion.notes


@pytest.mark.parametrize(('form', 'parameters'), [
    ('{}_{}', {}),  # Motive's own way
    ('{}-{}', {'SUBJECTS:LABEL_PREFIXES': ['Ann-', 'Bob-'], 'SUBJECTS:NAMES': ['Ann', 'Bob']}),
])
def test_subjects_are_told_by_other_prefixes_too(tmp_path, form, parameters):
    labels = [form.format(who, name) for who in ('Ann', 'Bob') for name in BODY]
    motion = _read(tmp_path, _points(count=32), labels, parameters=parameters)
    assert motion.subject == 'Ann Bob' and motion.joints.shape == (6, 2, 16, 3)


def test_sides_are_no_subjects_and_the_file_names_the_one_who_moves(tmp_path):
    labels = [f'{side}_{name}' for side in 'LR' for name in ('hip', 'knee', 'ankle', 'toe', 'heel')]
    motion = _read(tmp_path, _points(count=10), labels, parameters={'SUBJECTS:NAMES': ['Ann']})
    assert motion.subject == 'Ann' and skeleton.get(motion.layout).joints == tuple(labels)


def test_axes_of_segments_and_quantities_are_no_joints(tmp_path):
    more = [
        'PELO',
        'PELA',
        'PELL',
        'PELP',
        'LHipAngles',
        'CentreOfMass',
        'LAnklePower',
        'LGroundReactionForce',
    ]
    motion = _read(tmp_path, _points(count=24), [*BODY, *more])
    assert skeleton.get(motion.layout).joints == tuple(BODY)
    assert "left out 4 ends of axes of segments, e.g. 'PELA'" in motion.notes


def test_labels_beyond_the_first_255_count(tmp_path):
    labels = [f'M{n}' for n in range(260)]
    told_of = {'POINT:LABELS': labels[:255], 'POINT:LABELS2': labels[255:]}
    motion = _read(tmp_path, _points(2, 260), labels, parameters=told_of)
    assert skeleton.get(motion.layout).joints == tuple(labels)


def test_a_known_set_of_markers_is_told_and_gives_centers_of_joints(tmp_path):
    """A body that stands: pelvis 200 mm wide, 100 deep, its front at height 1,000; x ahead."""
    where = {
        'LASI': (0, 100, 1000),
        'RASI': (0, -100, 1000),
        'LPSI': (-100, 50, 1000),
        'RPSI': (-100, -50, 1000),
        'LKNE': (0, 150, 500),
        'LMKNE': (0, 50, 500),
        'RKNE': (0, -150, 500),
        'LANK': (0, 130, 80),
        'LMANK': (0, 70, 80),
        'RANK': (0, -130, 80),
        'C7': (-60, 0, 1500),
        'CLAV': (60, 0, 1440),
        'LSHO': (0, 200, 1450),
    }
    points = np.tile(np.array(list(where.values()), float), (3, 1, 1))
    motion = _read(tmp_path, points, where)
    assert 'markers of Plug-in Gait, on the skin; layout "centers" computes joints' in motion.notes
    layout = skeleton.get(motion.layout)
    assert layout.points[layout.joints.index('LKNE')] == 'left knee'
    assert layout.points[layout.joints.index('LMKNE')] == ''
    motion = _read(tmp_path, points, where, layout='centers')
    layout = skeleton.get(motion.layout)
    at = dict(zip(layout.joints, motion.joints[0, 0][:, [2, 0, 1]], strict=True))
    expected = {  # 0.19, 0.36, 0.30 of 200 mm behind, beside and below the middle of the front
        'left_hip': (-0.038, 0.072, 0.94), 'right_hip': (-0.038, -0.072, 0.94),
        'pelvis': (-0.05, 0, 1), 'left_knee': (0, 0.1, 0.5), 'right_knee': (0, -0.15, 0.5),
        'left_ankle': (0, 0.1, 0.08), 'right_ankle': (0, -0.13, 0.08), 'neck': (0, 0, 1.47),
        'left_shoulder': (0, 0.2, 1.45),
    }
    assert set(at) == set(expected)
    for name, place in expected.items():
        np.testing.assert_allclose(at[name], place, atol=1e-6, err_msg=name)
    assert layout.points[layout.joints.index('left_hip')] == 'left hip'
    assert motion.notes[:4] == (
        'joint centers computed from the markers of Plug-in Gait',
        'knees, ankles: the outer marker, not the center, for lack of an inner one',
        'shoulders: the marker on the acromion, not the center',
        vertical.note('z'),
    )


def test_centers_turn_with_the_body_and_are_missing_where_a_marker_is(tmp_path):
    rng = np.random.default_rng(0)
    names = ['LASI', 'RASI', 'SACR', 'LKNE', 'RKNE']
    body = np.array(
        [(0, 120, 0), (0, -120, 0), (-110, 0, 20), (0, 150, -450), (0, -150, -450)], float
    )
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    points = np.stack([body + 1000, body @ turn.T + 1000])
    found = np.ones((2, 5), bool)
    motion = _read(tmp_path, points, names, layout='centers', found=found)
    names_found = skeleton.get(motion.layout).joints
    hip, knee, pelvis = (names_found.index(name) for name in ('left_hip', 'left_knee', 'pelvis'))
    joints = motion.joints[:, 0][..., [2, 0, 1]] - 1
    np.testing.assert_allclose(joints[1], joints[0] @ turn.T, atol=1e-6)
    found[1, 2] = False
    valid = _read(tmp_path, points, names, layout='centers', found=found).joint_valid[:, 0]
    assert valid[0].all() and not valid[1, hip] and valid[1, knee] and not valid[1, pelvis]
    assert 'knees: the outer marker, not the center, for lack of an inner one' in motion.notes
    assert 'expected the markers of Plug-in Gait' in told(
        lambda path: formats.read(path, layout='centers'), _write(tmp_path, points, list('ABCDE'))
    )


def test_ten_minutes_are_read_in_under_two_seconds(tmp_path):
    path = _write(tmp_path, np.tile(_points(60, 41), (1000, 1, 1)), [f'M{n}' for n in range(41)])
    start = time.process_time()
    motion = formats.read(path)
    assert motion.joints.shape == (60_000, 1, 41, 3) and time.process_time() - start < 2


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_is_sound_or_told(data):
    options = data.draw(st.sampled_from(VARIANTS))
    raw = bytearray(pack(_points(), BODY, **options))
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, min(1600, len(raw) - 1)))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'a.c3d'
        path.write_bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))])
        sound_or_told(formats.read, path)
