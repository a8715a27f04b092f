"""Composing: every repetition once, reproducibly, without a jump in place or heading."""

import itertools

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax.data import compose
from skeljax.errors import InputError
from skeljax.formats.chain import Chain, forward
from skeljax.skeletons import skeleton

SEEDS = st.text(max_size=8)
PARENTS = skeleton.get('uiprmd22').parents


def _turn(axis: str, degrees) -> np.ndarray:
    """Makes float64[..., 3, 3], right-handed, by the axis' letter."""
    angle = np.deg2rad(degrees)
    i, j, k = {'x': (1, 2, 0), 'y': (2, 0, 1), 'z': (0, 1, 2)}[axis]
    matrix = np.zeros((*np.shape(angle), 3, 3))
    matrix[..., i, i] = matrix[..., j, j] = np.cos(angle)
    matrix[..., j, i], matrix[..., i, j] = np.sin(angle), -np.sin(angle)
    matrix[..., k, k] = 1
    return matrix


def _chain(rng, frames: int) -> Chain:
    """Makes any motion whose root does not look straight up or down."""
    tilts = rng.uniform(-60, 60, (2, frames, 22))
    turns = _turn('y', rng.uniform(-180, 180, (frames, 22)))
    turns = turns @ _turn('x', tilts[0]) @ _turn('z', tilts[1])
    return Chain(rng.normal(size=(frames, 3)), rng.normal(size=(frames, 22, 3)), turns)


def _still(rotations, height=1.0, offset=0.1) -> Chain:
    """Makes one frame with these turns of joint 1 or, given [22, 3, 3], of all."""
    turns = np.broadcast_to(np.eye(3), (1, 22, 3, 3)).copy()
    turns[0, 1:2] = rotations
    return Chain(np.array([[3.0, height, -2.0]]), np.full((1, 22, 3), offset), turns)


def _angles(a, b) -> np.ndarray:
    """Measures the angle between rotations, radians, well also where it is small."""
    chord = np.linalg.norm(a - b, axis=(-2, -1))
    return 2 * np.arcsin(np.minimum(chord / np.sqrt(8), 1))


@st.composite
def _joined(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    pauses = draw(
        st.lists(st.integers(1, 45), min_size=len(lengths) - 1, max_size=len(lengths) - 1)
    )
    chains = [_chain(rng, frames) for frames in lengths]
    return chains, pauses, *compose.join(chains, pauses)


def test_a_number_is_the_start_of_sha256():
    # SHA-256 of 'abc' is the first example of FIPS 180-2: ba7816bf 8f01cfea 414140de ...
    assert compose.number('abc') == 0xBA7816BF8F01CFEA
    assert compose.number('a', 'b/c', 1) == compose.number('a/b/c/1') != compose.number('a/b/c/2')


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), SEEDS)
def test_neighbours_differ_whenever_any_order_lets_them(classes, seed):
    differ = lambda order: all(a != b for a, b in itertools.pairwise(order))
    names = [f'm{i}' for i in range(len(classes))]
    if any(map(differ, itertools.permutations(classes))):
        order = compose.arrange(names, classes, seed)
        assert sorted(order) == list(range(len(classes)))
        assert differ([classes[i] for i in order])
    else:
        with pytest.raises(InputError, match=f'is {max(map(classes.count, classes))} of'):
            compose.arrange(names, classes, seed)


@given(st.permutations(range(20)), SEEDS)
def test_the_order_depends_on_names_and_seed_alone(shuffled, seed):
    names, classes = [f'm{i:02}' for i in range(20)], [i % 4 for i in range(20)]
    order = [names[i] for i in compose.arrange(names, classes, seed)]
    again = compose.arrange([names[i] for i in shuffled], [classes[i] for i in shuffled], seed)
    assert [names[shuffled[i]] for i in again] == order
    assert [names[i] for i in compose.arrange(names, classes, f'{seed}x')] != order


@given(SEEDS)
def test_among_all_different_classes_the_lowest_number_comes_first(seed):
    names = list('abcdefgh')
    order = compose.arrange(names, range(8), seed)
    numbers = [compose.number(seed, 'order', names[i]) for i in order]
    assert numbers == sorted(numbers)


@given(st.integers(8, 400), SEEDS)
def test_recordings_hold_eight_to_sixteen_repetitions_and_all_of_them(count, seed):
    parts = compose.sizes(count, seed)
    assert sum(parts) == count
    assert all(8 <= part <= 16 for part in parts)
    assert parts == compose.sizes(count, seed)
    if count >= 25:  # enough left for any first size
        assert parts[0] == 8 + compose.number(seed, 'size', 0) % 9


@pytest.mark.parametrize('count', [0, 7])
def test_too_few_repetitions_for_one_recording_are_counted(count):
    with pytest.raises(InputError, match=f'^s03: {count} repetitions, a recording needs 8$'):
        compose.sizes(count, 's03')


