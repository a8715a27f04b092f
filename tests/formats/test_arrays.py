"""Arrays of joints, .npy and .npz: read back as written, and told what is wrong."""

import io
import zipfile

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

import skeljax
from skeljax.errors import FormatError, InputError
from skeljax.formats import arrays
from skeljax.skeletons import skeleton

JOINTS = np.random.default_rng(0).normal(size=(6, 25, 3)).astype(np.float32)
TOLD = {'fps': 30, 'layout': 'ntu25'}


def _npy(folder, joints, name='walk.npy'):
    np.save(folder / name, joints)
    return folder / name


def _npz(folder, name='walk.npz', **named):
    np.savez(folder / name, **named)
    return folder / name


def _told(path, **options) -> str:
    with pytest.raises(InputError) as error:
        skeljax.read(path, **options)
    assert '\n' not in str(error.value)
    return str(error.value)


def test_bare_joints_are_read_as_they_are_told(tmp_path):
    motion = skeljax.read(_npy(tmp_path, JOINTS), fps=25, layout='ntu25')
    np.testing.assert_array_equal(motion.joints, JOINTS[:, None])
    assert motion.joints.dtype == np.float32 and motion.valid.shape == (6, 1)
    assert (motion.fps, motion.layout, motion.source) == (25.0, 'ntu25', 'walk.npy')
    assert motion.joint_valid is None


@pytest.mark.parametrize('name', ['joints', 'keypoints', 'positions', 'data', 'arr_0'])
def test_a_file_that_tells_everything_needs_no_option(tmp_path, name):
    both = np.stack([JOINTS, JOINTS + 1], 1)
    valid = np.ones((6, 2), bool)
    valid[4:, 1] = False
    told = {'fps': 50, 'layout': 'ntu25', 'unit': 'cm', 'valid': valid, 'subject': 'p1'}
    path = _npz(tmp_path, **{name: both}, **told)
    motion = skeljax.read(path, fps=30, layout='uiprmd22', unit='m')  # the file counts more
    np.testing.assert_allclose(motion.joints[:, 0], JOINTS / 100, rtol=1e-6)
    np.testing.assert_array_equal(motion.valid, valid)
    assert (motion.joints[4:, 1] == 0).all()
    assert (motion.fps, motion.layout, motion.subject) == (50.0, 'ntu25', 'p1')


def test_flat_joints_lie_at_depth_0(tmp_path):
    motion = skeljax.read(_npy(tmp_path, JOINTS[..., :2]), **TOLD)
    np.testing.assert_array_equal(motion.joints[:, 0, :, :2], JOINTS[..., :2])
    assert (motion.joints[..., 2] == 0).all()


@pytest.mark.parametrize('unit', ['cm', 0.01])
def test_a_unit_is_brought_to_metres(tmp_path, unit):
    motion = skeljax.read(_npy(tmp_path, JOINTS * 100), unit=unit, **TOLD)
    np.testing.assert_allclose(motion.joints[:, 0], JOINTS, rtol=1e-5)


def test_nan_is_what_was_not_measured(tmp_path):
    joints = JOINTS.copy()
    joints[2, 4, 1] = np.nan
    joints[5] = np.nan
    motion = skeljax.read(_npy(tmp_path, joints), **TOLD)
    np.testing.assert_allclose(motion.joints[2, 0, 4], (JOINTS[1, 4] + JOINTS[3, 4]) / 2, rtol=1e-5)
    assert np.argwhere(~motion.joint_valid[:5]).tolist() == [[2, 0, 4]]
    assert motion.valid[:, 0].tolist() == [True] * 5 + [False]


def test_what_the_file_says_was_not_measured_is_guessed(tmp_path):
    seen = np.ones((6, 25), bool)
    seen[2, 4] = False
    path = _npz(tmp_path, joints=JOINTS, joint_valid=seen, fps=30, layout='ntu25')
    motion = skeljax.read(path)
    np.testing.assert_array_equal(motion.joint_valid[:, 0], seen)
    np.testing.assert_allclose(motion.joints[2, 0, 4], (JOINTS[1, 4] + JOINTS[3, 4]) / 2, rtol=1e-5)


def test_a_layout_of_ones_own(tmp_path):
    path = _npz(
        tmp_path, joints=JOINTS[:, :3], fps=30,
        joint_names=['hip', 'knee', 'foot'], parents=[-1, 0, 1],
    )
    layout = skeleton.get(skeljax.read(path).layout)
    assert layout.joints == ('hip', 'knee', 'foot') and layout.parents == (-1, 0, 1)


