"""A finished fine-tuning run, ready to score recordings."""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict
import numpy as np

import skeljax.configs.default
from skeljax import skeleton
from skeljax.errors import InputError
from skeljax.train import assemble, checkpoint, finetune, score, workdir as workdirs


class Trained(NamedTuple):
    """A network, its weights and what it was trained on."""

    model: object
    variables: dict
    config: ConfigDict
    classes: tuple[str, ...]
    layout: str
    step: int


def load(workdir) -> Trained:
    """Restores the best state of a fine-tuning run.

    Raises:
        InputError: no such run, none finished a validation, or its checkpoint
            is of another architecture.
    """
    run = workdirs.read(workdir)
    if run['stage'] != 'finetune':
        raise InputError(f'{workdir}: holds a {run["stage"]} run, not a fine-tuned one')
    best = Path(workdir) / 'best'
    if not best.is_dir():
        raise InputError(f'{workdir}: nothing validated yet (no best/)')
    config = workdirs.config_of(run, skeljax.configs.default.get_config())
    corpus = run['corpus']
    model = assemble.localizer(config, corpus['layout'], len(corpus['classes']))
    joints = skeleton.get(corpus['layout']).num_joints
    example = jnp.zeros((1, 64, 1, joints, 3), np.float32)
    like = jax.eval_shape(
        lambda rng: finetune.variables(model, rng, example), jax.random.key(0)
    )
    with checkpoint.manager(best) as mngr:
        state = checkpoint.restore(mngr, finetune.parts(like))
        step = mngr.latest_step()
    return Trained(
        model, score.variables(state), config, tuple(corpus['classes']), corpus['layout'], step
    )
