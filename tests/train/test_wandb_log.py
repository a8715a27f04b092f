"""Weights & Biases: a run and its resumption under one id, offline and without an account."""

import json
import sys
import types

import pytest

from skeljax.errors import InputError
from skeljax.train import run_dir as workdirs, wandb_log
from skeljax.train.log import Log

TOLD = {'stage': 'finetune', 'corpus': {}, 'config': {'finetune': {'window': 12345}}}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / 'tuned'
    workdirs.create_run_dir(folder, TOLD, ['skeljax', 'finetune'])
    return folder


def _log(folder, first, last, **options):
    with Log(folder, start=first, num_steps=20, quiet=True, wandb='posture', **options) as log:
        for step in range(first + 1, last + 1):
            log.train(step, {'loss': 1 / step})
        log.write(last, {'validation/selection': 0.25})


class _Stand:
    """Stands for the package, and notes what it is told."""

    Error = type('Error', (Exception,), {})

    def __init__(self):
        self.runs = []

    def Settings(self, **options):
        return options

    def init(self, **options):
        run = types.SimpleNamespace(options=options, lines=[], codes=[], metrics=[])
        run.log = run.lines.append
        run.finish = lambda exit_code: run.codes.append(exit_code)
        run.define_metric = lambda name, step_metric: run.metrics.append((name, step_metric))
        self.runs.append(run)
        return run


@pytest.fixture
def stand(monkeypatch):
    stand = _Stand()
    module = types.ModuleType('wandb')
    module.__spec__ = object()
    for name in ('Error', 'Settings', 'init'):
        setattr(module, name, getattr(stand, name))
    monkeypatch.setitem(sys.modules, 'wandb', module)
    stand.module = module
    return stand


def test_a_run_and_its_resumption_are_one(folder, stand):
    _log(folder, 0, 10)
    _log(folder, 6, 12)
    first, second = stand.runs
    for run in (first, second):
        assert run.options['project'] == 'posture' and run.options['name'] == 'tuned'
        assert run.options['config']['config'] == TOLD['config']
        assert run.options['resume'] == 'allow' and run.options['dir'] == str(folder)
        assert run.metrics == [('*', 'step')] and run.codes == [0]
    assert (
        first.options['id'] == second.options['id'] == (folder / 'wandb_id.txt').read_text().strip()
    )
    assert [line['step'] for line in first.lines] == [*range(1, 11), 10]
    assert [line['step'] for line in second.lines] == [*range(7, 13), 12]
    lines = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
    assert second.lines == lines[-len(second.lines):]


def test_what_ends_by_an_error_is_told_to_have_failed(folder, stand):
    with pytest.raises(InputError, match='spoilt'), Log(folder, quiet=True, wandb='posture'):
        raise InputError('spoilt')
    assert stand.runs[0].codes == [1]


def test_only_the_first_process_logs_and_only_where_a_project_is_named(folder, stand):
    _log(folder, 0, 2, write=False)
    with Log(folder, quiet=True) as log:
        log.write(1, {'loss': 1.0})
    assert not stand.runs and not (folder / 'wandb_id.txt').exists()


def test_nobody_who_is_logged_in_is_one_line(folder, stand):
    def init(**_):
        raise stand.Error('No API key configured.\nUse wandb login.')

    stand.module.init = init
    with pytest.raises(
        InputError, match='posture: No API key configured.*WANDB_MODE=offline'
    ) as raised:
        _log(folder, 0, 1)
    assert '\n' not in str(raised.value)


def test_a_missing_package_is_one_line(folder, monkeypatch):
    monkeypatch.setattr(wandb_log.importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(InputError, match=r'pip install skeljax\[wandb\]'):
        wandb_log.check('posture')
    wandb_log.check('')
    with pytest.raises(InputError, match=r'pip install skeljax\[wandb\]'):
        _log(folder, 0, 1)
    assert not (folder / 'metrics.jsonl').exists()


@pytest.mark.filterwarnings('default')
def test_the_package_itself_keeps_all_offline(folder, monkeypatch):
    pytest.importorskip('wandb', reason='needs wandb (pip install skeljax[wandb])')
    monkeypatch.setenv('WANDB_MODE', 'offline')
    _log(folder, 0, 10)
    _log(folder, 6, 12)
    name = (folder / 'wandb_id.txt').read_text().strip()
    kept = sorted((folder / 'wandb').glob(f'offline-run-*-{name}/run-{name}.wandb'))
    assert len(kept) == 2
    for path in kept:
        data = path.read_bytes()
        for word in (
            b'posture',
            b'tuned',
            b'12345',
            b'validation/selection',
            b'examples_per_second',
        ):
            assert word in data
