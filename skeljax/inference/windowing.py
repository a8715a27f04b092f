"""Sliding windows over long recordings; each frame is scored in exactly one window.

If the network has a finite receptive field (`heads.FrameClassifier.receptive_field`), the windows
overlap by it, and the scores equal those of the whole recording up to rounding. Otherwise
(attention over all frames) the scores are those of the network on windows. These are better for a
network that was trained on short clips and does not generalize to longer ones
(`heads.FrameClassifier.max_length`).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skeljax.errors import InputError

if TYPE_CHECKING:
    from skeljax.data.records import Recording

MAX_FRAMES = 16_384  # of an input of the network: nine minutes at 30 fps
MARGIN = 1024  # frames on either side of a window, for an infinite receptive field
CORE = 1024  # frames scored per window, for a finite receptive field


class Window(NamedTuple):
    """A sliding window over a recording.

    Window k scores the frames [k hop, (k + 1) hop), its core. Its context is up to `ahead` frames
    after the core and up to `behind` before, within the recording.

    Attributes:
        length: maximum number of frames of a window.
        hop: frames of the core, and distance between windows.
        ahead: frames of context after the core.
    """

    length: int
    hop: int
    ahead: int

    @property
    def behind(self) -> int:
        """Returns the frames of context before the core, at most."""
        return self.length - self.hop - self.ahead

    def context(self, done: int, frames: int) -> tuple[int, int]:
        """Returns the range [first, end) of the window whose core starts at frame `done`."""
        return max(0, done - self.behind), min(frames, done + self.hop + self.ahead)


WINDOW = Window(256, 16, 32)  # where none is chosen


def check(window: Window) -> Window:
    """Returns the window; raises InputError if its core is empty or exceeds the window."""
    length, hop, ahead = window
    if hop < 1 or ahead < 0 or length > MAX_FRAMES or hop + ahead > length:
        raise InputError(
            f'a window of {length} frames that moves by {hop} and looks {ahead} ahead: expected '
            f'1 or more, 0 or more, and together no more than the window, which is at most '
            f'{MAX_FRAMES}'
        )
    return window


def is_exact(model, window: Window) -> bool:
    """Returns whether windowed scores equal those of the whole recording, up to rounding."""
    known = model.receptive_field()
    if known is None:
        return False
    reach, stride = known
    aligned = window.hop % stride == 0 == window.behind % stride
    return aligned and reach <= min(window.behind, window.ahead)


def max_length(model) -> int:
    """Returns the maximum number of frames of an input of the network."""
    return min(model.max_length or MAX_FRAMES, MAX_FRAMES)


def default_window(model) -> Window:
    """Returns the window for recordings of more than `max_length` frames, exact if possible.

    If the network is limited to the length of its training clips, the core is the middle half.
    """
    if model.max_length:
        length = max_length(model)
        hop = -(-length // 2)
        return Window(length, hop, (length - hop) // 2)
    known = model.receptive_field()
    if known is None:
        return Window(MAX_FRAMES, MAX_FRAMES - 2 * MARGIN, MARGIN)
    reach, stride = known
    halo = -(-reach // stride) * stride
    core = -(-CORE // stride) * stride
    return Window(core + 2 * halo, core, halo)


def cut(recording: Recording, first: int, end: int) -> Recording:
    """Returns frames [first, end) of a recording; its segments are unchanged."""
    return select_frames(recording, np.arange(first, end))


def select_frames(recording: Recording, frames: np.ndarray) -> Recording:
    """Returns frames int[N] of a recording; its segments are unchanged."""
    by_frame = ('joints', 'frame_valid', 'person_valid', 'joint_valid')
    return dataclasses.replace(
        recording, **{name: getattr(recording, name)[frames] for name in by_frame}
    )


def examples(recording: Recording, window: Window):
    """Yields the windows of a normalized recording.

    Yields:
        A dict of joints float32[length, M, V, 3] and mask bool[length, M], padded at the end,
        and the core of the window as a slice of its frames.
    """
    from skeljax.data import batches  # Grain is slow to load

    frames = len(recording.joints)
    for done in range(0, frames, window.hop):
        first, end = window.context(done, frames)
        example = batches.window(cut(recording, first, end), 0, window.length)
        yield example, slice(done - first, min(done + window.hop, frames) - first)
