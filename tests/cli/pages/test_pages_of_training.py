"""Commands that prepare raw files and train, on small files in the true formats."""

import json
from pathlib import Path
import shutil
import subprocess
import sys
import types

import pytest

from skeljax.cli import main
from skeljax.formats import ui_prmd
from tests import documented, licensed

pytestmark = pytest.mark.slow

# Of people who sway for 40 frames a movement, in a network that compiles quickly.
QUICK = [
    '--config.model.name=gru',
    '--config.model.gru.num_layers=1',
    '--config.pretrain.window=48',
    '--config.pretrain.crop.length=32',
    '--config.finetune.window=64',
    '--config.finetune.crop.length=64',
]


@pytest.fixture
def benchmark(here):
    """Raw files of UI-PRMD in DIR."""
    return licensed.ui_prmd(here / 'DIR')


def _file(name: str) -> str:
    """Lays one recording and its angles where the reader of a page has it."""
    found = {r.name: r for r in ui_prmd.repetitions('DIR')}
    for path in (found[name].positions, found[name].angles):
        shutil.copy(path, path.name)
    return found[name].positions.name


@pytest.mark.documented(
    'README.md', 'composed20 --', ':test:', '--workdir runs/tuned --split', 'skeljax export'
)
@pytest.mark.documented('docs/tracking.md', '--config.wandb')
@pytest.mark.documented('docs/benchmarks.md', 'python -m benchmarks step --config')
def test_the_benchmark_of_the_first_page(benchmark, told, monkeypatch, capsys):
    told.skeljax(part='skeljax prepare')
    told.skeljax(*QUICK, part='skeljax pretrain')
    told.skeljax(*QUICK, part='--config.finetune.label_fraction=0.1')
    assert 'mAP' in told.skeljax(part='skeljax evaluate')
    told.skeljax(part=':test:')
    assert json.loads(Path('predictions/composed20_s08_r00.json').read_text())['fps'] == 30
    told.skeljax(part='skeljax export')
    name = _file('m01_s08_e01')
    (program,) = documented.blocks('README.md', 'python')
    for table in ('found.csv', 'labels.csv'):
        Path(table).write_text('recording,start,end,label,score\na,0,1,deep squat,1\n')
    assert name in program
    names = {}
    exec(program, names)
    assert names['scores'].shape == (len(names['motion'].joints), 21)
    told.skeljax(
        '--steps',
        '1',
        '--config.pretrain.batch_size=8',
        '--config.model.base_channels=4',
        *QUICK,
        part='benchmarks step',
    )
    # Weights & Biases is told offline, with a stand-in for the package.
    runs = []

    def init(**options):
        runs.append(options)
        return types.SimpleNamespace(
            log=lambda *_: 0, finish=lambda **_: 0, define_metric=lambda *_, **__: 0
        )

    module = types.ModuleType('wandb')
    module.__spec__, module.Error, module.Settings, module.init = object(), OSError, dict, init
    monkeypatch.setitem(sys.modules, 'wandb', module)
    for part in ('WANDB_MODE=offline', '--config.wandb'):
        shutil.rmtree('runs/tuned')
        told.skeljax(*QUICK, part=part)
    assert [run['project'] for run in runs] == ['skeljax'] * 2


@pytest.mark.documented(
    'docs/results.md',
    'skeljax prepare',
    'skeljax pretrain',
    'skeljax knn',
    'skeljax finetune',
    'skeljax evaluate',
)
def test_what_results_were_made_with(benchmark, told):
    told.skeljax(part='skeljax prepare')
    told.skeljax(*QUICK, part='--config.pretrain.batch_size=32')
    told.skeljax(*QUICK, part='skeljax knn')
    told.skeljax(*QUICK, part='--config.finetune.backbone_lr_scale=0.0')
    assert 'babel_clean' in told.skeljax(part='skeljax evaluate')
    shutil.rmtree('W'), shutil.rmtree('T')
    told.skeljax(*QUICK, part='skeljax pretrain')
    told.skeljax(*QUICK)


@pytest.mark.documented('README.md', 'method=aimclr')
@pytest.mark.documented('docs/benchmarks.md', 'python -m benchmarks read')
def test_other_hosts_and_corpora(benchmark, told):
    assert (
        main.main(['prepare', 'ui_prmd/composed20', '--manual-dir', 'DIR', '--data-dir', 'data'])
        == 0
    )
    raw = licensed.ntu_rgbd(benchmark.parent / 'ntu')
    assert (
        main.main(['prepare', 'ntu_rgbd/xsub60', '--manual-dir', str(raw), '--data-dir', 'data'])
        == 0
    )
    narrow = '--config.model.stgcn.out_channels=8'
    told.skeljax(
        '--config.pretrain.window=48',
        '--config.pretrain.crop.length=32',
        narrow,
        part='runs/aimclr',
    )
    told.skeljax(narrow, part='published.py')
    told.skeljax('--steps', '1', instead={'DIR': str(raw)})


