"""A side in its own process: what it answers, and what is told when it cannot."""

import os
from pathlib import Path

import pytest

from skeljax.bench import measure, remote, twins
from skeljax.cli import config_args
from skeljax.errors import InputError

SIDE = '''
import os
from skeljax.errors import InputError

class Side:
    def time(self):
        print('noise that is no answer')
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
    return Side()
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / 'a_side.py').write_text(SIDE)
    path = os.pathsep.join([str(tmp_path), os.environ.get('PYTHONPATH', '')])
    monkeypatch.setenv('PYTHONPATH', path.rstrip(os.pathsep))
    return 'a_side'


def test_a_side_answers_and_its_end_is_told(module):
    side = remote.Remote('ours', module, {}, remote.cores(1))
    assert [side.time() for _ in range(3)] == [0.25] * 3
    told = side.figures()
    assert told['platform'] == 'cpu' and 0 <= told['cpu_seconds'] < 0.25
    with pytest.raises(InputError, match='ours: its process ended with status 3'):
        side.peaks('float32')
    side.close()


@pytest.mark.parametrize(('fault', 'told'), [
    ('input', 'twin: it does not fit'), ('first\nsecond', '^twin: ValueError: first$'),
])
def test_what_goes_wrong_in_it_is_one_line(module, fault, told):
    with pytest.raises(InputError, match=told):
        remote.Remote('twin', module, {'fault': fault}, remote.cores(1))


def test_more_threads_than_cores_are_refused():
    usable = len(os.sched_getaffinity(0))
    assert len(remote.cores()) == usable and len(remote.cores(1)) == 1
    with pytest.raises(InputError, match=f'--threads {usable + 1}: {usable} cores may be used'):
        remote.cores(usable + 1)


def test_sides_have_the_allocator_settings_of_the_launch_scripts():
    told = remote.environment(2)
    script = (Path(__file__).parents[2] / 'launch' / 'environment.sh').read_text()
    for name in remote.ALLOCATOR:
        assert f'{name}={told[name]}' in script
    assert 'JAX_COMPILATION_CACHE_DIR' not in told


def test_without_torch_there_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(twins.importlib.util, 'find_spec', lambda name: None)
    config = config_args.load('bench')
    with pytest.raises(InputError, match=r"PyTorch: pip install 'skeljax\[bench\]'"):
        measure.row(config, what='step', stage='pretrain', rounds=1, against='torch')


@pytest.mark.parametrize(('what', 'against', 'fits'), [
    ('augment', 'torch', 'numpy'), ('step', 'numpy', 'torch or video'), ('infer', 'numpy', 'torch'),
])
def test_what_is_no_comparison_is_refused(what, against, fits):
    config = config_args.load('bench:augment')
    with pytest.raises(InputError, match=f'bench {what} runs against {fits}, not {against}'):
        measure.row(config, what=what, stage='pretrain', rounds=1, against=against)
