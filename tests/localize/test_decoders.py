"""Decoding: hand-computed runs and scores, and what every decoder promises."""

from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest

from skeljax import localize
from skeljax.errors import InputError


def one_class(values):
    values = np.asarray(values, np.float64)
    return np.stack([values, 1 - values], axis=1)


def rows(segments):
    return list(zip(segments.start.tolist(), segments.end.tolist(), segments.label.tolist(),
                    strict=True))


CURVE = [0.01, 0.02, 0.6, 0.8, 0.7, 0.5, 0.03, 0.01, 0.0]


def test_score_is_the_mean_inside_less_the_margins():
    found = localize.threshold_runs(one_class(CURVE), thresholds=(0.1,))
    assert rows(found) == [(2, 6, 0)]
    # One frame of margin on each side: 0.02 and 0.03.
    np.testing.assert_allclose(found.score, [2.6 / 4 - 0.6 * (0.02 + 0.03) / 2])


def test_score_of_the_release():
    found = localize.threshold_runs(one_class(CURVE), thresholds=(0.1,), faithful=True)
    assert rows(found) == [(2, 6, 0)]
    # Inside takes frame 6 as well; the right margin is frame 7.
    np.testing.assert_allclose(found.score, [2.63 / 5 - 0.6 * (0.02 + 0.01) / 2])


def test_the_release_rounds_the_right_margin_down_and_skips_the_last_frame():
    # Run [2, 7): margins of 1.25 frames are [0, 2) on the left and frame 8 on the right.
    curve = [0.04, 0.02, 0.5, 0.5, 0.5, 0.5, 0.5, 0.03, 0.01, 0.02]
    found = localize.threshold_runs(one_class(curve), thresholds=(0.1,), faithful=True)
    np.testing.assert_allclose(found.score, [2.53 / 6 - 0.6 * (0.04 + 0.02 + 0.01) / 3])
    # One frame fewer and that frame is the recording's last, which is never in a margin.
    found = localize.threshold_runs(one_class(curve[:9]), thresholds=(0.1,), faithful=True)
    np.testing.assert_allclose(found.score, [2.53 / 6 - 0.6 * (0.04 + 0.02) / 2])


@pytest.mark.parametrize('faithful', [False, True])
def test_no_margin_left_counts_as_zero(faithful):
    found = localize.threshold_runs(one_class([0.5] * 4), thresholds=(0.1,), faithful=faithful)
    assert rows(found) == [(0, 4, 0)]
    np.testing.assert_allclose(found.score, [0.5])


def test_runs_shorter_than_min_frames_and_background_make_no_proposal():
    curve = [0.5, 0.5, 0, 0.5, 0.5, 0.5, 0, 0.5]
    assert rows(localize.threshold_runs(one_class(curve))) == [(3, 6, 0)]
    found = localize.threshold_runs(one_class(curve), min_frames=1)
    assert rows(found) == [(0, 2, 0), (3, 6, 0), (7, 8, 0)]


def test_a_value_equal_to_the_threshold_is_not_above_it():
    found = localize.threshold_runs(one_class([0.25, 0.5, 0.5, 0.5, 0.25]), thresholds=(0.25,))
    assert rows(found) == [(1, 4, 0)]


def test_the_better_threshold_suppresses_the_other():
    curve = [0.2, 0.2, 0.9, 0.9, 0.9, 0.2, 0.2]
    found = localize.threshold_runs(one_class(curve), thresholds=(0.1, 0.5))
    # Narrow: 0.9 - 0.6 x 0.2 = 0.78; wide: 3.5 / 7 = 0.5, 3 of its 7 frames are covered.
    assert rows(found) == [(2, 5, 0)]
    np.testing.assert_allclose(found.score, [0.78])
    both = localize.threshold_runs(one_class(curve), thresholds=(0.1, 0.5), overlap=0.5)
    assert rows(both) == [(0, 7, 0), (2, 5, 0)]


def test_two_classes_may_overlap():
    probabilities = np.full((10, 3), 0.1)
    probabilities[2:7, 0] = 0.4
    probabilities[4:9, 1] = 0.4
    found = localize.threshold_runs(probabilities, thresholds=(0.2,))
    assert rows(found) == [(2, 7, 0), (4, 9, 1)]


def test_argmax_runs_score_their_mean_probability():
    probabilities = np.array(
        [[0.6, 0.1, 0.3], [0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.9, 0.0, 0.1]]
    )
    found = localize.argmax_runs(probabilities)
    assert rows(found) == [(0, 2, 0), (2, 3, 1), (4, 5, 0)]
    np.testing.assert_allclose(found.score, [0.7, 0.5, 0.9])
    assert rows(localize.argmax_runs(probabilities, min_frames=2)) == [(0, 2, 0)]


def test_smooth_averages_inside_the_recording():
    found = localize.smooth(one_class([0, 0.3, 0.9, 0.6, 0]), 3)
    np.testing.assert_allclose(found[:, 0], [0.15, 0.4, 0.6, 0.5, 0.3])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(localize.smooth(one_class([0, 0.5, 1]), 2)[:, 0], [0.25, 0.75, 1])


PROBABILITIES = hnp.arrays(
    np.float32, st.tuples(st.integers(0, 40), st.integers(2, 4)), elements=st.floats(0, 1, width=32)
)


@settings(max_examples=60, deadline=None)
@given(PROBABILITIES, st.sampled_from(list(localize.PROTOCOLS)))
def test_decoding_never_leaves_the_recording(probabilities, name):
    if localize.reads_segments(name):  # which wants rows that sum to 1
        probabilities = probabilities + np.float32(0.01)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    found = localize.protocol(name).decode(probabilities)
    num_frames, columns = probabilities.shape
    assert (found.start >= 0).all() and (found.end <= num_frames).all()
    assert (found.start < found.end).all()
    assert (found.label >= 0).all() and (found.label < columns - 1).all()
    assert np.isfinite(found.score).all()


@settings(max_examples=60, deadline=None)
@given(PROBABILITIES)
def test_scores_equal_the_plain_means(probabilities):
    """Cumulative sums give what slicing gives, frame by frame of the definition."""
    curve = probabilities[:, 0].astype(np.float64)
    found = localize.threshold_runs(probabilities, overlap=1.0)
    for start, end, label, score in zip(
        found.start, found.end, found.label, found.score, strict=True
    ):
        if label:
            continue
        width = -(-(end - start) // 4)
        around = [*curve[max(start - width, 0):start], *curve[end:end + width]]
        expected = curve[start:end].mean() - 0.6 * (np.mean(around) if around else 0)
        assert score == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ('probabilities', 'message'),
    [
        (np.zeros(4), 'expected'),
        (np.zeros((4, 1)), 'background'),
        (np.full((4, 2), 7.0), 'frame 0, class 0'),
        (np.array([[0.5, 0.5], [0.5, np.nan]]), 'found nan at frame 1, class 1'),
    ],
)
@pytest.mark.parametrize('decode', [localize.threshold_runs, localize.argmax_runs])
def test_what_is_no_probability_is_refused(decode, probabilities, message):
    with pytest.raises(InputError, match=message):
        decode(probabilities)
