"""The kNN probe: a frame is what the labelled frames with the nearest features are.

Nothing is trained, so the figures are those of the encoder alone. Votes are weighed by
`exp(cosine / temperature)`, as is usual (Wu et al., arXiv 1805.01978). arXiv 2512.16504
names the probe but tells neither k nor temperature nor features.
"""

import functools
from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from skeljax.data import batches
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.models import heads
from skeljax.train import score, tiles

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
        model: a `models.heads.Localizer`; with `whole` it is a vector for a recording, the
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
        features, valid, mask = _encode(model, variables, recording)
        valid = np.asarray(valid)
        vectors.append(np.asarray(features)[valid])
        if model.whole:
            if not len(recording.segment_label):
                raise InputError(f'{recording.name}: shows no action that it could be known by')
            labels.append(recording.segment_label[: valid.sum()])
        else:
            labels.append(corpus.labels(int(index))[_frames(valid, np.asarray(mask[0]))])
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
    length = len(recording.joints)
    features, valid, mask = _encode(model, variables, recording)
    neighbours = min(neighbours, len(bank.labels))
    votes = vote(features, bank, outputs=classes + 1, neighbours=neighbours)
    if model.whole:
        return np.repeat(np.asarray(votes), length, axis=0)
    spread = heads.interpolate(votes[None], mask, _stride(valid, mask[0]))
    return np.asarray(spread[0, :length])


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
    features, valid, mask = _encode(model, variables, recording, tiles.LONGEST)
    valid = np.asarray(valid)
    return np.asarray(features)[valid], _frames(valid, np.asarray(mask[0]))


def _encode(model, variables, recording, longest=None):
    """Encodes a recording: float32[S, C], bool[S] (S = 1 where it is one whole), its mask."""
    length = len(recording.joints)
    example = batches.window(recording, 0, score.bucket(min(length, longest or length)))
    joints, mask = (jnp.asarray(example[name][None]) for name in ('joints', 'mask'))
    features, valid = _deepest(model, variables, joints, mask)
    return features, valid, mask.any(-1)


@functools.partial(jax.jit, static_argnames='model')
def _deepest(model, variables, joints, mask):
    taps = model.apply(variables, joints, mask, method='taps')
    features, valid = (x[0] for x in taps[max(taps)])
    if model.whole:
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
