"""Skeleton-snippet contrastive learning and action localization in JAX.

The letters of every shape in the library:

    B  videos (examples of a batch)     S  snippets of a video
    T  frames                           D  embedding
    M  persons                          N  negatives
    V  joints                           K  partitions of the skeleton graph
    C  channels (x, y, z in metres)     L  classes; background is index L

Arrays are channels-last. Segments are half-open `[start, end)` in frames inside
the library and in seconds in every file that a person reads.
"""

from pathlib import Path as _Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skeljax.formats import Motion
    from skeljax.train.ready import Model

# In a checkout `configs/` and `tfds_builders/` stand beside the package, in the
# wheel they are inside it: both are `skeljax.configs` and `skeljax.tfds_builders`.
_checkout = _Path(__file__).resolve().parent.parent
if (_checkout / 'tfds_builders').is_dir() and (_checkout / 'pyproject.toml').is_file():
    __path__.append(str(_checkout))

__version__ = '0.1.0'


def read(path, *, fps=None, layout: str | None = None, unit=None) -> 'Motion':
    """Reads one recording of any known format; see `skeljax.formats.read`."""
    from skeljax import formats  # numpy is not loaded for `skeljax --version`

    return formats.read(path, fps=fps, layout=layout, unit=unit)


def load(folder) -> 'Model':
    """Loads a model that `skeljax export` made; see `skeljax.train.ready.Model`.

        model = skeljax.load('model/')
        found = model.localize(skeljax.read('a.bvh'))
        print(found.names, found.start, found.end, found.score)
    """
    from skeljax.train import directory  # JAX is not loaded before it is needed

    return directory.load(folder)
