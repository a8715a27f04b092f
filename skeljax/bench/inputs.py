"""Made-up inputs of the shapes that a row of `configs/bench.py` tells."""

from ml_collections import ConfigDict
import numpy as np

from skeljax.data.records import Recording
from skeljax.skeletons import skeleton


def batch(config: ConfigDict, stage: str) -> dict[str, np.ndarray]:
    """Makes one training batch; the same for the same config.

    Returns:
        joints float32[B, W, M, V, 3], mask bool[B, W, M] (all true), index, subject int32[B],
        labels int32[B, W].
    """
    chosen, told = config[stage], config.bench
    videos, frames = chosen.batch_size, chosen.window
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


class Recordings:
    """Made-up recordings, as `data.corpus.Corpus` gives them: one a clip of a batch, up to four windows long.

    Args:
        config: the row.
        stage: whose windows are cut from them.
    """

    name, split = 'made_up/recordings', 'train'

    def __init__(self, config: ConfigDict, stage: str):
        chosen, told = config[stage], config.bench
        rng = np.random.default_rng(config.seed)
        self.lengths = rng.integers(chosen.window, 4 * chosen.window, chosen.batch_size)
        self._labels = rng.integers(0, told.classes + 1, self.lengths.max(), np.int32)
        self._recordings = []
        for number, frames in enumerate(self.lengths):
            joints = _joints(rng, (frames, told.persons), config.data.layout)
            there, none = np.ones(joints.shape[:2], bool), np.zeros(0, np.int32)
            measured = np.ones(joints.shape[:3], bool)
            self._recordings.append(
                Recording(f'{number}', joints, there[:, 0], there, measured, 30.0, '', none, none, none)
            )

    def __len__(self):
        return len(self._recordings)

    def __getitem__(self, index) -> Recording:
        return self._recordings[index]

    def labels(self, index) -> np.ndarray:
        return self._labels[: self.lengths[index]]


def _joints(rng, shape, layout: str) -> np.ndarray:
    return rng.normal(0, 0.5, (*shape, skeleton.get(layout).num_joints, 3)).astype(np.float32)
