"""The package of docs/extending.md: a method, a backbone, a fuser and a protocol, in a training."""

import json
from pathlib import Path
import re
import sys

import jax
import numpy as np
import pytest

from skeljax.cli import main
from skeljax.train import config_file, run

PAGE = Path(__file__).resolve().parents[1] / 'docs' / 'extending.md'
FILES = dict(re.findall(r'```python\n# (\S+\.py)\n(.*?)```', PAGE.read_text(), re.DOTALL))
SMALL = {
    'data.corpus': 'synthetic/tiny', 'model.base_channels': 8, 'seed': 1,
    'pretrain.num_steps': 2, 'pretrain.batch_size': 8, 'pretrain.window': 32,
    'pretrain.crop.length': 32, 'pretrain.queue_size': 16, 'pretrain.checkpoint_every': 2,
    'pretrain.log_every': 1, 'finetune.num_steps': 2, 'finetune.batch_size': 8,
    'finetune.window': 32, 'finetune.crop.length': 32, 'finetune.log_every': 1,
    'finetune.validate_every': 2, 'finetune.checkpoint_every': 2, 'finetune.label_fraction': 1.0,
}


@pytest.fixture
def clinic(tmp_path, monkeypatch):
    """Writes the files of the page to a folder outside the checkout, the working directory."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.partition('.')[0] == 'clinic']:
        del sys.modules[name]


def _metrics(folder, name: str) -> list[float]:
    lines = map(json.loads, (folder / 'metrics.jsonl').read_text().splitlines())
    return [line[name] for line in lines if name in line]


def test_the_page_trains_with_the_objects_of_another_package(clinic):
    with jax.numpy_dtype_promotion('standard'):  # as outside of tests
        _train_and_evaluate(clinic)


def _train_and_evaluate(clinic):
    assert sorted(FILES) == [
        'clinic/methods.py', 'clinic/networks.py', 'clinic/protocols.py', 'clinic_config.py',
    ]
    data = ['prepare', 'synthetic/tiny', '--data-dir', 'data']
    assert main.main(data) == 0
    fields = [f'--config.{name}={value}' for name, value in SMALL.items()]
    unlabeled = "--config.data.unlabeled=('synthetic/tiny',)"
    config = config_file.load('clinic_config.py', [*fields, unlabeled])
    run.pretrain(config, 'pretrained', quiet=True)
    assert len(_metrics(clinic / 'pretrained', 'variance')) == 2
    config.finetune.init_from = 'pretrained'
    state = run.finetune(config, 'tuned', quiet=True)
    kernels = [x for x in map(np.shape, jax.tree.leaves(state)) if x == (5, 75, 8)]
    assert kernels  # the first convolution of the page's backbone
    (presence,) = _metrics(clinic / 'tuned', 'validation/selection')
    assert 0 <= presence <= 1
    words = ['evaluate', '--workdir', 'tuned', '--protocol', 'clinic.protocols:PRESENCE']
    assert main.main([*words, '--split', 'validation']) == 0
    found = json.loads((clinic / 'tuned' / 'evaluate-validation.json').read_text())
    measured = found['protocols']['clinic.protocols:PRESENCE']['figures']
    np.testing.assert_allclose(measured['presence'], presence, atol=1e-6)