def test_pauses_take_every_length_from_ten_to_forty_five_frames():
    drawn = [compose.pause('seed', f'a{i}', 'b') for i in range(600)]
    assert set(drawn) == set(range(10, 46))
    assert compose.pause('seed', 'a', 'b') == 10 + compose.number('seed', 'pause', 'a', 'b') % 36


def test_heading_is_the_angle_about_y_of_where_z_points():
    assert compose.heading(_turn('y', 30)) == pytest.approx(np.pi / 6)
    assert compose.heading(_turn('y', -120) @ _turn('x', 20)) == pytest.approx(-2 * np.pi / 3)


@settings(max_examples=50, deadline=None)
@given(_joined())
def test_spans_hold_the_motions_and_gaps_are_the_pauses(joined):
    chains, pauses, whole, spans = joined
    assert [end - start for start, end in spans] == [len(chain) for chain in chains]
    assert [b[0] - a[1] for a, b in itertools.pairwise(spans)] == pauses
    assert spans[0][0] == 0 and spans[-1][1] == len(whole) == len(whole.offsets)
    for field in ('root', 'offsets', 'rotations'):
        first = getattr(whole, field)[: len(chains[0])]
        np.testing.assert_array_equal(first, getattr(chains[0], field))


@settings(max_examples=50, deadline=None)
@given(_joined())
def test_a_motion_is_moved_as_a_whole_and_heights_stay(joined):
    chains, _, whole, spans = joined
    joints = forward(whole, PARENTS)
    for chain, (start, end) in zip(chains, spans, strict=True):
        before = forward(chain, PARENTS).reshape(-1, 3)
        after = joints[start:end].reshape(-1, 3)
        np.testing.assert_allclose(after[:, 1], before[:, 1], atol=1e-9)
        gaps = lambda points: np.linalg.norm(points[:, None] - points[None], axis=-1)
        np.testing.assert_allclose(gaps(after), gaps(before), atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(_joined())
def test_place_and_heading_are_carried_on(joined):
    _, _, whole, spans = joined
    for (_, end), (start, _) in itertools.pairwise(spans):
        np.testing.assert_allclose(whole.root[start, ::2], whole.root[end - 1, ::2], atol=1e-9)
        last, first = (compose.heading(whole.rotations[t, 0]) for t in (end - 1, start))
        assert np.cos(first - last) == pytest.approx(1)


@settings(max_examples=50, deadline=None)
@given(_joined())
def test_nothing_jumps_in_a_transition(joined):
    _, pauses, whole, spans = joined
    for (_, end), (start, _), frames in zip(spans, spans[1:], pauses, strict=False):
        path = slice(end - 1, start + 1)
        root, offsets, turns = whole.root[path], whole.offsets[path], whole.rotations[path]
        # The steepest of n + 1 equal steps of (1 - cos) / 2 is sin(pi / 2 / (n + 1)) at most.
        steepest = np.sin(np.pi / 2 / (frames + 1)) + 1e-9
        for value in (root, offsets):
            steps = np.linalg.norm(np.diff(value, axis=0), axis=-1)
            assert (steps <= steepest * np.linalg.norm(value[-1] - value[0], axis=-1) + 1e-9).all()
        steps, arc = _angles(turns[1:], turns[:-1]), _angles(turns[-1], turns[0])
        assert (steps <= steepest * arc + 1e-6).all()
        np.testing.assert_allclose(steps.sum(0), arc, atol=1e-5)  # the shortest way, and no other
        squares = turns @ np.swapaxes(turns, -1, -2)
        np.testing.assert_allclose(squares, np.broadcast_to(np.eye(3), turns.shape), atol=1e-9)
        np.testing.assert_allclose(np.linalg.det(turns), 1, atol=1e-9)


def test_a_transition_by_hand():
    first, last = _still(_turn('x', 0)), _still(_turn('x', 120), height=2.0, offset=0.5)
    whole, spans = compose.join([first, last], [2])
    # The weights of two frames are (1 - cos 60) / 2 = 1/4 and (1 - cos 120) / 2 = 3/4.
    assert spans == [(0, 1), (3, 4)]
    np.testing.assert_allclose(whole.rotations[:, 1], _turn('x', [0, 30, 90, 120]), atol=1e-9)
    np.testing.assert_allclose(whole.root[:, 1], [1, 1.25, 1.75, 2])
    np.testing.assert_allclose(whole.offsets[:, 5, 0], [0.1, 0.2, 0.4, 0.5])


@pytest.mark.parametrize('degrees', [0, 1e-9, 1e-4, 179.999, 180])
def test_a_hardly_turned_and_a_half_turned_joint_blend_into_rotations(degrees):
    whole, _ = compose.join([_still(np.eye(3)), _still(_turn('x', degrees))], [1])
    angle = np.rad2deg(_angles(whole.rotations[1, 1], np.eye(3)))
    assert angle == pytest.approx(degrees / 2, abs=1e-4)
    np.testing.assert_allclose(np.linalg.det(whole.rotations[1]), 1)