@pytest.mark.documented(
    'README.md', 'skeljax inspect', 'folder/mine', 'own.py', 'new.bvh', 'skeljax view predictions'
)
def test_ones_own_recordings_in_five_steps(here, told, write_own):
    write_own(here / 'mine', 8, formats=('bvh',))
    shutil.copy('mine/r00.bvh', 'new.bvh')
    told.skeljax(part='skeljax inspect')
    told.skeljax(part='skeljax prepare')
    told.skeljax(*QUICK, part='skeljax finetune')
    told.skeljax()
    assert (here / 'sheet.png').is_file() and (here / 'page.html').is_file()


@pytest.mark.documented('docs/own-data.md')
def test_ones_own_recordings_slowly(here, told, write_own):
    write_own(here / 'mine', 8, formats=('bvh',))
    (here / 'new').mkdir()
    shutil.copy('mine/r00.bvh', 'new/first.bvh')
    for part in ('skeljax inspect', 'skeljax prepare'):
        told.skeljax(part=part)
    for part in ('skeljax pretrain', 'skeljax finetune'):
        told.skeljax(*QUICK, part=part)
    assert told.skeljax(part='skeljax runs').count('done') == 2
    told.skeljax()
    assert (here / 'predictions' / 'first.json').is_file()


@pytest.mark.documented(
    'docs/clusters.md', 'skeljax prepare synthetic', 'launch/pod_sim.sh', '--coordinator'
)
def test_several_processes(here, told, tiny, monkeypatch):
    """Four hosts are four processes of this machine."""
    told.skeljax(part='skeljax prepare')
    small = [
        *QUICK,
        '--quiet',
        '--config.model.base_channels=4',
        '--config.pretrain.num_steps=2',
        '--config.pretrain.batch_size=8',
        '--config.pretrain.queue_size=16',
    ]
    corpus = [
        f'--config.data.data_dir={tiny}', '--config.data.corpus=synthetic/tiny',
        '--config.data.unlabeled=("synthetic/tiny",)',
    ]
    program = [sys.executable, '-P', '-m', 'skeljax']
    monkeypatch.setenv('PYTHONPATH', str(documented.ROOT))
    monkeypatch.setenv('JAX_NUMPY_DTYPE_PROMOTION', 'standard')
    monkeypatch.setenv('JAX_NUM_CPU_DEVICES', '1')
    (command,) = told.take('--coordinator')
    instead = {'host0:1234': '127.0.0.1:18317', '/shared/run': str(here / 'run')}
    words = [instead.get(word, word) for word in command.words()[1:]]
    at = words.index('--process') + 1
    hosts = [
        subprocess.Popen(
            [*program, *words[:at], str(number), *words[at + 1 :], *small, *corpus],
            stderr=subprocess.PIPE,
        )
        for number in range(int(words[words.index('--num-processes') + 1]))
    ]
    for host in hosts:
        _, said = host.communicate(timeout=900)
        assert host.returncode == 0, said.decode()
    assert (here / 'run' / 'checkpoints' / '2').is_dir()
    venv = here / 'venv' / 'bin'
    venv.mkdir(parents=True)
    (venv / 'skeljax').write_text(
        f'#!/usr/bin/env bash\nexec {sys.executable} -P -m skeljax "$@"\n'
    )
    (venv / 'skeljax').chmod(0o755)
    text = (documented.ROOT / 'pyproject.toml').read_bytes()
    number = (
        subprocess.run(['cksum'], input=text, capture_output=True, check=True)
        .stdout.split()[0]
        .decode()
    )
    (here / 'venv' / f'skeljax-{number}-run').touch()
    shutil.copytree(documented.ROOT / 'launch', here / 'launch')
    shutil.copy(documented.ROOT / 'pyproject.toml', here)
    (command,) = told.take('pod_sim.sh')
    monkeypatch.setenv('SKELJAX_VENV', str(here / 'venv'))
    monkeypatch.setenv('PYTHON', sys.executable)
    words = [*command.text.split(), *small]
    done = subprocess.run(words, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    assert (here / 'out' / 'pod' / 'checkpoints' / '2').is_dir()


@pytest.mark.documented('README.md', 'skeljax import')
def test_a_released_checkpoint(here, told, real_data):
    released = real_data / 'checkpoints' / 'aimclr_ntu60_xview_joint' / 'best_model.pt'
    if not released.is_file():
        told.take()
        pytest.skip(f'no released checkpoint {released}')
    told.skeljax(instead={'CHECKPOINT.pt': str(released)})
    assert (here / 'runs' / 'aimclr').is_dir()
