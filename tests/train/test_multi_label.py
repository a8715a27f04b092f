"""Fine-tuning on frames that show several classes at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.models import heads
from skeljax.train import finetune

SETS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], bool)


def test_the_loss_is_the_sum_of_binary_cross_entropies():
    logits = np.array([[[2.0, -1.0, 0.5], [0.3, 0.2, -3.0]]], np.float32)
    losses, right = finetune.classified(jnp.asarray(logits), jnp.array([[0, 3]]), SETS)
    p = 1 / (1 + np.exp(-logits.astype(float)))
    wanted = SETS[[0, 3]]
    expected = -np.where(wanted, np.log(p), np.log(1 - p)).sum(-1)
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    assert right.tolist() == [[False, True]]  # background is wrong in the first


def test_a_frame_of_one_label_is_as_it_was():
    logits = np.array([[[2.0, -1.0, 0.5]]], np.float32)
    losses, right = finetune.classified(jnp.asarray(logits), jnp.array([[0]]))
    assert float(losses[0, 0]) == pytest.approx(np.log(np.exp(logits).sum()) - 2) and right.all()


def test_probabilities_are_of_each_class_or_of_one():
    logits = np.array([[2.0, -1.0, 0.5]], np.float32)
    make = lambda several: heads.Localizer(None, None, heads.FrameHead(3), multi_label=several)
    np.testing.assert_allclose(make(True).probabilities(logits), 1 / (1 + np.exp(-logits)), rtol=1e-6)
    np.testing.assert_allclose(make(False).probabilities(logits), jax.nn.softmax(logits), rtol=1e-6)
