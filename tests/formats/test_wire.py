"""Frames on a wire: whatever pieces the bytes come in, the frames are the same."""

import json

from hypothesis import given, strategies as st
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.formats import wire

V = 4
FRAMES = np.random.default_rng(0).normal(size=(6, 2, V, 3)).astype(np.float32)
FRAMES[2, 1] = FRAMES[3, 0, 2] = np.nan


def told(frame) -> bytes:
    """Writes a frame with null for what is not there."""
    body = lambda b: (
        None if np.isnan(b).all() else [None if np.isnan(j).any() else j.tolist() for j in b]
    )
    return json.dumps({'joints': [body(b) for b in frame]}).encode() + b'\n'


@given(st.lists(st.integers(0, 700), max_size=8), st.sampled_from(['json', 'float32']))
def test_pieces_make_no_difference(cuts, kind):
    data = FRAMES.tobytes() if kind == 'float32' else b'\n'.join(map(told, FRAMES))
    parser = wire.KINDS[kind](2, V)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found = [f for a, b in zip(edges, edges[1:]) for f in parser.push(data[a:b])] + [
        *parser.finish()
    ]
    np.testing.assert_array_equal(np.stack(found), FRAMES)
    assert parser.count == len(FRAMES)


def test_one_person_needs_no_list_of_persons():
    (found,) = wire.Lines(2, V, 0.001).push(
        json.dumps((1000 * FRAMES[0, 0]).tolist()).encode() + b'\n'
    )
    np.testing.assert_allclose(found[0], FRAMES[0, 0], rtol=1e-6)
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize('kind', ['json', 'float32'])
def test_a_body_of_zeros_is_nobody(kind):
    frame = np.stack([FRAMES[0, 0], np.zeros((V, 3), np.float32)])
    (found,) = wire.KINDS[kind](2, V).push(frame.tobytes() if kind == 'float32' else told(frame))
    np.testing.assert_array_equal(found[0], frame[0])
    assert np.isnan(found[1]).all()


def test_nobody_is_there():
    for line in (b'[null, null]\n', b'[null]\n', b'{"joints": [null, null, null, null]}\n'):
        (found,) = wire.Lines(2, V).push(line)
        assert np.isnan(found).all() and found.shape == (2, V, 3)


@pytest.mark.parametrize(
    'line, message',
    [
        (b'0.1 0.2', "frame 0: no JSON: '0.1 0.2'"),
        (b'\xff\xfe', 'frame 0: no JSON'),
        (b'[' * 100_000, 'frame 0: no JSON'),
        (b'{"pose": []}', 'frame 0: no list of joints'),
        (b'[]', 'frame 0: no list of joints'),
        (
            b'[[1, 2], [3, 4], [5, 6], [7, 8]]',
            'frame 0: person 0: 4 x 2 numbers, expected 4 joints of 3',
        ),
        (b'[[1, 2, 3], [1, 2]]', 'frame 0: person 0: expected 4 joints of 3 numbers'),
        (b'[[[1, 2, 3]], "x"]', 'frame 0: person 0: 1 x 3 numbers'),
        (json.dumps(3 * [FRAMES[0, 0].tolist()]).encode(), 'frame 0: 3 persons, expected up to 2'),
        (
            json.dumps((1e7 + FRAMES[0, 0]).tolist()).encode(),
            'frame 0: joint 0 is at .*, expected meters',
        ),
        (json.dumps([[float('inf')] * 3] * V).encode(), 'frame 0: joint 0 is at .inf'),
    ],
)
def test_a_line_that_is_no_frame(line, message):
    with pytest.raises(InputError, match=message):
        list(wire.Lines(2, V).push(line + b'\n'))


def test_a_line_without_an_end_is_not_kept_for_ever():
    parser = wire.Lines(1, V)
    with pytest.raises(InputError, match='bytes without the end of a line'):
        for _ in range(100):
            list(parser.push(b' ' * 65_536))


def test_numbers_that_are_none():
    with pytest.raises(InputError, match='frame 1: joint 2 is at .*, expected meters'):
        frames = FRAMES[:2].copy()
        frames[1, 0, 2, 1] = np.inf
        list(wire.Floats(2, V).push(frames.tobytes()))
