"""The settings that methods were published with."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.cli import config_args
from skeljax.configs import published
from skeljax.data import normalize
from skeljax.errors import InputError
from skeljax.train import build, optimizer

# Steps an epoch are 40,091 clips by the batch: 313, 626, 112.
PUBLISHED = {
    'skeletonclr': dict(steps=93_900, batch=128, frames=50, rate=0.1, queue=32_768),
    'crossclr': dict(steps=93_900, batch=128, frames=50, rate=0.1, queue=32_768),
    'aimclr': dict(steps=93_900, batch=128, frames=50, rate=0.1, queue=32_768),
    'hiclr': dict(steps=93_900, batch=128, frames=50, rate=0.1, queue=32_768),
    'rvtclr': dict(steps=93_900, batch=128, frames=100, rate=0.1, queue=32_768),
    'cmd': dict(steps=282_326, batch=64, frames=64, rate=0.01, queue=16_384),
    'vicreg': dict(steps=50_512, batch=356, frames=64, rate=5e-4, queue=None),
}
BACKBONES = {'cmd': 'gru', 'vicreg': 'transformer'}
MOCO = ('skeletonclr', 'crossclr', 'aimclr', 'hiclr', 'rvtclr')


def _load(method, *more):
    return config_args.load(f'published:method={method}', list(more))


@pytest.mark.parametrize('method', PUBLISHED)
def test_a_method_comes_with_its_published_figures(method):
    config, figures = _load(method), PUBLISHED[method]
    chosen = config.pretrain
    assert (chosen.num_steps, chosen.batch_size) == (figures['steps'], figures['batch'])
    assert chosen.crop.length == figures['frames']
    assert figures['queue'] in (None, chosen.queue_size)
    assert (chosen.temperature, chosen.momentum, chosen.embed_dim) == (0.07, 0.999, 128)
    assert config.data.corpus == config.data.unlabeled[0] == 'ntu_rgbd/xsub60'
    if method in MOCO:  # whole clips, mirrored at both ends
        assert chosen.window == figures['frames'] and chosen.crop.pad_ratio == 6
        assert f'stretch:{figures["frames"]}' in config.data.normalization
    else:
        assert chosen.window == 300 and chosen.crop.pad_ratio == 0
        for view in chosen.views.values():
            assert {k: v for k, v in view.items() if v} == dict(shear=1.0, corrupt_joints=15)


@pytest.mark.parametrize('method', PUBLISHED)
def test_the_rate_falls_once_to_a_tenth(method):
    chosen, peak = _load(method).pretrain, PUBLISHED[method]['rate']
    rate = optimizer.rate(chosen.optimizer, chosen.num_steps)
    epochs, falls = (300, 250) if method in MOCO else (451, 351)
    each = chosen.num_steps // epochs
    with jax.numpy_dtype_promotion('standard'):
        rates = [
            float(rate(step)) for step in (0, falls * each - 1, falls * each + 1, epochs * each)
        ]
    np.testing.assert_allclose(rates, [peak, peak, peak / 10, peak / 10], rtol=1e-5)


@pytest.mark.parametrize('method', PUBLISHED)
def test_every_method_is_sound_with_and_without_the_snippet_term(method):
    for weight in (0.0, 1.5):
        config = _load(method, f'--config.pretrain.snippet.weight={weight}')
        build.check(config)
        made = build.method(config, 'ntu25')
        encoder = build.encoder(config, 'ntu25', made)
        assert (encoder.snippet is None) == (weight == 0)
        assert (
            type(encoder.backbone).__module__ == f'skeljax.models.{BACKBONES.get(method, "stgcn")}'
        )
        settings = build.pretrain_settings(config, made, 'ntu25')
        assert settings.streams == (
            ('joint', 'motion', 'bone') if method in ('crossclr', 'cmd') else ('joint',)
        )
        build.make_optimizer(config, 'pretrain')


@pytest.mark.parametrize('method', MOCO)
def test_the_encoder_is_that_of_the_releases(method):
    """821,380 numbers in the ST-GCN of width 16, and 98,688 in a head 256-256-128."""
    backbone = build.backbone(_load(method), 'ntu25')
    assert backbone.dropout == 0.5
    joints, mask = jnp.zeros((1, 8, 1, 25, 3)), jnp.ones((1, 8, 1), bool)
    made = jax.eval_shape(
        functools.partial(backbone.init, train=False), jax.random.key(0), joints, mask
    )
    assert sum(x.size for x in jax.tree.leaves(made['params'])) == 821_380


def test_the_quirks_that_the_docstring_names_are_known():
    text = published.__doc__.split('--config.faithful=')[1].split(')')[0]
    config = _load('aimclr', f'--config.faithful={" ".join(text.strip(chr(39)).split())})')
    build.check(config)
    assert len(config.faithful) == 6


@pytest.mark.parametrize('method', ['skeletonclr', 'crossclr', 'aimclr', 'hiclr'])
def test_normal_views_are_sheared_and_extreme_ones_go_through_five_operations(method):
    config = _load(method)
    weak = dict(shear=0.5)
    extreme = dict(**weak, mirror=0.5, rotate=np.deg2rad(30), noise=0.01, blur=2.0, axis_mask=0.5)
    expected = dict(query=weak, key=weak)
    expected |= {
        'aimclr': dict(extreme=extreme),
        'hiclr': dict(extreme=extreme, masked=extreme),
    }.get(method, {})
    found = {
        view: {name: value for name, value in amplitudes.items() if value}
        for view, amplitudes in config.pretrain.views.items()
    }
    assert found.keys() == expected.keys()
    for view, amplitudes in expected.items():
        assert found[view] == pytest.approx(amplitudes, rel=1e-4), view
    hidden = {
        name: view.num_masked_joints for name, view in build.method(config, 'ntu25').views.items()
    }
    assert {name: count for name, count in hidden.items() if count} == (
        {'masked': 2} if method == 'hiclr' else {}
    )


@pytest.mark.parametrize('method', PUBLISHED)
def test_stages_begin_where_they_were_published_to(method):
    made = build.method(_load(method), 'ntu25')
    half = {
        'crossclr': 'cross_start',
        'aimclr': 'mining_start',
        'hiclr': 'mining_start',
        'rvtclr': 'mining_start',
    }
    assert method not in half or getattr(made, half[method]) == 150 / 300
    assert made.temperature == 0.07 and made.faithful == ('',)


def test_fifty_frames_are_the_pipeline_of_crossclr():
    assert tuple(_load('aimclr').data.normalization) == normalize.PIPELINES['crossclr']


@pytest.mark.parametrize(
    ('arg', 'told'),
    [
        ('method=moco', "unknown method 'moco', known: aimclr"),
        ('backbone=mlp', "unknown backbone 'mlp'"),
    ],
)
def test_what_there_is_not_is_told_in_a_line(arg, told):
    with pytest.raises(InputError, match=told) as raised:
        config_args.load(f'published:{arg}')
    assert '\n' not in str(raised.value)


def test_the_corpus_and_the_backbone_can_be_others():
    assert _load('cmd').model.base_channels == 1024
    config = config_args.load('published:corpus=ntu_rgbd/xview60,method=hiclr,backbone=agcn')
    assert config.data.corpus == 'ntu_rgbd/xview60' and config.model.name == 'agcn'
    assert config.pretrain.method == 'hiclr' and config.model.base_channels == 64
