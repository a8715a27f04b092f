"""Packs recordings end to end into a few arrays for the device, and makes batches of places."""

from collections.abc import Iterator

import numpy as np

from skeljax.data import batches
from skeljax.errors import InputError


class PlaceBatches:
    """The batches of a `Batches` as places in packed recordings.

    Args:
        windows: the batches.
    """

    def __init__(self, windows: batches.Batches):
        self._windows = windows
        self._numbers = {place: number for number, place in enumerate(_recordings(windows))}

    def __call__(self, step: int) -> dict:
        """Returns batch number `step`: recording, start and index, int32[B] each."""
        drawn = self._windows.drawn(step)
        first = self._windows.first
        return {
            'recording': np.array([self._numbers[n, i] for n, i, _ in drawn], np.int32),
            'start': np.array([start for _, _, start in drawn], np.int32),
            'index': np.arange(first, first + len(drawn), dtype=np.int32),
        }

    def iterate(self, start: int = 0) -> Iterator[dict]:
        """Yields batches `start`, `start + 1`, ..., prepared in advance on threads."""
        return batches.ahead(self, start)

    def places(self, step: int) -> list[dict]:
        """See `Batches.places`."""
        return self._windows.places(step)


def shapes(windows: batches.Batches, dtype) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Returns the shapes and dtypes of the arrays of `pack`, name -> (shape, dtype)."""
    recordings = _recordings(windows)
    frames = sum(int(windows.corpora[n].lengths[i]) for n, i in recordings)
    frames += windows.length  # a window may start in the last frame
    number, index = recordings[0]
    _, persons, joints, _ = windows.corpora[number][index].joints.shape
    made = {
        'joints': ((frames, persons * joints * 3), np.dtype(dtype)),
        'mask': ((frames * persons,), np.dtype(bool)),
        **dict.fromkeys(('begin', 'frames', 'subject'), ((len(recordings),), np.dtype(np.int32))),
    }
    if windows.labeled:
        made['labels'] = ((frames,), np.dtype(np.int32))
    if np.dtype(dtype) != np.float32:
        made['offset'] = ((len(recordings), 3), np.dtype(np.float32))
    return made


def pack(windows: batches.Batches, dtype) -> dict[str, np.ndarray]:
    """Packs the recordings from which batches are drawn.

    In float32 the coordinates are kept exactly. In another dtype the midpoint of the bounding box
    of present persons is subtracted first, because small numbers are represented more exactly:
    the error of a coordinate is at most half of the dtype's `eps` (float16: 1/2048, bfloat16:
    1/256) times half the extent of the recording along its axis.

    Args:
        windows: the batches.
        dtype: of the coordinates.

    Returns:
        F frames of N recordings, followed by empty frames: joints dtype[F, M V 3] and mask
        bool[F M] (flat, because accelerators pad small axes), optionally labels int32[F]; for
        each recording begin (its first frame of the F), frames and subject, int32[N], and,
        unless dtype is float32, offset float32[N, 3].

    Raises:
        InputError: a coordinate is too large for the dtype.
    """
    packed = {name: np.zeros(*made) for name, made in shapes(windows, dtype).items()}
    begin, persons = 0, len(packed['mask']) // len(packed['joints'])
    for row, (number, index) in enumerate(_recordings(windows)):
        corpus = windows.corpora[number]
        recording = corpus[index]
        joints = recording.joints
        mask = recording.frame_valid[:, None] & recording.person_valid
        end = begin + len(joints)
        if 'offset' in packed:
            packed['offset'][row] = middle = _middle(joints[mask])
            joints = np.where(mask[..., None, None], joints - middle, 0)
        with np.errstate(over='ignore'):  # reported below
            packed['joints'][begin:end] = joints.reshape(len(joints), -1)
        if 'offset' in packed and not _finite(packed['joints'][begin:end]):
            largest = f'{np.abs(joints).max():g}'
            raise InputError(
                f'{corpus.name} {corpus.split}: {recording.name}: a coordinate is {largest}, too '
                f'large for {np.dtype(dtype)}; use config.data.device_dataset_dtype=float32'
            )
        packed['mask'][begin * persons : end * persons] = mask.reshape(-1)
        if 'labels' in packed:
            packed['labels'][begin:end] = corpus.labels(index)
        packed['begin'][row], packed['frames'][row] = begin, len(joints)
        packed['subject'][row] = windows.subjects[number][index]
        begin = end
    return packed


def _recordings(windows: batches.Batches) -> list[tuple[int, int]]:
    """Returns (corpus, recording) of all recordings in the order in which they are packed."""
    return [(n, int(i)) for n, some in enumerate(windows.chosen) for i in some]


def _middle(points: np.ndarray) -> np.ndarray:
    """Returns the midpoint of the bounding box of float32[..., 3], float32[3]."""
    if not points.size:
        return np.zeros(3, np.float32)
    points = points.reshape(-1, 3)
    return (points.min(0) + points.max(0)) / np.float32(2)


def _finite(x: np.ndarray) -> bool:
    return bool(np.isfinite(x.astype(np.float32)).all())
