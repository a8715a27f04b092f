import numpy as np
import pytest

from skeljax import localize
from skeljax.localize import Segments
from skeljax.localize.metrics import resample
from skeljax.localize.protocols import PROTOCOLS


def _corpus(seed=0, recordings=6, classes=3):
    rng = np.random.default_rng(seed)
    truth, predicted = {}, {}
    for index in range(recordings):
        count = rng.integers(0, 5) if index else 4
        start = np.cumsum(rng.integers(10, 40, count))
        label = rng.integers(0, classes, count)
        truth[f'r{index}'] = Segments(start, start + rng.integers(3, 9, count), label)
        near = rng.integers(0, max(count, 1), 12) if count else np.zeros(0, int)
        shift = rng.integers(-3, 4, (2, len(near)))
        begin = np.maximum(start[near] + shift[0], 0)
        end = np.maximum(truth[f'r{index}'].end[near] + shift[1], begin + 1)
        other = rng.random(len(near)) < 0.2
        labels = np.where(other, rng.integers(0, classes, len(near)), label[near])
        predicted[f'r{index}'] = Segments(begin, end, labels, rng.random(len(near)))
    return predicted, truth


def _copied(predicted, truth, drawn):
    """The recordings drawn, as a corpus of copies under names of their own."""
    copies = [(f'{n}-{i}', n) for n, c in zip(sorted(truth), drawn) for i in range(c)]
    return {c: predicted[n] for c, n in copies}, {c: truth[n] for c, n in copies}


@pytest.mark.parametrize('name', list(PROTOCOLS))
def test_draws_are_scored_as_copies_of_the_recordings(name):
    tious, scorer = (0.1, 0.3, 0.5, 0.9), localize.protocol(name).evaluate
    for seed in range(5):
        predicted, truth = _corpus(seed)
        counts = np.random.default_rng(seed).multinomial(6, np.full(6, 1 / 6), size=20)
        counts[0] = 1
        # At a time one whose draws surely hold a true segment: the first recording has four.
        counts[:, 0] = np.maximum(counts[:, 0], 1)
        told = dict(num_classes=3, tious=localize.protocol(name).thresholds(tious))
        frames = dict.fromkeys(truth, 250)
        found = resample.means(scorer, predicted, truth, counts, num_frames=frames, **told)
        for value, drawn in zip(found, counts, strict=True):
            ours, theirs = _copied(predicted, truth, drawn)
            expected = scorer(ours, theirs, num_frames=dict.fromkeys(theirs, 250), **told).mean
            assert value == pytest.approx(expected, abs=1e-12)


def test_any_other_scorer_is_given_the_copies():
    predicted, truth = _corpus()
    counts = np.array([[1] * 6, [2, 0, 1, 0, 3, 0]])
    scorer = localize.protocol('babel').evaluate
    other = lambda *args, **options: scorer(*args, **options)
    told = dict(num_classes=3, tious=(0.1, 0.5))
    np.testing.assert_allclose(
        resample.means(other, predicted, truth, counts, **told),
        resample.means(scorer, predicted, truth, counts, **told), atol=1e-12,
    )


def test_a_draw_by_hand():
    # One hit in a, one in b behind a miss there: precision 1 at the first, 2/3 at the second.
    truth = {'a': Segments([0], [10], [0]), 'b': Segments([0], [10], [0])}
    predicted = {
        'a': Segments([0], [10], [0], [0.9]),
        'b': Segments([50, 0], [60, 10], [0, 0], [0.8, 0.7]),
    }
    counts = np.array([[1, 1], [2, 0], [0, 2], [3, 1]])
    scorer = localize.protocol('argmax_clean').evaluate
    found = resample.means(scorer, predicted, truth, counts, num_classes=1, tious=(0.5,))
    # Twice b: misses 2, then hits 2 of 4. Three a, one b: (3 · 1 + 4/5) / 4.
    np.testing.assert_allclose(found, [(1 + 2 / 3) / 2, 1.0, 0.5, (3 + 4 / 5) / 4])


@pytest.mark.parametrize('wrapped', [False, True])
def test_a_draw_without_true_segments_is_no_number(wrapped):
    truth = {'a': Segments([], [], []), 'b': Segments([0], [10], [0])}
    scorer = localize.protocol('babel_clean').evaluate
    if wrapped:
        scorer = lambda *a, **o: localize.protocol('babel_clean').evaluate(*a, **o)
    counts = np.array([[2, 0], [1, 1]])
    found = resample.means(scorer, {}, truth, counts, num_classes=2, tious=(0.5,))
    assert np.isnan(found[0]) and found[1] == 0
