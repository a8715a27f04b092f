"""Made-up inputs of the shapes that a row of `configs/bench.py` tells."""

from ml_collections import ConfigDict
import numpy as np

from skeljax import skeleton


def batch(config: ConfigDict, stage: str) -> dict[str, np.ndarray]:
    """Makes one training batch; the same for the same config.

    Returns:
        joints float32[B, W, M, V, 3], mask bool[B, W, M] (all true), index, subject int32[B],
        labels int32[B, W].
    """
    chosen, told = config[stage], config.bench
    videos, frames = chosen.batch, chosen.window
    rng = np.random.default_rng(config.seed)
    shape = (videos, frames, told.persons)
    return {
        'joints': _joints(rng, shape, config.data.layout),
        'mask': np.ones(shape, bool),
        'index': np.arange(videos, dtype=np.int32),
        'subject': np.arange(videos, dtype=np.int32),
        'labels': rng.integers(0, told.classes + 1, shape[:2], np.int32),
    }


def clips(config: ConfigDict) -> np.ndarray:
    """Makes the recordings that inference is measured on, joints float32[B, T, M, V, 3]."""
    told = config.bench
    rng = np.random.default_rng(config.seed)
    return _joints(rng, (told.clips, told.frames, told.persons), config.data.layout)


def _joints(rng, shape, layout: str) -> np.ndarray:
    return rng.normal(0, 0.5, (*shape, skeleton.get(layout).num_joints, 3)).astype(np.float32)
