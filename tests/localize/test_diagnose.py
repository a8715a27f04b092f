"""Diagnosis on hand-computed cases; a perfect prediction has nothing wrong."""

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import localize
from skeljax.errors import InputError
from skeljax.localize import Segments
from skeljax.localize.diagnose import KINDS, LengthBin, diagnose
from skeljax.viz import diagnosis_tables as report

TRUTH = {'a': Segments([0, 20, 60], [10, 40, 70], [0, 0, 1]), 'b': Segments([], [], [])}


def judged(*proposals, truth=TRUTH, **options):
    """Diagnoses (recording, start, end, label, score) and returns the counts that are not 0."""
    predictions = {}
    for name in {row[0] for row in proposals}:
        columns = zip(*(row[1:] for row in proposals if row[0] == name), strict=True)
        predictions[name] = Segments(*columns)
    found = diagnose(predictions, truth, num_classes=2, **options)
    kinds = {kind: count for kind, count in found.false_positives.items() if count}
    return found.boundaries.matched, kinds


@pytest.mark.parametrize(
    ('start', 'end', 'label', 'kind'),
    [
        (2, 9, 0, 'double_detection'),  # 7 of 10 frames, but [0, 10) is taken
        (0, 10, 1, 'wrong_label'),
        (58, 64, 1, 'localization'),  # 4 of 12 frames
        (58, 64, 0, 'confusion'),
        (39, 60, 0, 'background'),  # 1 of 40 frames
        (45, 55, 1, 'background'),
    ],
)
def test_kinds_of_false_positives(start, end, label, kind):
    matched, kinds = judged(('a', 0, 10, 0, 0.9), ('a', start, end, label, 0.5))
    assert (matched, kinds) == (1, {kind: 1})


def test_a_recording_without_truth_has_background_alone():
    assert judged(('b', 0, 10, 0, 0.9)) == (0, {'background': 1})


def test_thresholds_belong_to_the_upper_side():
    # 5 of 10 frames.
    assert judged(('a', 0, 5, 0, 1.0), tiou=0.5) == (1, {})
    assert judged(('a', 0, 5, 0, 1.0), tiou=0.51) == (0, {'localization': 1})
    # 1 of 10 frames.
    assert judged(('a', 9, 10, 0, 1.0), least_tiou=0.1) == (0, {'localization': 1})
    assert judged(('a', 9, 10, 0, 1.0), least_tiou=0.11) == (0, {'background': 1})


def test_the_first_kind_that_fits_counts():
    truth = {'a': Segments([0, 0], [10, 8], [0, 1])}
    # Of its own class 4 of 10, of the other 4 of 8: a wrong label, not a bad place.
    assert judged(('a', 0, 4, 0, 1.0), truth=truth) == (0, {'wrong_label': 1})
    # Below the threshold with both: a bad place.
    assert judged(('a', 0, 3, 0, 1.0), truth=truth) == (0, {'localization': 1})


def test_the_better_score_is_the_match_and_weak_ones_can_be_left_out():
    both = [('a', 0, 8, 0, 0.5), ('a', 0, 10, 0, 0.4)]
    found = diagnose(
        {'a': Segments([0, 0], [8, 10], [0, 0], [0.5, 0.4])}, TRUTH, num_classes=2
    )
    assert found.boundaries.end_median == 2 and found.num_proposals == 2
    assert judged(*both) == (1, {'double_detection': 1})
    assert judged(*both, min_score=0.45) == (1, {})


def test_boundary_errors():
    predictions = {'a': Segments([1, 16, 60], [10, 42, 69], [0, 0, 1], [0.9, 0.8, 0.7])}
    ends = diagnose(predictions, TRUTH, num_classes=2).boundaries
    # Starts are off by 1, -4, 0, ends by 0, 2, -1; the 90th percentile is 0.8 of the way
    # from the second to the third.
    assert ends.matched == 3
    assert (ends.start_median, ends.end_median) == (1, 1)
    assert ends.start_p90 == pytest.approx(1 + 0.8 * 3) and ends.end_p90 == pytest.approx(1.8)
    assert (ends.start_shift, ends.end_shift) == (0, 0)


def test_confusion_counts_frames():
    truth = {'a': Segments([0, 4], [4, 8], [0, 1])}
    # Best scores on top: 2 2 1 1 1 1 - - - 0, where - is background.
    predictions = {'a': Segments([0, 2, 9], [5, 6, 10], [0, 1, 0], [0.3, 0.9, 0.1])}
    found = diagnose(predictions, truth, num_classes=2, num_frames={'a': 12})
    np.testing.assert_array_equal(found.confusion, [[2, 2, 0], [0, 2, 2], [1, 0, 3]])
    # Without the number of frames the recording ends with its last segment.
    found = diagnose(predictions, truth, num_classes=2)
    np.testing.assert_array_equal(found.confusion, [[2, 2, 0], [0, 2, 2], [1, 0, 1]])


