"""The commands of `python -m benchmarks` on pages, run on small inputs and for a few steps."""

import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

from benchmarks import measure
from tests import documented

TINY = [
    '--config.model.base_channels=4',
    '--config.pretrain.batch_size=8',
    '--config.pretrain.queue_size=64',
    '--config.pretrain.window=32',
    '--config.pretrain.crop.length=32',
]


@pytest.mark.documented('docs/benchmarks.md', 'python -m benchmarks rows')
def test_rows_with_a_stand_in_for_what_measures(here, told, monkeypatch):
    system = {'seconds': 0.5, 'low': 0.5, 'high': 0.5}
    figures = {
        'systems': {'skeljax': system, 'other': system}, 'against': 'other', 'ratio': 1.0,
        'goal': 0.5,
        'ratio_by_round': {'median': 1.0, 'low': 1.0, 'high': 1.0}, 'rounds': 1, 'platform': 'cpu',
        'peaks': {'matrix_gflops': 1.0, 'copy_gb_per_second': 1.0},
        'examples': 1, 'frames_per_example': 1, 'examples_per_second': 1, 'frames_per_second': 1,
    }
    rounds = []
    row = lambda config, **given: rounds.append(given['rounds']) or figures
    monkeypatch.setattr(measure, 'row', row)
    assert told.skeljax().count('resident') >= 3
    assert 'rows' in json.loads(Path('FILE').read_text()) and set(rounds) == {2, 10}


@pytest.mark.slow
@pytest.mark.documented('docs/streaming.md', 'python -m benchmarks stream')
@pytest.mark.documented('docs/benchmarks.md', 'python -m benchmarks stream')
def test_streams(here, told):
    small = [
        '--config.model.base_channels=4',
        '--config.model.stgcn.out_channels=8',
        '--config.bench.persons=1',
    ]
    cores = os.sched_getaffinity(0)
    count, shown = len(told.left), told.skeljax(*small, '--seconds', '1')
    assert shown.count('look_ahead_seconds') == count > 1
    assert os.sched_getaffinity(0) == cores


@pytest.mark.slow
@pytest.mark.documented('docs/protocols.md', 'python -m benchmarks score')
def test_scorers(here, told):
    sizes = [
        '--recordings', '4', '--classes', '3', '--proposals', '60', '--reference-recordings', '2',
        '--steps', '1',
    ]
    assert 'scorers babel seconds' in told.skeljax(*sizes)


@pytest.mark.slow
@pytest.mark.documented('docs/scaling.md')
@pytest.mark.documented('docs/benchmarks.md', 'python -m benchmarks step')
def test_steps_and_collectives(here, told):
    """In processes of their own, with as many devices as the command sets."""
    less = {
        'collectives': TINY, 'negatives': ['--snippets', '4096', '--embed', '16'],
        'resident': [*TINY, '--steps', '1', '--threads', '1'],
        'step': [*TINY, '--steps', '1', '--threads', '1'],
    }
    for command in [c for c in told.take() if '--config configs/ui_prmd.py' not in c.text]:
        _, *words = command.words()
        devices = command.environment().get('JAX_NUM_CPU_DEVICES', '2')
        more = less[words[0]]
        if 'batch=1024' in command.text:  # of all devices
            more = [*more, '--config.pretrain.batch_size=64']
        environment = {
            **os.environ, 'JAX_NUMPY_DTYPE_PROMOTION': 'standard', 'JAX_NUM_CPU_DEVICES': devices,
            'PYTHONPATH': str(documented.ROOT),
        }
        done = subprocess.run(
            [sys.executable, '-P', '-m', 'benchmarks', *words, *more], env=environment,
            capture_output=True, text=True, timeout=1500,
        )
        assert done.returncode == 0, f'{command.text}\n{done.stderr}'
        assert done.stdout.strip()
