"""Loads the best checkpoint of a fine-tuning run."""

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


class Run(NamedTuple):
    """A trained network and the properties of its training corpus.

    Attributes:
        model: the network, `models.heads`.
        variables: its Flax variables.
        config: of the run.
        classes: names of the L classes, without background.
        layout: joint layout of the network.
        fps: frames per second of the corpus.
        step: training step of the checkpoint.
        mirrored: whether the corpus has mirrored bodies; None: unknown.
    """

    model: nn.Module
    variables: dict
    config: ConfigDict
    classes: tuple[str, ...]
    layout: str
    fps: float
    step: int
    mirrored: bool | None = None

    @property
    def multi_label(self) -> bool:
        """Returns whether frames have several labels; probabilities then do not sum to 1."""
        return self.config.finetune.multi_label


def load(workdir) -> Run:
    """Loads the best checkpoint of a fine-tuning run.

    Raises:
        InputError: no such run, a run without a validation so far, or a checkpoint of another
            architecture.
    """
    info = workdirs.read(workdir)
    if info['stage'] != 'finetune':
        raise InputError(f'{workdir}: holds a {info["stage"]} run, not a fine-tuned one')
    best = Path(workdir) / 'best'
    if not best.is_dir():
        raise InputError(f'{workdir}: nothing validated yet (no best/)')
    config = workdirs.config_of(info, skeljax.configs.default.get_config())
    corpus = info['corpus']
    _check(workdir, config, corpus)
    model, like = network(config, corpus['layout'], len(corpus['classes']))
    with checkpoint.reader(best) as mngr:
        state = checkpoint.restore(mngr, finetune.split(like))
        step = mngr.latest_step()
    return Run(
        model=model,
        variables=scoring.variables(state),
        config=config,
        classes=tuple(corpus['classes']),
        layout=corpus['layout'],
        fps=corpus['fps'],
        step=step,
        mirrored=info.get('mirrored'),
    )


def _check(workdir, config: ConfigDict, corpus: dict):
    """Raises InputError if the config or corpus in run.json is invalid."""
    where = Path(workdir) / 'run.json'
    classes, fps = corpus.get('classes'), corpus.get('fps')
    named = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
    rate = fps if isinstance(fps, int | float) and not isinstance(fps, bool) else 0
    if not named or not 0 < rate < np.inf:
        what = 'the classes or the frame rate of the corpus are missing or invalid'
        raise InputError(f'{where}: {what}')
    try:
        skeleton.get(str(corpus.get('layout')))
        build.check(config)
    except InputError as error:
        raise InputError(f'{where}: {error}') from None


def network(config: ConfigDict, layout: str, num_classes: int) -> tuple[nn.Module, dict]:
    """Builds the network of a config; also returns the shapes of its Flax variables."""
    model = build.localizer(config, layout, num_classes)
    example = jnp.zeros((1, 64, 1, skeleton.get(layout).num_joints, 3), np.float32)
    like = jax.eval_shape(
        lambda rng: finetune.variables(model, rng, example), jax.random.key(0)
    )
    return model, like
