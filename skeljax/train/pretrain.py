"""The pretraining step: a contrastive method plus the snippet loss, for every stream.

`step` draws views, embeds them by the trained and the momentum encoder, computes losses and
gradients, and updates parameters, momentum encoder and queues.
"""

import functools
from typing import Any, NamedTuple

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp
import optax

from skeljax import augment
from skeljax.contrast import queue
from skeljax.contrast.methods import ContrastiveMethod
from skeljax.contrast.snippet import SnippetLoss
from skeljax.train import parallel, pretrain_losses, train_state, views
from skeljax.train.pretrain_losses import BatchInfo
from skeljax.train.train_state import PretrainState


class Encoder(nn.Module):
    """A backbone with the heads of the method and of the snippet loss.

    Attributes:
        backbone: joints to `pooling.Features`.
        method: heads of the contrastive method.
        snippet: a `heads.SnippetHead`; None without a snippet loss.
    """

    backbone: nn.Module
    method: nn.Module
    snippet: nn.Module | None

    def __call__(self, joints, mask, view: str, *, train: bool):
        """Maps float[B, T, M, V, 3] to the method's outputs and `heads.SnippetFeatures` or None."""
        features = self.backbone(joints, mask, train=train)
        snippets = None if self.snippet is None else self.snippet(features.taps)
        return self.method(features, view, train=train), snippets

    def all_views(self, joints, mask, names: tuple[str, ...]):
        """Embeds the same joints as each view, so that all parameters are initialized."""
        return {view: self(joints, mask, view, train=True) for view in names}


class _EncoderOfSeed(Encoder):
    """An `Encoder` whose method heads have the name 'host' of version 0.1.0.

    Flax derives initial values from names: with this name a seed gives the values of that version.
    """

    preserve_adopted_names = True


class Settings(NamedTuple):
    """Settings of a step besides its modules; constants of the compiled program."""

    layout: str
    views: dict[str, dict[str, Any]]  # view -> arguments of augment.transform
    crop: dict[str, Any]  # arguments of augment.crop
    num_steps: int  # of the whole run
    streams: tuple[str, ...] = ('joint',)
    negatives: tuple[str, ...] = ('queue',)  # some of `negative_sources.SOURCES`
    negatives_impl: str = 'gather'  # of `negative_sources.IMPLS`
    temperature: float = 0.07  # of the snippet loss
    momentum: float = 0.999
    snippet: SnippetLoss = SnippetLoss()
    snippet_queue_advances: bool = True  # False: as in the release, whose pointer never moves


def init(
    rng,
    encoder: Encoder,
    method: ContrastiveMethod,
    tx,
    example,
    settings: Settings,
    *,
    queue_size: int,
    copy_key: bool = True,
) -> PretrainState:
    """Returns the first state of a run.

    Args:
        rng: typed key.
        encoder: the modules.
        method: the contrastive method.
        tx: optax transformation.
        example: joints float[B, T, M, V, 3] of any B.
        settings: of the steps.
        queue_size: videos in the method's queue, and in the snippets' unless `settings.snippet`
            has its own size.
        copy_key: whether the momentum encoder starts as a copy of the trained one. False repeats
            the release, whose two encoders start from different random weights.
    """
    names = tuple(method.views)
    mask = jnp.ones(example.shape[:3], bool)
    named = _EncoderOfSeed(encoder.backbone, encoder.method.clone(name='host'), encoder.snippet)
    embed_all = functools.partial(named.init_with_output, method=named.all_views)
    run = lambda rng: embed_all({'params': rng, 'dropout': rng}, example, mask, names)
    shapes, _ = jax.eval_shape(run, rng)
    init_variables = jax.jit(lambda rng: train_state.rename(run(rng)[1], {'host': 'method'}))
    has_target = any(view.encoder == 'key' for view in method.views.values())
    variables, target, queues = {}, {}, {}
    for number, stream in enumerate(settings.streams):
        first, second, left, right = jax.random.split(jax.random.fold_in(rng, number), 4)
        variables[stream] = init_variables(first)
        if has_target:
            target[stream] = variables[stream] if copy_key else init_variables(second)
        queues[stream] = {}
        if method.uses_queue:
            videos = {view: outputs for view, (outputs, _) in shapes.items()}
            keys = jax.eval_shape(method.queue_keys, videos)
            queues[stream]['method'] = queue.create(left, queue_size, keys.shape[-1])
        if encoder.snippet is not None:
            snippets = shapes[settings.snippet.views[1]][1]
            keys = jax.eval_shape(settings.snippet.queue_keys, snippets)
            size = settings.snippet.queue_size or queue_size
            size *= len(keys) // len(example)
            queues[stream]['snippet'] = queue.create(right, size, keys.shape[-1])
    return PretrainState(
        step=jnp.zeros((), jnp.int32),
        **_split(variables),
        target_params=target,
        queues=queues,
        opt_state=tx.init({stream: tree['params'] for stream, tree in variables.items()}),
    )


