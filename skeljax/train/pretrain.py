"""The pretraining step: a host's contrast plus the snippet term, summed, stream by stream."""

import functools
from typing import Any, NamedTuple

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp
import optax

from skeljax import augment
from skeljax.contrast import queue, snippet
from skeljax.models import heads
from skeljax.train import negatives, parallel, train_state as items, views


class Encoder(nn.Module):
    """A backbone under the heads of the host method and of the snippet term."""

    backbone: nn.Module
    host: nn.Module
    snippet: nn.Module | None

    def __call__(self, joints, mask, view: str, *, train: bool):
        """Encodes float[B, T, M, V, 3]; returns the host's outputs and `SnippetFeatures` or None."""
        features = self.backbone(joints, mask, train=train)
        dense = None if self.snippet is None else self.snippet(features.taps)
        return self.host(features, view, train=train), dense

    def every(self, joints, mask, wanted: tuple[str, ...]):
        """Does it for each view of the same joints, so that every parameter is made."""
        return {view: self(joints, mask, view, train=True) for view in wanted}


class Snippets(NamedTuple):
    """How the snippet term is computed; see `contrast.snippet`.

    Attributes:
        weight: of the term in the sum.
        match: of `snippet.MATCHES`.
        apart: steps from which on snippets of the same video are negatives; 0 for none.
        negatives: of `snippet.NEGATIVES`.
        views: the one that is trained and the one it is compared with.
        mined: nearest negatives that count as positives too.
        mine_from: share of the run from which they do.
        queue_advances: False repeats the release, whose second queue stands still.
    """

    weight: float = 1.5
    match: str = 'similarity'
    apart: int = 0
    negatives: str = 'average'
    views: tuple[str, str] = ('query', 'key')
    mined: int = 0
    mine_from: float = 1 / 3
    queue_advances: bool = True


class Settings(NamedTuple):
    """What a step is told besides the modules; all of it fixed while compiling."""

    layout: str
    views: dict[str, dict[str, Any]]  # view -> arguments of augment.transform
    crop: dict[str, Any]  # arguments of augment.crop
    num_steps: int  # of the whole run
    streams: tuple[str, ...] = ('joint',)
    negatives: tuple[str, ...] = ('queue',)  # any of `negatives.SOURCES`
    negatives_form: str = 'gather'  # of `negatives.FORMS`
    temperature: float = 0.07
    momentum: float = 0.999
    snippet: Snippets = Snippets()


class Given(NamedTuple):
    """What the losses of a step are told besides what was encoded.

    Attributes:
        seen: view -> `views.Seen`.
        subjects: int32[B], equal for videos of one person.
        draws: typed key of each video, [B].
        progress: share of the run that is done.
    """

    seen: dict[str, views.Seen]
    subjects: jax.Array
    draws: jax.Array
    progress: jax.Array


