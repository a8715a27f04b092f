"""Logits averaged between the changes that a head finds: by hand, and what holds always."""

import hypothesis
from hypothesis import strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.models import boundary


def _logit(probability):
    probability = np.asarray(probability, np.float64)
    with np.errstate(divide='ignore'):
        return jnp.array(np.log(probability / (1 - probability)).clip(-100, 100), jnp.float32)


def _pool(logits, probability, mask=None, **options):
    logits = jnp.asarray(logits, jnp.float32)[None, :, None]
    mask = np.ones(logits.shape[1], bool) if mask is None else np.array(mask, bool)
    head = boundary.BoundaryHead(**options)
    return np.asarray(head.pool(logits, _logit(probability)[None], jnp.array(mask)[None]))[0, :, 0]


def test_four_frames_by_hand():
    """A change for certain between frames 1 and 2, which takes one frame on either side."""
    found = _pool([1, 2, 4, 8], [0, 1, 1, 0], width=2, radius=2, strength=np.log(16))
    # Changes expected between frames 0, 1, 2, 3 in turn: 1/4, 1/2, 1/4; each weighs 1/16^that.
    # Frames 1 and 2 can leave the change through 1/4 on their side, which costs them nothing.
    half, quarter, eighth = 1 / 2, 1 / 4, 1 / 8
    expected = [
        (1 + half * 2 + eighth * 4) / (1 + half + eighth),
        (1 + 2 + half * 4 + quarter * 8) / (1 + 1 + half + quarter),
        (quarter * 1 + half * 2 + 4 + 8) / (quarter + half + 1 + 1),
        (eighth * 2 + half * 4 + 8) / (eighth + half + 1),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_where_no_change_is_expected_all_frames_in_reach_are_averaged():
    found = _pool([1, 2, 3, 4, 5], [0] * 5, radius=1)
    np.testing.assert_allclose(found, [1.5, 2, 3, 4, 4.5], rtol=1e-6)


def test_scores_change_where_the_head_finds_a_change_and_not_where_a_frame_errs():
    """Classes disagree a frame too late and in one frame within: both follow the head."""
    logits = np.array([3, 3, -3, 3, 3, 3, -3, -3, -3, -3.0])
    found = _pool(logits, np.isin(np.arange(10), [4, 5]), width=2, radius=9, strength=20.0)
    assert (found[:5] > 0).all() and (found[5:] < 0).all()


def test_nothing_is_taken_across_frames_without_a_person():
    mask = [1, 1, 0, 1, 1, 0]
    found = _pool([1, 3, 100, 10, 20, 50], [0] * 6, mask, radius=5)
    np.testing.assert_allclose(found, [2, 2, 100, 15, 15, 50], rtol=1e-6)


def test_a_radius_of_zero_leaves_logits_as_they_are():
    assert _pool([1, 2, 3], [0] * 3, radius=0).tolist() == [1, 2, 3]


def test_an_untrained_head_expects_few_changes():
    head = boundary.BoundaryHead()
    found, _ = head.init_with_output(jax.random.key(0), jnp.zeros((1, 2, 8)))
    np.testing.assert_allclose(jax.nn.sigmoid(found), 0.05, rtol=1e-5)
    assert found.shape == (1, 2) and found.dtype == jnp.float32


LENGTH = 8


@st.composite
def clips(draw):
    floats = st.floats(-5, 5, width=32)
    rows = lambda: np.array(draw(st.lists(floats, min_size=LENGTH, max_size=LENGTH)), np.float32)
    mask = np.array(draw(st.lists(st.booleans(), min_size=LENGTH, max_size=LENGTH)))
    return np.stack([rows(), rows()], -1), rows(), mask


_apply = jax.jit(boundary.BoundaryHead(width=2, radius=3, strength=4.0).pool)


@hypothesis.given(clips())
def test_pooled_logits_lie_among_those_in_reach_and_time_has_no_direction(clip):
    logits, boundaries, mask = clip
    found = np.asarray(_apply(*(x[None] for x in clip)))[0]
    for frame in range(LENGTH):
        near = slice(max(frame - 3, 0), frame + 4)
        among = logits[near][mask[near]] if mask[frame] else logits[[frame]]
        assert (found[frame] >= among.min(0) - 1e-4).all()
        assert (found[frame] <= among.max(0) + 1e-4).all()
    turned = np.asarray(_apply(*(x[None, ::-1] for x in clip)))[0, ::-1]
    np.testing.assert_allclose(turned, found, atol=1e-5)


@hypothesis.given(clips(), st.floats(-30, 30, width=32))
def test_a_constant_a_frame_changes_no_score(clip, constant):
    """Probabilities are the same whether logits or log-probabilities are averaged."""
    logits, boundaries, mask = clip
    moved = logits + np.float32(constant) * np.arange(LENGTH, dtype=np.float32)[:, None] / LENGTH
    scores = [
        jax.nn.softmax(_apply(z[None], boundaries[None], mask[None])) for z in (logits, moved)
    ]
    np.testing.assert_allclose(*scores, atol=1e-4)


@pytest.mark.parametrize('width, radius', [(2, 3), (4, 2), (2, 0)])
def test_the_reach_is_how_far_a_frame_changes_results(width, radius):
    head = boundary.BoundaryHead(width=width, radius=radius, strength=1.0)
    logits = jnp.array(np.random.default_rng(0).normal(size=(40, 21, 2)), jnp.float32)
    boundaries, mask = 6 * logits[..., 0], jnp.ones((40, 21), bool)
    run = jax.jit(head.pool)
    changed = run(logits.at[:, 10].add(1.0), boundaries.at[:, 10].add(1.0), mask)
    affected = np.flatnonzero((changed != run(logits, boundaries, mask)).any((0, -1)))
    assert affected.tolist() == list(range(10 - head.receptive_field, 11 + head.receptive_field))
    assert head.receptive_field == (max(width, radius) if radius else 0)


@pytest.mark.parametrize('frames', [4, 6])
def test_padding_changes_nothing(frames):
    rng = np.random.default_rng(frames)
    logits, boundaries = rng.normal(size=(1, 8, 2)), rng.normal(size=(1, 8))
    mask = np.arange(8)[None] < frames
    whole = _apply(logits.astype('f'), boundaries.astype('f'), mask)
    cut = _apply(*(x[:, :frames].astype(x.dtype) for x in (
        logits.astype('f'), boundaries.astype('f'), mask)))
    np.testing.assert_array_equal(whole[:, :frames], cut)
