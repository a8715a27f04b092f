"""Another frame rate: which moments are shown, and where the segments go."""

import dataclasses

from hypothesis import given, strategies as st
import numpy as np
import pytest

from skeljax.data import timing
from skeljax.data.records import Recording
from skeljax.errors import InputError


def _recording(frames, fps, segments=(), valid=None) -> Recording:
    """Makes a recording in which every joint is at the number of the frame."""
    valid = np.ones((frames, 1), bool) if valid is None else np.array(valid, bool)
    joints = np.zeros((frames, valid.shape[1], 22, 3), np.float32)
    joints += np.arange(frames, dtype=np.float32)[:, None, None, None]
    columns = np.array(list(segments), np.int32).reshape(-1, 3).T
    return Recording(
        name='clip 7',
        joints=np.where(valid[..., None, None], joints, 0),
        frame_valid=valid.any(1),
        person_valid=valid,
        joint_valid=np.ones(joints.shape[:3], bool),
        fps=fps,
        layout='uiprmd22',
        segment_start=columns[0],
        segment_end=columns[1],
        segment_label=columns[2],
    )


def _shown(recording) -> list[float]:
    return recording.joints[:, 0, 5, 1].tolist()


def _spans(recording) -> list[tuple[int, int]]:
    return list(zip(recording.segment_start.tolist(), recording.segment_end.tolist(), strict=True))


def test_at_a_quarter_of_the_rate_every_fourth_frame_is_shown():
    before = _recording(10, 120.0, [(0, 3, 0), (3, 8, 1), (8, 10, 2)])
    before.joint_valid[4, 0, 2] = False
    after = timing.resample(before, 30.0)
    assert (after.fps, _shown(after)) == (30.0, [0, 4, 8])
    assert _spans(after) == [(0, 1), (1, 2), (2, 3)] and after.segment_label.tolist() == [0, 1, 2]
    assert after.joint_valid[:, 0, 2].tolist() == [True, False, True]


def test_at_twice_the_rate_frames_are_interpolated_and_the_last_is_held():
    after = timing.resample(_recording(3, 15.0, [(1, 2, 0)]), 30.0)
    assert _shown(after) == [0, 0.5, 1, 1.5, 2, 2]
    assert _spans(after) == [(2, 4)]


def test_an_uneven_rate_by_hand():
    after = timing.resample(_recording(5, 25.0, [(0, 2, 0), (2, 5, 1)]), 30.0)
    np.testing.assert_allclose(_shown(after), [0, 5 / 6, 10 / 6, 2.5, 20 / 6, 25 / 6 - 1 / 6])
    # Frame 2 of 25 a second is at 80 ms; the first frame of 30 from then on is number 3.
    assert _spans(after) == [(0, 3), (3, 6)]


def test_the_own_rate_changes_nothing():
    before = _recording(5, float(np.float32(29.97)))
    assert timing.resample(before, 29.97) is before
    rounded = _recording(5, 1 / 0.0333333)
    assert timing.resample(rounded, 30.0) is rounded
    assert timing.resample(before, 30.0) is not before


@pytest.mark.parametrize('fps', [0, -30, float('nan'), float('inf')])
def test_no_rate_is_refused(fps):
    with pytest.raises(InputError, match='^clip 7: cannot be resampled to'):
        timing.resample(_recording(5, 30.0), fps)


@pytest.mark.parametrize('frames', [0, -5])
def test_no_length_is_refused(frames):
    with pytest.raises(InputError, match='^clip 7: cannot be stretched to'):
        timing.stretch(_recording(5, 30.0), frames)


def test_stretched_frames_stand_for_their_middles():
    after = timing.stretch(_recording(4, 30.0, [(0, 1, 0), (1, 4, 1)]), 8)
    assert _shown(after) == [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]
    assert (after.fps, _spans(after)) == (60.0, [(0, 2), (2, 8)])
    assert _shown(timing.stretch(_recording(8, 30.0), 2)) == [1.5, 5.5]
    assert _shown(timing.stretch(_recording(1, 30.0), 3)) == [0, 0, 0]


def test_nobody_is_interpolated_with_somebody_absent():
    valid = [[1, 0], [1, 0], [1, 1], [0, 1]]
    after = timing.resample(_recording(4, 10.0, valid=valid), 40.0)
    first, second = after.person_valid.T.tolist()
    assert first == [True] * 11 + [False] * 5
    assert second == [False] * 7 + [True] * 9
    places = after.joints[:, :, 0, 0].T.tolist()
    assert places[0] == [*np.arange(0, 2, 0.25), 2, 2, 2, *[0] * 5]
    assert places[1] == [*[0] * 7, 2, *np.arange(2, 3, 0.25), 3, 3, 3, 3]


@given(
    st.integers(1, 60), st.sampled_from([10.0, 24.0, 25.0, 29.97, 30.0, 60.0, 100.0, 120.0]),
    st.sampled_from([12.5, 25.0, 30.0, 50.0, 120.0]), st.data(),
)
def test_frames_keep_their_moments_and_labels(frames, old, new, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, frames), max_size=6)))
    segments = [(s, e, i) for i, (s, e) in enumerate(zip(cuts, cuts[1:], strict=False))]
    before = _recording(frames, old, segments)
    after = timing.resample(before, new)
    # One by one: frame i shows the moment i / new.
    for i, shown in enumerate(_shown(after)):
        assert shown == pytest.approx(min(i / new * old, frames - 1), abs=1e-4)
    assert abs(len(after.joints) / new - frames / old) < 1 / min(new, old)
    for (start, end), (s, e, _) in zip(_spans(after), segments, strict=True):
        assert 0 <= start < end <= len(after.joints)
        inside = [i for i in range(len(after.joints)) if s - 1e-5 <= i / new * old < e - 1e-5]
        if inside:
            assert (start, end) == (inside[0], inside[-1] + 1)


@given(st.integers(1, 40), st.integers(1, 60))
def test_a_stretched_clip_has_the_frames_of_opencv(frames, count):
    after = timing.stretch(_recording(frames, 30.0), count)
    for i, shown in enumerate(_shown(after)):
        place = (i + 0.5) * frames / count - 0.5
        assert shown == pytest.approx(min(max(place, 0), frames - 1), abs=1e-4)
    assert len(after.joints) / after.fps == pytest.approx(frames / 30)


def test_the_input_is_kept():
    before = _recording(6, 30.0, [(1, 3, 0)])
    copy = dataclasses.replace(before, joints=before.joints.copy())
    timing.resample(before, 20.0)
    np.testing.assert_array_equal(before.joints, copy.joints)
    assert _spans(before) == [(1, 3)]
