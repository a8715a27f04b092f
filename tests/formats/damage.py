"""Damaged files for the tests of readers."""

from hypothesis import strategies as st
import numpy as np
import pytest

from skeljax.data import records
from skeljax.errors import FormatError, InputError

_WORDS = [b'', b'nan', b'1e400', b'-', b'0', b'99999999999', b'{', b'}', b'1_0', b'\xff', b'x y']


@st.composite
def damaged(draw, raw: bytes) -> bytes:
    """Draws a file that is like `raw` but for up to three places."""
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(raw) - 1, 0)))
        kind = draw(st.sampled_from(['cut', 'bytes', 'word', 'no line', 'line twice']))
        lines = raw.split(b'\n')
        line = draw(st.integers(0, len(lines) - 1))
        if kind == 'cut':
            raw = raw[:place]
        elif kind == 'bytes':
            raw = raw[:place] + draw(st.binary(max_size=4)) + raw[place + draw(st.integers(0, 4)) :]
        elif kind == 'word':
            words = lines[line].split(b' ')
            words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(_WORDS))
            raw = b'\n'.join([*lines[:line], b' '.join(words), *lines[line + 1 :]])
        else:
            copies = 0 if kind == 'no line' else 2
            raw = b'\n'.join([*lines[:line], *[lines[line]] * copies, *lines[line + 1 :]])
    return raw


def sound_or_told(read, path):
    """Reads a file; returns the motion, surely a sound one, or None where its damage was told."""
    try:
        motion = read(path)
    except FormatError as error:
        assert '\n' not in str(error) and len(str(error)) < 600
        return None
    recording = records.from_motion(motion, name='x')
    assert motion.joints.dtype == np.float32
    assert (recording.joints[~recording.person_valid] == 0).all()
    return motion


def told(read, *arguments, error=FormatError) -> str:
    """Returns the message, surely one line, with which a call fails."""
    with pytest.raises(InputError) as caught:
        read(*arguments)
    assert isinstance(caught.value, error) and '\n' not in str(caught.value)
    return str(caught.value)
