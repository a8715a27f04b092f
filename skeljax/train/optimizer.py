"""Optimizers and learning rates of the release."""

import jax.numpy as jnp
from ml_collections import ConfigDict
import optax

from skeljax.errors import InputError


def rate(config: ConfigDict, num_steps: int, *, warmup_overshoot=False) -> optax.Schedule:
    """Builds the learning rate as a function of the step.

    Linear warm-up over `warmup` of the run, then the peak, multiplied by
    `decay_factor` at each share of the run in `decay_at`; or `decay='cosine'`.
    `warmup_overshoot` repeats the release: the ramp aims at `warmup / 2` and
    goes on to twice the peak before it falls back.

    Args:
        config: peak_lr, warmup, decay, decay_at, decay_factor.
        num_steps: steps of the whole run.
        warmup_overshoot: as published.
    """
    ramp = max(1, round(config.warmup * num_steps))
    if config.decay == 'cosine':
        after = optax.schedules.cosine_decay_schedule(config.peak_lr, max(1, num_steps - ramp))
    elif config.decay == 'steps':
        falls = {round(share * num_steps) - ramp: config.decay_factor for share in config.decay_at}
        if min(falls, default=1) <= 0:
            raise InputError(f'decay_at {config.decay_at} falls inside the warm-up')
        after = optax.schedules.piecewise_constant_schedule(config.peak_lr, falls)
    else:
        raise InputError(f"unknown decay {config.decay!r}, known: 'steps', 'cosine'")
    top = 2 * config.peak_lr if warmup_overshoot else config.peak_lr
    before = optax.schedules.linear_schedule(top / ramp, top, max(1, ramp - 1))
    return optax.schedules.join_schedules([before, after], [ramp])


def make(
    config: ConfigDict, num_steps: int, *, warmup_overshoot: bool = False
) -> optax.GradientTransformation:
    """Builds SGD with momentum or Adam, weight decay as an L2 term (not decoupled)."""
    learning_rate = rate(config, num_steps, warmup_overshoot=warmup_overshoot)
    decay = optax.add_decayed_weights(config.weight_decay)
    if config.name == 'sgd':
        return optax.chain(decay, optax.sgd(learning_rate, momentum=0.9, nesterov=False))
    if config.name == 'adam':
        return optax.chain(decay, optax.adam(learning_rate))
    if config.name == 'adamw':
        return optax.adamw(learning_rate, weight_decay=config.weight_decay)
    raise InputError(f"unknown optimizer {config.name!r}, known: 'sgd', 'adam', 'adamw'")


def by_part(
    tx: optax.GradientTransformation, part: str, share: float, *, after: int = 0
) -> optax.GradientTransformation:
    """Scales the updates of one top-level part of the parameters by `share`.

    Before step `after` the part stays as it is, while the others learn to use it
    (linear probing, then fine-tuning: Kumar et al., arXiv 2202.10054).
    """
    scale = optax.scale_by_schedule(lambda count: jnp.where(count < after, 0.0, share))
    return optax.chain(tx, optax.masked(scale, lambda params: {k: k == part for k in params}))
