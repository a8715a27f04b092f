"""What `skeljax bench` measures, and the two promises about input and memory."""

import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

ENVIRONMENT = {'JAX_NUM_CPU_DEVICES': '1', 'JAX_NUMPY_DTYPE_PROMOTION': 'standard'}


def _skeljax(*arguments, **environment):
    command = [sys.executable, '-m', 'skeljax', *arguments]
    environment = {**os.environ, **ENVIRONMENT, **environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _bench(what, tiny, out, *more) -> dict:
    tiny_corpus = [
        f'--config.data.data_dir={tiny}', '--config.data.corpus=synthetic/tiny',
        '--config.data.unlabelled=("synthetic/tiny",)', '--config.pretrain.queue_size=512',
    ]
    arguments = ['bench', what, '--config', 'ui_prmd', '--json', str(out)]
    shown = _skeljax(*arguments, *tiny_corpus, *more)
    saved = json.loads(Path(out).read_text())
    assert json.loads(shown) == saved
    return saved


def test_the_step_is_measured_and_compiles_once(tiny, tmp_path):
    small = ['--config.model.width=4', '--config.pretrain.batch=8', '--steps=2']
    figures = _bench('step', tiny, tmp_path / 'step.json', *small)
    assert figures['compilations_after_the_first_step'] == 0
    assert figures['compile_seconds'] > 0 and figures['peak_memory_mib'] > 50
    low, high = figures['seconds_per_step_range']
    assert 0 < low <= figures['seconds_per_step'] <= high
    rate = 8 / figures['seconds_per_step']
    assert figures['examples_per_second'] == pytest.approx(rate)
    assert figures['frames_per_second'] == pytest.approx(rate * 64)


@pytest.mark.slow
def test_the_input_delivers_five_times_what_the_step_takes(tiny, tmp_path):
    """64 videos x 128 frames x 25 joints through a narrow network, each measured alone."""
    size = ['--config.pretrain.window=128', '--config.pretrain.crop.length=128']
    step = _bench('step', tiny, tmp_path / 'step.json', *size, '--steps=3')
    fed = _bench('input', tiny, tmp_path / 'input.json', *size, '--steps=50')
    assert fed['examples_per_second'] > 5 * step['examples_per_second'], (fed, step)


@pytest.mark.slow
def test_memory_does_not_grow_over_500_steps(tiny, tmp_path):
    code = f"""
import json, sys
from skeljax.cli import main
from skeljax.train import log

memory = []
advance = log.Log.advance

def noted(self):
    advance(self)
    pages = int(open('/proc/self/statm').read().split()[1])
    memory.append(pages * 4096 / 2**20)

log.Log.advance = noted
status = main.main(['pretrain', '--config', 'ui_prmd', '--quiet', '--workdir', {str(tmp_path / 'w')!r},
    '--config.data.data_dir={tiny}', '--config.data.corpus=synthetic/tiny',
    '--config.data.unlabelled=("synthetic/tiny",)', '--config.model.width=4',
    '--config.pretrain.batch=8', '--config.pretrain.queue_size=64', '--config.pretrain.window=64',
    '--config.pretrain.crop.length=32', '--config.pretrain.num_steps=600',
    '--config.pretrain.checkpoint_every=1000'])
open({str(tmp_path / 'memory.json')!r}, 'w').write(json.dumps(memory))
sys.exit(status)
"""
    environment = {**os.environ, **ENVIRONMENT}
    subprocess.run([sys.executable, '-c', code], env=environment, check=True)
    memory = json.loads((tmp_path / 'memory.json').read_text())
    assert len(memory) == 600
    before, after = max(memory[80:100]), min(memory[580:599])
    assert after < before + 16, (before, after)


def test_scoring_is_measured_beside_loops_that_agree(tmp_path):
    out = tmp_path / 'score.json'
    sizes = ['--recordings', '4', '--classes', '3', '--proposals', '60', '--twins', '2']
    shown = _skeljax('bench', 'score', *sizes, '--steps', '1', '--json', str(out))
    figures = json.loads(out.read_text())
    assert json.loads(shown) == figures
    assert (figures['recordings'], figures['proposals'], figures['twin_recordings']) == (4, 60, 2)
    assert all(found['seconds'] > 0 for found in figures['scorers'].values())
    equal = {n: found['twin']['equal'] for n, found in figures['scorers'].items() if 'twin' in found}
    published = {'babel', 'babel_clean', 'pkummd', 'detection', 'activitynet', 'segmentation'}
    assert equal == dict.fromkeys([*published, 'framewise'], True)
    assert all(found['segments'] > 0 for found in figures['decoders'].values())


def test_the_memory_of_negatives_grows_with_the_square_only_where_they_are_gathered(tmp_path):
    out = tmp_path / 'negatives.json'
    sizes = ['--snippets', '4096', '16384', '--embed', '16', '--json', str(out)]
    shown = _skeljax('bench', 'negatives', *sizes, JAX_NUM_CPU_DEVICES='2')
    figures = json.loads(out.read_text())
    assert json.loads(shown) == figures
    held = {(row['form'], row['snippets']): row['temporary_mib'] for row in figures['negatives']}
    assert all(row['devices'] == 2 for row in figures['negatives'])
    # A matrix of logits alone, float32, of half the queries and all keys.
    assert held['gather', 16_384] > 16_384**2 / 2 * 4 / 2**20
    assert held['gather', 16_384] > 10 * held['gather', 4096]
    assert held['ring', 16_384] < 5 * held['ring', 4096] < held['gather', 4096]
