"""A system in its own process: its answers and its errors."""

import os
from pathlib import Path

import pytest

from benchmarks import measure, subprocess_system, torch_baselines
from skeljax.cli import config_args
from skeljax.errors import InputError

SYSTEM = '''
import os
from skeljax.errors import InputError

class System:
    def time(self):
        print('output of a library')
        return 0.25
    def figures(self):
        return {'platform': 'cpu'}
    def peaks(self, dtype):
        os._exit(3)

def make(fault=None):
    if fault == 'input':
        raise InputError('it does not fit')
    if fault:
        raise ValueError(fault)
    return System()
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / 'a_system.py').write_text(SYSTEM)
    path = os.pathsep.join([str(tmp_path), os.environ.get('PYTHONPATH', '')])
    monkeypatch.setenv('PYTHONPATH', path.rstrip(os.pathsep))
    return 'a_system'


def test_a_system_answers_and_its_end_is_reported(module):
    system = subprocess_system.SubprocessSystem('skeljax', module, {}, subprocess_system.cores(1))
    assert [system.time() for _ in range(3)] == [0.25] * 3
    figures = system.figures()
    assert figures['platform'] == 'cpu' and 0 <= figures['cpu_seconds'] < 0.25
    with pytest.raises(InputError, match='skeljax: its process ended with status 3'):
        system.peaks('float32')
    system.close()


@pytest.mark.parametrize(('fault', 'line'), [
    ('input', 'torch: it does not fit'), ('first\nsecond', '^torch: ValueError: first$'),
])
def test_an_error_in_it_is_one_line(module, fault, line):
    with pytest.raises(InputError, match=line):
        arguments = {'fault': fault}, subprocess_system.cores(1)
        subprocess_system.SubprocessSystem('torch', module, *arguments)


def test_more_threads_than_cores_are_refused():
    usable = len(os.sched_getaffinity(0))
    assert len(subprocess_system.cores()) == usable and len(subprocess_system.cores(1)) == 1
    with pytest.raises(InputError, match=f'--threads {usable + 1}: {usable} cores may be used'):
        subprocess_system.cores(usable + 1)


def test_systems_have_the_allocator_settings_of_the_launch_scripts():
    variables = subprocess_system.environment(2)
    script = (Path(__file__).parents[2] / 'launch' / 'environment.sh').read_text()
    for name in subprocess_system.ALLOCATOR:
        assert f'{name}={variables[name]}' in script
    assert 'JAX_COMPILATION_CACHE_DIR' not in variables


def test_without_torch_there_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(torch_baselines.importlib.util, 'find_spec', lambda name: None)
    config = config_args.load('bench')
    with pytest.raises(InputError, match=r"PyTorch: pip install 'skeljax\[bench\]'"):
        measure.row(config, what='step', stage='pretrain', rounds=1, against='torch')


@pytest.mark.parametrize(('what', 'against', 'fits'), [
    ('augment', 'torch', 'numpy'), ('step', 'numpy', 'torch or video'), ('infer', 'numpy', 'torch'),
])
def test_a_baseline_of_other_work_is_refused(what, against, fits):
    config = config_args.load('bench:augment')
    with pytest.raises(InputError, match=f'{what} runs against {fits}, not {against}'):
        measure.row(config, what=what, stage='pretrain', rounds=1, against=against)