def step(
    state: PretrainState, batch, rng, *, encoder: Encoder, method: ContrastiveMethod, tx,
    settings: Settings,
):
    """Takes one pretraining step on one device's part of the batch.

    Args:
        state: as from `init`, equal on every device.
        batch: joints float32[B, W, M, V, 3], mask bool[B, W, M], index int32[B] (of the video in
            the global batch), subject int32[B] (person).
        rng: typed key of the run.
        encoder: the modules.
        method: the contrastive method.
        tx: optax transformation.
        settings: other settings.

    Returns:
        The next state and metrics, both equal on every device: every loss by its name, their
        weighted sum `loss`, and `gradient_norm`.
    """
    rng = jax.random.fold_in(rng, state.step)
    progress = state.step.astype(jnp.float32) / settings.num_steps
    drawn = views.draw(rng, batch, method.views, settings)
    # `views.draw` takes the fold_in numbers 0 to len(settings.views) + 1.
    match_keys = jax.random.fold_in(rng, len(settings.views) + 2)
    match_keys = augment.example_keys(match_keys, batch['index'])
    info = BatchInfo(drawn, batch['subject'], match_keys, progress)
    embed = functools.partial(_embed, encoder, method, drawn, rng)

    variables = {
        stream: train_state.merge(state.backbone[stream], state.heads[stream])
        for stream in settings.streams
    }
    params = {stream: tree['params'] for stream, tree in variables.items()}
    # As in MoCo, the momentum encoder is updated before the gradient step.
    momentum_variables = ema_update(
        state.target_params, params, method, progress, settings.momentum
    )
    key_outputs, momentum_variables = embed(momentum_variables, 'key')
    key_outputs = lax.stop_gradient(key_outputs)

    def loss_fn(params):
        current = {stream: {**variables[stream], 'params': params[stream]} for stream in params}
        outputs, updated = embed(current, 'query')
        outputs = {s: {**own, **key_outputs.get(s, {})} for s, own in outputs.items()}
        losses = pretrain_losses.compute(outputs, state.queues, info, method, settings)
        of_method, of_snippets = lax.pmean(losses, parallel.AXIS)
        total = pretrain_losses.total_loss(of_method, of_snippets, settings.snippet.weight)
        return total, ({**of_method, **of_snippets, 'loss': total}, outputs, updated)

    grads, (metrics, outputs, updated) = jax.grad(loss_fn, has_aux=True)(params)
    with jax.named_scope('gradients'):
        grads = lax.pmean(grads, parallel.AXIS)
    updates, opt_state = tx.update(grads, state.opt_state, params)
    params = optax.apply_updates(params, updates)

    # The barrier orders pushes after the last read of the queues; else the compiler copies them.
    queues, metrics = lax.optimization_barrier((state.queues, metrics))
    next_state = PretrainState(
        step=state.step + 1,
        **_split({s: {**updated[s], 'params': params[s]} for s in settings.streams}),
        target_params=momentum_variables,
        queues=_push(queues, outputs, method, settings),
        opt_state=opt_state,
    )
    return next_state, {**metrics, 'gradient_norm': optax.tree.norm(grads)}


def ema_update(target: dict, params: dict, method: ContrastiveMethod, progress, momentum: float):
    """Moves the momentum encoders' parameters toward the trained ones.

    Args:
        target: stream -> variables of the momentum encoder.
        params: stream -> parameters of the trained encoder.
        method: scales the update of each stream.
        progress: share of the run so far, float32[].
        momentum: share of its parameters that the momentum encoder keeps.

    Returns:
        stream -> variables of the momentum encoder.
    """
    moved = {}
    for stream, tree in target.items():
        rate = (1 - momentum) * method.momentum_scale(stream, progress)
        average = lambda new, old, rate=rate: rate * new + (1 - rate) * old
        moved[stream] = {**tree, 'params': jax.tree.map(average, params[stream], tree['params'])}
    return moved


def _embed(encoder, method, drawn, rng, variables, side):
    """Embeds the views of one encoder for every stream.

    Returns:
        stream -> view -> (outputs of the method's heads, `heads.SnippetFeatures` or None), and
        stream -> variables with new batch statistics.
    """
    outputs = {}
    for number, (stream, tree) in enumerate(variables.items()):
        outputs[stream] = {}
        for place, (view, how) in enumerate(method.views.items()):
            if how.encoder != side:
                continue
            dropout = jax.random.fold_in(rng, number * len(method.views) + place)
            outputs[stream][view], updated = encoder.apply(
                tree, drawn[view].streams[stream], drawn[view].mask, view,
                train=True, mutable=['batch_stats'], rngs={'dropout': dropout},
            )
            tree = {**tree, **updated}
        variables = {**variables, stream: tree}
    return outputs, variables


@jax.named_scope('queue_push')
def _push(queues, outputs, method, settings):
    """Pushes the keys of all devices' videos, the same on every device."""
    pushed = {}
    for stream, of_stream in queues.items():
        pushed[stream] = {}
        if 'method' in of_stream:
            videos = {view: video for view, (video, _) in outputs[stream].items()}
            keys = parallel.gather(lax.stop_gradient(method.queue_keys(videos)))
            pushed[stream]['method'] = queue.push(of_stream['method'], keys)
        if 'snippet' in of_stream:
            snippets = outputs[stream][settings.snippet.views[1]][1]
            keys = parallel.gather(lax.stop_gradient(settings.snippet.queue_keys(snippets)))
            pushed[stream]['snippet'] = queue.push(
                of_stream['snippet'], keys, advance=settings.snippet_queue_advances
            )
    return pushed


def _split(variables: dict) -> dict:
    """Splits the variables of every stream into `backbone` and `heads`."""
    select = lambda other: {
        stream: train_state.select(tree, ['backbone'], other=other)
        for stream, tree in variables.items()
    }
    return {'backbone': select(False), 'heads': select(True)}
