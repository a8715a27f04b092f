"""Scores recordings with a trained network: probabilities, segments, mAP."""

from collections.abc import Iterable
import functools
import itertools
import os

import jax
import jax.numpy as jnp
import numpy as np

from skeljax.data import batches
from skeljax.data.corpus import Corpus
from skeljax.data.records import Recording
from skeljax.inference import windowing
from skeljax.localize.segments import Segments
from skeljax.models.cpu import chunks
from skeljax.train import cluster, train_state


def variables(state: dict) -> dict:
    """Joins the items of a fine-tuning state into Flax variables."""
    items = train_state.to_items(state)
    return train_state.merge(items['backbone'], items['decoder'])


@functools.partial(jax.jit, static_argnames='model')
def clip_probabilities(model, variables, joints, mask):
    """Scores every frame of joints float[B, T, M, V, 3]: float32[B, T, L + 1]."""
    score = lambda *clips: model.probabilities(model.apply(variables, *clips, train=False))
    implementation = getattr(model.backbone, 'implementation', 'plain')
    return chunks.map_in_chunks(
        score, joints, mask, os.cpu_count() or 1, implementation=implementation
    )


def bucket(length: int) -> int:
    """Rounds a length up to one of few (256, 384, 512, 768, ...), so that few compile."""
    power = 256
    while power < length:
        if power * 3 // 2 >= length:
            return power * 3 // 2
        power *= 2
    return power


def probabilities(model, variables: dict, recording: Recording) -> np.ndarray:
    """Scores every frame of a normalised recording, float32[T, L + 1].

    One of more than `tiles.longest` frames is scored in windows, so that memory is bounded;
    see `tiles.default`.
    """
    length = len(recording.joints)
    if length > windowing.longest(model):
        return tiled(model, variables, recording, windowing.default(model))
    example = batches.window(recording, 0, bucket(length))
    joints, mask = (jnp.asarray(example[name][None]) for name in ('joints', 'mask'))
    scores = clip_probabilities(model, variables, joints, mask)
    return np.asarray(scores[0, :length])


def tiled(model, variables: dict, recording: Recording, window: windowing.Window) -> np.ndarray:
    """Scores every frame of a normalised recording in windows, float32[T, L + 1]."""
    count = -(-len(recording.joints) // window.hop)
    cut = windowing.examples(recording, window)
    return windows(model, variables, cut, count, window.length)


def windows(model, variables: dict, examples: Iterable, count: int, length: int) -> np.ndarray:
    """Scores windows, several at a time: no more than `tiles.LONGEST` frames.

    Args:
        model, variables: the network.
        examples: as `tiles.examples` makes them.
        count: how many there are.
        length: frames of each.

    Returns:
        The scores of the frames that they give, one after the other, float32[T, L + 1].
    """
    # A power of two, so that few recordings have a shape of their own.
    size = min(1 << (count - 1).bit_length(), max(1, windowing.LONGEST // length))
    parts, left = [], iter(examples)
    while some := list(itertools.islice(left, size)):
        stacked = [np.stack([e[name] for e, _ in some]) for name in ('joints', 'mask')]
        missing = [(0, size - len(some))]
        given = [jnp.asarray(np.pad(x, missing + [(0, 0)] * (x.ndim - 1))) for x in stacked]
        scores = np.asarray(clip_probabilities(model, variables, *given))
        parts += [own[wanted] for own, (_, wanted) in zip(scores, some, strict=False)]
    return np.concatenate(parts)


def logarithm(probabilities: np.ndarray) -> np.ndarray:
    """Returns logits of probabilities float[..., L + 1], but for a constant a frame."""
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the probabilities of logits float[..., L + 1]."""
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def true_segments(recording: Recording) -> Segments:
    """Returns the labeled segments of a recording, in its frames."""
    return Segments(
        recording.segment_start.astype(np.int64),
        recording.segment_end.astype(np.int64),
        recording.segment_label.astype(np.int64),
    )


def truth(corpus: Corpus) -> dict[str, Segments]:
    """Collects the labelled segments of every recording."""
    return {recording.name: true_segments(recording) for recording in corpus}


def corpus_probabilities(model, variables: dict, corpus: Corpus) -> dict[str, np.ndarray]:
    """Scores every frame of every recording of a split, name -> float32[T, L + 1]; see `shared`."""
    device = jax.device_put(variables, jax.local_devices()[0])
    return shared(corpus, lambda recording: probabilities(model, device, recording))


def shared(corpus: Corpus, scores_of) -> dict[str, np.ndarray]:
    """Scores the recordings of a split by a function of one of them, name -> float32[T, L + 1].

    Each of several processes scores a share of the recordings, and all get the scores of all.
    """
    share = range(jax.process_index(), len(corpus), jax.process_count())
    with cluster.together():
        scored = {i: scores_of(corpus[i]) for i in share}
    scored = {i: scores for part in cluster.gather(scored) for i, scores in part.items()}
    return {recording.name: scored[i] for i, recording in enumerate(corpus)}


def evaluate(model, variables: dict, corpus: Corpus, protocol, tious: tuple[float, ...]):
    """Predicts and measures every recording of a split by one protocol.

    Several processes share the scoring; each measures all that was scored, so that their
    figures are equal to the last digit.

    Args:
        model, variables: the network.
        corpus: the split.
        protocol: a `localize.Protocol`.
        tious: thresholds, where the protocol leaves them open.
    """
    scores = corpus_probabilities(model, variables, corpus)
    predicted = {name: protocol.decode(p) for name, p in scores.items()}
    return measure(predicted, scores, truth(corpus), protocol, len(corpus.classes), tious)


def measure(
    predicted: dict[str, Segments],
    scores: dict[str, np.ndarray],
    true: dict[str, Segments],
    protocol,
    num_classes: int,
    tious: tuple[float, ...],
):
    """Measures segments, and scores of frames float[T, L + 1], by recording, by one protocol."""
    return protocol.evaluate(
        predicted,
        true,
        num_classes=num_classes,
        tious=protocol.thresholds(tious),
        num_frames={name: len(p) for name, p in scores.items()},
        probabilities=scores,
    )
