"""The fine-tuning step: the masked loss of every frame, see `frame_loss`."""

from typing import Any, NamedTuple

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import optax

from skeljax import augment
from skeljax.train import parallel, train_state as items
from skeljax.train.frame_loss import EVEN, Balance, FrameLoss


class Settings(NamedTuple):
    """What a step is told besides the model; all of it fixed while compiling."""

    layout: str
    augment: dict[str, Any]  # arguments of augment.transform
    crop: dict[str, Any]  # arguments of augment.crop
    loss: FrameLoss = FrameLoss()
    balance: Balance = EVEN  # weights of frames by class
    label_sets: np.ndarray | None = None  # bool[S, L + 1], see `data.label_sets`


def init(rng, model, tx, example, backbone: dict | None = None):
    """Makes the first state of a run.

    Args:
        rng: typed key.
        model: a `models.heads.FrameClassifier`.
        tx: optax transformation.
        example: joints float[B, T, M, V, 3] of any B and T.
        backbone: the item `backbone` of a pretraining run; None starts anew.
    """
    state = parts(jax.jit(lambda rng: variables(model, rng, example))(rng))
    if backbone is not None:
        state['backbone'] = backbone
    params = items.merge(state['backbone'], state['decoder'])['params']
    return {'step': jnp.zeros((), jnp.int32), **state, 'opt_state': tx.init(params)}


def variables(model, rng, example) -> dict:
    """Initialises the model's Flax variables for joints like `example`."""
    rngs = {'params': rng, 'dropout': rng}
    return model.init(rngs, example, jnp.ones(example.shape[:3], bool), train=True)


def parts(variables: dict) -> dict:
    """Splits Flax variables into the items `backbone` and `decoder`."""
    return {
        'backbone': items.select(variables, ['backbone']),
        'decoder': items.select(variables, ['backbone'], other=True),
    }


def correct(logits, labels, sets: np.ndarray | None = None):
    """Checks the most likely label of each frame.

    Args:
        logits: float32[B, T, L + 1].
        labels: int32[B, T].
        sets: classes of each label, bool[S, L + 1]: all of them and background must be
            right. None where a label is a class.

    Returns:
        bool[B, T].
    """
    if sets is None:
        return logits.argmax(-1) == labels
    return ((logits > 0) == jnp.asarray(sets)[labels]).all(-1)


def step(state, batch, rng, *, model, tx, settings: Settings):
    """Takes one fine-tuning step on one device's part of the batch.

    Args:
        state: as from `init`, equal on every device.
        batch: joints float32[B, W, M, V, 3], mask bool[B, W, M], labels int32[B, W],
            index int32[B].
        rng: typed key of the run.

    Returns:
        The next state and metrics, both equal on every device: `loss`, `accuracy`,
        `gradient_norm` and, where the loss has several terms, each of them before its weight.
    """
    rng = jax.random.fold_in(rng, state['step'])
    keys = jax.vmap(jax.random.split)(augment.example_keys(rng, batch['index']))
    joints, mask, labels = augment.crop(
        keys[:, 0], batch['joints'], batch['mask'], labels=batch['labels'], **settings.crop
    )
    joints = augment.transform(
        keys[:, 1], joints, layout=settings.layout, **settings.augment
    )
    frames = mask.any(-1)
    drop = jax.random.fold_in(rng, 1)
    current = items.merge(state['backbone'], state['decoder'])
    share = jnp.maximum(lax.pmean(frames.sum(dtype=joints.dtype), parallel.AXIS), 1.0)

    def loss_fn(params):
        (logits, boundaries), updated = model.apply(
            {**current, 'params': params},
            joints,
            mask,
            train=True,
            mutable=['batch_stats'],
            rngs={'dropout': drop},
            method='outputs',
        )
        terms = settings.loss.terms(
            logits, boundaries, labels, frames, settings.balance, settings.label_sets
        )
        right = correct(logits, labels, settings.label_sets).astype(logits.dtype)
        means = {
            name: jnp.where(frames, value, 0).sum() / share
            for name, value in {**terms, 'accuracy': right}.items()
        }
        means = lax.pmean(means, parallel.AXIS)
        shown = {'accuracy': means.pop('accuracy'), 'loss': settings.loss.total(means)}
        return shown['loss'], ({**shown, **(means if len(means) > 1 else {})}, updated)

    grads, (metrics, updated) = jax.grad(loss_fn, has_aux=True)(current['params'])
    with jax.named_scope('gradients'):
        grads = lax.pmean(grads, parallel.AXIS)
    updates, opt_state = tx.update(grads, state['opt_state'], current['params'])
    updated['params'] = optax.apply_updates(current['params'], updates)
    following = {
        'step': state['step'] + 1,
        **parts(updated),
        'opt_state': opt_state,
    }
    return following, {**metrics, 'gradient_norm': optax.tree.norm(grads)}
