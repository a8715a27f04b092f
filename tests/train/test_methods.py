"""Every method, with and without the snippet term, on every backbone, as a config makes them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.cli import config_args
from skeljax.errors import InputError
from skeljax.train import build, compilations, corpora, parallel, run as training

METHODS = {
    'skeletonclr': {'video'},
    'crossclr': {f'video_{s}' for s in ('joint', 'motion', 'bone')},
    'aimclr': {'video', 'extreme', 'dropped'},
    'hiclr': {'video', 'extreme', 'masked'},
    'rvtclr': {'video', 'other', 'tempo', 'parts'},
    'cmd': {f'video_{s}' for s in ('joint', 'motion', 'bone')},
    'vicreg': {'similarity', 'spread', 'correlation'},
}
FEW = {
    'agcn': {'channel_multipliers': (1, 1, 2), 'down_stages': (2, 3)},
    'stgcn': {'channel_multipliers': (1, 1, 2), 'down_stages': (2, 3), 'out_channels': 0},
    'ctrgcn': {'channel_multipliers': (1, 1, 2), 'down_stages': (2, 3)},
    'transformer': {'num_layers': 2},
    'gru': {'num_layers': 1},
}
SMALL = [
    '--config.pretrain.batch_size=8',
    '--config.pretrain.queue_size=16',
    '--config.pretrain.window=64',
    '--config.pretrain.crop.length=32',
    '--config.pretrain.snippet.num_snippets=2',
    '--config.model.base_channels=8',
    '--config.model.dropout=0.0',
    '--config.pretrain.num_steps=12',
    '--config.pretrain.optimizer.name=adam',
    '--config.pretrain.optimizer.peak_lr=2e-3',
    '--config.pretrain.negatives=("batch",)',
]


def _config(tiny, method, backbone, *more):
    """Makes a small network of a few layers, which compiles in a tenth of the time."""
    name = f'ui_prmd:method={method},backbone={backbone}'
    corpus = ['--config.data.corpus=synthetic/tiny', '--config.data.unlabeled=("synthetic/tiny",)']
    config = config_args.load(name, [*corpus, f'--config.data.data_dir={tiny}', *SMALL, *more])
    with config.unlocked():
        config.model[backbone].update(FEW[backbone])
    return config


def _train(config, devices=1, steps=10):
    """Takes steps on one batch; returns the last state, every step's metrics, the compilations."""
    step, state, batches = training.prepare_pretraining(config, corpora.open_unlabeled(config))
    chosen = jax.devices()[:devices]
    run, state = parallel.data_parallel(step, chosen), parallel.replicate(_exact(state), chosen)
    batch, rng = parallel.shard(_exact(batches(0)), chosen), jax.random.key(1)
    state, metrics = run(state, batch, rng)
    history = [metrics]
    with compilations.counted() as later:
        for _ in range(steps - 1):
            # The step tells the draw of the views: the same ones every time.
            first = parallel.replicate(np.int32(0), chosen)
            state, metrics = run(state.replace(step=first), batch, rng)
            history.append(metrics)
    return *jax.device_get((state, history)), later


def _exact(tree):
    """Takes over the precision that a test set for the computation."""
    return jax.tree.map(
        lambda x: x.astype(jnp.float32) if x.dtype == np.float32 else x, tree
    )


def _learns(config, names):
    _, history, later = _train(config)
    if config.pretrain.snippet.weight:
        names = names | {f'snippet{name[5:]}' for name in names if name.startswith('video')}
        if config.pretrain.method == 'vicreg':
            names = names | {'snippet'}
    assert not later
    for metrics in history:
        terms = {k: float(v) for k, v in metrics.items() if k not in ('loss', 'gradient_norm')}
        assert names <= set(terms) and all(np.isfinite(list(metrics.values())))
        weights = {name: 1.5 if name.startswith('snippet') else 1.0 for name in terms}
        total = sum(weights[name] * value for name, value in terms.items())
        np.testing.assert_allclose(metrics['loss'], total, rtol=1e-5)
    loss = [float(metrics['loss']) for metrics in history]
    assert loss[-1] < 0.97 * loss[0], loss


@pytest.fixture(autouse=True)
def loose():
    """Optax's own arithmetic is not strict about types."""
    with jax.numpy_dtype_promotion('standard'):
        yield


SLOW = ('skeletonclr', 'crossclr', 'hiclr', 'aimclr', 'cmd', 'vicreg')


@pytest.mark.parametrize(
    'method',
    [pytest.param(method, marks=pytest.mark.slow if method in SLOW else ()) for method in METHODS],
)
def test_a_method_with_the_snippet_term_learns(method, tiny):
    _learns(_config(tiny, method, 'agcn'), METHODS[method])


