"""The pretraining step: a host's contrast plus the snippet term, summed."""

import functools
from typing import Any, NamedTuple

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp
import optax

from skeljax import augment
from skeljax.contrast import queue, snippet
from skeljax.train import parallel, state as items


class Encoder(nn.Module):
    """A backbone under the heads of the host method and of the snippet term."""

    backbone: nn.Module
    host: nn.Module
    snippet: nn.Module | None

    def __call__(self, joints, mask, *, train: bool):
        """Encodes float[B, T, M, V, 3]; returns the host's outputs and `Snippets` or None."""
        features = self.backbone(joints, mask, train=train)
        dense = None if self.snippet is None else self.snippet(features.taps)
        return self.host(features), dense


# Where negatives come from: earlier videos, the other videos of the same step, or only those
# others that show the same person (Cheng et al., arXiv 2007.04871), which who it is does not solve.
NEGATIVES = ('queue', 'batch', 'subject')


class Settings(NamedTuple):
    """What a step is told besides the modules; all of it fixed while compiling."""

    layout: str
    views: dict[str, dict[str, Any]]  # view -> arguments of augment.transform
    crop: dict[str, Any]  # arguments of augment.crop
    negatives: tuple[str, ...] = ('queue',)  # any of `NEGATIVES`
    temperature: float = 0.07
    momentum: float = 0.999
    snippet_weight: float = 1.5
    snippet_match: str = 'similarity'
    snippet_negatives: str = 'average'
    snippet_views: tuple[str, str] = ('query', 'key')
    snippet_queue_advances: bool = True


