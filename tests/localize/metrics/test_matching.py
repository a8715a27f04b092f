"""Scoring: hand-computed mean average precision, and what must not change it."""

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import localize
from skeljax.errors import InputError
from skeljax.localize import Segments
from skeljax.localize.metrics.matching import average_precision, temporal_iou


def test_average_precision_by_hand():
    # Precision 1, 1/2, 2/3, 1/2; its envelope at the hits is 1 and 2/3; 4 true segments.
    hits = np.array([True, False, True, False])
    assert average_precision(hits, 4) == pytest.approx((1 + 2 / 3) / 4)
    # The envelope lifts the first hit: precision 1/2, 2/3 -> 2/3 at both.
    assert average_precision(np.array([False, True, True]), 2) == pytest.approx(2 / 3)
    assert average_precision(np.zeros(0, bool), 2) == 0


def test_iou_of_half_open_intervals():
    start, end = np.array([0, 0, 0, 5]), np.array([4, 4, 4, 5])
    other_start, other_end = np.array([2, 4, 0, 5]), np.array([6, 8, 4, 5])
    np.testing.assert_allclose(temporal_iou(start, end, other_start, other_end), [1/3, 0, 1, 0])


def test_mean_average_precision_by_hand():
    truth = {
        'a': Segments([0, 20], [10, 30], [0, 1]),
        'b': Segments([5], [15], [0]),
        'empty': Segments([], [], []),
    }
    predictions = {
        # IoU 8/10 with the first, then 5/10 with class 1.
        'a': Segments([0, 20], [8, 25], [0, 1], [0.9, 0.6]),
        # IoU 4/10; and one proposal where no segment is, which ranks between them.
        'b': Segments([5, 40], [9, 50], [0, 0], [0.5, 0.7]),
        'empty': Segments([0], [9], [1], [0.8]),
    }
    result = localize.evaluate(
        predictions, truth, num_classes=3, protocol='babel_clean', tious=(0.4, 0.5, 0.8)
    )
    # Class 0, tIoU 0.4: hit, miss, hit -> (1 + 2/3) / 2; above: (1) / 2.
    # Class 1: the miss in 'empty' ranks first -> 1/2 while 5/10 is enough, else 0.
    np.testing.assert_allclose(result.ap[:, 0], [5 / 6, 1 / 2, 1 / 2])
    np.testing.assert_allclose(result.ap[:, 1], [1 / 2, 1 / 2, 0])
    assert np.isnan(result.ap[:, 2]).all()
    np.testing.assert_allclose(result.map, [2 / 3, 1 / 2, 1 / 4])
    assert result.mean == pytest.approx((2 / 3 + 1 / 2 + 1 / 4) / 3)
    assert result.tious == (0.4, 0.5, 0.8)


def test_a_duplicate_is_wrong_unless_another_true_segment_is_free():
    truth = {'a': Segments([0], [10], [0])}
    twice = {'a': Segments([0, 0, 30], [10, 9, 40], [0, 0, 0], [0.9, 0.8, 0.7])}
    result = localize.evaluate(twice, truth, num_classes=1, tious=(0.5,))
    assert result.mean == 1  # what comes after the last hit costs nothing

    truth = {'a': Segments([0, 50], [10, 60], [0, 0])}
    predictions = {'a': Segments([0, 0, 50], [10, 9, 60], [0, 0, 0], [0.9, 0.8, 0.7])}
    result = localize.evaluate(predictions, truth, num_classes=1, tious=(0.5,))
    assert result.mean == pytest.approx((1 + 2 / 3) / 2)

    # Both true segments reach 0.3 with both proposals: the second takes the free one.
    truth = {'a': Segments([0, 6], [10, 16], [0, 0])}
    predictions = {'a': Segments([0, 1], [10, 11], [0, 0], [0.9, 0.8])}
    assert localize.evaluate(predictions, truth, num_classes=1, tious=(0.3,)).mean == 1
    assert localize.evaluate(predictions, truth, num_classes=1, tious=(0.5,)).mean == 0.5


