import json
import os
from pathlib import Path
import subprocess
import sys
import time

import pytest

from skeljax.cli import main
from skeljax.configs import default
from skeljax.errors import InputError
from skeljax.train import progress, run_dir as workdirs
from skeljax.train.log import Log


class _Corpus:
    name, classes, layout, fps = 'folder/mine', ('sit',), 'ntu25', 30.0


def _make(folder, stage='finetune', *, saved=(), logged=0, best=None, more=None, arg=''):
    """Writes what a run leaves: its description, log and (empty) checkpoints."""
    config = default.get_config(arg or 'corpus=folder/mine,backbone=gru')
    config[stage].num_steps = 100
    described = workdirs.check(folder, stage, config, _Corpus())
    workdirs.create_run_dir(folder, {**described, **(more or {})}, ['skeljax', stage])
    for step in saved:
        (folder / 'checkpoints' / str(step)).mkdir(parents=True)
    if logged:
        lines = [json.dumps({'step': step, 'loss': 1.0}) for step in range(10, logged + 1, 10)]
        (folder / 'metrics.jsonl').write_text('\n'.join(lines) + '\n{"step": 9')  # torn by a kill
    if best:
        step, figure = best
        place = folder / 'best' / str(step) / 'metrics'
        place.mkdir(parents=True)
        (place / 'metrics').write_text(json.dumps({'selection': figure}))
    return folder


def _listed(capsys, *words):
    assert main.main(['runs', *map(str, words)]) == 0
    return capsys.readouterr()


@pytest.mark.parametrize(
    ('made', 'state', 'step'),
    [
        ({}, 'stopped', 0),
        ({'saved': (50,), 'logged': 70}, 'stopped', 70),
        ({'saved': (50, 100), 'logged': 100}, 'done', 100),
        ({'saved': (50, 100), 'logged': 90}, 'done', 100),
    ],
)
def test_a_state_is_told_by_what_is_there(tmp_path, made, state, step):
    run = progress.read(_make(tmp_path / 'run', **made))
    assert (run.state, run.step, run.num_steps) == (state, step, 100)
    assert run.saved == max(made.get('saved', (0,)))


def test_an_unfinished_checkpoint_does_not_count(tmp_path):
    folder = _make(tmp_path / 'run', saved=(50,))
    (folder / 'checkpoints' / '100.orbax-checkpoint-tmp').mkdir()
    (folder / 'checkpoints' / '75.damaged').mkdir()
    assert progress.read(folder)[5:8] == ('stopped', 50, 50)


def test_a_run_fails_where_no_checkpoint_is_beyond_what_was_not_finite(tmp_path):
    folder = _make(tmp_path / 'run', saved=(50,), logged=60)
    (folder / 'not_finite.json').write_text('{"step": 55, "loss": "nan", "batch": []}')
    assert progress.read(folder).state == 'failed'
    (folder / 'checkpoints' / '60').mkdir()
    assert progress.read(folder).state == 'stopped'


def test_a_run_goes_on_while_its_log_is_open(tmp_path):
    folder = _make(tmp_path / 'run', saved=(50,), logged=60)
    with Log(folder, start=50, num_steps=100, quiet=True):
        assert progress.read(folder).state == 'running'
        assert progress.read(folder).step == 50  # the part after it is run again
    assert progress.read(folder).state == 'stopped'


def test_a_killed_run_does_not_go_on(tmp_path):
    folder = _make(tmp_path / 'run')
    code = (
        'import sys, time; from skeljax.train.log import Log\n'
        f'log = Log({str(folder)!r}, quiet=True); print("open", flush=True); time.sleep(600)'
    )
    process = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b'open\n'
        assert progress.read(folder).state == 'running'
    finally:
        process.kill()
        process.communicate()
    assert progress.read(folder).state == 'stopped'


def test_runs_of_any_depth_are_listed_by_folder(tmp_path, capsys):
    _make(tmp_path / 'b', saved=(100,), best=(80, 0.625))
    _make(tmp_path / 'ablation' / 'runs' / 'x', 'pretrain', arg='method=aimclr,unlabeled=a/b+c/d')
    imported = _make(tmp_path / 'z', 'pretrain', saved=(0,), more={'imported': {'file': 'w.pt'}})
    (imported / 'checkpoints' / '0' / 'run.json').write_text('{}')  # no run inside of one
    out = _listed(capsys, tmp_path)
    head, first, second, third = out.out.splitlines()
    assert head.split() == ['run', 'stage', 'corpus', 'model', 'state', 'step', 'best', 'changed']
    assert (
        first.split()[:9]
        == 'ablation/runs/x pretrain a/b+c/d agcn, aimclr stopped 0 of 100'.split()
    )
    assert second.startswith('b ') and ' folder/mine  gru ' in second
    assert ' done      100 of 100  0.625 at 80 ' in second
    assert 'imported' in third and not out.err
    found = json.loads(_listed(capsys, tmp_path, '--json').out)
    assert [Path(run['folder']).name for run in found] == ['x', 'b', 'z']
    assert found[1]['best'] == 0.625 and found[1]['protocol'] == 'babel_clean'
    assert found[1]['changed'].endswith('+00:00')


def test_what_is_no_run_is_told_in_a_line(tmp_path, capsys):
    _make(tmp_path / 'good')
    texts = (
        '{"stage": "finetune"',
        '{"name": "of another program"}',
        '[]',
        '{"stage": [], "config": {}}',
    )
    for name, text in zip('abcd', texts):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'run.json').write_text(text)
    (tmp_path / '.hidden').mkdir()
    (tmp_path / '.hidden' / 'run.json').write_text('{')
    out = _listed(capsys, tmp_path)
    assert len(out.out.splitlines()) == 2 and '\ngood ' in out.out
    first, *others = out.err.splitlines()
    assert first.startswith(f'skeljax runs: left out {tmp_path}/a/run.json: cannot be read: ')
    assert [line.split(': ')[-1] for line in others] == ['does not describe a run of skeljax'] * 3


@pytest.mark.skipif(os.geteuid() == 0, reason='root reads every folder')
def test_a_closed_folder_is_told_in_a_line(tmp_path, capsys):
    (tmp_path / 'closed').mkdir(mode=0)
    assert 'closed: cannot be read: Permission denied' in _listed(capsys, tmp_path).err


def test_without_runs_it_says_so(tmp_path, capsys):
    assert _listed(capsys, tmp_path).out == f'{tmp_path}: no runs\n'
    assert _listed(capsys, tmp_path, '--json').out == '[]\n'
    assert main.main(['runs', str(tmp_path / 'none')]) == 2
    assert capsys.readouterr().err == f'skeljax runs: {tmp_path}/none: no such folder\n'
    with pytest.raises(InputError, match='no run here'):
        progress.read(tmp_path)


def test_a_hundred_runs_are_listed_fast_and_without_jax(tmp_path):
    """Processor time, for a busy machine is no fault of the code."""
    for number in range(100):
        _make(tmp_path / f'{number}', saved=(50,), logged=60, best=(50, 0.5))
    code = f"""
import sys, time
from skeljax.cli.main import main
assert main(['runs', {str(tmp_path)!r}]) == 0
heavy = {{'jax', 'flax', 'numpy', 'tensorflow_datasets', 'matplotlib'}} & set(sys.modules)
assert not heavy, heavy
print(time.process_time(), file=sys.stderr)
"""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 101
    assert float(done.stderr) < 1, f'{time.perf_counter() - began} s in all'
