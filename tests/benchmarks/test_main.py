"""The commands of `python -m benchmarks`; the speed of input; memory over many steps."""

import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

from benchmarks import __main__ as command, measure
from skeljax.cli import main
from skeljax.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {'JAX_NUM_CPU_DEVICES': '1', 'JAX_NUMPY_DTYPE_PROMOTION': 'standard'}


def _run(*words, **environment):
    arguments = [sys.executable, '-m', 'benchmarks', *words]
    environment = {**os.environ, **ENVIRONMENT, **environment}
    done = subprocess.run(
        arguments, env=environment, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _measure(name, tiny, out, *more) -> dict:
    tiny_corpus = [
        f'--config.data.data_dir={tiny}', '--config.data.corpus=synthetic/tiny',
        '--config.data.unlabeled=("synthetic/tiny",)', '--config.pretrain.queue_size=512',
    ]
    words = [name, '--config', 'ui_prmd', '--json', str(out)]
    shown = _run(*words, *tiny_corpus, *more)
    saved = json.loads(Path(out).read_text())
    assert saved['command'] == name and 'examples' in shown
    return saved


def test_the_step_is_measured_and_compiles_once(tiny, tmp_path):
    small = [
        '--config.model.name=gru', '--config.model.gru.num_layers=1',
        '--config.model.base_channels=4', '--config.pretrain.batch_size=8', '--steps=2',
    ]
    figures = _measure('step', tiny, tmp_path / 'step.json', *small)
    ours = figures['systems']['skeljax']
    assert ours['compilations_after_the_first_step'] == 0
    assert ours['compile_seconds'] > 0 and ours['peak_memory_mib'] > 50
    assert 0 < ours['low'] <= ours['seconds'] <= ours['high'] and len(ours['each_round']) == 2
    assert 0 < ours['of_matrix_peak'] < 1 and ours['bytes'] > 0
    rate = 8 / ours['seconds']
    assert figures['examples_per_second'] == pytest.approx(rate)
    assert figures['frames_per_second'] == pytest.approx(rate * 64)


def test_inference_of_a_row_is_measured_without_a_corpus(tmp_path):
    small = [
        '--config.model.base_channels=4',
        '--config.model.stgcn.out_channels=8',
        '--config.bench.clips=4',
    ]
    out = tmp_path / 'infer.json'
    shown = _run('infer', '--steps', '2', '--threads', '1', '--json', str(out), *small)
    figures = json.loads(out.read_text())
    ours = figures['systems']['skeljax']
    assert figures['threads'] == 1 and 'ratio' not in figures and ours['flops'] > 0
    assert figures['frames_per_second'] == pytest.approx(4 * 64 / ours['seconds'])
    assert shown.startswith('bench:evaluation') and 'measured peaks' in shown


def _measured(seconds: float) -> dict:
    system = {'seconds': seconds, 'low': seconds, 'high': seconds}
    return {
        'systems': {'skeljax': system, 'other': system}, 'against': 'other', 'ratio': 1.0,
        'goal': 0.5, 'ratio_by_round': {'median': 1.0, 'low': 1.0, 'high': 1.0}, 'rounds': 1,
        'platform': 'cpu',
        'peaks': {'matrix_gflops': 1.0, 'copy_gb_per_second': 1.0},
        'examples': 1, 'frames_per_example': 1, 'examples_per_second': 1, 'frames_per_second': 1,
    }


def test_rows_are_compared_with_their_baselines_and_others_are_left_out(
    monkeypatch, tmp_path, capsys
):
    asked = {}

    def row(config, *, what, against, **_):
        asked.setdefault(what, set()).add(against)
        if against == 'torch':
            raise InputError('no PyTorch')
        return _measured(0.5)

    monkeypatch.setattr(measure, 'row', row)
    out = tmp_path / 'rows.json'
    assert command.main(['rows', '--json', str(out)]) == 0
    assert asked == {'step': {'torch', 'video'}, 'augment': {'numpy'}, 'infer': {'torch'}}
    shown = capsys.readouterr().out
    assert 'stgcn16 left out: no PyTorch' in shown
    assert shown.splitlines()[-1].split()[:2] == ['augment', 'missed']
    figures = json.loads(out.read_text())
    assert list(figures['rows']) == ['pair', 'augment'] and 'evaluation' in figures['left_out']
    asked.clear()
    assert command.main(['rows', '--platform', 'gpu']) == 0
    assert asked == {'step': {'torch'}, 'resident': {'constant'}, 'infer': {'torch'}}


def test_an_error_if_no_row_can_be_measured(monkeypatch, capsys):
    def row(config, **_):
        raise InputError('no PyTorch')

    monkeypatch.setattr(measure, 'row', row)
    assert command.main(['rows']) == 2
    assert 'nothing was measured; no PyTorch' in capsys.readouterr().err


def test_pairs_are_compared_with_steps_without_snippets(monkeypatch, capsys):
    asked = []

    def row(config, *, what, against, **_):
        assert (what, against, config.bench.goal) == ('step', 'video', 1.08)
        asked.append((config.pretrain.method, config.model.name, config.pretrain.batch_size))
        return _measured(0.5) | {'goal': config.bench.goal}

    monkeypatch.setattr(measure, 'row', row)
    assert command.main(['pairs', '--config.pretrain.batch_size=4']) == 0
    assert len(set(asked)) == len(asked) == 7 * 5 and {batch for *_, batch in asked} == {4}
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split()[:3] == ['vicreg', 'transformer', 'reached']


def test_a_step_is_run_beside_one_without_the_snippet_term(tmp_path):
    out = tmp_path / 'step.json'
    small = [
        '--config.model.base_channels=4',
        '--config.pretrain.batch_size=2',
        '--config.pretrain.queue_size=8',
        '--config.pretrain.snippet.queue_size=8',
        '--config.pretrain.crop.length=32',
    ]
    words = ['--config', 'bench:pair,backbone=transformer', '--against', 'video', '--threads', '1']
    shown = _run('step', *words, '--steps', '2', '--json', str(out), *small)
    assert 'ratio to the fastest other (without snippets)' in shown
    figures = json.loads(out.read_text())
    ours, without = (figures['systems'][name] for name in ('skeljax', 'without snippets'))
    assert ours['flops'] > without['flops'] and ours['loss'] > without['loss']
    assert figures['goal'] == 1.08 and figures['ratio'] > 0


def test_a_step_that_has_no_snippet_term_is_not_run_beside_one_without(capsys):
    words = ['step', '--config', 'bench:stgcn16', '--against', 'video']
    assert command.main(words) == 2
    assert 'needs pretraining with the snippet term' in capsys.readouterr().err


def test_preparing_is_measured_in_a_folder_that_is_gone_after(tmp_path):
    out = tmp_path / 'prepare.json'
    words = ['--corpus', 'synthetic/tiny', '--steps', '1', '--json', str(out)]
    _run('prepare', *words, TMPDIR=str(tmp_path))
    figures = json.loads(out.read_text())
    rate = figures['recordings'] / figures['seconds']['median']
    assert figures['recordings_per_second'] == pytest.approx(rate) and rate > 0
    assert not list(tmp_path.rglob('*array_record*'))


@pytest.mark.parametrize(('words', 'line'), [
    (['step', '--config', 'demo', '--against', 'torch'], 'takes rows of configs/bench.py: stgcn16'),
    (['infer', '--config', 'bench:fast'], "unknown row 'fast'"),
    (['step', '--steps', '0'], '--steps 0'),
])
def test_invalid_input_is_one_line(words, line, capsys):
    assert command.main([*words]) == 2
    (shown,) = capsys.readouterr().err.splitlines()
    assert line in shown


@pytest.mark.slow
def test_the_input_delivers_five_times_what_the_step_takes(tiny, tmp_path):
    """64 videos x 128 frames x 25 joints through a narrow network, each measured alone."""
    size = ['--config.pretrain.window=128', '--config.pretrain.crop.length=128']
    step = _measure('step', tiny, tmp_path / 'step.json', *size, '--steps=3')
    fed = _measure('input', tiny, tmp_path / 'input.json', *size, '--steps=50')
    assert fed['examples_per_second'] > 5 * step['examples_per_second'], (fed, step)


@pytest.mark.slow
def test_memory_does_not_grow_over_500_steps(tiny, tmp_path):
    code = f"""
import json, sys
from skeljax.cli import main
from skeljax.train import log

memory = []
advance = log.Log.advance

def record(self, steps=1):
    advance(self, steps)
    pages = int(open('/proc/self/statm').read().split()[1])
    memory.append(pages * 4096 / 2**20)

log.Log.advance = record
status = main.main(['pretrain', '--config', 'ui_prmd', '--quiet',
    '--workdir', {str(tmp_path / 'w')!r},
    '--config.data.data_dir={tiny}', '--config.data.corpus=synthetic/tiny',
    '--config.data.unlabeled=("synthetic/tiny",)', '--config.model.base_channels=4',
    '--config.pretrain.batch_size=8', '--config.pretrain.queue_size=64',
    '--config.pretrain.window=64',
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


def test_evaluators_are_compared_with_loops_that_agree(tmp_path):
    out = tmp_path / 'score.json'
    sizes = [
        '--recordings', '4', '--classes', '3', '--proposals', '60', '--reference-recordings', '2',
    ]
    shown = _run('score', *sizes, '--steps', '1', '--json', str(out))
    figures = json.loads(out.read_text())
    assert 'scorers babel seconds' in shown
    counts = [figures[name] for name in ('recordings', 'proposals', 'reference_recordings')]
    assert counts == [4, 60, 2]
    assert all(found['seconds'] > 0 for found in figures['scorers'].values())
    equal = {
        name: row['reference']['equal'] for name, row in figures['scorers'].items()
        if 'reference' in row
    }
    published = {'babel', 'babel_clean', 'pkummd', 'detection', 'activitynet', 'segmentation'}
    assert equal == dict.fromkeys([*published, 'framewise'], True)
    assert all(found['segments'] > 0 for found in figures['decoders'].values())


def test_the_memory_of_negatives_grows_with_the_square_only_where_they_are_gathered(tmp_path):
    out = tmp_path / 'negatives.json'
    sizes = ['--snippets', '4096', '16384', '--embed', '16', '--json', str(out)]
    shown = _run('negatives', *sizes, JAX_NUM_CPU_DEVICES='2')
    figures = json.loads(out.read_text())
    assert shown.split()[:3] == ['form', 'snippets', 'devices']
    held = {(row['form'], row['snippets']): row['temporary_mib'] for row in figures['negatives']}
    assert all(row['devices'] == 2 for row in figures['negatives'])
    # The mask of half the queries, one byte per key; logits would take four.
    assert 1 < held['gather', 16_384] / (16_384**2 / 2 / 2**20) < 2
    assert held['gather', 16_384] > 8 * held['gather', 4096]
    assert held['ring', 16_384] < 4 * held['ring', 4096]
    assert held['ring', 16_384] < held['gather', 16_384] / 10


def test_a_stream_is_timed_frame_by_frame(tmp_path, capsys):
    small = [
        '--config.model.base_channels=4',
        '--config.model.stgcn.out_channels=8',
        '--config.bench.persons=1',
    ]
    out, before = tmp_path / 'stream.json', os.sched_getaffinity(0)
    window = ['--window', '32', '--hop', '8', '--ahead', '8']
    words = ['stream', '--seconds', '2', *window, '--json', str(out)]
    assert command.main([*words, *small]) == 0
    figures = json.loads(out.read_text())
    frame, filled = figures['milliseconds_per_frame'], figures['milliseconds_per_window']
    assert frame['median'] < filled['median'] <= filled['of_99_percent']
    assert figures['frames'] == 60 and figures['cores'] == 1 and figures['compilations_later'] == 0
    assert figures['share_of_time_at_30_fps'] == pytest.approx(frame['mean'] * 0.03)
    assert 0 < figures['share_of_a_core_at_30_fps'] < 5
    assert figures['look_ahead_seconds'] == pytest.approx(16 / 30) and not figures['exact']
    # Default durations: a lag of three times 2 exp(1/2) seconds, 9.9 s, decoded every 0.9 s.
    assert figures['segment_delay_seconds'] == pytest.approx(16 / 30 + 9.9 + 0.9)
    assert 'milliseconds_per_window of_99_percent' in capsys.readouterr().out
    assert os.sched_getaffinity(0) == before


def test_the_former_verb_names_the_new_command(capsys):
    assert main.main(['bench', 'rows', '--platform', 'gpu']) == 2
    expected = 'skeljax bench: in a checkout, run: python -m benchmarks rows --platform gpu\n'
    assert capsys.readouterr().err == expected


def test_a_stream_needs_a_row(capsys):
    assert command.main(['stream', '--config', 'demo']) == 2
    assert 'stream takes rows of configs/bench.py: stgcn16' in capsys.readouterr().err
