"""The loss of a frame: each term of four frames by hand, weights by hand, masks."""

import dataclasses

import hypothesis
from hypothesis import strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from skeljax.configs import default
from skeljax.errors import InputError
from skeljax.train import run_dir as workdirs
from skeljax.train.frame_loss import EVEN, Balance, FrameLoss

P = np.array([[0.75, 0.25], [0.5, 0.5], [0.8, 0.2], [0.1, 0.9]])  # of four frames
LOGITS = jnp.array(np.log(P) + [[3.0], [0.0], [-1.0], [2.0]], jnp.float32)[None]
LABELS = jnp.array([[0, 0, 1, 1]], jnp.int32)
ALL = jnp.ones((1, 4), bool)
OWN = np.array([0.75, 0.5, 0.2, 0.9])  # probability of each frame's label


def _terms(mask=ALL, boundaries=None, balance=EVEN, **options):
    found = FrameLoss(**options).terms(LOGITS, boundaries, LABELS, mask, balance)
    return {name: np.asarray(value[0]) for name, value in found.items()}


def test_without_options_it_is_the_plain_cross_entropy_bit_for_bit():
    found = _terms()
    expected = optax.softmax_cross_entropy_with_integer_labels(LOGITS, LABELS)[0]
    assert list(found) == ['classification']
    np.testing.assert_array_equal(found['classification'], expected)
    np.testing.assert_allclose(found['classification'], -np.log(OWN), rtol=1e-5)
    assert FrameLoss().total({'classification': 0.3}) == 0.3


def test_smoothing_is_the_squared_change_of_log_probabilities():
    found = _terms(smoothing_weight=0.15)
    change = np.diff(np.log(P), axis=0)
    np.testing.assert_allclose(found['smoothing'], [0, *(change**2).mean(1)], rtol=1e-5)
    clipped = _terms(smoothing_weight=0.15, smoothing_clip=1.0)['smoothing']
    squares = np.minimum(np.abs(change), 1) ** 2
    assert (np.abs(change) > 1).any()
    np.testing.assert_allclose(clipped, [0, *squares.mean(1)], rtol=1e-5)
    np.testing.assert_array_equal(found['classification'], _terms()['classification'])


def test_smoothing_has_a_gradient_in_a_frame_and_none_in_the_one_before():
    loss = FrameLoss(smoothing_weight=1.0)
    total = lambda logits: loss.terms(logits, None, LABELS, ALL)['smoothing'].sum()
    gradient = np.asarray(jax.jit(jax.grad(total))(LOGITS)[0])
    assert not gradient[0].any() and gradient[1:].any(-1).all()
    # Of two classes: the gradient of the mean of squares, through the log-softmax.
    change = np.log(P[1]) - np.log(P[0])
    np.testing.assert_allclose(gradient[1], change - P[1] * change.sum(), rtol=1e-4)


@pytest.mark.parametrize('mask, counted', [
    ([1, 1, 0, 1], [1]), ([1, 1, 1, 0], [1, 2]), ([0, 1, 1, 1], [2, 3]), ([0, 1, 0, 1], []),
])
def test_smoothing_leaves_out_what_borders_on_a_gap(mask, counted):
    found = _terms(jnp.array([mask], bool), smoothing_weight=1.0)['smoothing']
    assert np.flatnonzero(found).tolist() == counted


def test_the_focal_loss_weighs_easy_frames_less():
    for gamma in (0.5, 1.0, 2.0):
        found = _terms(focal_gamma=gamma)['classification']
        np.testing.assert_allclose(found, -((1 - OWN) ** gamma) * np.log(OWN), rtol=1e-5)


@pytest.mark.parametrize('gamma', [0.5, 1.0, 2.0])
def test_the_focal_loss_of_a_certain_frame_has_a_gradient(gamma):
    certain = jnp.array([[[200.0, 0.0]], [[0.0, 200.0]]])
    total = lambda z: (
        FrameLoss(focal_gamma=gamma)
        .terms(z, None, jnp.zeros((2, 1), jnp.int32), jnp.ones((2, 1), bool))['classification']
        .sum()
    )
    value, gradient = jax.jit(jax.value_and_grad(total))(certain)
    np.testing.assert_allclose(value, 200, rtol=1e-5)  # of the frame that is certain and wrong
    np.testing.assert_allclose(gradient, [[[0, 0]], [[-1, 1]]], atol=1e-5)


