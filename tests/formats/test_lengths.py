"""The unit of bare coordinates, guessed from the size of a body and noted."""

import numpy as np
import pytest

import skeljax
from skeljax.data import synthetic
from skeljax.formats import lengths
from skeljax.skeletons import skeleton

MOTION, _ = synthetic.recording(1, 'train', 0, 0, actions=4, noise=0.0)
JOINTS = MOTION.joints
SEEN = np.ones(JOINTS.shape[:3], bool)
NTU = skeleton.get('ntu25')
TOLD = {'fps': 30, 'layout': 'ntu25'}


def _head_to_feet() -> float:
    """Measures by hand what the guess goes by."""
    head, *feet = (NTU.joints.index(name) for name in ('Head', 'AnkleLeft', 'AnkleRight'))
    way = JOINTS[:, 0, head] - JOINTS[:, 0, feet].mean(1)
    return float(np.quantile(np.linalg.norm(way, axis=-1), 0.9))


@pytest.mark.parametrize(('name', 'scale'), [('m', 1), ('cm', 100), ('mm', 1000)])
def test_the_unit_that_makes_a_person_is_taken(tmp_path, name, scale):
    path = tmp_path / 'a.npy'
    np.save(path, JOINTS * scale)
    motion = skeljax.read(path, **TOLD)
    np.testing.assert_allclose(motion.joints, JOINTS, rtol=1e-5, atol=1e-6)
    told = f'the unit is assumed to be {name}: a body is {_head_to_feet():.2f} m from head to feet'
    assert motion.notes == (() if name == 'm' else (f'{told}; the option unit sets another',))
    as_told = skeljax.read(path, unit='m', **TOLD)
    np.testing.assert_allclose(as_told.joints, JOINTS * scale, rtol=1e-5)
    assert as_told.notes == ()


def test_a_unit_of_the_file_is_no_guess(tmp_path):
    np.savez(tmp_path / 'a.npz', joints=JOINTS * 1000, unit='m', **TOLD)
    motion = skeljax.read(tmp_path / 'a.npz')
    assert motion.joints.max() > 100 and motion.notes == ()


def test_a_table_is_guessed_too(tmp_path):
    head = ','.join(f'{name}_{axis}' for name in NTU.joints for axis in 'xyz')
    rows = [','.join(f'{v:.1f}' for v in frame.ravel() * 1000) for frame in JOINTS[:20]]
    (tmp_path / 'a.csv').write_text('\n'.join([head, *rows]) + '\n')
    motion = skeljax.read(tmp_path / 'a.csv', fps=30)
    np.testing.assert_allclose(motion.joints, JOINTS[:20], atol=1e-4)
    assert motion.notes[0].startswith('the unit is assumed to be mm')


def test_what_no_unit_makes_a_person_stays_and_is_noted():
    scale, notes = lengths.settle(None, JOINTS * 1e6, SEEN, NTU)
    assert scale == 1.0 and notes[0].startswith('no unit of m, cm, mm makes a person: a body is ')


def test_images_and_bodies_without_ends_keep_their_unit():
    flat = JOINTS * np.float32([300, 300, 0])
    assert lengths.settle(None, flat, SEEN, NTU) == (1.0, ())
    rod = skeleton.infer('rod', 'ab', (-1, 0))
    assert lengths.settle(None, JOINTS[:, :, :2] * 100, SEEN[:, :, :2], rod) == (1.0, ())
    assert lengths.settle(None, JOINTS * 1000, ~SEEN, NTU) == (1.0, ())


def test_an_upper_body_is_measured_down_to_the_pelvis():
    half = skeleton.infer('half', ('pelvis', 'head'), (-1, 0))
    body = np.zeros((3, 1, 2, 3))
    body[:, 0, 1] = [0, 65, 1]
    assert lengths.settle(None, body, np.ones((3, 1, 2), bool), half)[0] == 0.01
