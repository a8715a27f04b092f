"""The fine-tuning step: the masked mean of the frames' loss, see `frame_loss`."""

from typing import Any, NamedTuple

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import optax

from skeljax import augment
from skeljax.train import parallel, train_state
from skeljax.train.frame_loss import EVEN, Balance, FrameLoss
from skeljax.train.train_state import FinetuneState


class Settings(NamedTuple):
    """Settings of a step besides the model; constants of the compiled program."""

    layout: str
    augment: dict[str, Any]  # arguments of augment.transform
    crop: dict[str, Any]  # arguments of augment.crop
    loss: FrameLoss = FrameLoss()
    balance: Balance = EVEN  # weights of frames by class
    label_sets: np.ndarray | None = None  # bool[S, L + 1], see `data.label_sets`


def init(rng, model, tx, example, backbone: dict | None = None) -> FinetuneState:
    """Returns the first state of a run.

    Args:
        rng: typed key.
        model: a `models.heads.FrameClassifier`.
        tx: optax transformation.
        example: joints float[B, T, M, V, 3] of any B and T.
        backbone: variables of a pretrained backbone; None: random ones.
    """
    items = split(jax.jit(lambda rng: variables(model, rng, example))(rng))
    if backbone is not None:
        items['backbone'] = backbone
    params = train_state.merge(items['backbone'], items['decoder'])['params']
    return FinetuneState(step=jnp.zeros((), jnp.int32), **items, opt_state=tx.init(params))


def variables(model, rng, example) -> dict:
    """Returns random Flax variables of the model, for joints like `example`."""
    rngs = {'params': rng, 'dropout': rng}
    return model.init(rngs, example, jnp.ones(example.shape[:3], bool), train=True)


def split(variables: dict) -> dict:
    """Splits Flax variables into the items `backbone` and `decoder`."""
    return {
        'backbone': train_state.select(variables, ['backbone']),
        'decoder': train_state.select(variables, ['backbone'], other=True),
    }


def correct(logits, labels, sets: np.ndarray | None = None):
    """Computes whether the most likely label of each frame is correct.

    Args:
        logits: float32[B, T, L + 1].
        labels: int32[B, T].
        sets: classes of each label, bool[S, L + 1]: all classes and background must be correct.
            None where a label is a class.

    Returns:
        bool[B, T].
    """
    if sets is None:
        return logits.argmax(-1) == labels
    return ((logits > 0) == jnp.asarray(sets)[labels]).all(-1)


def step(state: FinetuneState, batch, rng, *, model, tx, settings: Settings):
    """Takes one fine-tuning step on one device's part of the batch.

    Args:
        state: as from `init`, equal on every device.
        batch: joints float32[B, W, M, V, 3], mask bool[B, W, M], labels int32[B, W], index
            int32[B] (of the window in the global batch).
        rng: typed key of the run.
        model: a `models.heads.FrameClassifier`.
        tx: optax transformation.
        settings: other settings.

    Returns:
        The next state and metrics, both equal on every device: `loss`, `accuracy`,
        `gradient_norm` and, where the loss has several terms, each of them before its weight.
    """
    rng = jax.random.fold_in(rng, state.step)
    joints, mask, labels = _draw(rng, batch, settings)
    frames = mask.any(-1)
    dropout = jax.random.fold_in(rng, 1)
    current = train_state.merge(state.backbone, state.decoder)
    mean_count = lax.pmean(frames.sum(dtype=joints.dtype), parallel.AXIS)
    mean_count = jnp.maximum(mean_count, 1.0)

    def loss_fn(params):
        (logits, boundaries), updated = model.apply(
            {**current, 'params': params},
            joints,
            mask,
            train=True,
            mutable=['batch_stats'],
            rngs={'dropout': dropout},
            method='outputs',
        )
        terms = settings.loss.terms(
            logits, boundaries, labels, frames, settings.balance, settings.label_sets
        )
        accuracy = correct(logits, labels, settings.label_sets).astype(logits.dtype)
        means = {
            name: jnp.where(frames, value, 0).sum() / mean_count
            for name, value in {**terms, 'accuracy': accuracy}.items()
        }
        means = lax.pmean(means, parallel.AXIS)
        metrics = {'accuracy': means.pop('accuracy'), 'loss': settings.loss.total(means)}
        if len(means) > 1:
            metrics |= means
        return metrics['loss'], (metrics, updated)

    grads, (metrics, updated) = jax.grad(loss_fn, has_aux=True)(current['params'])
    with jax.named_scope('gradients'):
        grads = lax.pmean(grads, parallel.AXIS)
    updates, opt_state = tx.update(grads, state.opt_state, current['params'])
    updated['params'] = optax.apply_updates(current['params'], updates)
    next_state = FinetuneState(step=state.step + 1, **split(updated), opt_state=opt_state)
    return next_state, {**metrics, 'gradient_norm': optax.tree.norm(grads)}


def _draw(rng, batch, settings: Settings):
    """Crops and augments: joints float32[B, T, M, V, 3], mask bool[B, T, M], labels int32[B, T]."""
    keys = jax.vmap(jax.random.split)(augment.example_keys(rng, batch['index']))
    joints, mask, labels = augment.crop(
        keys[:, 0], batch['joints'], batch['mask'], labels=batch['labels'], **settings.crop
    )
    joints = augment.transform(keys[:, 1], joints, layout=settings.layout, **settings.augment)
    return joints, mask, labels