def test_classes_are_weighed():
    found = _terms(balance=Balance(np.array([0.5, 3.0], np.float32)))['classification']
    np.testing.assert_allclose(found, np.array([0.5, 0.5, 3, 3]) * -np.log(OWN), rtol=1e-5)


def test_soft_targets_and_every_option_of_the_class_term_together():
    """Between frames 1 and 2 the label changes: their targets are 3/4 and 1/4."""
    targets = np.array([[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])
    soft = _terms(boundary_smoothing=1)['classification']
    np.testing.assert_allclose(soft, -(targets * np.log(P)).sum(1), rtol=1e-5)
    weights = np.array([0.5, 3.0], np.float32)
    found = _terms(boundary_smoothing=1, focal_gamma=2.0, balance=Balance(weights))
    expected = -(targets * weights * (1 - P) ** 2 * np.log(P)).sum(1)
    np.testing.assert_allclose(found['classification'], expected, rtol=1e-5)


def test_the_boundary_head_is_to_find_the_frames_beside_a_change():
    probability = np.array([0.1, 0.6, 0.7, 0.2])
    boundaries = jnp.array(np.log(probability / (1 - probability)), jnp.float32)[None]
    found = _terms(boundaries=boundaries, boundary_weight=0.1, boundary_radius=1)['boundary']
    expected = -np.log([0.9, 0.6, 0.7, 0.8])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    # Frames near a change are a fifth: each weighs four times as much as one that is not.
    balance = Balance(boundary=(0.625, 2.5))
    weighed = _terms(boundaries=boundaries, balance=balance, boundary_weight=0.1, boundary_radius=1)
    odds = 4 * probability / (1 - probability)
    moved = odds / (1 + odds)
    expected = -np.array([0.625, 2.5, 2.5, 0.625]) * np.log(
        [1 - moved[0], *moved[1:3], 1 - moved[3]]
    )
    np.testing.assert_allclose(weighed['boundary'], expected, rtol=1e-5)


def test_weights_do_not_move_the_probability_that_the_boundary_head_learns():
    """One output for all frames, a fifth of which are near a change, learns a fifth."""
    labels = jnp.array([[0] * 9 + [1] * 11], jnp.int32)
    loss = FrameLoss(boundary_weight=1.0, boundary_radius=2)
    balance = loss.balance(np.array([9, 11]), 4)
    total = lambda b: loss.terms(
        jnp.zeros((1, 20, 2)), jnp.full((1, 20), b), labels, jnp.ones((1, 20), bool), balance
    )['boundary'].sum()
    gradient, fifth = jax.jit(jax.grad(total)), np.float32(np.log(0.2 / 0.8))
    assert abs(gradient(fifth)) < 1e-5 < abs(gradient(fifth + np.float32(0.1)))


def test_the_total_is_the_weighted_sum():
    loss = FrameLoss(smoothing_weight=0.5, boundary_weight=2.0)
    assert loss.total({'classification': 1.0, 'smoothing': 10.0, 'boundary': 100.0}) == 206.0


def test_weights_of_classes_are_inverse_frames_with_a_mean_of_one():
    frames = np.array([60, 20, 0, 20])
    classes, boundary = FrameLoss(class_balance=1.0).balance(frames, 10)
    np.testing.assert_allclose(classes, [5 / 9, 5 / 3, 1, 5 / 3], rtol=1e-6)
    assert (frames * classes).sum() == pytest.approx(100)
    assert boundary == (100 / 180, 100 / 20)
    classes, _ = FrameLoss(class_balance=0.5).balance(np.array([64, 16, 4]), 0)
    # Inverse roots are 1 : 2 : 4; 64 + 2 * 16 + 4 * 4 = 112 for 84 frames.
    np.testing.assert_allclose(classes, np.array([1, 2, 4]) * 84 / 112, rtol=1e-6)


def test_weights_by_the_effective_number_of_frames():
    # With beta = 1/2 it is 2 (1 - 2^-n): of 1, 2 and 3 frames 1, 3/2 and 7/4.
    classes, _ = FrameLoss(class_balance=1.0, class_beta=0.5).balance(np.array([1, 2, 3, 0]), 0)
    raw = np.array([1, 2 / 3, 4 / 7])
    expected = raw * 6 / (raw * [1, 2, 3]).sum()
    np.testing.assert_allclose(classes, [*expected, 1], rtol=1e-6)


@pytest.mark.parametrize('frames, near', [([0, 0], 0), ([5, 0], 5), ([0, 5], 0)])
def test_nothing_to_balance_weighs_all_alike(frames, near):
    classes, boundary = FrameLoss(class_balance=1.0).balance(np.array(frames), near)
    np.testing.assert_array_equal(classes, [1, 1])
    assert boundary == (1, 1)
    assert FrameLoss().balance(np.array([3, 1]), 0).classes is None


EVERYTHING = FrameLoss(
    smoothing_weight=0.15, focal_gamma=2.0, class_balance=0.5, boundary_smoothing=2,
    boundary_weight=0.1,
)


def _everything(logits, boundaries, labels, mask):
    balance = EVERYTHING.balance(np.array([5, 9, 0, 3]), 4)
    terms = EVERYTHING.terms(logits, boundaries, labels, mask, balance)
    return jnp.where(mask, EVERYTHING.total(terms), 0).sum()


_differentiate = jax.jit(jax.value_and_grad(_everything, (0, 1)))


@hypothesis.given(st.integers(0, 2**32 - 1))
@hypothesis.settings(max_examples=30)
def test_frames_without_a_person_change_no_loss_and_have_no_gradient(seed):
    rng = np.random.default_rng(seed)
    logits, other = (rng.normal(size=(2, 9, 4)).astype(np.float32) for _ in range(2))
    labels, others = (rng.integers(0, 4, (2, 9)).astype(np.int32) for _ in range(2))
    mask = rng.random((2, 9)) < 0.7
    value, gradients = _differentiate(logits, logits[..., 0], labels, mask)
    garbage = np.where(mask[..., None], logits, 50 * other)
    replaced = np.where(mask, labels, others)
    again, same = _differentiate(garbage, garbage[..., 0], replaced, mask)
    np.testing.assert_array_equal(value, again)
    for found, expected in zip(same, gradients, strict=True):
        np.testing.assert_array_equal(found, expected)
        assert not np.asarray(found)[~mask].any() and np.isfinite(found).all()


@pytest.mark.parametrize('change, message', [
    ({'smoothing_weight': -0.1}, 'smoothing_weight is -0.1, expected 0 or more'),
    ({'smoothing_clip': 0.0}, 'smoothing_clip is 0.0, expected more than 0'),
    ({'focal_gamma': float('nan')}, 'focal_gamma is nan, expected 0 or more'),
    ({'class_beta': 1.5}, 'class_beta is 1.5, expected more than 0, at most 1'),
    ({'boundary_smoothing': 1.5}, 'boundary_smoothing is 1.5, expected a whole number, 0 or more'),
    ({'boundary_radius': 0}, 'boundary_radius is 0, expected a whole number, more than 0'),
    ({'pool_strength': float('inf')}, 'pool_strength is inf, expected 0 or more'),
])
def test_a_field_out_of_its_range_is_named(change, message):
    with pytest.raises(InputError) as error:
        FrameLoss(**change)
    assert str(error.value) == f'config.finetune.loss.{message}'


def test_defaults_are_those_of_the_config_and_of_runs_from_before_there_were_options():
    fields = dataclasses.asdict(FrameLoss())
    assert dict(default.get_config().finetune.loss) == fields
    before = 'finetune.loss.'
    later = {n: v for n, v in workdirs.LATER.items() if n.startswith(before)}
    assert later == {before + name: value for name, value in fields.items()}