@pytest.mark.parametrize(
    ('named', 'options', 'told'),
    [
        ({'joints': JOINTS}, {'layout': 'ntu25'}, 'no frame rate, expected the option fps'),
        ({'joints': JOINTS}, {'fps': 30}, 'no joint layout, expected the option layout'),
        (
            {'joints': JOINTS},
            {'fps': 30, 'layout': 'uiprmd22'},
            '25 joints, expected the 22 of uiprmd22',
        ),
        ({'joints': JOINTS}, {'fps': 30, 'layout': 'ntu'}, "unknown joint layout 'ntu', known: "),
        ({'joints': JOINTS, 'fps': 0}, TOLD, 'frame rate is 0, expected 0.1 to 10000'),
        ({'joints': JOINTS, 'fps': np.nan}, TOLD, 'frame rate is nan'),
        ({'joints': JOINTS, 'fps': [30, 30]}, TOLD, 'fps is int64[2], expected one number'),
        (
            {'joints': JOINTS},
            TOLD | {'unit': 'furlong'},
            "unit is 'furlong', expected one of m, cm",
        ),
        ({'poses': JOINTS}, TOLD, "holds poses, expected an array 'joints'"),
        ({}, TOLD, 'holds nothing'),
        ({'joints': JOINTS[0]}, TOLD, 'joints are (25, 3), expected (frames, joints, 2 or 3)'),
        ({'joints': JOINTS[:0]}, TOLD, 'joints are (0, 25, 3)'),
        ({'joints': JOINTS > 0}, TOLD, 'joints are bool, expected real numbers'),
        ({'joints': JOINTS + 0j}, TOLD, 'joints are complex64'),
        (
            {'joints': JOINTS, 'valid': np.ones(5, bool)},
            TOLD,
            'valid is bool[5], expected bool[6, 1]',
        ),
        ({'joints': JOINTS * np.nan}, TOLD, 'no joint was measured in 6 frames'),
        ({'joints': JOINTS + np.inf}, TOLD, 'frame 0: joint 0 is at (inf'),
        (
            {'joints': JOINTS, 'joint_names': list('ab')},
            {'fps': 30},
            '25 joints, expected the 2 of named: joints are (6, 25, 3)',
        ),
        (
            {'joints': JOINTS[:, :3], 'joint_names': list('abc'), 'parents': [-1, 2, 1]},
            {'fps': 30},
            'layout own: ',
        ),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, named, options, told):
    assert told in _told(_npz(tmp_path, **named), **options)


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / 'a.npy', np.array([{}, None], object), allow_pickle=True)
    assert 'holds Python objects' in _told(tmp_path / 'a.npy', **TOLD)


def test_a_header_that_promises_more_than_there_is_is_told_at_once(tmp_path):
    file = io.BytesIO()
    header = {'shape': (10**12, 25, 3), 'fortran_order': False, 'descr': '<f8'}
    np.lib.format.write_array_header_1_0(file, header)
    (tmp_path / 'a.npy').write_bytes(file.getvalue() + b'x' * 100)
    assert 'expected 600000000000000 for shape' in _told(tmp_path / 'a.npy', **TOLD)
    with zipfile.ZipFile(tmp_path / 'a.npz', 'w') as archive:
        archive.writestr('joints.npy', file.getvalue())
    assert 'expected 600000000000000 for shape' in _told(tmp_path / 'a.npz', **TOLD)


def test_a_signalling_nan_was_not_measured(tmp_path):
    joints = np.ones((3, 25, 3), np.float32)
    joints.view(np.uint32)[1, 4, 2] = 0x7F800001
    motion = arrays.read(_npy(tmp_path, joints), **TOLD)
    assert not motion.joint_valid[1, 0, 4] and (motion.joints == 1).all()


@pytest.mark.parametrize('ending', ['npy', 'npz'])
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_damaged_file_is_read_or_told(ending, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp('damaged')
    if ending == 'npy':
        path = _npy(folder, JOINTS)
    else:
        path = _npz(folder, joints=JOINTS, fps=30.0, layout='ntu25')
    raw = bytearray(path.read_bytes())
    # Most of a file is coordinates; the damage that counts is at its ends.
    end = st.one_of(st.integers(0, 140), st.integers(len(raw) - 400, len(raw) - 1))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(end)] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.one_of(st.just(len(raw)), st.integers(0, len(raw))))])
    try:
        motion = arrays.read(path, **TOLD)
    except FormatError as error:
        assert str(path) in str(error) and '\n' not in str(error)
    else:
        assert np.isfinite(motion.joints).all() and motion.joints.shape[2:] == (25, 3)
