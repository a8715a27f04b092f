"""A finished fine-tuning run, ready to score recordings."""

from pathlib import Path
from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict
import numpy as np

import skeljax.configs.default
from skeljax.errors import InputError
from skeljax.inference import scoring
from skeljax.skeletons import skeleton
from skeljax.train import build, checkpoint, finetune, run_dir as workdirs


class Trained(NamedTuple):
    """A network, its weights and what it was trained on."""

    model: nn.Module
    variables: dict
    config: ConfigDict
    classes: tuple[str, ...]
    layout: str
    fps: float
    step: int
    mirrored: bool | None = None  # whether it learned from mirrored bodies; None: not known

    @property
    def multi_label(self) -> bool:
        """Whether a frame may show several classes; then its probabilities do not sum to 1."""
        return self.config.finetune.multi_label


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
    _check(workdir, config, corpus)
    model, like = network(config, corpus['layout'], len(corpus['classes']))
    with checkpoint.reader(best) as mngr:
        state = checkpoint.restore(mngr, finetune.split(like))
        step = mngr.latest_step()
    return Trained(
        model=model,
        variables=scoring.variables(state),
        config=config,
        classes=tuple(corpus['classes']),
        layout=corpus['layout'],
        fps=corpus['fps'],
        step=step,
        mirrored=run.get('mirrored'),
    )


def _check(workdir, config: ConfigDict, corpus: dict):
    """Raises InputError where what a run tells of its config or corpus cannot be."""
    where = Path(workdir) / 'run.json'
    classes, fps = corpus.get('classes'), corpus.get('fps')
    named = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
    rate = fps if isinstance(fps, int | float) and not isinstance(fps, bool) else 0
    if not named or not 0 < rate < np.inf:
        raise InputError(f'{where}: does not tell the classes and the frame rate of its corpus')
    try:
        skeleton.get(str(corpus.get('layout')))
        build.check(config)
    except InputError as error:
        raise InputError(f'{where}: {error}') from None


def network(config: ConfigDict, layout: str, num_classes: int) -> tuple[nn.Module, dict]:
    """Makes the network of a config, and the shapes of its Flax variables."""
    model = build.localizer(config, layout, num_classes)
    example = jnp.zeros((1, 64, 1, skeleton.get(layout).num_joints, 3), np.float32)
    like = jax.eval_shape(
        lambda rng: finetune.variables(model, rng, example), jax.random.key(0)
    )
    return model, like
