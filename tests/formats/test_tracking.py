"""Who is who from frame to frame: velocities, identities of the file and those that jump."""

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax.formats import tracking
from skeljax.formats.tracking import Pose

BODY = np.random.default_rng(0).normal(size=(17, 3)) * [20, 60, 0]  # pixels
SEEN = np.ones(17, bool)


def _pose(x, y=0.0, who=None, body=BODY) -> Pose:
    return Pose(body + [x, y, 0], SEEN, who)


def _middle(joints, measured) -> np.ndarray:
    """Returns the x of each slot, nan while nobody is in it, float64[T, M]."""
    x = joints[..., 0].mean(-1) - BODY[:, 0].mean()
    return np.where(measured.any(-1), x, np.nan)


def _cross(frames=60, speed=8.0, noise=0.0, seed=0, hidden=()) -> list[list[Pose]]:
    """Two people walk past each other; in the `hidden` frames the first one is not found."""
    rng = np.random.default_rng(seed)
    made = []
    for frame in range(frames):
        left, right = speed * frame, speed * (frames - 1 - frame)
        poses = [
            _pose(x + rng.normal(0, noise), y, body=BODY * [side, 1, 1])
            for x, y, side in ((left, 0, 1), (right, 5, -1))
        ]
        poses = poses[1:] if frame in hidden else poses
        made.append([poses[i] for i in rng.permutation(len(poses))])
    return made


@settings(deadline=None, max_examples=25)
@given(
    frames=st.integers(40, 80),
    speed=st.floats(3, 15),
    noise=st.floats(0, 1.0),
    seed=st.integers(0, 99),
    hidden=st.integers(0, 5),
)
def test_people_who_cross_keep_their_identity(frames, speed, noise, seed, hidden):
    gone = range(frames // 2, frames // 2 + hidden)
    joints, measured = tracking.arrange(_cross(frames, speed, noise, seed, gone))
    assert joints.shape[1] == 2
    ends = _middle(joints, measured)[[0, -1]]
    far = speed * (frames - 1)
    expected = [0, far] if abs(ends[0, 0]) < far / 2 else [far, 0]
    np.testing.assert_allclose(ends, [expected, expected[::-1]], atol=20)


def test_whoever_turns_back_is_followed_too():
    going = [8.0 * min(t, 40 - t) for t in range(41)]
    frames = [[_pose(x), _pose(400 - x)] for x in going]
    x = _middle(*tracking.arrange(frames))
    np.testing.assert_allclose(np.sort(x, 1)[:, 0], going, atol=1e-6)
    assert (np.abs(np.diff(x, axis=0)) < 9).all()


def test_the_least_sum_decides_not_the_nearest_pair():
    """The nearest pair alone would take the first person's place for the second."""
    frames = [[_pose(0), _pose(60)], [_pose(50), _pose(110)]]
    joints, measured = tracking.arrange(frames)
    np.testing.assert_allclose(_middle(joints, measured), [[0, 60], [50, 110]], atol=1e-6)


def test_identities_that_the_file_tells_are_trusted():
    """They meet in the same place and turn back, which no velocity tells."""
    going = [8.0 * min(t, 40 - t) for t in range(41)]
    frames = [[_pose(x, who='a'), _pose(320 - x, who='b')] for x in going]
    x = _middle(*tracking.arrange(frames))
    np.testing.assert_allclose(x[:, 0], going, atol=1e-6)


def test_identities_that_swap_are_mended():
    names = lambda t: ('1', '2') if t < 20 else ('2', '1')
    frames = [
        [_pose(2 * t, who=names(t)[0]), _pose(900 - 2 * t, who=names(t)[1])] for t in range(40)
    ]
    x = _middle(*tracking.arrange(frames))
    np.testing.assert_allclose(x[:, 0], 2 * np.arange(40), atol=1e-6)
    np.testing.assert_allclose(x[:, 1], 900 - 2 * np.arange(40), atol=1e-6)


def test_an_identity_that_moves_on_to_another_leaves_its_person_theirs():
    """From frame 20 on, 1 is somebody new, and who was 1 is 3."""
    frames = [[_pose(t, who='1' if t < 20 else '3')] for t in range(40)]
    for t in range(20, 40):
        frames[t].append(_pose(2000 + t, who='1'))
    x = _middle(*tracking.arrange(frames))
    np.testing.assert_allclose(x[:, 0], np.arange(40), atol=1e-6)
    assert np.isnan(x[:20, 1]).all() and (x[20:, 1] > 1000).all()


def test_identities_that_are_missing_in_some_frames_are_filled_in():
    frames = [
        [_pose(t, who=None if t % 5 == 3 else 'a'), _pose(500 - t, who='b')] for t in range(30)
    ]
    x = _middle(*tracking.arrange(frames))
    assert x.shape == (30, 2)
    np.testing.assert_allclose(np.sort(x, 1)[:, 0], np.arange(30), atol=1e-6)
    assert (np.abs(np.diff(x, axis=0)) < 2).all()


def test_an_identity_that_comes_back_later_is_the_same_person():
    here = [[_pose(t, who='a'), _pose(300, who='b')] for t in range(50)]
    for t in range(5, 45):
        here[t] = here[t][1:]
    joints, measured = tracking.arrange(here)
    assert joints.shape[1] == 2 and measured[:, 1].any(-1).sum() == 10


@pytest.mark.parametrize('gap', [1, 5])
def test_steps_are_in_sizes_of_the_body(gap):
    joints = np.stack([BODY, BODY + [30, 40, 0], BODY + [30, 40, 0]])
    measured = np.ones((3, 17), bool)
    measured[2] = False
    frames = np.array([0, gap, gap + 1])
    size = np.linalg.norm(np.ptp(BODY, axis=0))
    np.testing.assert_allclose(tracking.steps(joints, measured, frames), [50 / size, 0])