def init(
    rng,
    encoder: Encoder,
    tx,
    example,
    *,
    queue_size: int,
    embed: int,
    copy_key: bool = True,
    snippet_queue_size: int = 0,
    snippet_negatives: str = 'average',
):
    """Makes the first state of a run.

    Args:
        rng: typed key.
        encoder: the modules.
        tx: optax transformation.
        example: joints float[B, T, M, V, 3] of any B.
        queue_size: videos that each queue holds.
        embed: size of an embedding.
        copy_key: the momentum encoder starts as a copy; False repeats the
            release, whose two encoders start from different random weights.
        snippet_queue_size: videos in the snippets' queue; 0 for as many.
        snippet_negatives: what of a video that queue holds (`snippet.NEGATIVES`).
    """
    first, second, left, right = jax.random.split(rng, 4)
    mask = jnp.ones(example.shape[:3], bool)
    make = jax.jit(functools.partial(encoder.init, train=True))
    variables = make(first, example, mask)
    key = variables if copy_key else make(second, example, mask)
    queues = {'host': queue.create(left, queue_size, embed)}
    if encoder.snippet is not None:
        encode = functools.partial(encoder.init_with_output, train=True)
        (_, dense), _ = jax.eval_shape(encode, first, example, mask)
        held = jax.eval_shape(lambda key: snippet.negatives(key, snippet_negatives), dense)
        size = (snippet_queue_size or queue_size) * (len(held) // len(example))
        queues['snippet'] = queue.create(right, size, embed)
    return {
        'step': jnp.zeros((), jnp.int32),
        'backbone': items.select(variables, ['backbone']),
        'heads': items.select(variables, ['backbone'], other=True),
        'key': key,
        'queues': queues,
        'opt_state': tx.init(variables['params']),
    }


def step(state, batch, rng, *, encoder: Encoder, host, tx, settings: Settings):
    """Takes one pretraining step on one device's part of the batch.

    Args:
        state: as from `init`, equal on every device.
        batch: joints float32[B, W, M, V, 3], mask bool[B, W, M], index int32[B] (place
            in the global batch), subject int32[B] (equal for videos of one person).
        rng: typed key of the run.

    Returns:
        The next state and metrics, both equal on every device.
    """
    rng = jax.random.fold_in(rng, state['step'])
    views = _views(rng, batch, settings)
    variables = items.merge(state['backbone'], state['heads'])
    key_params = optax.incremental_update(
        variables['params'], state['key']['params'], 1 - settings.momentum
    )
    key = {**state['key'], 'params': key_params}

    def encode(variables, side):
        outputs = {}
        for view in (v for v, s in host.VIEWS.items() if s == side):
            outputs[view], updated = encoder.apply(
                variables, *views[view], train=True, mutable=['batch_stats']
            )
            variables = {**variables, **updated}
        return outputs, variables

    key_outputs, key = encode(key, 'key')
    key_outputs = lax.stop_gradient(key_outputs)

    def loss_fn(params):
        outputs, updated = encode({**variables, 'params': params}, 'query')
        losses = _losses(
            {**outputs, **key_outputs}, state['queues'], batch['subject'], host, settings
        )
        losses = lax.pmean(losses, parallel.AXIS)
        losses['loss'] = _total(losses, settings)
        return losses['loss'], (losses, updated)

    grads, (losses, updated) = jax.grad(loss_fn, has_aux=True)(variables['params'])
    grads = lax.pmean(grads, parallel.AXIS)
    updates, opt_state = tx.update(grads, state['opt_state'], variables['params'])
    updated['params'] = optax.apply_updates(variables['params'], updates)
    following = {
        'step': state['step'] + 1,
        'backbone': items.select(updated, ['backbone']),
        'heads': items.select(updated, ['backbone'], other=True),
        'key': key,
        'queues': _enqueue(state['queues'], key_outputs, host, settings),
        'opt_state': opt_state,
    }
    return following, {**losses, 'gradient_norm': optax.tree.norm(grads)}


def _views(rng, batch, settings):
    """Makes each view of the batch: joints float[B, T, M, V, 3] and mask bool[B, T, M]."""
    views = {}
    for number, (name, operations) in enumerate(settings.views.items()):
        keys = augment.example_keys(jax.random.fold_in(rng, number), batch['index'])
        keys = jax.vmap(jax.random.split)(keys)
        joints, mask = augment.crop(keys[:, 0], batch['joints'], batch['mask'], **settings.crop)
        joints = augment.transform(keys[:, 1], joints, layout=settings.layout, **operations)
        views[name] = joints, mask
    return views


def _losses(outputs, queues, subjects, host, settings):
    """Computes the mean of every named loss on this device."""
    videos = {view: video for view, (video, _) in outputs.items()}
    far, counts = _negatives(queues['host'], host.enqueued(videos), subjects, settings)
    losses = host.terms(videos, far, temperature=settings.temperature, counts=counts)
    losses = {name: value.mean() for name, value in losses.items()}
    if 'snippet' in queues:
        query, key = (outputs[view][1] for view in settings.snippet_views)
        pushed = snippet.negatives(key, settings.snippet_negatives)
        far, counts = _negatives(queues['snippet'], pushed, subjects, settings)
        values, counts = snippet.term(
            query,
            key,
            far,
            temperature=settings.temperature,
            match=settings.snippet_match,
            counts=counts,
        )
        # The mean over all devices' valid snippets, once it is averaged over devices.
        share = jnp.maximum(lax.pmean(counts.sum(dtype=values.dtype), parallel.AXIS), 1.0)
        losses['snippet'] = jnp.where(counts, values, 0).sum() / share
    return losses


def _negatives(waiting, keys, subjects, settings):
    """Collects negatives float[N, D] and which each of this device's videos meets, bool[B, N].

    Videos of the batch meet the keys of others, on every device, not their own.

    Args:
        waiting: the queue.
        keys: of this device's videos, float[B · n, D], those of a video next to each other.
        subjects: int32[B].
        settings: names where negatives come from.
    """
    if settings.negatives == ('queue',):
        return waiting['vectors'], None
    videos = len(subjects)
    every = parallel.gather(lax.stop_gradient(keys))
    owner = jnp.arange(len(every)) // (len(keys) // videos)
    place = lax.axis_index(parallel.AXIS) * videos + jnp.arange(videos)
    counts = place[:, None] != owner
    if 'batch' not in settings.negatives:
        counts &= (subjects[:, None] == parallel.gather(subjects))[:, owner]
    if 'queue' not in settings.negatives:
        return every, counts
    older = jnp.ones((videos, len(waiting['vectors'])), bool)
    vectors = jnp.concatenate([every, waiting['vectors']])
    return vectors, jnp.concatenate([counts, older], axis=1)


def _total(losses, settings):
    weight = {'snippet': settings.snippet_weight}
    return sum(weight.get(name, 1.0) * value for name, value in losses.items())


def _enqueue(queues, outputs, host, settings):
    """Pushes the keys of every device's videos, the same on every device."""
    videos = {view: video for view, (video, _) in outputs.items()}
    pushed = {'host': queue.push(queues['host'], parallel.gather(host.enqueued(videos)))}
    if 'snippet' in queues:
        key = outputs[settings.snippet_views[1]][1]
        vectors = parallel.gather(snippet.negatives(key, settings.snippet_negatives))
        pushed['snippet'] = queue.push(
            queues['snippet'], vectors, advance=settings.snippet_queue_advances
        )
    return pushed
