"""Hand-computed statistics of reports: kinds of errors, and similarity of embeddings."""

import numpy as np
import pytest

from skeljax.localize import Segments
from skeljax.viz.report import embedding_stats, error_stats, pictures

# At 10 frames a second, classes 0 and 1. Found in `a`: class 0, 2 frames late and 5 early, an IoU
# of 33 / 40; a weaker piece that it covers; class 0 in the place of the true 1. In `b`, whose one
# true segment is of class 1: a piece of 3 of 30 frames, and something weak.
TRUTH = {
    'a': Segments([10, 60], [50, 80], [0, 1]),
    'b': Segments([0], [30], [1]),
    'c': Segments([], [], []),
}
PROPOSED = {
    'a': Segments([12, 20, 60], [45, 40, 80], [0, 1, 0], [0.9, 0.5, 0.8]),
    'b': Segments([27, 0], [30, 30], [1, 1], [0.7, 0.05]),
    'c': Segments([], [], []),
}
FRAMES = {'a': 100, 'b': 40, 'c': 10}


def stats(**options):
    given = dict(num_classes=2, num_frames=FRAMES, fps=10.0, min_score=0.1) | options
    return error_stats.compute(PROPOSED, TRUTH, **given)


def test_segments_are_counted_by_class_and_kind():
    found = stats()
    assert found.num_true.tolist() == [1, 2]
    assert found.num_predicted.tolist() == [2, 1] and found.num_correct.tolist() == [1, 0]
    assert dict(found.kind_counts) == {
        'correct': 1,
        'missed': 0,
        'wrong label': 1,
        'boundary off': 1,
        'double': 0,
        'false alarm': 0,
    }


def test_the_outcome_and_the_figures_are_those_of_what_was_found():
    found = stats()
    assert (found.outcome.true, found.outcome.predicted, found.outcome.found) == (3, 3, 1)
    assert found.outcome.found == found.num_correct.sum()
    assert (found.outcome.start_median, found.outcome.end_p90) == pytest.approx((0.2, 0.5))
    assert found.figures['F1@50'] == pytest.approx(2 * 1 / (3 + 3))
    # a: 0, 0 for 0, 1; b: 1 for 1; c: nothing for nothing.
    assert found.figures['edit'] == pytest.approx((0.5 + 1 + 1) / 3)
    assert stats(tiou=0.05).outcome.found == 2


def test_ends_are_off_by_seconds_early_ones_below_zero():
    np.testing.assert_allclose(stats().boundary_errors, [[0.2, -0.5], [2.7, 0.0]])


def test_frames_are_confused():
    # a: class 0 from 12 to 45 right, 2 + 5 frames of it none; class 1 all taken for 0. b: 3 of 30.
    found = stats()
    assert found.confusion.tolist() == [[33, 0, 7], [20, 3, 27], [0, 0, 60]]
    assert found.frame_accuracy == pytest.approx(96 / 150)


def test_what_is_right_depends_on_the_overlap():
    assert stats(tiou=0.9).num_correct.sum() == 0
    assert stats(tiou=0.1).num_correct.tolist() == [1, 1]
    assert stats(tiou=0.05).num_correct.tolist() == [1, 1]


def test_recordings_come_by_error():
    # a: 1 of 2 found, of 2 true: 1 - 2 * 1 / 4. b: none of 1 and 1. c: nothing at all is no error.
    assert stats().ranked_recordings() == [('b', 1.0), ('a', 0.5), ('c', 0.0)]


def test_nothing_found_is_no_trouble():
    none = {name: Segments([], [], []) for name in TRUTH}
    found = error_stats.compute(
        none, TRUTH, num_classes=2, num_frames=FRAMES, fps=10.0, min_score=0.1
    )
    assert (
        found.kind_counts['missed'] == 3
        and found.boundary_errors.shape == (0, 2)
        and found.figures['F1@50'] == 0
    )
    assert pictures.error_bins(found.boundary_errors)[[0, -1]].tolist() == [-0.5, 0.5]


def test_principal_axes_are_those_of_the_largest_variance():
    """Points on a cross: twice as far along (0, 1, 0), so four times the variance."""
    points = np.array([[1.0, 0, 5], [-1, 0, 5], [0, 2, 5], [0, -2, 5]])
    found, shares = embedding_stats.pca(points)
    np.testing.assert_allclose(shares, [0.8, 0.2])
    np.testing.assert_allclose(found, [[0, 1], [0, -1], [2, 0], [-2, 0]], atol=1e-12)


def test_axes_that_there_are_not_are_zero():
    found, shares = embedding_stats.pca(np.array([[1.0], [3.0]]))
    np.testing.assert_allclose(found, [[-1, 0], [1, 0]])
    assert shares.tolist() == [1, 0]
    found, shares = embedding_stats.pca(np.ones((3, 4)))  # all alike
    assert not found.any() and not shares.any()


def test_neighbors_are_those_of_other_recordings():
    vectors = np.array([[1.0, 0], [0.96, 0.28], [0, 1], [0.28, 0.96]], np.float32)
    labels, owner = np.array([0, 0, 1, 0]), np.array([0, 1, 0, 1])
    # 0 to 1: alike; 1 to 0: alike; 2 to 3 and back: not.
    assert embedding_stats.neighbor_agreement(vectors, labels, owner) == 0.5
    # Of others: 0 to 3, 1 to 3 and 3 to 1 are alike, 2 to 1 not.
    assert embedding_stats.neighbor_agreement(vectors, labels, np.array([0, 0, 1, 1])) == 0.75
    assert np.isnan(embedding_stats.neighbor_agreement(vectors, labels, np.zeros(4)))


def test_similarity_is_that_of_what_is_not_common():
    common = np.array([5.0, 5.0])
    cosines = embedding_stats.centered_similarity(
        common + [[1, 0], [2, 0], [0, 3], [-1, 0], [0, 0]], common
    )
    np.testing.assert_allclose(cosines[0], [1, 1, 0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(cosines, cosines.T)


def test_bins_are_even_about_zero_and_leave_out_what_is_far():
    seconds = np.concatenate([np.full((99, 2), 0.3), [[-40.0, 40.0]]])
    edges = pictures.error_bins(seconds)
    assert edges[-1] == 0.5 and len(edges) == pictures.BINS + 1
    np.testing.assert_allclose(edges, -edges[::-1])
    assert not (edges == 0).any()  # exact ends are in the middle of a bin


def test_long_names_of_runs_keep_their_ends():
    assert pictures._shorten('x' * 44) == 'x' * 44
    cut = pictures._shorten('finetune-ui_prmd-composed20-agcn-s0-292fe73664-again')
    assert (
        len(cut) == 44
        and cut.startswith('finetune-ui_pr…')
        and cut.endswith('s0-292fe73664-again')
    )


def test_long_names_and_many_classes_become_numbers():
    assert pictures.short_names(('walk', 'sit')) == ['walk', 'sit']
    assert pictures.short_names(('walk', 'standing active leg raise')) == ['1', '2']
    assert pictures.short_names([str(n) * 2 for n in range(11)])[-1] == '11'