def init(
    rng,
    encoder: Encoder,
    host,
    tx,
    example,
    settings: Settings,
    *,
    queue_size: int,
    snippet_queue_size: int = 0,
    copy_key: bool = True,
):
    """Makes the first state of a run.

    Args:
        rng: typed key.
        encoder: the modules.
        host: the method's `Host`.
        tx: optax transformation.
        example: joints float[B, T, M, V, 3] of any B.
        settings: of the steps to come.
        queue_size: videos that the host's queue holds.
        snippet_queue_size: videos in the snippets' queue; 0 for as many.
        copy_key: the momentum encoder starts as a copy; False repeats the
            release, whose two encoders start from different random weights.
    """
    wanted = tuple(host.views)
    mask = jnp.ones(example.shape[:3], bool)
    every = functools.partial(encoder.init_with_output, method=encoder.every)
    both = lambda rng: every({'params': rng, 'dropout': rng}, example, mask, wanted)
    shapes, _ = jax.eval_shape(both, rng)
    make = jax.jit(lambda rng: both(rng)[1])
    uses_key = any(view.encoder == 'key' for view in host.views.values())
    trained, key, queues = {}, {}, {}
    for number, stream in enumerate(settings.streams):
        first, second, left, right = jax.random.split(jax.random.fold_in(rng, number), 4)
        trained[stream] = make(first)
        if uses_key:
            key[stream] = trained[stream] if copy_key else make(second)
        queues[stream] = {}
        if host.queued:
            held = jax.eval_shape(host.enqueued, {view: s[0] for view, s in shapes.items()})
            queues[stream]['host'] = queue.create(left, queue_size, held.shape[-1])
        if encoder.snippet is not None:
            dense = shapes[settings.snippet.views[1]][1]
            kind = settings.snippet.negatives
            held = jax.eval_shape(lambda dense, kind=kind: snippet.negatives(dense, kind), dense)
            size = (snippet_queue_size or queue_size) * (len(held) // len(example))
            queues[stream]['snippet'] = queue.create(right, size, held.shape[-1])
    return {
        'step': jnp.zeros((), jnp.int32),
        **_parts(trained),
        'key': key,
        'queues': queues,
        'opt_state': tx.init({stream: tree['params'] for stream, tree in trained.items()}),
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
    progress = state['step'].astype(jnp.float32) / settings.num_steps
    seen = views.make(rng, batch, host.views, settings)
    encode = functools.partial(_encode, encoder, host, seen, rng)
    # Beside the draws of the views, of which there are two more than cuts.
    draws = jax.random.fold_in(rng, len(settings.views) + 2)
    draws = augment.example_keys(draws, batch['index'])
    given = Given(seen, batch['subject'], draws, progress)
    trained = {
        stream: items.merge(state['backbone'][stream], state['heads'][stream])
        for stream in settings.streams
    }
    params = {stream: tree['params'] for stream, tree in trained.items()}
    key = _follow(state['key'], params, host, progress, settings)
    key_outputs, key = encode(key, 'key')
    key_outputs = lax.stop_gradient(key_outputs)

    def loss_fn(params):
        current = {stream: {**trained[stream], 'params': params[stream]} for stream in params}
        outputs, updated = encode(current, 'query')
        outputs = {stream: {**outputs[stream], **key_outputs.get(stream, {})} for stream in outputs}
        losses = _losses(outputs, state['queues'], given, host, settings)
        losses = lax.pmean(losses, parallel.AXIS)
        losses['loss'] = _total(losses, settings)
        return losses['loss'], (losses, outputs, updated)

    grads, (losses, outputs, updated) = jax.grad(loss_fn, has_aux=True)(params)
    with jax.named_scope('gradients'):
        grads = lax.pmean(grads, parallel.AXIS)
    updates, opt_state = tx.update(grads, state['opt_state'], params)
    params = optax.apply_updates(params, updates)
    # Pushed in place: without it the compiler copies queues, lest they are still to be read.
    queues, losses = lax.optimization_barrier((state['queues'], losses))
    following = {
        'step': state['step'] + 1,
        **_parts({s: {**updated[s], 'params': params[s]} for s in settings.streams}),
        'key': key,
        'queues': _enqueue(queues, outputs, host, settings),
        'opt_state': opt_state,
    }
    return following, {**losses, 'gradient_norm': optax.tree.norm(grads)}


def _parts(trained: dict) -> dict:
    """Splits every stream's variables into the items `backbone` and `heads`."""
    select = lambda other: {
        stream: items.select(tree, ['backbone'], other=other) for stream, tree in trained.items()
    }
    return {'backbone': select(False), 'heads': select(True)}


def _follow(key, params, host, progress, settings):
    """Moves the momentum encoders' parameters towards the trained ones."""
    moved = {}
    for stream, tree in key.items():
        share = (1 - settings.momentum) * host.follows(stream, progress)
        follow = lambda new, old, share=share: share * new + (1 - share) * old
        moved[stream] = {**tree, 'params': jax.tree.map(follow, params[stream], tree['params'])}
    return moved


def _encode(encoder, host, seen, rng, variables, side):
    """Encodes the views of one side by every stream: outputs and updated variables."""
    outputs = {}
    for number, (stream, tree) in enumerate(variables.items()):
        outputs[stream] = {}
        for place, (view, kind) in enumerate(host.views.items()):
            if kind.encoder != side:
                continue
            shown, mask, _ = seen[view]
            drop = jax.random.fold_in(rng, number * len(host.views) + place)
            outputs[stream][view], updated = encoder.apply(
                tree, shown[stream], mask, view, train=True, mutable=['batch_stats'], rngs={'dropout': drop}
            )
            tree = {**tree, **updated}
        variables = {**variables, stream: tree}
    return outputs, variables


def _losses(outputs, queues, given: Given, host, settings):
    """Computes the mean of every named loss on this device."""
    losses, videos, far = {}, {}, {}
    for stream, encoded in outputs.items():
        suffix = '' if len(outputs) == 1 else f'_{stream}'
        videos[stream] = {view: video for view, (video, _) in encoded.items()}
        if host.whole_batch:
            videos[stream] = jax.tree.map(parallel.gather, videos[stream])
        far[stream] = None
        if host.queued:
            far[stream] = negatives.collect(
                queues[stream]['host'],
                host.enqueued(videos[stream]),
                given.subjects,
                settings.negatives,
                settings.negatives_form,
            )
        terms = host.terms(videos[stream], far[stream], given.progress)
        losses |= {f'{name}{suffix}': value.mean() for name, value in terms.items()}
        if 'snippet' in queues[stream]:
            losses[f'snippet{suffix}'] = _snippet(
                encoded, queues[stream]['snippet'], given, settings
            )
    across = host.across(videos, far, given.progress)
    return losses | {name: value.mean() for name, value in across.items()}


def _snippet(encoded, waiting, given: Given, settings):
    """Computes the snippet term, the mean over all devices' valid snippets once it is averaged."""
    chosen = settings.snippet
    query, key = (encoded[view][1] for view in chosen.views)
    count = query.valid.shape[1]
    seen = [given.seen[view] for view in chosen.views]
    times = tuple(heads.snippet_times(view.times, view.mask, count) for view in seen)
    pairing = snippet.Pairing(given.draws, times, reach=seen[0].times.shape[1] / count)
    pushed = snippet.negatives(key, chosen.negatives)
    far = negatives.collect(
        waiting, pushed, given.subjects, settings.negatives, settings.negatives_form
    )

    def term(mined):
        return snippet.term(
            query,
            key,
            far,
            temperature=settings.temperature,
            match=chosen.match,
            apart=chosen.apart,
            mined=mined,
            pairing=pairing,
        )

    if chosen.mined and chosen.mine_from < 1:
        late = given.progress >= chosen.mine_from
        values, counts = lax.cond(late, lambda: term(chosen.mined), lambda: term(0))
    else:
        values, counts = term(0)
    share = jnp.maximum(lax.pmean(counts.sum(dtype=values.dtype), parallel.AXIS), 1.0)
    return jnp.where(counts, values, 0).sum() / share


def _total(losses, settings):
    weigh = lambda name: settings.snippet.weight if name.startswith('snippet') else 1.0
    return sum(weigh(name) * value for name, value in losses.items())


@jax.named_scope('queue_push')
def _enqueue(queues, outputs, host, settings):
    """Pushes the keys of every device's videos, the same on every device."""
    pushed = {}
    for stream, held in queues.items():
        pushed[stream] = {}
        if 'host' in held:
            videos = {view: video for view, (video, _) in outputs[stream].items()}
            keys = parallel.gather(lax.stop_gradient(host.enqueued(videos)))
            pushed[stream]['host'] = queue.push(held['host'], keys)
        if 'snippet' in held:
            key = outputs[stream][settings.snippet.views[1]][1]
            vectors = snippet.negatives(key, settings.snippet.negatives)
            pushed[stream]['snippet'] = queue.push(
                held['snippet'],
                parallel.gather(lax.stop_gradient(vectors)),
                advance=settings.snippet.queue_advances,
            )
    return pushed