def test_recall_by_length():
    lengths = [10, 10, 20, 30, 40, 50, 60, 70]
    start = np.arange(8) * 100
    truth = {'a': Segments(start, start + lengths, np.zeros(8, int))}
    predictions = {'a': truth['a'][[0, 2, 7]]}
    found = diagnose(predictions, truth, num_classes=1, bins=2)
    assert found.recall == (LengthBin(10, 30, 3, 2), LengthBin(30, 70, 5, 1))
    # All of one length: one bin.
    same = {'a': Segments([0, 10], [5, 15], [0, 0])}
    assert diagnose({}, same, num_classes=1).recall == (LengthBin(5, 5, 2, 0),)


def test_nothing_predicted():
    found = diagnose({}, TRUTH, num_classes=2, num_frames={'a': 80, 'b': 20})
    assert found.num_proposals == 0 and not any(found.false_positives.values())
    assert np.isnan(found.boundaries.start_median) and found.boundaries.matched == 0
    np.testing.assert_array_equal(found.confusion, [[0, 0, 30], [0, 0, 10], [0, 0, 60]])


RECORDING = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(0, 2), st.integers(0, 5)),
    max_size=10,
)


def made(listed):
    start, length, label, score = np.array(listed, np.int64).reshape(-1, 4).T
    return Segments(start, start + length, label, score / 5)


@settings(max_examples=60, deadline=None)
@given(st.lists(RECORDING, min_size=1, max_size=3), st.lists(RECORDING, min_size=3, max_size=3))
def test_kinds_add_up_and_matches_are_those_of_the_evaluator(truth, predicted):
    truth = {str(i): made(listed) for i, listed in enumerate(truth)}
    predicted = {name: made(predicted[int(name)]) for name in truth}
    if not any(map(len, truth.values())):
        return
    found = diagnose(predicted, truth, num_classes=3)
    wrong = sum(found.false_positives.values())
    assert tuple(found.false_positives) == KINDS
    assert wrong + found.boundaries.matched == found.num_proposals
    assert found.confusion.sum() == sum(
        max([0, *truth[name].end, *predicted[name].end]) for name in truth
    )
    assert sum(b.count for b in found.recall) == sum(map(len, truth.values()))
    assert sum(b.found for b in found.recall) == found.boundaries.matched
    # Where every class has as many matches as truth, and nothing else, mAP is 1.
    result = localize.evaluate(predicted, truth, num_classes=3, tious=(0.5,))
    assert (result.mean == 1) >= (wrong == 0 and all(b.found == b.count for b in found.recall))
    if not found.boundaries.matched:
        assert result.mean == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(RECORDING, min_size=1, max_size=3), st.floats(0.1, 1.0))
def test_a_perfect_prediction_has_nothing_wrong(truth, tiou):
    truth = {str(i): made(listed) for i, listed in enumerate(truth)}
    if not any(map(len, truth.values())):
        return
    found = diagnose(truth, truth, num_classes=3, tiou=tiou)
    assert not any(found.false_positives.values())
    ends = found.boundaries
    assert not any([ends.start_median, ends.start_p90, ends.end_median, ends.end_p90])
    assert all(b.found == b.count for b in found.recall)
    assert not (found.confusion - np.diag(np.diag(found.confusion))).any()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'tiou': 0.0}, 'diagnosis: 0.1, 0, 4 bins'),
        ({'tiou': 1.1}, 'diagnosis: 0.1, 1.1'),
        ({'least_tiou': 0.6}, 'diagnosis: 0.6, 0.5'),
        ({'bins': 0}, '0 bins'),
        ({'num_frames': {'a': 50, 'b': 9}}, 'leaves the recording'),
    ],
)
def test_what_cannot_be_diagnosed(options, message):
    with pytest.raises(InputError, match=message):
        diagnose({}, TRUTH, num_classes=2, **options)
    with pytest.raises(InputError, match='z: predicted, but not among'):
        diagnose({'z': TRUTH['a']}, TRUTH, num_classes=2)


def test_tables_and_json():
    predictions = {'a': Segments([1, 22, 60], [10, 40, 70], [0, 0, 0], [0.9, 0.8, 0.7])}
    found = diagnose(predictions, TRUTH, num_classes=2, num_frames={'a': 80, 'b': 20})
    shown = report.text(found, ('walk', 'jump'), 10.0).splitlines()
    lines = {line.split('  ')[0]: line.split() for line in shown}
    assert lines['correct'][1:] == ['2', '66.7'] and lines['wrong label'][2:] == ['1', '33.3']
    assert lines['start'][1:] == ['1.50', '1.90', '1.50', '0.15', '0.19', '0.15']
    assert lines['jump'][1:] == ['walk', '10', '0.0', '100.0']
    assert lines['walk'][1:] == ['background', '30', '90.0', '10.0']
    assert lines['background'][1:] == ['60', '100.0', '–']
    described = report.to_json_dict(found, ('walk', 'jump'), 10.0)
    assert described['confusion']['frames'] == [[27, 0, 3], [10, 0, 0], [0, 0, 60]]
    assert described['false_positives']['wrong_label'] == 1
    assert described['boundary_seconds']['start_median'] == 0.15
    empty = report.to_json_dict(diagnose({}, TRUTH, num_classes=2), ('walk', 'jump'))
    assert empty['boundary_frames']['end_p90'] is None and 'boundary_seconds' not in empty
    assert '–' in report.text(diagnose({}, TRUTH, num_classes=2), ('walk', 'jump'))