@pytest.mark.slow
@pytest.mark.parametrize('weight', [0.0, 1.5])
@pytest.mark.parametrize('backbone', FEW)
@pytest.mark.parametrize('method', METHODS)
def test_every_method_learns_on_every_backbone(method, backbone, weight, tiny):
    _learns(
        _config(tiny, method, backbone, f'--config.pretrain.snippet.weight={weight}'),
        METHODS[method],
    )


@pytest.mark.slow
@pytest.mark.parametrize('method', METHODS)
def test_the_number_of_devices_changes_nothing(method, tiny, double):
    """One step: batch statistics, gathered embeddings and keys, gradients of all devices.

    In float32, rounding decides here and there on which side of a ReLU a value is, or of the
    energy from which on AimCLR drops it, which is seen in the gradients.
    """
    # Adam's first step is the gradient's sign, also of what rounding leaves of a 0.
    sgd = ['--config.pretrain.optimizer.name=sgd', '--config.model.dtype=float64']
    config = _config(tiny, method, 'agcn', *sgd)
    one, eight = (_train(config, devices, 1)[:2] for devices in (1, 8))
    assert not any(leaf.dtype == np.float32 for leaf in jax.tree.leaves((one, eight)))
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-8, atol=1e-8), eight, one)


def test_without_a_momentum_encoder_there_is_none_to_keep(tiny):
    state, _, _ = _train(_config(tiny, 'vicreg', 'agcn'), steps=1)
    assert state.target_params == {} and set(state.queues['joint']) == {'snippet'}
    assert np.abs(state.queues['joint']['snippet']['vectors']).max() > 0


@pytest.mark.parametrize(
    ('method', 'override', 'told'),
    [
        (
            'cmd',
            "--config.pretrain.streams=('joint',)",
            "'cmd' needs 2 or more streams, all different",
        ),
        ('crossclr', "--config.pretrain.streams=('bone', 'bone')", 'streams, all different'),
        ('aimclr', "--config.pretrain.streams=('speed',)", "unknown stream 'speed', known: joint"),
        ('skeletonclr', '--config.pretrain.method=aimclr', "'aimclr' needs a view 'extreme'"),
        (
            'aimclr',
            "--config.pretrain.snippet.views=('query', 'other')",
            "'aimclr' has no 'other', but query",
        ),
        (
            'vicreg',
            '--config.pretrain.vicreg.num_views=1',
            'vicreg.num_views is 1, expected 2 to 4 views',
        ),
    ],
)
def test_what_a_method_needs_is_told_in_a_line(method, override, told, tiny):
    with pytest.raises(InputError, match=told) as raised:
        build.method(_config(tiny, method, 'agcn', override), 'ntu25')
    assert '\n' not in str(raised.value)


RING = '--config.pretrain.negatives_impl=ring'


@pytest.mark.parametrize('method', METHODS)
def test_a_ring_goes_with_hosts_that_need_no_single_negative(method, tiny):
    config = _config(tiny, method, 'agcn', RING)
    if method in ('skeletonclr', 'vicreg'):
        made = build.method(config, 'ntu25')
        assert build.pretrain_settings(config, made, 'ntu25').negatives_impl == 'ring'
        return
    with pytest.raises(
        InputError, match=f"'ring' .* config.pretrain.method '{method}' needs"
    ) as raised:
        build.method(config, 'ntu25')
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize(
    ('changed', 'told'),
    [
        (dict(negatives=('queue',)), r"config.pretrain.negatives is \('queue',\): add 'batch'"),
        (
            dict(snippet=dict(mining_start=0.5)),
            'config.pretrain.snippet.num_mined needs single logits; set',
        ),
    ],
)
def test_what_does_not_go_with_a_ring_is_told_in_a_line(changed, told, tiny):
    config = _config(tiny, 'skeletonclr', 'agcn', RING)
    config.pretrain.update(changed)
    with pytest.raises(InputError, match=told) as raised:
        build.method(config, 'ntu25')
    assert '\n' not in str(raised.value)
    with config.unlocked():
        config.pretrain.negatives_impl = 'rang'
    with pytest.raises(InputError, match="negatives_impl is 'rang', known: gather, ring"):
        build.check(config)


def test_a_queue_that_is_no_multiple_of_the_batch_is_told(tiny):
    config = _config(tiny, 'aimclr', 'agcn', '--config.pretrain.queue_size=20')
    with pytest.raises(
        InputError, match='queue of 20 entries is no multiple of the global batch of 8'
    ):
        build.pretrain_settings(config, build.method(config, 'ntu25'), 'ntu25')
