"""The kNN probe: votes by hand, and a whole probe with an encoder that tells the class."""

import types

from flax import linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.inference import knn
from skeljax.models import heads, pooling


def _unit(*angles):
    return jnp.array([[np.cos(a), np.sin(a)] for a in angles], jnp.float32)


def test_votes_are_weighed_by_their_cosine():
    bank = knn.Bank(_unit(0.0, 0.1, 1.5, 3.0), jnp.array([2, 0, 0, 1]))
    votes = np.asarray(knn.vote(_unit(0.0), bank, outputs=3, neighbors=2))
    weights = np.exp(np.array([1.0, np.cos(0.1)]) / 0.07)
    shares = weights / weights.sum()
    np.testing.assert_allclose(votes, [[shares[1], 0, shares[0]]], rtol=1e-5)


def test_the_nearest_decides_alone():
    bank = knn.Bank(_unit(0.0, 0.1, 0.2), jnp.array([0, 1, 2]))
    votes = knn.vote(_unit(0.11, 0.19), bank, outputs=4, neighbors=1)
    np.testing.assert_array_equal(votes, [[0, 1, 0, 0], [0, 0, 1, 0]])


def test_a_step_stands_for_the_frame_that_scores_are_stretched_to():
    mask = np.arange(16) < 13
    np.testing.assert_array_equal(knn._frames(np.array([1, 1, 1, 1], bool), mask), [0, 4, 8, 12])
    # Nobody was there in the second stretch, and nothing is after the twelfth frame.
    np.testing.assert_array_equal(knn._frames(np.array([1, 0, 1, 1], bool), mask), [0, 8, 12])


class Backbone(nn.Module):
    """Shows the poses themselves, a mean of every four frames."""

    layout: str = 'ntu25'

    def __call__(self, x, mask, *, train):
        flat = x.reshape(*x.shape[:2], -1)
        return types.SimpleNamespace(taps={4: pooling.pool_time(flat, mask.any(-1), 4)})


def _model(**options):
    return heads.FrameClassifier(Backbone(), None, heads.FrameHead(2), **options)


@pytest.fixture(scope='module')
def corpus(tiny):
    return Corpus(tiny, 'synthetic/tiny', 'train', normalization=('center', 'align', 'size'))


def test_what_is_in_the_bank_is_recognised(corpus):
    classes = len(corpus.classes)
    bank = knn.collect(_model(), {}, corpus, range(len(corpus)))
    steps = sum(-(-int(n) // 4) for n in corpus.lengths)
    assert bank.vectors.shape[0] == bank.labels.shape[0] == steps
    for index in range(2):
        found = knn.probabilities(_model(), {}, corpus[index], bank, classes=classes, neighbors=1)
        assert found.shape == (corpus.lengths[index], classes + 1) and found.dtype == np.float32
        np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
        # Wrong only about the bounds of segments, between the steps.
        assert (found.argmax(-1) == corpus.labels(index)).mean() > 0.9


def test_recordings_as_a_whole_are_known_by_their_first_segment(corpus):
    model = _model(clip_level=True)
    bank = knn.collect(model, {}, corpus, [0, 2])
    np.testing.assert_array_equal(bank.labels, [corpus[i].segment_label[0] for i in (0, 2)])
    found = knn.probabilities(model, {}, corpus[2], bank, classes=len(corpus.classes), neighbors=1)
    assert (found.argmax(-1) == corpus[2].segment_label[0]).all()


def test_a_recording_without_an_action_has_nothing_to_be_known_by(corpus):
    import dataclasses

    bare = {f.name: getattr(corpus[0], f.name) for f in dataclasses.fields(corpus[0])}
    empty = {name: bare[name][:0] for name in ('segment_start', 'segment_end', 'segment_label')}
    with pytest.raises(InputError, match='has no segment'):
        knn.collect(_model(clip_level=True), {}, [type(corpus[0])(**bare | empty)], [0])


class Counting(nn.Module):
    """Tells how many frames it was given: their number, and 100 beside it."""

    layout: str = 'ntu25'

    def __call__(self, x, mask, *, train):
        count = mask.any(-1).sum(-1).astype(jnp.float32)[:, None, None]
        told = jnp.concatenate([count, jnp.full_like(count, 100.0)], -1)
        told = jnp.broadcast_to(told, (*x.shape[:2], 2))
        return types.SimpleNamespace(taps={4: pooling.pool_time(told, mask.any(-1), 4)})


def test_a_network_that_learnt_from_few_frames_is_shown_as_many(corpus):
    recording, length = corpus[0], int(corpus.lengths[0])
    assert length > 64
    for span, most in (None, length), (32, 32):
        model = heads.FrameClassifier(Counting(), None, heads.FrameHead(2), max_length=span)
        vectors, frames = knn.snippets(model, {}, recording)
        shown = vectors[:, 0] / vectors[:, 1] * 100
        np.testing.assert_allclose(shown.max(), most, atol=0.1)
        assert (np.diff(frames) > 0).all() and 0 <= frames[0] and frames[-1] < length


def test_what_is_in_the_bank_is_recognised_in_windows_too(corpus):
    model, classes = _model(max_length=32), len(corpus.classes)
    bank = knn.collect(model, {}, corpus, range(len(corpus)))
    for index in range(2):
        found = knn.probabilities(model, {}, corpus[index], bank, classes=classes, neighbors=1)
        assert found.shape == (corpus.lengths[index], classes + 1)
        assert (found.argmax(-1) == corpus.labels(index)).mean() > 0.9
