"""Frame rates and numbers of frames, from what each row of a file says of them."""

import numpy as np

from skeljax.errors import FormatError

_SPARSE = 100  # frames to a row, at most, in a file that leaves frames out


def rate(times: np.ndarray) -> float | None:
    """Returns the frames per second of frames at these times, None if they do not grow.

    Times are rounded in files: a rate is the whole number, or the one that NTSC has, that
    it differs from by no more than the digits of the times explain.

    Args:
        times: seconds, ascending, float64[T].
    """
    if len(times) < 2 or not np.isfinite(times).all():
        return None
    steps, seconds = np.diff(times), times[-1] - times[0]
    if not (steps > 0).all():
        return None
    # The median ignores pauses; the whole span averages rounding out if there are none.
    typical = float(np.median(steps))
    even = np.abs(steps / typical - 1).max() < 0.5
    fps = len(steps) / seconds if even else 1 / typical
    exact = (d for d in range(7) if np.allclose(times, np.round(times, d), rtol=0, atol=1e-9))
    slack = 10.0 ** -next(exact, 7) * fps / (seconds if even else typical)
    for known in (round(fps), round(fps * 1.001) / 1.001):
        if known and abs(known - fps) <= slack:
            return float(known)
    return fps


def frames(path, numbers: np.ndarray, lines: list[int]) -> np.ndarray:
    """Returns the frame of each row from 0, int64[N], from the frame numbers in a file.

    Numbers that grow by the same step count every frame (a file may hold each second one).

    Args:
        path: for messages.
        numbers: as the file has them, float64[N]; nan if it has none.
        lines: of the file.

    Raises:
        FormatError: they do not grow, or nearly all frames are missing.
    """
    if not np.isfinite(numbers).all():
        return np.arange(len(numbers))
    steps = np.diff(numbers)
    bad = np.flatnonzero(~(steps > 0) | (steps != np.round(steps)))
    if len(bad):
        row = int(bad[0]) + 1
        stated = f'frame {numbers[row]:g} after {numbers[row - 1]:g}'
        raise FormatError(f'{path}:{lines[row]}: {stated}, expected whole numbers that grow')
    step = float(np.min(steps)) if len(steps) else 1.0
    if len(steps) and (steps % step).any():
        step = 1.0
    found = np.round((numbers - numbers[0]) / step).astype(np.int64)
    if found[-1] >= 1000 + _SPARSE * len(found):
        row = int(np.argmax(steps)) + 1
        raise FormatError(f'{path}:{lines[row]}: frame {numbers[row]:g} in {len(found)} rows')
    return found
