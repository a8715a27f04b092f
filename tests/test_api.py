"""What `import skeljax` gives: its examples run, and it costs nothing before it is used."""

import doctest
import subprocess
import sys

import numpy as np
import pytest

import skeljax
from skeljax.cli import main
from skeljax.errors import InputError
from skeljax.localize import Segments, compare, exchange
from skeljax.skeletons import skeleton
from tests import untrained

CLASSES = ('sit', 'walk')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Where the examples run: a model, a recording, true and found segments."""
    folder = tmp_path_factory.mktemp('api')
    run = untrained.make(folder / 'tuned')
    assert main.main(['export', str(run), '--out', str(folder / 'model')]) == 0
    names = [f'{joint}_{axis}' for joint in skeleton.get('ntu25').joints for axis in 'xyz']
    pose = np.random.default_rng(0).uniform(0, 1.7, 75)
    rows = [pose + 0.3 * np.sin(frame / 5) for frame in range(90)]
    lines = [names, *([f'{value:.4f}' for value in row] for row in rows)]
    (folder / 'nod.csv').write_text('\n'.join(map(','.join, lines)) + '\n')
    head = 'recording,start,end,label'
    (folder / 'labels.csv').write_text(f'{head}\na,0,1,sit\na,2,3,walk\n')
    (folder / 'found.csv').write_text(f'{head},score\na,0.1,1,sit,0.9\na,2,3,walk,0.8\n')
    return folder


@pytest.mark.parametrize('name', ['read', 'load', 'evaluate', 'predict'])
def test_the_examples_give_what_they_say(folder, monkeypatch, name):
    monkeypatch.chdir(folder)
    function = getattr(skeljax, name)
    (test,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={'skeljax': skeljax})
    shown = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=shown.append)
    assert result.attempted and not result.failed, ''.join(shown)


def test_importing_it_loads_neither_numpy_nor_jax():
    code = """
import sys, skeljax
assert not {'numpy', 'jax', 'skeljax.localize'} & set(sys.modules)
assert not callable(skeljax.localize) and skeljax.localize.protocol('thumos')
assert 'numpy' in sys.modules and 'jax' not in sys.modules
from skeljax import localize
assert localize is skeljax.localize is sys.modules['skeljax.localize']
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match='no_such'):
        getattr(skeljax, 'no_such')  # noqa: B009


def test_a_model_or_its_folder_finds_the_same_in_a_motion_or_its_file(folder, tmp_path):
    model, told = skeljax.load(folder / 'model'), skeljax.read(folder / 'nod.csv', fps=30)
    np.savez(tmp_path / 'nod.npz', joints=told.joints, fps=told.fps, layout=told.layout)
    found = [
        skeljax.predict(model, told), skeljax.predict(str(folder / 'model'), told),
        skeljax.predict(model, tmp_path / 'nod.npz'), model.localize(told),
    ]
    assert len({(tuple(some.start), tuple(some.end), tuple(some.label)) for some in found}) == 1
    with pytest.raises(InputError, match='no such file'):
        skeljax.predict(model, tmp_path / 'absent.npz')


def test_files_sets_and_values_measure_alike(folder):
    truth, found = folder / 'labels.csv', folder / 'found.csv'
    read = exchange.read(truth, fps=30)
    true = {'a': Segments([0, 60], [30, 90], [0, 1], classes=CLASSES)}
    # Classes in another order, as those of a model are.
    ours = {'a': Segments([3, 60], [30, 90], [1, 0], [0.9, 0.8], classes=CLASSES[::-1])}
    pairs = [
        (found, truth), (exchange.read(found, fps=30, truth=read), read),
        (ours, truth), (ours['a'], true['a']), (found, true),
    ]
    results = [skeljax.evaluate(p, g, fps=30, protocol='activitynet') for p, g in pairs]
    assert {result.num_predicted for result in results} == {2}
    # [3, 30) of [0, 30) has an IoU of exactly 0.9: found at tIoU 0.5 to 0.9, not at 0.95.
    for result in results:
        np.testing.assert_allclose(result.map, [1.0] * 9 + [0.5])


def test_classes_that_the_truth_lacks_and_labels_without_a_name(folder):
    more = Segments([0, 60, 0], [30, 90, 5], [1, 2, 0], classes=('wave', 'sit', 'walk'))
    result = skeljax.evaluate({'a': more}, folder / 'labels.csv', fps=30, protocol='thumos')
    assert result.ap.shape[1] == 3 and result.map[0] == 1.0  # wave counts for nothing
    bad = Segments([0], [30], [2], classes=CLASSES[::-1])
    with pytest.raises(InputError, match='label outside 0 to 1'):
        skeljax.evaluate({'a': bad}, folder / 'labels.csv', fps=30)
    plain = Segments([0, 50], [40, 90], [0, 3])
    assert skeljax.evaluate(plain, plain, protocol='thumos').mean == 1.0
    with pytest.raises(InputError, match='2 lists of classes'):
        skeljax.evaluate({'a': more, 'b': bad}, folder / 'labels.csv', fps=30)


def test_protocols_that_need_frames_get_them(folder):
    true = {'a': Segments([0], [30], [0], classes=CLASSES)}
    with pytest.raises(InputError):
        skeljax.evaluate(true, true, protocol='segmentation')
    result = compare.evaluate(true, true, protocol='segmentation', num_frames={'a': 40})
    assert result.mean == 1.0
