"""Exports the scoring function as StableHLO, for serving without this library."""

import importlib.util
from pathlib import Path

import jax
from jax import export
import jax.numpy as jnp

from skeljax.data import normalize
from skeljax.errors import InputError
from skeljax.inference.predictor import Model
from skeljax.skeletons import skeleton

MULTIPLE = 128  # frames; a variable length must be a multiple of it
PLATFORMS = ('cpu', 'cuda', 'tpu')
FILE, PAGE = 'scores.stablehlo', 'README.md'


def check(frames: int | None = None):
    """Raises InputError if flatbuffers is missing or `frames` is below 16."""
    if importlib.util.find_spec('flatbuffers') is None:
        raise InputError(
            "StableHLO needs flatbuffers, which is not installed: pip install 'skeljax[serve]'"
        )
    if frames is not None and frames < 16:
        raise InputError(f'--frames {frames}: expected 16 or more')


def write(folder: Path, model: Model, frames: int | None = None):
    """Writes `scores.stablehlo`, which includes the weights, and a page with instructions.

    Args:
        folder: an existing folder.
        model: to export.
        frames: fixed input length; by default any multiple of `MULTIPLE`. The numbers of videos
            and persons are variable.
    """
    exported = function(model, frames)
    (folder / FILE).write_bytes(exported.serialize())
    (folder / PAGE).write_text(page(model, frames), encoding='utf-8')


def function(model: Model, frames: int | None = None) -> export.Exported:
    """Exports (joints float32[B, T, M, V, 3], mask bool[B, T, M]) -> float32[B, T, L + 1]."""
    network, variables = model.run.model, model.run.variables

    def scores(joints, mask):
        return network.probabilities(network.apply(variables, joints, mask, train=False))

    length = f'{MULTIPLE} * t' if frames is None else str(frames)
    dimensions = export.symbolic_shape(f'b, {length}, m')
    joints = (*dimensions, skeleton.get(model.layout).num_joints, 3)
    return export.export(jax.jit(scores), platforms=PLATFORMS)(
        jax.ShapeDtypeStruct(joints, jnp.float32), jax.ShapeDtypeStruct(dimensions, jnp.bool_)
    )


def page(model: Model, frames: int | None = None) -> str:
    """Returns a Markdown page that describes the function and its inputs."""
    layout = skeleton.get(model.layout)
    names = [step for name in model.run.config.data.normalization
             for step in normalize.PIPELINES.get(name, (name,))]
    steps = [f'{name}: {_summary(name)}' for name in names]
    length = f'a multiple of {MULTIPLE}' if frames is None else f'{frames}'
    if span := model.run.model.max_length:
        length += f', preferably at most {span}, the length of its training clips'
    numbered = '\n'.join(f'{number}. {step}' for number, step in enumerate(steps, 1))
    classes = ', '.join(model.classes)
    return f"""# Scores of skeleton motion, frame by frame

`{FILE}` is a function in StableHLO that includes its weights; it needs
`jax` and `flatbuffers`:

```python
from pathlib import Path
import jax.export, numpy as np

scores = jax.export.deserialize(Path('{FILE}').read_bytes())
joints = np.zeros((1, {frames or 2 * MULTIPLE}, 1, {layout.num_joints}, 3), np.float32)
mask = np.ones((1, {frames or 2 * MULTIPLE}, 1), bool)
probabilities = scores.call(joints, mask)
```

* `joints` float32[videos, frames, persons, {layout.num_joints}, 3]: meters,
  {model.fps:g} frames per second. The number of frames is {length}: pad at the end with zeros
  where `mask` is false, and drop these frames of the result. The order of joints is that of
  `layout` in `model.json`.
* `mask` bool[videos, frames, persons]: whether a person is present. Absent persons are 0.
* `probabilities` float32[videos, frames, {len(model.classes) + 1}]: {classes}, and background.

Recordings must be prepared by these steps; `skeljax.load` does this, and finds segments too:

{numbered}

Compiled for: {', '.join(PLATFORMS)}.
"""


def _summary(name: str) -> str:
    """Returns the first line of a step's documentation."""
    step, _ = normalize.STEPS[name.partition(':')[0]]
    return step.__doc__.splitlines()[0]
