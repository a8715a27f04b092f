"""Builds random inputs of the shapes that a row of `configs/bench.py` specifies."""

from ml_collections import ConfigDict
import numpy as np

from skeljax.data.records import Recording
from skeljax.skeletons import skeleton


def batch(config: ConfigDict, stage: str) -> dict[str, np.ndarray]:
    """Builds one training batch; the same config gives the same batch.

    Args:
        config: the row.
        stage: 'pretrain' or 'finetune'.

    Returns:
        joints float32[B, W, M, V, 3], mask bool[B, W, M] (all true), index and subject int32[B],
        labels int32[B, W].
    """
    cfg, row = config[stage], config.bench
    videos, frames = cfg.batch_size, cfg.window
    rng = np.random.default_rng(config.seed)
    shape = (videos, frames, row.persons)
    return {
        'joints': _joints(rng, shape, config.data.layout),
        'mask': np.ones(shape, bool),
        'index': np.arange(videos, dtype=np.int32),
        'subject': np.arange(videos, dtype=np.int32),
        'labels': rng.integers(0, row.classes + 1, shape[:2], np.int32),
    }


def clips(config: ConfigDict) -> np.ndarray:
    """Builds the recordings of the inference benchmarks, joints float32[B, T, M, V, 3]."""
    row = config.bench
    rng = np.random.default_rng(config.seed)
    return _joints(rng, (row.clips, row.frames, row.persons), config.data.layout)


class Recordings:
    """A random corpus with the interface of `data.corpus.Corpus`.

    It has as many recordings as a batch has clips; each is one to four windows long.

    Args:
        config: the row.
        stage: whose windows are cut from the recordings.
    """

    name, split = 'random/recordings', 'train'

    def __init__(self, config: ConfigDict, stage: str):
        cfg, row = config[stage], config.bench
        rng = np.random.default_rng(config.seed)
        self.lengths = rng.integers(cfg.window, 4 * cfg.window, cfg.batch_size)
        self._labels = rng.integers(0, row.classes + 1, self.lengths.max(), np.int32)
        self._recordings = []
        for number, frames in enumerate(self.lengths):
            joints = _joints(rng, (frames, row.persons), config.data.layout)
            mask, none = np.ones(joints.shape[:2], bool), np.zeros(0, np.int32)
            measured = np.ones(joints.shape[:3], bool)
            self._recordings.append(Recording(
                f'{number}', joints, mask[:, 0], mask, measured, 30.0, '', none, none, none
            ))

    def __len__(self):
        return len(self._recordings)

    def __getitem__(self, index) -> Recording:
        return self._recordings[index]

    def labels(self, index) -> np.ndarray:
        """Returns the frame labels of a recording, int32[T]."""
        return self._labels[: self.lengths[index]]


def _joints(rng, shape, layout: str) -> np.ndarray:
    shape = (*shape, skeleton.get(layout).num_joints, 3)
    return rng.normal(0, 0.5, shape).astype(np.float32)
