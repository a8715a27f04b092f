"""Damaged checkpoints: told and set aside, and the run goes on from the one before."""

import shutil

import jax
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.train import checkpoint
from tests.train.test_loop import _steps, _train


def _damage(folder, how):
    files = {
        'figures': [folder / 'metrics' / 'metrics'],
        'index': list((folder / 'weights').glob('manifest.ocdbt')),
        'arrays': list((folder / 'weights').glob('**/d/*')),
        'shapes': [folder / 'weights' / '_METADATA'],
    }[how]
    assert files
    for path in files:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize('how', ['figures', 'index', 'arrays', 'shapes'])
def test_a_damaged_newest_checkpoint_is_told_and_the_one_before_it_taken(tmp_path, capsys, how):
    run = tmp_path / 'run'
    whole = _train(run, 4)
    _damage(run / 'checkpoints' / '4', how)
    jax.tree.map(np.testing.assert_array_equal, _train(run, 4), whole)
    said = capsys.readouterr().err
    assert said.count('\n') == 1 and '/checkpoints/4: a damaged checkpoint: ' in said
    assert (run / 'checkpoints' / '4.damaged').is_dir()
    with checkpoint.manager(run / 'checkpoints') as mngr:
        assert mngr.all_steps() == [2, 4]
    assert _steps(run) == [1, 2, 3, 4]


def test_a_step_that_is_damaged_again_is_set_aside_under_another_name(tmp_path, capsys):
    run = tmp_path / 'run'
    whole = _train(run, 4)
    for _ in range(3):
        _damage(run / 'checkpoints' / '4', 'index')
        jax.tree.map(np.testing.assert_array_equal, _train(run, 4), whole)
    names = sorted(path.name for path in (run / 'checkpoints').iterdir())
    assert names == ['2', '4', '4.damaged', '4.damaged-2', '4.damaged-3']
    assert capsys.readouterr().err.count('\n') == 3


def test_a_checkpoint_that_was_being_deleted_counts_as_damaged(tmp_path, capsys):
    _train(tmp_path / 'run', 4)
    shutil.rmtree(tmp_path / 'run' / 'checkpoints' / '4' / 'weights')
    _train(tmp_path / 'run', 4)
    assert '/checkpoints/4: a damaged checkpoint: weights is missing' in capsys.readouterr().err


def test_a_damaged_best_state_is_set_aside_and_the_run_goes_on(tmp_path, capsys):
    validate = lambda state: {'selection': float(state['step'])}
    _train(tmp_path / 'run', 4, validate=validate)
    _damage(tmp_path / 'run' / 'best' / '4', 'figures')
    _train(tmp_path / 'run', 6, validate=validate)
    assert '/best/4: a damaged checkpoint: ' in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / 'run' / 'best').iterdir()) == ['4.damaged', '6']


def test_with_every_checkpoint_damaged_nothing_begins_anew(tmp_path):
    _train(tmp_path / 'run', 4)
    for step in ('2', '4'):
        _damage(tmp_path / 'run' / 'checkpoints' / step, 'index')
    with pytest.raises(InputError, match='/checkpoints/2: a damaged checkpoint') as raised:
        _train(tmp_path / 'run', 4)
    assert '\n' not in str(raised.value)
    assert (tmp_path / 'run' / 'checkpoints' / '2').is_dir()
