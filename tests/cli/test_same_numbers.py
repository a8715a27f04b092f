"""The same numbers everywhere: 1, 2 and 8 devices and two processes of four, over 20 steps.

A run of each stage as users start it: pretraining by the host and the snippet term, each with
its queue beside the batch, and fine-tuning by the U-shaped fuser. In float32 they agree to
1e-5, and in float64 to 1e-10, so that what is left in float32 is rounding.

The network is a small GRU with dropout. In an untrained AGCN inputs of ReLUs are 0, as the center
joint is 0 in all frames, and rounding decides;
`tests/train/test_methods.py` compares it in float64.
"""

import jax
import numpy as np
import pytest

from tests import started

STEPS = 20
LAYOUTS = ((1, 1), (1, 2), (1, 8), (2, 4))  # processes, devices of each
TOLERANCE = {'float32': 1e-5, 'float64': 1e-10}
DOUBLED = ('-P', str(started.ROOT / 'tests' / 'doubled.py'))
OPTIONS = [
    '--config', 'ui_prmd', '--quiet', '--config.data.corpus=synthetic/tiny',
    '--config.data.unlabeled=("synthetic/tiny",)', '--config.model.name=gru',
    '--config.model.base_channels=8', '--config.model.gru.num_layers=2',
    '--config.model.dropout=0.25',
    *(f'--config.{stage}.{option}' for stage in ('pretrain', 'finetune') for option in (
        f'num_steps={STEPS}', 'batch_size=8', 'window=48', 'crop.length=32', 'log_every=1',
        'optimizer.name=sgd', 'optimizer.peak_lr=0.001',
    )),
    # 32 videos and their snippets: each queue is filled five times.
    '--config.pretrain.queue_size=32', '--config.pretrain.negatives=("batch", "queue")',
    '--config.finetune.fuser_kind=u', '--config.finetune.label_fraction=1.0',
    # Both folders are saved after the last step.
    '--config.finetune.validate_every=0',
]  # fmt: skip


def _run(stage, precision, processes, devices, tiny, folder):
    """Runs a stage; returns its metrics and the items of its checkpoints."""
    workdir = folder / 'run'
    program = DOUBLED if precision == 'float64' else started.PROGRAM
    words = [
        stage, *OPTIONS, f'--config.model.dtype={precision}', f'--config.data.data_dir={tiny}',
        f'--workdir={workdir}',
    ]
    if processes == 1:
        done = started.alone(devices, words, program)
    else:
        done = started.pod(started.make_venv(folder, program), processes, devices, words)
    assert done.returncode == 0, done.stderr
    names = ('checkpoints', 'best')[: 1 + (stage == 'finetune')]
    with jax.enable_x64(precision == 'float64'):  # else it is restored as float32
        items = {name: started.state(workdir / name) for name in names}
    return started.metrics(workdir), items


def _assert_near(found, expected, tolerance):
    """Sees that arrays of an item differ by `tolerance` of their largest value at most.

    Where that is less than a hundredth of the item's largest, it is by that much of the
    hundredth: a bias before a norm, which takes it out again, is nothing but rounding.
    """
    floats = [x for x in jax.tree.leaves(expected) if np.asarray(x).dtype.kind == 'f']
    least = max((np.abs(x).max() for x in floats), default=0) / 100

    def near(path, a, b):
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype
        scale = max(np.abs(b).max(), least) if b.dtype.kind == 'f' else 0
        name = jax.tree_util.keystr(path)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale, err_msg=name)

    jax.tree_util.tree_map_with_path(near, found, expected)


@pytest.mark.slow
@pytest.mark.parametrize('precision', TOLERANCE)
@pytest.mark.parametrize('stage', ['pretrain', 'finetune'])
def test_metrics_and_weights_agree_wherever_it_ran(stage, precision, tiny, tmp_path):
    """Every metric of every step, and all that is in the last and the best checkpoint."""
    runs, tolerance = {}, TOLERANCE[precision]
    for processes, devices in LAYOUTS:
        folder = tmp_path / f'{processes}x{devices}'
        folder.mkdir()
        runs[processes, devices] = _run(stage, precision, processes, devices, tiny, folder)
    metrics, items = runs.pop((1, 1))
    steps = [line for line in metrics if 'loss' in line]
    assert [line['step'] for line in steps] == list(range(1, STEPS + 1))
    terms = {'video', 'snippet'} if stage == 'pretrain' else {'accuracy'}
    assert all({'loss', 'gradient_norm', *terms} <= line.keys() for line in steps)
    if stage == 'pretrain':
        assert items['checkpoints']['queues']['joint'].keys() == {'host', 'snippet'}
    arrays = [x for x in jax.tree.leaves(items) if isinstance(x, np.ndarray)]
    assert {x.dtype.name for x in arrays if x.dtype.kind == 'f'} == {precision}
    for place, (found, others) in runs.items():
        for line, expected in zip(found, metrics, strict=True):
            assert line.keys() == expected.keys()
            for name, value in expected.items():
                told = f'{name} of step {expected["step"]} on {place}'
                np.testing.assert_allclose(line[name], value, rtol=tolerance, err_msg=told)
        for folder, expected in items.items():
            assert others[folder].keys() == expected.keys()
            for name, item in expected.items():
                _assert_near(others[folder][name], item, tolerance)
