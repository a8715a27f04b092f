"""Tests the kinds of correct and wrong segments on hand-computed examples."""

from hypothesis import given, strategies as st
import numpy as np

from skeljax.localize import Segments
from skeljax.viz.viewer import kinds


def _classify(found, true, **options):
    """Classifies segments (start, end, label); predicted ones have descending scores."""
    score = np.linspace(0.9, 0.1, len(found))
    columns = list(zip(*found, strict=True)) or [()] * 3
    return kinds.classify(
        Segments(*columns, score), Segments(*(list(zip(*true, strict=True)) or [()] * 3)), **options
    )


def test_overlap_at_the_threshold_is_right_and_below_it_a_boundary_is_off():
    # [0, 50) of [0, 100): 50 / 100. [200, 249) of [200, 300): 49 / 100.
    told = _classify([(0, 50, 1), (200, 249, 1)], [(0, 100, 1), (200, 300, 1)])
    assert told.predicted == told.true == ('correct', 'boundary off')
    assert told.predicted_match.tolist() == told.true_match.tolist() == [0, 1]
    # One right of two found and two true: F1 is 2 / 4.
    assert told.error == 0.5


def test_a_second_find_is_double_whatever_it_overlaps():
    # 90 / 100 is the surer one; 100 / 100 comes second; a piece of 20 / 100 comes third.
    told = _classify([(0, 90, 0), (0, 100, 0), (0, 20, 0)], [(0, 100, 0)])
    assert told.predicted == ('correct', 'double', 'double')
    assert told.true == ('correct',) and told.true_match.tolist() == [0]


def test_of_two_pieces_the_surer_is_off_and_the_other_double():
    told = _classify([(0, 40, 0), (50, 95, 0)], [(0, 100, 0)])
    assert told.predicted == ('boundary off', 'double') and told.true == ('boundary off',)
    assert told.error == 1


def test_another_class_is_a_wrong_label_only_where_none_is_of_its_own():
    # Overlaps class 1 by 60 / 100 and class 0 by 40 / 100: a boundary of class 0 is off.
    told = _classify([(0, 100, 0)], [(0, 60, 1), (60, 100, 0)])
    assert told.predicted == ('boundary off',) and told.predicted_match.tolist() == [1]
    assert told.true == ('missed', 'boundary off') and told.true_match.tolist() == [-1, 0]
    told = _classify([(0, 100, 2)], [(0, 60, 1), (60, 100, 0)])
    assert told.predicted == ('wrong label',) and told.predicted_match.tolist() == [0]
    assert told.true == ('wrong label', 'missed')


def test_hardly_any_overlap_is_a_false_alarm():
    # [0, 10) and [5, 100): 5 / 100 is below 0.1; [0, 15) and [5, 100): 10 / 100 is not.
    assert _classify([(0, 10, 0)], [(5, 100, 0)]).predicted == ('false alarm',)
    assert _classify([(0, 10, 0)], [(5, 100, 0)]).true == ('missed',)
    assert _classify([(0, 15, 0)], [(5, 100, 0)]).predicted == ('boundary off',)


def test_one_long_find_takes_one_of_two_true_ones():
    told = _classify([(0, 100, 0)], [(0, 60, 0), (60, 100, 0)])
    assert told.predicted == ('correct',) and told.true == ('correct', 'missed')


def test_the_threshold_can_be_chosen():
    assert _classify([(0, 50, 0)], [(0, 100, 0)], tiou=0.6).predicted == ('boundary off',)


def test_nothing_found_and_nothing_true():
    assert _classify([], []).error == 0
    assert _classify([], [(0, 5, 0)]) [:2] == ((), ('missed',))
    assert _classify([(0, 5, 0)], [])[:2] == (('false alarm',), ())


ROWS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30), st.integers(0, 2)), max_size=8)


@given(ROWS, ROWS)
def test_right_ones_pair_up(found, true):
    found, true = ([(s, s + n, label) for s, n, label in rows] for rows in (found, true))
    told = _classify(found, true)
    assert '' not in told.predicted and set(told.predicted + told.true) <= set(kinds.KINDS)
    assert told.predicted.count('correct') == told.true.count('correct')
    for position, kind in enumerate(told.predicted):
        if kind in ('correct', 'boundary off'):
            assert told.true_match[told.predicted_match[position]] == position
    assert 0 <= told.error <= 1


@given(ROWS)
def test_the_truth_itself_has_no_error(rows):
    true = [(s, s + n, label) for s, n, label in rows]
    assert _classify(true, true).error == 0
