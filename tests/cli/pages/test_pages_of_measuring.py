"""What `skeljax bench` is told to do on pages: done, but on less and for a moment."""

import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

from skeljax.bench import measure
from tests import documented

TINY = [
    '--config.model.base_channels=4', '--config.pretrain.batch=8', '--config.pretrain.queue_size=64',
    '--config.pretrain.window=32', '--config.pretrain.crop.length=32',
]


@pytest.mark.documented('docs/benchmarks.md', 'skeljax bench rows')
def test_rows_with_a_stand_in_for_what_measures(here, told, monkeypatch):
    side = {'seconds': 0.5, 'low': 0.5, 'high': 0.5}
    figures = {
        'sides': {'skeljax': side, 'other': side}, 'against': 'other', 'ratio': 1.0, 'goal': 0.5,
        'ratio_by_round': {'median': 1.0, 'low': 1.0, 'high': 1.0}, 'rounds': 1, 'platform': 'cpu',
        'peaks': {'matrix_gflops': 1.0, 'copy_gb_per_second': 1.0},
        'examples': 1, 'frames_per_example': 1, 'examples_per_second': 1, 'frames_per_second': 1,
    }
    rounds = []
    monkeypatch.setattr(measure, 'row', lambda config, *, rounds_=rounds, **told: rounds.append(told) or figures)
    assert told.skeljax().count('resident') >= 3
    assert 'rows' in json.loads(Path('FILE').read_text()) and {one['rounds'] for one in rounds} == {2, 10}


@pytest.mark.slow
@pytest.mark.documented('docs/streaming.md', 'skeljax bench stream')
@pytest.mark.documented('docs/benchmarks.md', 'skeljax bench stream')
def test_streams(here, told):
    small = ['--config.model.base_channels=4', '--config.model.stgcn.out_channels=8', '--config.bench.persons=1']
    cores = os.sched_getaffinity(0)
    count, shown = len(told.left), told.skeljax(*small, '--seconds', '1')
    assert shown.count('look_ahead_seconds') == count > 1
    assert os.sched_getaffinity(0) == cores


@pytest.mark.slow
@pytest.mark.documented('docs/protocols.md', 'skeljax bench score')
def test_scorers(here, told):
    sizes = ['--recordings', '4', '--classes', '3', '--proposals', '60', '--twins', '2', '--steps', '1']
    assert 'scorers babel seconds' in told.skeljax(*sizes)


@pytest.mark.slow
@pytest.mark.documented('docs/scaling.md')
@pytest.mark.documented('docs/benchmarks.md', 'skeljax bench step')
def test_steps_and_what_devices_say_to_each_other(here, told):
    """In processes of their own, which have the devices that the command gives them."""
    less = {
        'collectives': TINY, 'negatives': ['--snippets', '4096', '--embed', '16'],
        'resident': [*TINY, '--steps', '1', '--threads', '1'], 'step': [*TINY, '--steps', '1', '--threads', '1'],
    }
    for command in [c for c in told.take() if '--config configs/ui_prmd.py' not in c.text]:
        words = command.words()
        devices = command.environment().get('JAX_NUM_CPU_DEVICES', '2')
        more = less[words[2]]
        if 'batch=1024' in command.text:  # of all devices
            more = [*more, '--config.pretrain.batch=64']
        done = subprocess.run(
            [sys.executable, '-P', '-m', *words, *more], capture_output=True, text=True, timeout=1500,
            env={**os.environ, 'JAX_NUMPY_DTYPE_PROMOTION': 'standard', 'JAX_NUM_CPU_DEVICES': devices,
                 'PYTHONPATH': str(documented.ROOT)},
        )
        assert done.returncode == 0, f'{command.text}\n{done.stderr}'
        assert done.stdout.strip()
