"""Which action a recording shows, on cases worked out by hand."""

import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.localize import Segments, protocol
from skeljax.localize.metrics.recognition import recognition, whole


def _ranked(*labels, frames=10):
    """Proposes classes, the best first."""
    scores = np.linspace(1, 0.5, len(labels))
    return Segments([0] * len(labels), [frames] * len(labels), list(labels), scores)


def _true(*labels):
    return Segments(range(len(labels)), range(1, len(labels) + 1), list(labels))


def test_accuracies_by_hand():
    all_six = _ranked(0, 1, 2, 3, 4, 5)
    predictions = {'a': all_six, 'b': _ranked(1, 0), 'c': all_six}
    truth = {'a': _true(0), 'b': _true(0), 'c': _true(5), 'd': _true(6), 'idle': _true()}
    found = recognition(predictions, truth, num_classes=7)
    # a at once, b among five, c sixth, d without a proposal.
    assert found.figures == {'top-1': 0.25, 'top-5': 0.5, 'per class': pytest.approx(0.5 / 3)}
    assert found.mean == 0.25


def test_one_of_several_actions_is_enough_and_the_best_proposal_of_a_class_counts():
    predictions = {'a': Segments([0, 5, 2], [5, 9, 4], [1, 0, 1], [0.2, 0.5, 0.9])}
    assert recognition(predictions, {'a': _true(1, 2)}, num_classes=3).figures['top-1'] == 1
    assert recognition(predictions, {'a': _true(0)}, num_classes=3).figures['top-1'] == 0


def test_of_equal_scores_the_lower_label_comes_first():
    tie = {'a': Segments([0, 0], [4, 4], [2, 1], [0.5, 0.5])}
    assert recognition(tie, {'a': _true(1)}, num_classes=3).figures['top-1'] == 1
    assert recognition(tie, {'a': _true(2)}, num_classes=3).figures['top-1'] == 0


def test_nothing_predicted_is_all_wrong_and_without_truth_there_is_no_accuracy():
    found = recognition({}, {'a': _true(0)}, num_classes=2)
    assert found.figures['top-5'] == 0 and found.num_predicted == 0
    with pytest.raises(InputError, match='no true segment'):
        recognition({'a': _ranked(0)}, {'a': _true()}, num_classes=2)
    with pytest.raises(InputError, match='^x: predicted, but not among'):
        recognition({'x': _ranked(0)}, {'a': _true(0)}, num_classes=2)


def test_frames_vote_for_the_whole():
    scores = np.array([[0.6, 0.3, 0.1], [0.1, 0.7, 0.2]])
    found = whole(scores)
    np.testing.assert_array_equal([found.start, found.end, found.label], [[0, 0], [2, 2], [0, 1]])
    np.testing.assert_allclose(found.score, [0.35, 0.5])
    named = protocol('recognition')
    result = named.evaluate({'a': named.decode(scores)}, {'a': _true(1)}, num_classes=2, tious=())
    assert result.figures['top-1'] == 1


def test_a_recording_without_frames_proposes_nothing():
    assert len(whole(np.zeros((0, 3)))) == 0
