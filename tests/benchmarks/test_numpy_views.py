"""The views computed in numpy equal those of `skeljax.augment` from the same random numbers."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import numpy_loader, numpy_views, skeljax_systems
from skeljax import augment
from skeljax.cli import config_args
from skeljax.errors import InputError

B, W, M, V, LENGTH, PAD = 24, 40, 2, 25, 32, 6
NONE = dict.fromkeys(numpy_views.SUPPORTED, 0.0)
EXTREME = dict(shear=0.5, rotate=0.5236, mirror=0.5, noise=0.01, blur=2.0, axis_mask=0.5)


def _batch():
    """Some recordings end early, some persons appear late, and one recording has no person."""
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(B, W, M, V, 3)).astype(np.float32)
    mask = np.ones((B, W, M), bool)
    mask[::3, 25:] = False
    mask[1::4, :10, 1] = False
    mask[5] = False
    return joints, mask


def _draws(keys, mask, operations) -> numpy_views.Draws:
    """Draws in the way of `augment.crop` and `augment.transform` from two keys of an example."""
    count = len(mask) - int(np.argmax(mask.any(-1)[::-1]))
    pad = count // PAD
    room = max(count + 2 * pad - (LENGTH - 1), 1)
    start = int(jax.random.randint(jax.random.split(keys[0])[0], (), 0, room)) - pad
    k = jax.random.split(keys[1], 10)
    uniform, coin = jax.random.uniform, lambda *given: bool(jax.random.bernoulli(*given))
    amplitude, rotate = operations['shear'], operations['rotate']
    off = np.asarray(uniform(k[0], (3, 3), minval=-amplitude, maxval=amplitude))
    shear = np.where(np.eye(3, dtype=bool), np.float32(1), off)
    main, size = jax.random.split(k[2])
    chosen = np.arange(3) == int(jax.random.randint(main, (), 0, 3))
    angles = np.asarray(uniform(size, (3,))) * np.where(chosen, rotate, rotate / 30)
    noise = blur = axis = None
    mirrored = coin(k[4], operations['mirror'])
    use, key = jax.random.split(k[5])
    if operations['noise'] and coin(use):
        drawn = jax.random.normal(key, (LENGTH, M, V, 3))
        noise = np.asarray(drawn) * np.float32(operations['noise'])
    use, key = jax.random.split(k[6])
    if operations['blur'] and coin(use):
        blur = float(uniform(key, minval=0.1, maxval=operations['blur']))
    use, key, _ = jax.random.split(k[7], 3)
    if coin(use, operations['axis_mask']):
        axis = int(jax.random.randint(key, (), 0, 3))
    return numpy_views.Draws(start, shear, tuple(map(float, angles)), mirrored, noise, blur, axis)


@pytest.mark.parametrize('operations', [dict(shear=0.5), EXTREME], ids=['weak', 'extreme'])
def test_views_of_the_same_draws_are_equal(operations):
    joints, mask = _batch()
    keys = jax.vmap(jax.random.split)(augment.example_keys(jax.random.key(3), jnp.arange(B)))

    @jax.jit
    def views(keys):
        cut, seen = augment.crop(keys[:, 0], joints, mask, length=LENGTH, pad_ratio=PAD)
        return augment.transform(keys[:, 1], cut, layout='ntu25', **operations), seen

    shown, seen = views(keys)
    order, kinds = numpy_views.mirror_order('ntu25'), set()
    for row in range(B):
        draws = _draws(keys[row], mask[row], {**NONE, **operations})
        kinds.add((draws.mirrored, draws.noise is None, draws.blur is None, draws.axis is None))
        found, there = numpy_views.view(
            joints[row], mask[row], draws, length=LENGTH, pad_ratio=PAD, order=order
        )
        np.testing.assert_array_equal(there, seen[row])
        np.testing.assert_allclose(found, shown[row], atol=2e-5)
    assert len(kinds) > (5 if 'noise' in operations else 0)


def test_draws_are_distributed_alike():
    """Shares of binary choices, means and bounds of amplitudes."""
    joints, mask = _batch()
    rng, operations = np.random.default_rng(0), {**NONE, **EXTREME}
    cut = dict(length=LENGTH, pad_ratio=PAD)
    drawn = [numpy_views.draw(rng, mask[1], joints[1], operations, **cut) for _ in range(4000)]
    share = lambda choice: np.mean([choice(d) for d in drawn])
    for coin in (
        lambda d: d.mirrored, lambda d: d.noise is None, lambda d: d.blur is None,
        lambda d: d.axis is None,
    ):
        assert share(coin) == pytest.approx(0.5, abs=0.04)
    pad = W // PAD
    assert {d.start for d in drawn} == set(range(-pad, W + pad - LENGTH + 1))
    off = np.array([d.shear for d in drawn])[:, ~np.eye(3, dtype=bool)]
    assert -0.5 <= off.min() < -0.49 and 0.49 < off.max() <= 0.5
    assert all((np.diag(d.shear) == 1).all() for d in drawn[:9])
    angles = np.sort([d.angles for d in drawn], 1)
    assert 0.5 < angles[:, 2].max() <= 0.5236 and angles[:, :2].mean() < 0.02
    widths = [d.blur for d in drawn if d.blur]
    assert 0.1 <= min(widths) and np.mean(widths) == pytest.approx(1.05, abs=0.05)
    noise = np.concatenate([d.noise.ravel() for d in drawn[:20] if d.noise is not None])
    assert noise.std() == pytest.approx(0.01, rel=0.02)
    axes = [d.axis for d in drawn if d.axis is not None]
    assert np.bincount(axes) / len(axes) == pytest.approx([1 / 3] * 3, abs=0.05)


def _row(*more):
    small = [
        '--config.pretrain.batch_size=6',
        '--config.pretrain.queue_size=12',
        '--config.bench.persons=1',
    ]
    return config_args.load('bench:augment', [*small, *more]).to_dict()


def test_two_processes_compute_every_view_of_every_sample():
    system = numpy_loader.make(_row())
    assert system.time() > 0 and system.time() > 0
    joints, mask = system.views
    assert joints.shape == (3, 6, 50, 1, 25, 3) and mask.all()
    assert (np.abs(joints).reshape(18, -1).max(1) > 0.5).all()  # all are written
    assert len(np.unique(joints[:, :, 0, 0, 0, 0])) >= 12  # from its own random numbers
    figures = system.figures()
    assert figures['platform'] == 'cpu' and figures['processes'] == 2
    assert figures['cpu_seconds'] > 0


def test_skeljax_computes_as_many_views():
    with jax.numpy_dtype_promotion('standard'):
        system = skeljax_systems.make(_row(), what='augment', stage='pretrain')
        assert system.time() > 0
    figures = system.figures()
    assert figures['bytes'] > 3 * math.prod((6, 50, 25, 3, 4))


@pytest.mark.parametrize('change', [
    '--config.pretrain.views.key.scale=0.1', '--config.pretrain.crop.tempo=0.2',
    '--config.faithful=("augmentation",)',
])
def test_unsupported_augmentation_is_refused(change):
    with pytest.raises(InputError, match='the numpy baseline supports'):
        numpy_loader.make(_row(change))
