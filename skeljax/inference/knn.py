"""The kNN probe: a frame is what the labelled frames with the nearest features are.

Nothing is trained, so the figures are those of the encoder alone. Votes are weighed by
`exp(cosine / temperature)`, as is usual (Wu et al., arXiv 1805.01978). arXiv 2512.16504
names the probe but tells neither k nor temperature nor features.
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
    """Labelled features.

    Attributes:
        vectors: unit vectors, float32[N, C].
        labels: int32[N], background last.
    """

    vectors: jax.Array
    labels: jax.Array


def collect(model, variables: dict, corpus: Corpus, chosen) -> Bank:
    """Encodes labelled recordings: a vector for each step of the encoder.

    Args:
        model: a `models.heads.FrameClassifier`; with `clip_level` it is a vector for a recording, the
            label of which is that of its first segment.
        variables: of it.
        corpus: normalised.
        chosen: indices of the recordings.

    Raises:
        InputError: `whole`, and a recording has no segment.
    """
    vectors, labels = [], []
    for index in chosen:
        recording = corpus[int(index)]
        if not model.clip_level:
            found, frames = _known(model, variables, recording)
            labels.append(corpus.labels(int(index))[frames])
        elif len(recording.segment_label):
            found = [one.vectors[one.valid] for one in _encode(model, variables, recording)][0]
            labels.append(recording.segment_label[: len(found)])
        else:
            raise InputError(f'{recording.name}: shows no action that it could be known by')
        vectors.append(found)
    vectors, labels = np.concatenate(vectors), np.concatenate(labels).astype(np.int32)
    return Bank(jnp.asarray(vectors), jnp.asarray(labels))


def probabilities(model, variables: dict, recording, bank: Bank, *, classes: int, neighbours: int):
    """Scores every frame of a normalised recording by its nearest labelled features.

    Args:
        model: as in `collect`.
        variables: of it.
        recording: with T frames.
        bank: labelled features.
        classes: L, without background.
        neighbours: k; all where the bank has fewer.

    Returns:
        float32[T, L + 1].
    """
    neighbours = min(neighbours, len(bank.labels))
    parts = []
    for vectors, valid, mask, given in _encode(model, variables, recording):
        votes = vote(vectors, bank, outputs=classes + 1, neighbours=neighbours)[None]
        if model.clip_level:
            return np.repeat(np.asarray(votes[0]), len(recording.joints), axis=0)
        spread = heads.interpolate(votes, jnp.asarray(mask[None]), _stride(valid, mask))
        parts.append(np.asarray(spread[0, given]))
    return np.concatenate(parts)


@functools.partial(jax.jit, static_argnames=('outputs', 'neighbours'))
def vote(queries, bank: Bank, *, outputs: int, neighbours: int):
    """Weighs the labels of the nearest vectors.

    Args:
        queries: unit vectors, float32[S, C].
        bank: what they are compared with.
        outputs: number of labels.
        neighbours: k.

    Returns:
        Shares that add up to 1, float32[S, outputs].
    """
    cosine = jnp.einsum('sc,nc->sn', queries, bank.vectors)
    near, where = lax.top_k(cosine, neighbours)
    weights = jax.nn.softmax(near / TEMPERATURE)
    kinds = jax.nn.one_hot(bank.labels[where], outputs, dtype=weights.dtype)
    return jnp.einsum('sk,skl->sl', weights, kinds)


def snippets(model, variables: dict, recording) -> tuple[np.ndarray, np.ndarray]:
    """Encodes the snippets of a normalised recording, the steps of the deepest tap.

    Of one of more than `tiles.LONGEST` frames as many are taken.

    Args:
        model: as in `collect`, not `whole`.
        variables: of it.
        recording: of any length.

    Returns:
        Unit vectors, float32[S, C], and the frame that each stands for, int[S].
    """
    return _known(model, variables, windowing.cut(recording, 0, min(len(recording.joints), windowing.LONGEST)))


class _Encoded(NamedTuple):
    """What is made of a recording, or of a window of it, with T frames.

    Attributes:
        vectors: unit vectors, float32[S, C]; S = 1 where it is one whole.
        valid: which steps hold any frame, bool[S].
        mask: frames that somebody is seen in, bool[T].
        given: frames that the window gives.
    """

    vectors: np.ndarray
    valid: np.ndarray
    mask: np.ndarray
    given: slice


def _encode(model, variables, recording) -> Iterator[_Encoded]:
    """Encodes a recording, in windows where `score.probabilities` scores it in windows."""
    length = len(recording.joints)
    window = windowing.default(model)
    if model.clip_level or length <= windowing.longest(model):
        window = windowing.Window(scoring.bucket(length), length, 0)
    for example, given in windowing.examples(recording, window):
        joints, mask = (jnp.asarray(example[name][None]) for name in ('joints', 'mask'))
        vectors, valid = _deepest(model, variables, joints, mask)
        yield _Encoded(np.asarray(vectors), np.asarray(valid), example['mask'].any(-1), given)


def _known(model, variables, recording) -> tuple[np.ndarray, np.ndarray]:
    """Returns the vectors of all valid steps, float32[S, C], and each one's frame, int[S]."""
    vectors, frames, done = [], [], 0
    for one in _encode(model, variables, recording):
        places = _frames(one.valid, one.mask)
        inside = (places >= one.given.start) & (places < one.given.stop)
        vectors.append(one.vectors[one.valid][inside])
        frames.append(places[inside] - one.given.start + done)
        done += one.given.stop - one.given.start
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
    """Tells the frame that every valid step stands for, as `heads.interpolate` places them."""
    length = int(np.flatnonzero(mask).max(initial=-1)) + 1
    steps = -(-length // _stride(valid, mask))
    return np.round(np.linspace(0, max(length - 1, 0), steps)).astype(int)[valid[:steps]]
