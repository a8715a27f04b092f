"""The loss of a frame: cross-entropy, and options that make adjacent frames agree.

All options are off by default. Then the loss of a frame is the cross-entropy of its label, as in
arXiv 2512.16504. Sources of the options: truncated mean-square error of neighboring frames
(MS-TCN, arXiv 1903.01945), focal loss (arXiv 1708.02002), class weights by the effective number
of samples (arXiv 1901.05555), a boundary head (ASRF, arXiv 2007.06866).
"""

import dataclasses
import math
from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import optax

from skeljax.errors import InputError
from skeljax.train import frame_targets

_NOT_NEGATIVE = (lambda value: value >= 0, '0 or more')
_POSITIVE = (lambda value: value > 0, 'more than 0')
_CHECKS = {
    'smoothing_weight': _NOT_NEGATIVE,
    'smoothing_clip': _POSITIVE,
    'focal_gamma': _NOT_NEGATIVE,
    'class_balance': _NOT_NEGATIVE,
    'class_beta': (lambda value: 0 < value <= 1, 'more than 0, at most 1'),
    'boundary_smoothing': _NOT_NEGATIVE,
    'boundary_weight': _NOT_NEGATIVE,
    'boundary_radius': _POSITIVE,
    'pool_radius': _NOT_NEGATIVE,
    'pool_strength': _NOT_NEGATIVE,
}


class Balance(NamedTuple):
    """Weights of frames; their mean over the training frames is 1.

    Attributes:
        classes: weight of each class, background last, float32[L + 1]; None: all 1.
        boundary: weights of a frame away from label changes and of one near a change.
    """

    classes: np.ndarray | None = None
    boundary: tuple[float, float] = (1.0, 1.0)


EVEN = Balance()


@dataclasses.dataclass(frozen=True)
class FrameLoss:
    """Options of the loss of a frame; `config.finetune.loss`.

    Raises:
        InputError: a field is out of its range; the message names the config field.
    """

    smoothing_weight: float = 0.0  # of the truncated mean-square error (smoothing); 0: off
    smoothing_clip: float = 4.0  # largest difference of two log-probabilities that counts, tau
    focal_gamma: float = 0.0  # exponent of the focal loss; 0: off
    class_balance: float = 0.0  # exponent of the inverse frames of a class; 0: off, 1: inverse
    class_beta: float = 1.0  # below 1: effective number of frames (1 - beta^n) / (1 - beta)
    boundary_smoothing: int = 0  # frames on either side of a change with soft targets; 0: off
    boundary_weight: float = 0.0  # of the loss of the boundary head; 0: no head
    boundary_radius: int = 2  # frames on either side of a change that are the head's targets
    pool_radius: int = 15  # frames on either side whose logits are averaged in scoring; 0: none
    pool_strength: float = 8.0  # weight exp(-pool_strength) across a change of probability 1

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value, (holds, expected) = getattr(self, field.name), _CHECKS[field.name]
            whole = field.type is int
            if not (math.isfinite(value) and holds(value) and (not whole or value == int(value))):
                kind = 'a whole number, ' if whole else ''
                raise InputError(
                    f'config.finetune.loss.{field.name} is {value}, expected {kind}{expected}'
                )

    @property
    def counted(self) -> bool:
        """Whether it needs counts of frames per class and near label changes, see `balance`."""
        return self.class_balance > 0 or self.boundary_weight > 0

    def check_multi_label(self):
        """Checks that all options that need one label per frame are off.

        Raises:
            InputError: one is on; the message names the config field.
        """
        for name in ('smoothing_weight', 'focal_gamma', 'class_balance', 'boundary_smoothing'):
            if value := getattr(self, name):
                raise InputError(
                    f'config.finetune.loss.{name} is {value}, expected 0 with '
                    'config.finetune.multi_label'
                )

    def balance(self, frames: np.ndarray, near: int) -> Balance:
        """Computes the weights from counts of the labeled training frames.

        A class of n frames has the weight n^-`class_balance`; n is the effective number of frames
        where `class_beta` is below 1. Weights are scaled to a mean of 1 over the frames. Classes
        without frames have the weight 1. The weights of frames near and away from changes have the
        same sum.

        Args:
            frames: of each class, background last, int[L + 1].
            near: frames near a label change, of all classes.
        """
        classes = None
        if self.class_balance:
            n, total = frames.astype(np.float64), frames.sum()
            number = n if self.class_beta == 1 else _effective(n, self.class_beta)
            raw = np.where(n > 0, np.maximum(number, 1e-12) ** -self.class_balance, 0)
            scaled = raw * (total / max((raw * n).sum(), 1e-300))
            classes = np.where(n > 0, scaled, 1).astype(np.float32)
        total, away = int(frames.sum()), int(frames.sum()) - near
        boundary = (total / (2 * away), total / (2 * near)) if near and away else (1.0, 1.0)
        return Balance(classes, boundary)

    def terms(
        self, logits, boundaries, labels, mask, balance: Balance = EVEN,
        sets: np.ndarray | None = None,
    ) -> dict:
        """Computes the terms of the loss of every frame, without reduction and weights.

        Args:
            logits: of classes, background last, float32[B, T, L + 1].
            boundaries: logits of a label change near a frame, float32[B, T]; None without head.
            labels: int32[B, T].
            mask: frames that show a person, bool[B, T]. Values of a term in other frames must not
                be used; no term of a frame that shows a person depends on other frames.
            balance: weights by class, see `balance`.
            sets: classes of each label, bool[S, L + 1]; None where a label is a class.

        Returns:
            Name -> float32[B, T]: `classification`, and `smoothing` and `boundary` if they are on.
        """
        if sets is None:
            losses = self._classification(logits, labels, mask, balance.classes)
        else:
            losses = multi_label_loss(logits, jnp.asarray(sets)[labels])
        terms = {'classification': losses}
        if self.smoothing_weight:
            terms['smoothing'] = smoothing(logits, mask, self.smoothing_clip)
        if self.boundary_weight:
            near = frame_targets.near_changes(labels, mask, self.boundary_radius)
            terms['boundary'] = boundary(boundaries, near, balance.boundary)
        return terms

    def total(self, terms: dict):
        """Returns the weighted sum of terms: name -> number or array."""
        weights = {
            'classification': 1.0,
            'smoothing': self.smoothing_weight,
            'boundary': self.boundary_weight,
        }
        return sum(weights[name] * term for name, term in terms.items())

    def _classification(self, logits, labels, mask, weights):
        if not (self.focal_gamma or self.boundary_smoothing or weights is not None):
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        log = jax.nn.log_softmax(logits)
        width, count = self.boundary_smoothing, logits.shape[-1]
        losses = -frame_targets.soft_targets(labels, mask, count, width) * log
        if self.focal_gamma:
            # 1 - p without cancellation, and above 0, where the gradient of a root is infinite.
            rest = jnp.maximum(-jnp.expm1(log), jnp.finfo(log.dtype).tiny)
            losses = losses * rest**self.focal_gamma
        if weights is not None:
            losses = losses * jnp.asarray(weights, log.dtype)[None, None]
        return losses.sum(-1)


