"""The losses of a pretraining step: those of the method, and the snippet loss, for every stream."""

from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast import negative_sources
from skeljax.contrast.snippet import MatchContext
from skeljax.errors import InputError
from skeljax.models import heads
from skeljax.train import parallel
from skeljax.train.views import ViewBatch


class BatchInfo(NamedTuple):
    """What the losses of a step depend on besides embeddings.

    Attributes:
        views: view -> `views.ViewBatch`.
        subjects: person of each video, int32[B].
        match_keys: typed PRNG key of each video, [B], for random matches of snippets.
        progress: share of the run so far, float32[].
    """

    views: dict[str, ViewBatch]
    subjects: jax.Array
    match_keys: jax.Array
    progress: jax.Array


def compute(outputs, queues, info: BatchInfo, method, settings):
    """Computes the mean of every loss on this device.

    Args:
        outputs: stream -> view -> (outputs of the method's heads, `heads.SnippetFeatures` or None).
        queues: stream -> {'method', 'snippet'} -> queue.
        info: other inputs of the losses.
        method: a `contrast.methods.ContrastiveMethod`.
        settings: `pretrain.Settings`.

    Returns:
        The losses of the method and the snippet losses, each name -> float32[].

    Raises:
        InputError: a loss of the method has a reserved name.
    """
    of_method, of_snippets, videos, negatives = {}, {}, {}, {}
    for stream, embedded in outputs.items():
        suffix = '' if len(outputs) == 1 else f'_{stream}'
        videos[stream] = {view: video for view, (video, _) in embedded.items()}
        if method.gathers_batch:
            videos[stream] = jax.tree.map(parallel.gather, videos[stream])
        negatives[stream] = None
        if method.uses_queue:
            keys = method.queue_keys(videos[stream])
            negatives[stream] = _negatives(queues[stream]['method'], keys, info, settings)
        losses = method.losses(videos[stream], negatives[stream], info.progress)
        of_method |= {f'{name}{suffix}': value.mean() for name, value in losses.items()}
        if 'snippet' in queues[stream]:
            of_snippets[f'snippet{suffix}'] = _snippet_loss(
                embedded, queues[stream]['snippet'], info, settings
            )
    across = method.cross_stream_losses(videos, negatives, info.progress)
    of_method |= {name: value.mean() for name, value in across.items()}
    if reserved := {*of_snippets, 'loss', 'gradient_norm'} & of_method.keys():
        raise InputError(
            f'{type(method).__name__}: a loss is named {min(reserved)!r}, which is reserved'
        )
    return of_method, of_snippets


def _negatives(queued, keys, info: BatchInfo, settings):
    return negative_sources.collect(
        queued, keys, info.subjects, settings.negatives, settings.negatives_impl,
        axis_name=parallel.AXIS,
    )


def _snippet_loss(embedded, queued, info: BatchInfo, settings):
    """Computes this device's share of the mean over all devices' valid snippets, float32[]."""
    loss = settings.snippet
    query, key = (embedded[view][1] for view in loss.views)
    count = query.valid.shape[1]
    drawn = [info.views[view] for view in loss.views]
    times = tuple(heads.snippet_times(view.times, view.mask, count) for view in drawn)
    snippet_length = drawn[0].times.shape[1] / count  # frames
    context = MatchContext(info.match_keys, times, max_gap=snippet_length)
    values, valid = loss(
        query, key, _negatives(queued, loss.queue_keys(key), info, settings),
        temperature=settings.temperature, context=context, progress=info.progress,
    )
    mean_count = lax.pmean(valid.sum(dtype=values.dtype), parallel.AXIS)
    return jnp.where(valid, values, 0).sum() / jnp.maximum(mean_count, 1.0)


def total_loss(of_method: dict, of_snippets: dict, weight: float):
    """Sums the method's losses and the snippet losses times their weight."""
    return sum(of_method.values()) + weight * sum(of_snippets.values())
