"""Computes frame probabilities with a network, and evaluates it on a corpus."""

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
    """Computes the probabilities of clips.

    Args:
        model, variables: the network.
        joints: float[B, T, M, V, 3].
        mask: bool[B, T, M].

    Returns:
        float32[B, T, L + 1].
    """
    score = lambda *clips: model.probabilities(model.apply(variables, *clips, train=False))
    implementation = getattr(model.backbone, 'implementation', 'plain')
    return chunks.map_in_chunks(
        score, joints, mask, os.cpu_count() or 1, implementation=implementation
    )


def padded_length(length: int) -> int:
    """Rounds a length up to 256, 384, 512, 768, ..., to limit the number of compilations."""
    power = 256
    while power < length:
        if power * 3 // 2 >= length:
            return power * 3 // 2
        power *= 2
    return power


def probabilities(model, variables: dict, recording: Recording) -> np.ndarray:
    """Computes the probabilities of a normalized recording, float32[T, L + 1].

    A recording of more than `windowing.max_length` frames is scored in windows, so that memory
    is bounded; see `windowing.default_window`.
    """
    length = len(recording.joints)
    if length > windowing.max_length(model):
        return windowed_probabilities(model, variables, recording, windowing.default_window(model))
    example = batches.window(recording, 0, padded_length(length))
    joints, mask = (jnp.asarray(example[name][None]) for name in ('joints', 'mask'))
    scores = clip_probabilities(model, variables, joints, mask)
    return np.asarray(scores[0, :length])


def windowed_probabilities(
    model, variables: dict, recording: Recording, window: windowing.Window
) -> np.ndarray:
    """Computes the probabilities of a normalized recording in windows, float32[T, L + 1]."""
    count = -(-len(recording.joints) // window.hop)
    examples = windowing.examples(recording, window)
    return score_windows(model, variables, examples, count, window.length)


def score_windows(
    model, variables: dict, examples: Iterable, count: int, length: int
) -> np.ndarray:
    """Scores windows in batches of up to `windowing.MAX_FRAMES` frames.

    Args:
        model, variables: the network.
        examples: see `windowing.examples`.
        count: number of windows.
        length: frames per window.

    Returns:
        Scores of the core frames of all windows, concatenated, float32[T, L + 1].
    """
    # A power of two limits the number of different shapes.
    size = min(1 << (count - 1).bit_length(), max(1, windowing.MAX_FRAMES // length))
    parts, remaining = [], iter(examples)
    while batch := list(itertools.islice(remaining, size)):
        stacked = [np.stack([e[name] for e, _ in batch]) for name in ('joints', 'mask')]
        missing = [(0, size - len(batch))]
        padded = [jnp.asarray(np.pad(x, missing + [(0, 0)] * (x.ndim - 1))) for x in stacked]
        scores = np.asarray(clip_probabilities(model, variables, *padded))
        parts += [own[core] for own, (_, core) in zip(scores, batch, strict=False)]
    return np.concatenate(parts)


def to_logits(probabilities: np.ndarray) -> np.ndarray:
    """Returns logits of probabilities float[..., L + 1], up to a constant per frame."""
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
    """Returns the labeled segments of every recording."""
    return {recording.name: true_segments(recording) for recording in corpus}


def corpus_probabilities(model, variables: dict, corpus: Corpus) -> dict[str, np.ndarray]:
    """Computes probabilities of a split, name -> float32[T, L + 1]; see `score_corpus`."""
    device = jax.device_put(variables, jax.local_devices()[0])
    return score_corpus(corpus, lambda recording: probabilities(model, device, recording))


def score_corpus(corpus: Corpus, score) -> dict[str, np.ndarray]:
    """Applies a function to the recordings of a split, name -> float32[T, L + 1].

    Every process scores a share of the recordings; all processes return all scores.

    Args:
        corpus: the split.
        score: recording -> float32[T, L + 1].
    """
    share = range(jax.process_index(), len(corpus), jax.process_count())
    with cluster.together():
        scored = {i: score(corpus[i]) for i in share}
    scored = {i: scores for part in cluster.gather(scored) for i, scores in part.items()}
    return {recording.name: scored[i] for i, recording in enumerate(corpus)}


def evaluate(model, variables: dict, corpus: Corpus, protocol, tious: tuple[float, ...]):
    """Evaluates a network on a split by one protocol.

    Processes share the scoring. Each evaluates all recordings, so results are identical.

    Args:
        model, variables: the network.
        corpus: the split.
        protocol: a `localize.Protocol`.
        tious: thresholds, if the protocol has none of its own.
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
    """Evaluates predictions by one protocol.

    Args:
        predicted: segments by recording.
        scores: probabilities by recording, float[T, L + 1].
        true: true segments by recording.
        protocol: a `localize.Protocol`.
        num_classes: L.
        tious: thresholds, if the protocol has none of its own.
    """
    return protocol.evaluate(
        predicted,
        true,
        num_classes=num_classes,
        tious=protocol.thresholds(tious),
        num_frames={name: len(p) for name, p in scores.items()},
        probabilities=scores,
    )
