"""k-nearest-neighbor probe: frames get the labels of labeled frames with similar features.

No parameters are trained, so the result measures the encoder alone. Votes are weighted by
`exp(cosine / temperature)` (Wu et al., arXiv 1805.01978). arXiv 2512.16504 uses the probe but
does not report k, temperature or features.
"""

from collections.abc import Iterator
import functools
from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.inference import scoring, windowing
from skeljax.models import heads

TEMPERATURE = 0.07


class Bank(NamedTuple):
    """Labeled features.

    Attributes:
        vectors: unit vectors, float32[N, C].
        labels: int32[N], background last.
    """

    vectors: jax.Array
    labels: jax.Array


def collect(model, variables: dict, corpus: Corpus, chosen) -> Bank:
    """Encodes labeled recordings: one vector per encoder step.

    Args:
        model: a `models.heads.FrameClassifier`; with `clip_level`, one vector per recording,
            with the label of its first segment.
        variables: of the model.
        corpus: normalized.
        chosen: indices of the recordings.

    Raises:
        InputError: `whole`, and a recording has no segment.
    """
    vectors, labels = [], []
    for index in chosen:
        recording = corpus[int(index)]
        if not model.clip_level:
            features, frames = _valid_steps(model, variables, recording)
            labels.append(corpus.labels(int(index))[frames])
        elif len(recording.segment_label):
            encoded = next(_encode(model, variables, recording))
            features = encoded.vectors[encoded.valid]
            labels.append(recording.segment_label[: len(features)])
        else:
            raise InputError(f'{recording.name}: has no segment, so its class is unknown')
        vectors.append(features)
    vectors, labels = np.concatenate(vectors), np.concatenate(labels).astype(np.int32)
    return Bank(jnp.asarray(vectors), jnp.asarray(labels))


def probabilities(model, variables: dict, recording, bank: Bank, *, classes: int, neighbors: int):
    """Computes the probabilities of a normalized recording from its nearest labeled features.

    Args:
        model: as in `collect`.
        variables: of the model.
        recording: with T frames.
        bank: labeled features.
        classes: L, without background.
        neighbors: k, at most the size of the bank.

    Returns:
        float32[T, L + 1].
    """
    neighbors = min(neighbors, len(bank.labels))
    parts = []
    for vectors, valid, mask, core in _encode(model, variables, recording):
        votes = vote(vectors, bank, outputs=classes + 1, neighbors=neighbors)[None]
        if model.clip_level:
            return np.repeat(np.asarray(votes[0]), len(recording.joints), axis=0)
        by_frame = heads.interpolate(votes, jnp.asarray(mask[None]), _stride(valid, mask))
        parts.append(np.asarray(by_frame[0, core]))
    return np.concatenate(parts)


@functools.partial(jax.jit, static_argnames=('outputs', 'neighbors'))
def vote(queries, bank: Bank, *, outputs: int, neighbors: int):
    """Returns the weighted label frequencies of the nearest vectors.

    Args:
        queries: unit vectors, float32[S, C].
        bank: labeled features.
        outputs: number of labels, L + 1.
        neighbors: k.

    Returns:
        Probabilities, float32[S, outputs].
    """
    cosine = jnp.einsum('sc,nc->sn', queries, bank.vectors)
    similarity, index = lax.top_k(cosine, neighbors)
    weights = jax.nn.softmax(similarity / TEMPERATURE)
    labels = jax.nn.one_hot(bank.labels[index], outputs, dtype=weights.dtype)
    return jnp.einsum('sk,skl->sl', weights, labels)


def snippets(model, variables: dict, recording) -> tuple[np.ndarray, np.ndarray]:
    """Encodes the snippets of a normalized recording: steps of the deepest tap.

    Only the first `windowing.MAX_FRAMES` frames are encoded.

    Args:
        model: as in `collect`, not `whole`.
        variables: of the model.
        recording: of any length.

    Returns:
        Unit vectors, float32[S, C], and the frame of each, int[S].
    """
    frames = min(len(recording.joints), windowing.MAX_FRAMES)
    return _valid_steps(model, variables, windowing.cut(recording, 0, frames))


class _Encoded(NamedTuple):
    """Features of a recording, or of a window of it, with T frames.

    Attributes:
        vectors: unit vectors, float32[S, C]; S = 1 for a `whole` model.
        valid: steps with any valid frame, bool[S].
        mask: frames with any person, bool[T].
        core: frames that the window scores.
    """

    vectors: np.ndarray
    valid: np.ndarray
    mask: np.ndarray
    core: slice


def _encode(model, variables, recording) -> Iterator[_Encoded]:
    """Encodes a recording, with the windows of `scoring.probabilities`."""
    length = len(recording.joints)
    window = windowing.default_window(model)
    if model.clip_level or length <= windowing.max_length(model):
        window = windowing.Window(scoring.padded_length(length), length, 0)
    for example, core in windowing.examples(recording, window):
        joints, mask = (jnp.asarray(example[name][None]) for name in ('joints', 'mask'))
        vectors, valid = _deepest(model, variables, joints, mask)
        yield _Encoded(np.asarray(vectors), np.asarray(valid), example['mask'].any(-1), core)


def _valid_steps(model, variables, recording) -> tuple[np.ndarray, np.ndarray]:
    """Returns the vectors of all valid steps, float32[S, C], and their frames, int[S]."""
    vectors, frames, done = [], [], 0
    for one in _encode(model, variables, recording):
        places = _frames(one.valid, one.mask)
        inside = (places >= one.core.start) & (places < one.core.stop)
        vectors.append(one.vectors[one.valid][inside])
        frames.append(places[inside] - one.core.start + done)
        done += one.core.stop - one.core.start
    return np.concatenate(vectors), np.concatenate(frames)


@functools.partial(jax.jit, static_argnames='model')
def _deepest(model, variables, joints, mask):
    taps = model.apply(variables, joints, mask, method='taps')
    features, valid = (x[0] for x in taps[max(taps)])
    if model.clip_level:
        features = jnp.where(valid[:, None], features, 0).sum(0, keepdims=True)
        valid = valid.any(keepdims=True)
    return heads.unit(features), valid


def _stride(steps, frames) -> int:
    return -(-len(frames) // len(steps))


def _frames(valid, mask) -> np.ndarray:
    """Returns the frame of every valid step, as in `heads.interpolate`."""
    length = int(np.flatnonzero(mask).max(initial=-1)) + 1
    steps = -(-length // _stride(valid, mask))
    return np.round(np.linspace(0, max(length - 1, 0), steps)).astype(int)[valid[:steps]]