def test_the_best_free_true_segment_is_taken_not_the_first():
    truth = {'a': Segments([0, 4], [10, 14], [0, 0])}
    # The first has IoU 7/13 with [0, 10) and 9/11 with [4, 14); the second needs [0, 10).
    predictions = {'a': Segments([3, 0], [13, 8], [0, 0], [0.9, 0.8])}
    assert localize.evaluate(predictions, truth, num_classes=1, tious=(0.5,)).mean == 1


def test_a_proposal_matches_only_its_own_recording():
    truth = {'a': Segments([0], [10], [0]), 'b': Segments([50], [60], [0])}
    predictions = {'a': Segments([50], [60], [0]), 'b': Segments([0], [10], [0])}
    assert localize.evaluate(predictions, truth, num_classes=1).mean == 0


def test_equal_scores_are_ordered_by_recording_then_start():
    truth = {'a': Segments([0], [10], [0]), 'b': Segments([], [], [])}
    right_first = {'a': Segments([0], [10], [0]), 'b': Segments([0], [10], [0])}
    assert localize.evaluate(right_first, truth, num_classes=1).mean == 1
    truth = {'b': Segments([0], [10], [0]), 'a': Segments([], [], [])}
    assert localize.evaluate(right_first, truth, num_classes=1).mean == 0.5
    truth = {'a': Segments([20], [30], [0])}
    by_start = {'a': Segments([20, 0], [30, 10], [0, 0])}
    assert localize.evaluate(by_start, truth, num_classes=1).mean == 0.5


def test_a_class_without_proposals_scores_zero_and_one_without_truth_is_left_out():
    truth = {'a': Segments([0, 20], [10, 30], [0, 1])}
    predictions = {'a': Segments([0, 40], [10, 50], [0, 2])}
    result = localize.evaluate(predictions, truth, num_classes=4, tious=(0.5,))
    np.testing.assert_array_equal(result.ap, [[1, 0, np.nan, np.nan]])
    assert result.mean == 0.5
    assert localize.evaluate({}, truth, num_classes=4).mean == 0


@pytest.mark.parametrize('frames', [1, 2, 3, 5, 10, 30])
def test_the_release_gives_a_perfect_proposal_less_than_one(frames):
    truth = {'a': Segments([7], [7 + frames], [0])}
    iou = (frames - 1) / (frames + 1)
    for step, expected in ((-1e-9, 1.0), (1e-9, 0.0)):
        if 0 < iou + step <= 1:
            result = localize.evaluate(
                truth, truth, num_classes=1, protocol='babel', tious=(iou + step,)
            )
            assert result.mean == expected
    assert localize.evaluate(truth, truth, num_classes=1, tious=(1.0,)).mean == 1
    assert round(iou, 2) == {1: 0, 2: 0.33, 3: 0.5, 5: 0.67, 10: 0.82, 30: 0.94}[frames]


SEGMENTS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 12), st.integers(0, 2), st.integers(1, 6)),
    max_size=8,
).map(lambda rows: np.array(rows, np.int64).reshape(-1, 4)).map(
    lambda table: Segments(table[:, 0], table[:, 0] + table[:, 1], table[:, 2], table[:, 3] / 6)
)
RECORDINGS = st.fixed_dictionaries({name: SEGMENTS for name in 'abc'})
SOME_TRUTH = RECORDINGS.filter(lambda truth: any(map(len, truth.values())))
TIOUS = (0.1, 0.3, 0.5, 0.7, 1.0)


@settings(max_examples=60, deadline=None)
@given(SOME_TRUTH)
def test_the_truth_as_prediction_is_perfect(truth):
    result = localize.evaluate(truth, truth, num_classes=3, tious=(1.0,))
    assert result.mean == 1


@settings(max_examples=60, deadline=None)
@given(RECORDINGS, SOME_TRUTH, st.permutations('abc'), st.randoms(use_true_random=False))
def test_order_and_monotone_scores_do_not_matter(predictions, truth, names, random):
    expected = localize.evaluate(predictions, truth, num_classes=3, tious=TIOUS)
    changed = {}
    for name in names:
        part = predictions[name]
        part = part[random.sample(range(len(part)), len(part))]
        changed[name] = Segments(part.start, part.end, part.label, np.exp(3 * part.score) - 9)
    found = localize.evaluate(
        changed, {name: truth[name][::-1] for name in names}, num_classes=3, tious=TIOUS
    )
    np.testing.assert_array_equal(found.ap, expected.ap)


