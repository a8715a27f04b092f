"""Training from Python, as the documentation of skeljax.train.run shows it."""

import json
import textwrap

import jax
import pytest

from skeljax.configs import default
from skeljax.inference import predictor
from skeljax.train import run

QUICK = {
    'model.base_channels': 4,
    'model.gru.num_layers': 1,
    'pretrain.num_steps': 2,
    'pretrain.batch_size': 8,
    'pretrain.queue_size': 16,
    'pretrain.window': 32,
    'pretrain.crop.length': 32,
    'finetune.num_steps': 2,
    'finetune.batch_size': 8,
    'finetune.window': 32,
    'finetune.crop.length': 32,
    'finetune.validate_every': 2,
    'finetune.log_every': 1,
}


def _example() -> str:
    """Returns the indented code in the docstring of the module."""
    lines = run.__doc__.splitlines()
    return textwrap.dedent('\n'.join(line for line in lines if line.startswith('    ')))


@pytest.fixture
def quick(monkeypatch):
    """Makes the default config a short run of a small network."""
    whole = default.get_config

    def get_config(arg=''):
        config = whole(arg)
        config.update_from_flattened_dict(QUICK)
        return config

    monkeypatch.setattr(default, 'get_config', get_config)


def test_the_documented_example_runs(tiny, tmp_path, monkeypatch, quick, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data').symlink_to(tiny)
    code = _example()
    assert code.count('run.') == 2
    with jax.numpy_dtype_promotion('standard'):  # optax's Adam mixes floats and integers
        exec(code, {})  # noqa: S102
    model = predictor.of_run(tmp_path / 'runs' / 'tuned', note=lambda _: None)
    assert model.run.step == 2
    stored = json.loads((tmp_path / 'runs' / 'tuned' / 'run.json').read_text())
    assert stored['config']['finetune']['init_from'] == 'runs/pretrained'
    assert capsys.readouterr().out == ''
