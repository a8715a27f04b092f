"""Found, missed and wrong segments, how far ends are off, and the calibration error, by hand."""

import json
import math

import pytest

from skeljax.errors import InputError
from skeljax.localize import Segments, outcome

# At 10 frames a second. In `a`: class 0 found 2 frames late and 4 early; class 1 found exactly;
# its second segment missed, as what lies there is of class 0. In `b`: found one that is not there.
TRUTH = {
    'a': Segments([0, 100, 200], [40, 150, 240], [0, 1, 1]),
    'b': Segments([], [], []),
    'c': Segments([10], [20], [0]),
}
FOUND = {
    'a': Segments([2, 100, 200], [36, 150, 240], [0, 1, 0], [0.9, 0.8, 0.3]),
    'b': Segments([5], [25], [1], [0.25]),
}


def made(found=None, truth=None, **options):
    found, truth = FOUND if found is None else found, TRUTH if truth is None else truth
    return outcome.outcome(found, truth, num_classes=2, fps=10.0, **options)


def test_segments_are_found_missed_or_wrong():
    found = made()
    assert (found.true, found.predicted, found.found) == (4, 4, 2)
    assert (found.missed, found.wrong) == (2, 2)


def test_ends_are_off_by_seconds():
    found = made()
    # Starts are off by 2 and 0 frames, ends by 4 and 0.
    assert (found.start_median, found.start_p90) == pytest.approx((0.1, 0.18))
    assert (found.end_median, found.end_p90) == pytest.approx((0.2, 0.36))


def test_scores_are_compared_with_the_share_that_is_right():
    # 0.9 and 0.8 are right, 0.3 and 0.25 wrong, each in a bin of its own.
    assert made().calibration_error == pytest.approx((0.1 + 0.2 + 0.3 + 0.25) / 4)


def test_what_is_found_depends_on_the_overlap():
    assert made(tiou=0.85).found == 2  # 34 of 40 frames
    assert made(tiou=0.9).found == 1
    assert made(tiou=0.05).found == 2


def test_nothing_found_has_no_distances():
    found = made(found={})
    assert (found.found, found.missed, found.wrong, found.predicted) == (0, 4, 0, 0)
    assert math.isnan(found.start_median) and found.calibration_error == 0
    assert outcome.text(found).splitlines() == [
        '0 of 4 segments found, 4 missed; 0 of 0 predicted ones are wrong',
        'scores of segments: expected calibration error 0.000',
    ]


def test_the_lines_that_evaluate_prints():
    assert outcome.text(made()).splitlines() == [
        '2 of 4 segments found, 2 missed; 2 of 4 predicted ones are wrong',
        'starts are off by 0.10 s (median) and 0.18 s (90 %), ends by 0.20 s and 0.36 s',
        'scores of segments: expected calibration error 0.212',
    ]


@pytest.mark.parametrize('found', [FOUND, {}])
def test_an_outcome_comes_back_from_json(found):
    described = json.loads(json.dumps(outcome.to_json_dict(made(found)), allow_nan=False))
    assert described['missed'] == 4 - described['found']
    assert outcome.text(outcome.from_json_dict(described)) == outcome.text(made(found))


def test_without_truth_nothing_can_be_counted():
    with pytest.raises(InputError, match='no true segment'):
        made(truth={'b': TRUTH['b']}, found={})
