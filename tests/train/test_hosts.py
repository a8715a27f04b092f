"""Every host, with and without the snippet term, on every backbone, as a config makes them."""

import functools

import jax
import numpy as np
import pytest

from skeljax.cli import configured, pretrain
from skeljax.errors import InputError
from skeljax.models import agcn
from skeljax.train import assemble, compilations, parallel

HOSTS = {
    'skeletonclr': {'video'},
    'crossclr': {f'video_{s}' for s in ('joint', 'motion', 'bone')},
    'aimclr': {'video', 'extreme', 'dropped'},
    'hiclr': {'video', 'extreme', 'masked'},
    'rvtclr': {'video', 'other', 'tempo', 'parts'},
    'cmd': {f'video_{s}' for s in ('joint', 'motion', 'bone')},
    'vicreg': {'similarity', 'spread', 'correlation'},
}
BACKBONES = ('agcn', 'stgcn', 'ctrgcn', 'transformer', 'gru')
SMALL = [
    '--config.pretrain.batch=8', '--config.pretrain.queue_size=16', '--config.pretrain.window=64',
    '--config.pretrain.crop.length=32', '--config.pretrain.snippet.count=2',
    '--config.model.width=8', '--config.model.dropout=0.0', '--config.pretrain.num_steps=12',
    '--config.pretrain.optimiser.name=adam', '--config.pretrain.optimiser.peak=2e-3',
    '--config.pretrain.negatives=("batch",)',
]


def _config(tiny, host, backbone, *more):
    name = f'ui_prmd:host={host},backbone={backbone}'
    corpus = ['--config.data.corpus=synthetic/tiny', '--config.data.unlabelled=("synthetic/tiny",)']
    return configured.load(name, [*corpus, f'--config.data.data_dir={tiny}', *SMALL, *more])


def _train(config, devices=1, steps=10, noise=False):
    """Takes steps on one batch; returns the last state, every step's metrics, the compilations.

    Args:
        config: of the run.
        devices: how many.
        steps: how many.
        noise: takes random numbers for joints. Of real ones the centre is 0 throughout, which
            an untrained network maps to 0 or to what rounding makes of it.
    """
    step, state, batches = pretrain.prepare(config, pretrain.open_unlabelled(config))
    chosen = jax.devices()[:devices]
    run, state = parallel.data_parallel(step, chosen), parallel.replicate(state, chosen)
    batch, rng = batches(0), jax.random.key(1)
    if noise:
        joints = np.random.default_rng(0).normal(size=batch['joints'].shape)
        batch = {**batch, 'joints': joints.astype(np.float32) * batch['mask'][..., None, None]}
    batch = parallel.shard(batch, chosen)
    state, metrics = run(state, batch, rng)
    history = [metrics]
    with compilations.counted() as later:
        for _ in range(steps - 1):
            # The step tells the draw of the views: the same ones every time.
            first = parallel.replicate(np.int32(0), chosen)
            state, metrics = run({**state, 'step': first}, batch, rng)
            history.append(metrics)
    return *jax.device_get((state, history)), later


def _learns(config, names):
    _, history, later = _train(config)
    if config.pretrain.snippet.weight:
        names = names | {f'snippet{name[5:]}' for name in names if name.startswith('video')}
        if config.pretrain.host == 'vicreg':
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


@pytest.fixture
def shallow(monkeypatch):
    """Three blocks instead of ten, which compile in a tenth of the time."""
    make = functools.partial(agcn.Backbone, width=8, widths=(1, 1, 2), strides=(2, 3))
    monkeypatch.setattr(
        assemble, 'backbone', lambda config, layout: make(layout, axis_name=parallel.AXIS)
    )


SLOW = ('skeletonclr', 'crossclr', 'hiclr', 'aimclr', 'cmd')


@pytest.mark.parametrize(
    'host', [pytest.param(host, marks=pytest.mark.slow if host in SLOW else ()) for host in HOSTS]
)
def test_a_host_with_the_snippet_term_learns(host, tiny, shallow):
    _learns(_config(tiny, host, 'agcn'), HOSTS[host])


@pytest.mark.slow
@pytest.mark.parametrize('weight', [0.0, 1.5])
@pytest.mark.parametrize('backbone', BACKBONES)
@pytest.mark.parametrize('host', HOSTS)
def test_every_host_learns_on_every_backbone(host, backbone, weight, tiny):
    _learns(_config(tiny, host, backbone, f'--config.pretrain.snippet.weight={weight}'), HOSTS[host])


@pytest.mark.slow
@pytest.mark.parametrize('host', HOSTS)
def test_the_number_of_devices_changes_nothing(host, tiny, shallow):
    """One step: batch statistics, gathered embeddings and keys, gradients of all devices."""
    # Adam's first step is the gradient's sign, also of what rounding leaves of a 0.
    config = _config(tiny, host, 'agcn', '--config.pretrain.optimiser.name=sgd')
    # Other bodies have their centre at 0, and so has every root in the stream of bones.
    for view in config.pretrain.views.values():
        view.bones = 0.0
    config.pretrain.streams = tuple(s for s in config.pretrain.streams if s != 'bone')
    one, eight = (_train(config, devices, 1, noise=True)[:2] for devices in (1, 8))
    small = 1e-5 * max(1.0, one[1][0]['gradient_norm'])
    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=small)
    jax.tree.map(close, eight, one)


def test_without_a_momentum_encoder_there_is_none_to_keep(tiny, shallow):
    state, _, _ = _train(_config(tiny, 'vicreg', 'agcn'), steps=1)
    assert state['key'] == {} and set(state['queues']['joint']) == {'snippet'}
    assert np.abs(state['queues']['joint']['snippet']['vectors']).max() > 0


@pytest.mark.parametrize(
    ('host', 'override', 'told'),
    [
        ('cmd', "--config.pretrain.streams=('joint',)", "'cmd' needs 2 or more streams, all different"),
        ('crossclr', "--config.pretrain.streams=('bone', 'bone')", 'streams, all different'),
        ('aimclr', "--config.pretrain.streams=('speed',)", "unknown stream 'speed', known: joint"),
        ('skeletonclr', '--config.pretrain.host=aimclr', "'aimclr' needs a view 'extreme'"),
        ('aimclr', "--config.pretrain.snippet.views=('query', 'other')", "'aimclr' has no 'other', but query"),
        ('vicreg', '--config.pretrain.vicreg.num_views=1', '2 to 4 views, not 1'),
    ],
)
def test_what_a_host_needs_is_told_in_a_line(host, override, told, tiny):
    with pytest.raises(InputError, match=told) as raised:
        assemble.host(_config(tiny, host, 'agcn', override), 'ntu25')
    assert '\n' not in str(raised.value)


def test_a_queue_that_is_no_multiple_of_the_batch_is_told(tiny):
    config = _config(tiny, 'aimclr', 'agcn', '--config.pretrain.queue_size=20')
    with pytest.raises(InputError, match='queue of 20 entries is no multiple of the global batch of 8'):
        assemble.pretrain_settings(config, assemble.host(config, 'ntu25'), 'ntu25')
