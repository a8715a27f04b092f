"""Cuts long recordings into windows of one length, of which each frame's score comes from one.

Where the network looks only so far (`heads.FrameClassifier.receptive_field`) the windows overlap by that much,
and scores are those of the whole recording up to rounding. Where it looks at everything there
is, the scores of windows are what they are by definition: those of the network on windows. Of
such a network that learnt among few frames they are the better ones (`heads.FrameClassifier.max_length`).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skeljax.errors import InputError

if TYPE_CHECKING:
    from skeljax.data.records import Recording

LONGEST = 16_384  # frames that the network sees at once: nine minutes at 30 a second
MARGIN = 1024  # of a window, on either side, where the network looks at everything
CORE = 1024  # frames that a window gives where it does not


class Window(NamedTuple):
    """A window that moves over a recording.

    Window k gives the scores of frames [k hop, (k + 1) hop). It sees up to `ahead` frames
    after them and up to `behind` before, and nothing beyond the recording's ends.

    Attributes:
        length: frames it sees at most.
        hop: frames it gives, and moves on by.
        ahead: frames it sees after these.
    """

    length: int
    hop: int
    ahead: int

    @property
    def behind(self) -> int:
        """Frames it sees at most before those it gives."""
        return self.length - self.hop - self.ahead

    def span(self, done: int, frames: int) -> tuple[int, int]:
        """Tells what it sees to give the frames from `done` on: [first, end)."""
        return max(0, done - self.behind), min(frames, done + self.hop + self.ahead)


WINDOW = Window(256, 16, 32)  # where none is chosen


def check(window: Window) -> Window:
    """Returns the window; raises InputError where it gives nothing or more than it sees."""
    length, hop, ahead = window
    if hop < 1 or ahead < 0 or length > LONGEST or hop + ahead > length:
        raise InputError(
            f'a window of {length} frames that moves by {hop} and looks {ahead} ahead: expected '
            f'1 or more, 0 or more, and together no more than the window, which is at most {LONGEST}'
        )
    return window


def exact(model, window: Window) -> bool:
    """Tells whether windows give the scores of the whole recording, up to rounding."""
    known = model.receptive_field()
    if known is None:
        return False
    reach, stride = known
    aligned = window.hop % stride == 0 == window.behind % stride
    return aligned and reach <= min(window.behind, window.ahead)


def longest(model) -> int:
    """Tells how many frames a network is given at once, at most."""
    return min(model.max_length or LONGEST, LONGEST)


def default(model) -> Window:
    """Chooses the windows of recordings of more than `longest` frames: exact ones if there are.

    Where the network is to see no more than it learnt from, they give the middle half of it.
    """
    if model.max_length:
        length = longest(model)
        hop = -(-length // 2)
        return Window(length, hop, (length - hop) // 2)
    known = model.receptive_field()
    if known is None:
        return Window(LONGEST, LONGEST - 2 * MARGIN, MARGIN)
    reach, stride = known
    halo = -(-reach // stride) * stride
    core = -(-CORE // stride) * stride
    return Window(core + 2 * halo, core, halo)


def cut(recording: Recording, first: int, end: int) -> Recording:
    """Cuts frames [first, end) of a recording; its segments stay what they were."""
    return taken(recording, np.arange(first, end))


def taken(recording: Recording, frames: np.ndarray) -> Recording:
    """Takes frames int[N] of a recording; its segments stay what they were."""
    by_frame = ('joints', 'frame_valid', 'person_valid', 'joint_valid')
    return dataclasses.replace(
        recording, **{name: getattr(recording, name)[frames] for name in by_frame}
    )


def examples(recording: Recording, window: Window):
    """Makes what the network is given of a normalised recording, window after window.

    Yields:
        joints float32[length, M, V, 3] and mask bool[length, M], padded at the end, and
        `given`: which of its frames the window gives, as a slice.
    """
    from skeljax.data import batches  # Grain is slow to load

    frames = len(recording.joints)
    for done in range(0, frames, window.hop):
        first, end = window.span(done, frames)
        example = batches.window(cut(recording, first, end), 0, window.length)
        yield example, slice(done - first, min(done + window.hop, frames) - first)
