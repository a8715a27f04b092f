"""The scoring function as StableHLO, for serving without this code (`jax.export`)."""

import importlib.util
from pathlib import Path

import jax
from jax import export
import jax.numpy as jnp

from skeljax.data import normalize
from skeljax.errors import InputError
from skeljax.inference.predictor import Model
from skeljax.skeletons import skeleton

MULTIPLE = 128  # frames; of which the length must be a multiple where it is left open
PLATFORMS = ('cpu', 'cuda', 'tpu')
FILE, PAGE = 'scores.stablehlo', 'README.md'


def check(frames: int | None = None):
    """Raises InputError where a function cannot be written, or not for so many frames."""
    if importlib.util.find_spec('flatbuffers') is None:
        raise InputError(
            "StableHLO is written with flatbuffers, which is not here: pip install 'skeljax[serve]'"
        )
    if frames is not None and frames < 16:
        raise InputError(f'--frames {frames}: expected 16 or more')


def write(folder: Path, model: Model, frames: int | None = None):
    """Writes `scores.stablehlo`, weights inside, and a page on how to call it.

    Args:
        folder: there already.
        model: what to write.
        frames: the one length that is taken; by default any multiple of `MULTIPLE`. The
            numbers of videos and persons are open in either case.
    """
    made = function(model, frames)
    (folder / FILE).write_bytes(made.serialize())
    (folder / PAGE).write_text(page(model, frames), encoding='utf-8')


def function(model: Model, frames: int | None = None) -> export.Exported:
    """Exports (joints float32[B, T, M, V, 3], mask bool[B, T, M]) -> float32[B, T, L + 1]."""
    network, variables = model.trained.model, model.trained.variables

    def scores(joints, mask):
        return network.probabilities(network.apply(variables, joints, mask, train=False))

    length = f'{MULTIPLE} * t' if frames is None else str(frames)
    dimensions = export.symbolic_shape(f'b, {length}, m')
    joints = (*dimensions, skeleton.get(model.layout).num_joints, 3)
    return export.export(jax.jit(scores), platforms=PLATFORMS)(
        jax.ShapeDtypeStruct(joints, jnp.float32), jax.ShapeDtypeStruct(dimensions, jnp.bool_)
    )


def page(model: Model, frames: int | None = None) -> str:
    """Writes how to call the function, and what it takes."""
    layout = skeleton.get(model.layout)
    names = [step for name in model.trained.config.data.normalization
             for step in normalize.PIPELINES.get(name, (name,))]
    steps = [f'{name}: {_summary(name)}' for name in names]
    length = f'a multiple of {MULTIPLE}' if frames is None else f'{frames}'
    if span := model.trained.model.max_length:
        length += f', better no more than the {span} that the network learnt from'
    numbered = '\n'.join(f'{place}. {step}' for place, step in enumerate(steps, 1))
    classes = ', '.join(model.classes)
    return f"""# Scores of skeleton motion, frame by frame

`{FILE}` is a function in StableHLO with its weights inside; it needs
`jax` and `flatbuffers`:

```python
from pathlib import Path
import jax.export, numpy as np

scores = jax.export.deserialize(Path('{FILE}').read_bytes())
joints = np.zeros((1, {frames or 2 * MULTIPLE}, 1, {layout.num_joints}, 3), np.float32)
mask = np.ones((1, {frames or 2 * MULTIPLE}, 1), bool)
probabilities = scores.call(joints, mask)
```

* `joints` float32[videos, frames, persons, {layout.num_joints}, 3]: metres,
  {model.fps:g} frames a second. The number of frames is {length}: pad at the end with zeros where `mask` is false, and drop these frames
  of the result. The joints, in order, are those of `layout` in `model.json`.
* `mask` bool[videos, frames, persons]: who is there in which frame. Absent persons are 0.
* `probabilities` float32[videos, frames, {len(model.classes) + 1}]: {classes}, and last background.

A recording is prepared as follows before; `skeljax.load` does it, and finds the segments, too:

{numbered}

Compiled for: {', '.join(PLATFORMS)}.
"""


def _summary(name: str) -> str:
    """Returns the first line of a step's documentation."""
    step, _ = normalize.STEPS[name.partition(':')[0]]
    return step.__doc__.splitlines()[0]