def slow_ap(predictions, truth, label, tiou):
    """The definition, one proposal after the other."""
    free = {n: sorted(zip(s.start[s.label == label], s.end[s.label == label], strict=True))
            for n, s in truth.items()}
    count = sum(map(len, free.values()))
    ranked = sorted(
        (-score, name, start, end)
        for name, s in predictions.items()
        for start, end, c, score in zip(s.start, s.end, s.label, s.score, strict=True)
        if c == label
    )
    hits = []
    for _, name, start, end in ranked:
        ious = [len(set(range(start, end)) & set(range(*other)))
                / len(set(range(start, end)) | set(range(*other))) for other in free[name]]
        hits.append(bool(ious) and max(ious) >= tiou)
        if hits[-1]:
            del free[name][int(np.argmax(ious))]
    if not count:
        return np.nan
    precision = [0, *(sum(hits[:i + 1]) / (i + 1) for i in range(len(hits))), 0]
    recall = [0, *(sum(hits[:i + 1]) / count for i in range(len(hits))), 1]
    area = 0.0
    for i in range(1, len(recall)):
        area += (recall[i] - recall[i - 1]) * max(precision[i:])
    return area


@settings(max_examples=100, deadline=None)
@given(RECORDINGS, SOME_TRUTH)
def test_equals_the_plain_loop(predictions, truth):
    result = localize.evaluate(predictions, truth, num_classes=3, tious=TIOUS)
    expected = [[slow_ap(predictions, truth, label, t) for label in range(3)] for t in TIOUS]
    np.testing.assert_allclose(result.ap, expected, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), min_size=1, max_size=6),
    st.lists(st.integers(0, 5), min_size=6, max_size=6),
)
def test_a_higher_threshold_never_scores_more(shifts, scores):
    """Holds where no two true segments share a frame: then nothing competes for a match."""
    start = 20 * np.arange(len(shifts))
    cut, grow = np.array(shifts).T
    truth = {'a': Segments(start, start + 8, np.zeros(len(start)))}
    predictions = {
        'a': Segments(start + cut, start + 6 + grow, 0 * start, np.array(scores)[:len(start)])
    }
    result = localize.evaluate(predictions, truth, num_classes=1, tious=TIOUS)
    assert (np.diff(result.map) <= 1e-12).all()


def test_unknown_protocol_lists_the_known():
    for call in (
        lambda: localize.protocol('guess'),
        lambda: localize.evaluate({}, {}, num_classes=1, protocol='guess'),
    ):
        with pytest.raises(InputError, match='guess.*argmax_clean, babel, babel_07'):
            call()


@pytest.mark.parametrize(
    ('predictions', 'truth', 'message'),
    [
        ({'b': Segments([0], [1], [0])}, {'a': Segments([0], [1], [0])}, 'b: predicted'),
        ({'a': Segments([0], [1], [2])}, {'a': Segments([0], [1], [0])}, 'a: .*label outside'),
        ({'a': Segments([0], [1], [0], [np.nan])}, {'a': Segments([0], [1], [0])}, 'a: .*score'),
        ({'a': Segments([4], [4], [0])}, {'a': Segments([0], [1], [0])}, 'a: .*ends at or'),
        ({}, {'a': Segments([0], [1], [-1])}, 'a: .*label outside'),
        ({}, {'a': Segments([], [], [])}, 'no true segment in any of the 1 recordings'),
    ],
)
def test_bad_input_names_the_recording(predictions, truth, message):
    with pytest.raises(InputError, match=message):
        localize.evaluate(predictions, truth, num_classes=2)


@pytest.mark.parametrize('tious', [(), (0.0,), (0.5, 1.1), (float('nan'),)])
def test_impossible_thresholds_are_refused(tious):
    truth = {'a': Segments([0], [1], [0])}
    with pytest.raises(InputError, match='tIoU'):
        localize.evaluate(truth, truth, num_classes=1, tious=tious)
