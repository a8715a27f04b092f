"""The fine-tuning step on a network of one layer: its loss, and that nothing else changes."""

import functools
import types

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import optax

from skeljax import augment
from skeljax.models import boundary, heads
from skeljax.train import finetune, parallel, train_state
from skeljax.train.frame_loss import FrameLoss

B, T, V, CLASSES = 8, 24, 25, 3
SETTINGS = dict(
    layout='ntu25', augment=dict(shear=0.3, noise=0.01), crop=dict(length=T, pad_ratio=0, tempo=0.2)
)
EVERYTHING = FrameLoss(
    smoothing_weight=0.15, focal_gamma=2.0, class_balance=0.5, boundary_smoothing=2,
    boundary_weight=0.1, pool_radius=3,
)


class Backbone(nn.Module):
    """Shows the poses themselves."""

    layout: str = 'ntu25'

    def __call__(self, x, mask, *, train):
        frames = mask.any(-1)
        flat = jnp.where(frames[..., None], x.reshape(*x.shape[:2], -1), 0)
        return types.SimpleNamespace(taps={1: (flat, frames)})


class Mixed(nn.Module):
    """A layer in the place of the fuser."""

    @nn.compact
    def __call__(self, taps, *, train):
        features, mask = taps[1]
        return nn.tanh(nn.Dense(8, name='layer')(features)), mask


def _model(loss=FrameLoss()):
    head = boundary.BoundaryHead(radius=loss.pool_radius) if loss.boundary_weight else None
    return heads.FrameClassifier(Backbone(), Mixed(), heads.FrameHead(CLASSES + 1), boundary=head)


def _batch(seed=0):
    rng = np.random.default_rng(seed)
    frames = np.arange(T) < rng.integers(12, T + 1, (B, 1))
    frames[0, 4:6] = False
    joints = rng.normal(size=(B, T, 1, V, 3)).astype(np.float32)
    return {
        'joints': joints * frames[:, :, None, None, None],
        'mask': frames[..., None],
        'labels': np.repeat(rng.integers(0, CLASSES + 1, (B, T // 4)), 4, axis=1).astype(np.int32),
        'index': np.arange(B, dtype=np.int32),
        'subject': np.zeros(B, np.int32),
    }


def _start(model, tx):
    return finetune.init(jax.random.key(0), model, tx, jnp.zeros((2, T, 1, V, 3)))


def _steps(loss, devices=1, steps=2, step=finetune.step, **given):
    """Takes steps; returns the state and the metrics of each."""
    model, tx = _model(loss), optax.sgd(0.5)
    settings = finetune.Settings(**SETTINGS, loss=loss, **given)
    chosen = jax.devices()[:devices]
    step = functools.partial(step, model=model, tx=tx, settings=settings)
    step = parallel.data_parallel(step, chosen)
    state, history = parallel.replicate(_start(model, tx), chosen), []
    for number in range(steps):
        state, metrics = step(state, parallel.shard(_batch(number), chosen), jax.random.key(1))
        history.append(metrics)
    return jax.device_get((state, history))


def _plain(state, batch, rng, *, model, tx, settings):
    """The step as it was before there were options: masked cross-entropy alone."""
    rng = jax.random.fold_in(rng, state.step)
    keys = jax.vmap(jax.random.split)(augment.example_keys(rng, batch['index']))
    joints, mask, labels = augment.crop(
        keys[:, 0], batch['joints'], batch['mask'], labels=batch['labels'], **settings.crop
    )
    joints = augment.transform(keys[:, 1], joints, layout=settings.layout, **settings.augment)
    frames = mask.any(-1)
    drop = jax.random.fold_in(rng, 1)
    current = train_state.merge(state.backbone, state.decoder)
    share = jnp.maximum(lax.pmean(frames.sum(dtype=joints.dtype), parallel.AXIS), 1.0)

    def loss_fn(params):
        logits, updated = model.apply(
            {**current, 'params': params}, joints, mask, train=True, mutable=['batch_stats'],
            rngs={'dropout': drop},
        )
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        values = {'loss': losses, 'accuracy': (logits.argmax(-1) == labels).astype(losses.dtype)}
        means = {k: jnp.where(frames, v, 0).sum() / share for k, v in values.items()}
        means = lax.pmean(means, parallel.AXIS)
        return means['loss'], (means, updated)

    grads, (metrics, updated) = jax.grad(loss_fn, has_aux=True)(current['params'])
    grads = lax.pmean(grads, parallel.AXIS)
    updates, opt_state = tx.update(grads, state.opt_state, current['params'])
    updated['params'] = optax.apply_updates(current['params'], updates)
    split = finetune.split(updated)
    following = state.replace(step=state.step + 1, **split, opt_state=opt_state)
    return following, {**metrics, 'gradient_norm': optax.tree.norm(grads)}


def test_without_options_the_step_is_that_of_the_plain_formula_bit_for_bit():
    found, expected = (_steps(FrameLoss(), 2, step=step) for step in (finetune.step, _plain))
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    assert set(found[1][0]) == {'loss', 'accuracy', 'gradient_norm'}


@functools.cache
def _everything(devices=1):
    balance = EVERYTHING.balance(np.array([100, 20, 0, 40]), 30)
    return _steps(EVERYTHING, devices, balance=balance)


def test_every_term_is_reported_and_the_loss_is_their_weighted_sum():
    state, history = _everything()
    for metrics in history:
        terms = {'classification', 'smoothing', 'boundary'}
        assert set(metrics) == terms | {'loss', 'accuracy', 'gradient_norm'}
        expected = (
            metrics['classification'] + 0.15 * metrics['smoothing'] + 0.1 * metrics['boundary']
        )
        np.testing.assert_allclose(metrics['loss'], expected, rtol=1e-6)
        assert all(metrics[name] > 0 for name in terms)
    start = _start(_model(EVERYTHING), optax.sgd(0.5))
    moved = jax.tree.map(
        lambda a, b: not np.allclose(a, b), state.decoder, jax.device_get(start.decoder)
    )
    assert all(jax.tree.leaves(moved)) and 'boundary' in moved['params']


def test_the_number_of_devices_changes_no_term():
    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    jax.tree.map(close, _everything(2), _everything())


def test_a_boundary_head_leaves_the_first_weights_of_the_others_as_they_are():
    plain, headed = (_start(_model(loss), optax.sgd(0.5)) for loss in (FrameLoss(), EVERYTHING))
    extra = headed.decoder['params'].pop('boundary')
    jax.tree.map(np.testing.assert_array_equal, headed.decoder, plain.decoder)
    assert jax.tree.map(jnp.shape, extra) == {'score': {'bias': (1,), 'kernel': (8, 1)}}


def test_losses_are_of_each_frame_and_scores_of_frames_that_agree():
    model, batch = _model(EVERYTHING), _batch()
    clip = jnp.array(batch['joints']), jnp.array(batch['mask'])
    variables = _start(model, optax.sgd(0.5)).decoder
    outputs, scored = jax.jit(lambda *clip: (
        model.apply(variables, *clip, train=True, method='outputs'),
        model.apply(variables, *clip, train=False),
    ))(*clip)
    assert outputs.boundaries.shape == (B, T) and outputs.boundaries.dtype == jnp.float32
    pooled = jax.jit(model.boundary.pool)(*outputs, clip[1].any(-1))
    np.testing.assert_allclose(scored, pooled, atol=1e-6)
    assert np.abs(scored - outputs.logits).max() > 0.1
    alone = jax.jit(lambda *clip: _model().apply(variables, *clip, train=True))(*clip)
    np.testing.assert_array_equal(alone, outputs.logits)