def multi_label_loss(logits, present):
    """Computes the sum of the binary cross-entropies of all classes and of background.

    Args:
        logits: float32[B, T, L + 1].
        present: classes of each frame, bool[B, T, L + 1].

    Returns:
        float32[B, T].
    """
    return optax.sigmoid_binary_cross_entropy(logits, present.astype(logits.dtype)).sum(-1)


def smoothing(logits, mask, clip: float):
    """Computes the truncated mean-square error of each frame with the one before.

    It is the mean over classes of min(|log p_t - log p_(t-1)|, clip)^2, without gradient into
    p_(t-1) (arXiv 1903.01945). It is 0 in the first frame and beside a frame without a person.

    Args:
        logits: float32[B, T, L + 1].
        mask: bool[B, T].
        clip: tau.

    Returns:
        float32[B, T].
    """
    log = jax.nn.log_softmax(logits)
    change = log[:, 1:] - lax.stop_gradient(log[:, :-1])
    square = jnp.minimum(change**2, clip**2).mean(-1)
    both = mask[:, 1:] & mask[:, :-1]
    return jnp.pad(jnp.where(both, square, 0), ((0, 0), (1, 0)))


def boundary(logits, near, weights: tuple[float, float]):
    """Computes the class-weighted binary cross-entropy of the boundary head (arXiv 2007.06866).

    The logarithm of the weights' ratio is added to the logits first (arXiv 2007.07314). Weights
    alone would bias the probabilities that the head learns; so they are those of unweighted frames.

    Args:
        logits: float32[B, T].
        near: frames near a label change, bool[B, T].
        weights: of frames that are not near a change, and of frames that are.

    Returns:
        float32[B, T].
    """
    away, close = weights
    moved = logits + math.log(close / away)
    return jnp.where(near, close * jax.nn.softplus(-moved), away * jax.nn.softplus(moved))


def _effective(n: np.ndarray, beta: float) -> np.ndarray:
    """Returns the effective number of n samples, float64."""
    return -np.expm1(n * math.log(beta)) / (1 - beta)
