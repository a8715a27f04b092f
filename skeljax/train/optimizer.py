"""Optimizers and learning-rate schedules of the release (arXiv 2512.16504)."""

import dataclasses

import jax.numpy as jnp
import optax

from skeljax.errors import InputError

NAMES, DECAYS = ('sgd', 'adam', 'adamw'), ('steps', 'cosine')


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Settings of an optimizer, `config.pretrain.optimizer` and `config.finetune.optimizer`.

    Attributes:
        name: 'sgd' (momentum 0.9), 'adam' or 'adamw'.
        peak_lr: highest learning rate.
        warmup: share of the run in which the learning rate rises to the peak.
        decay: 'steps' or 'cosine'.
        decay_at: shares of the run at which the learning rate falls, with 'steps'.
        decay_factor: by which it is multiplied there.
        weight_decay: as an L2 term of the loss; with 'adamw' decoupled from it.

    Raises:
        InputError: an unknown name or decay, or a fall during the warm-up.
    """

    name: str
    peak_lr: float
    warmup: float
    decay: str
    decay_at: tuple[float, ...]
    decay_factor: float
    weight_decay: float

    def __post_init__(self):
        if self.name not in NAMES:
            raise InputError(f'unknown optimizer {self.name!r}, known: {", ".join(NAMES)}')
        if self.decay not in DECAYS:
            raise InputError(f'unknown decay {self.decay!r}, known: {", ".join(DECAYS)}')


def rate(config: OptimizerConfig, num_steps: int, *, warmup_overshoot=False) -> optax.Schedule:
    """Builds the learning rate as a function of the step.

    It rises linearly during `warmup` and is `peak_lr` after it, multiplied by `decay_factor` at
    each share of the run in `decay_at`, or falling to 0 as a cosine.

    Args:
        config: of the optimizer.
        num_steps: steps of the whole run.
        warmup_overshoot: repeats the release, whose warm-up reaches the peak after half of its
            steps, continues to twice the peak and then returns to it.

    Raises:
        InputError: the learning rate falls during the warm-up.
    """
    ramp = max(1, round(config.warmup * num_steps))
    if config.decay == 'cosine':
        after = optax.schedules.cosine_decay_schedule(config.peak_lr, max(1, num_steps - ramp))
    else:
        falls = {round(share * num_steps) - ramp: config.decay_factor for share in config.decay_at}
        if min(falls, default=1) <= 0:
            raise InputError(f'decay_at {config.decay_at} falls inside the warm-up')
        after = optax.schedules.piecewise_constant_schedule(config.peak_lr, falls)
    top = 2 * config.peak_lr if warmup_overshoot else config.peak_lr
    before = optax.schedules.linear_schedule(top / ramp, top, max(1, ramp - 1))
    return optax.schedules.join_schedules([before, after], [ramp])


def make(
    config: OptimizerConfig, num_steps: int, *, warmup_overshoot: bool = False
) -> optax.GradientTransformation:
    """Builds the optimizer; `warmup_overshoot` as in `rate`."""
    learning_rate = rate(config, num_steps, warmup_overshoot=warmup_overshoot)
    decay = optax.add_decayed_weights(config.weight_decay)
    if config.name == 'sgd':
        return optax.chain(decay, optax.sgd(learning_rate, momentum=0.9, nesterov=False))
    if config.name == 'adam':
        return optax.chain(decay, optax.adam(learning_rate))
    return optax.adamw(learning_rate, weight_decay=config.weight_decay)


def by_part(
    tx: optax.GradientTransformation, part: str, share: float, *, after: int = 0
) -> optax.GradientTransformation:
    """Scales the updates of one part of the parameters, as linear probing then fine-tuning does.

    (Kumar et al., arXiv 2202.10054).

    Args:
        tx: optimizer of all parameters.
        part: top-level key of the parameters.
        share: factor of the updates of this part.
        after: step before which they are 0.
    """
    scale = optax.scale_by_schedule(lambda count: jnp.where(count < after, 0.0, share))
    return optax.chain(tx, optax.masked(scale, lambda params: {k: k == part for k in params}))
