"""Skeleton-snippet contrastive learning and action localization in JAX.

The letters of every shape in the library:

    B  videos (examples of a batch)     S  snippets of a video
    T  frames                           D  embedding
    M  persons                          N  negatives
    V  joints                           K  partitions of the skeleton graph
    C  channels (x, y, z in meters)     L  classes; background is index L

Arrays are channels-last. Segments are half-open `[start, end)` in frames inside
the library and in seconds in every file meant for people.
"""

from collections.abc import Callable as _Callable, Mapping as _Mapping, Sequence as _Sequence
import importlib as _importlib
import os as _os
from typing import TYPE_CHECKING, Any as _Any

if TYPE_CHECKING:
    import numpy as np

    from skeljax import localize as localize
    from skeljax.data.records import Recording
    from skeljax.formats.motion import Motion
    from skeljax.inference.predictor import Model
    from skeljax.localize.exchange.sets import SegmentSet
    from skeljax.localize.metrics import Result
    from skeljax.localize.segments import Segments

__version__ = '0.2.0'

# Functions import their dependencies when called, so that `skeljax --version` stays fast.


def read(
    path: 'str | _os.PathLike[str]',
    *,
    fps: float | None = None,
    layout: 'str | _Sequence[str] | None' = None,
    unit: str | float | None = None,
    up: str | None = None,
    subject: str | None = None,
) -> 'Motion':
    """Reads one recording of any known format; see `skeljax.formats.read`.

    Examples:
        >>> motion = skeljax.read('nod.csv', fps=30)  # columns Head_x, Head_y, Head_z ...
        >>> motion.joints.shape, motion.fps  # frames, persons, joints, x y z in meters
        ((90, 1, 25, 3), 30.0)
    """
    from skeljax import formats

    return formats.read(path, fps=fps, layout=layout, unit=unit, up=up, subject=subject)


def load(folder: 'str | _os.PathLike[str]') -> 'Model':
    """Loads a model written by `skeljax export`; see `skeljax.inference.predictor.Model`.

    Examples:
        >>> model = skeljax.load('model/')
        >>> model.classes
        ('sit', 'walk', 'wave')
        >>> found = model.localize(skeljax.read('nod.csv', fps=30))
        >>> len(found.names) == len(found.start) == len(found.end) == len(found.score)
        True
    """
    from skeljax.inference import model_io

    return model_io.load(folder)


def predict(
    model: 'Model | str | _os.PathLike[str]',
    motion: 'Motion | Recording | str | _os.PathLike[str]',
    *,
    note: _Callable[[str], object] = lambda _: None,
) -> 'Segments':
    """Returns the actions in a recording with their start, end and score.

    Args:
        model: the result of `load`, or the folder of an exported model.
        motion: the result of `read`, or the path of a recording whose file states the frame
            rate, the layout and the unit.
        note: called with one line of text for each change made to the recording so that it
            fits the model.

    Returns:
        Segments in frames of the recording: `found.names`, `found.start`, `found.end`
        (exclusive), `found.score`.

    Raises:
        InputError: no such model or file; a layout that cannot be mapped to the model's.

    Examples:
        >>> found = skeljax.predict('model/', skeljax.read('nod.csv', fps=30))
        >>> found.classes
        ('sit', 'walk', 'wave')
    """
    from skeljax.inference.predictor import Model

    model = model if isinstance(model, Model) else load(model)
    motion = read(motion) if isinstance(motion, str | _os.PathLike) else motion
    return model.localize(motion, note=note)


def evaluate(
    predictions: '_Mapping[str, Segments] | Segments | SegmentSet | str | _os.PathLike[str]',
    truth: '_Mapping[str, Segments] | Segments | SegmentSet | str | _os.PathLike[str]',
    *,
    protocol: str = 'babel_clean',
    fps: float | None = None,
    classes: _Sequence[str] | None = None,
    num_frames: _Mapping[str, int] | None = None,
    probabilities: '_Mapping[str, np.ndarray] | None' = None,
    label_base: int | None = None,
) -> 'Result':
    """Evaluates predicted segments against true ones; see `skeljax.localize.compare.evaluate`.

    Examples:
        >>> from skeljax.localize import Segments
        >>> true = Segments([0, 50], [40, 90], [0, 1], classes=('sit', 'walk'))
        >>> found = Segments([2, 60], [40, 70], [0, 1], [0.9, 0.8], classes=('sit', 'walk'))
        >>> result = skeljax.evaluate(found, true, protocol='thumos')
        >>> [round(float(ap), 2) for ap in result.map]  # at tIoU 0.3, 0.4, 0.5, 0.6, 0.7
        [0.5, 0.5, 0.5, 0.5, 0.5]
        >>> skeljax.evaluate('found.csv', 'labels.csv', fps=30).num_true
        2
    """
    from skeljax.localize import compare

    return compare.evaluate(
        predictions, truth, protocol=protocol, fps=fps, classes=classes, num_frames=num_frames,
        probabilities=probabilities, label_base=label_base,
    )


def __getattr__(name: str) -> _Any:
    if name == 'localize':  # needs NumPy, so it is imported when first used
        return _importlib.import_module('skeljax.localize')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
