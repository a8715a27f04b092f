"""Evaluation does not depend on the order in which recordings and segments come."""

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import localize
from skeljax.localize.segments import Segments

CLASSES, FRAMES, NAMES = 4, 200, tuple('abcdef')


def _some(rng, count: int, scores: bool) -> Segments:
    """Draws segments that do not overlap, with scores that are all different."""
    cuts = np.sort(rng.choice(FRAMES, 2 * count, replace=False)).reshape(-1, 2)
    score = rng.permutation(count) / count + rng.random() * 1e-3 if scores else None
    return Segments(cuts[:, 0], cuts[:, 1], rng.integers(0, CLASSES, count), score)


def _figures(protocol, predictions, truth, scores):
    result = localize.evaluate(
        predictions, truth, num_classes=CLASSES, protocol=protocol,
        num_frames=dict.fromkeys(NAMES, FRAMES),
        probabilities=scores,
    )
    return {**result.figures, 'mean': result.mean}


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize('protocol', localize.PROTOCOLS)
def test_the_order_of_recordings_and_segments_changes_no_figure(protocol, seed):
    rng = np.random.default_rng(seed)
    if protocol == 'recognition':
        clips = {name: Segments([0], [FRAMES], [rng.integers(CLASSES)]) for name in NAMES}
        ends = [0] * CLASSES, [FRAMES] * CLASSES
        guesses = {
            name: Segments(*ends, range(CLASSES), rng.random(CLASSES)) for name in NAMES
        }
        truth, predictions = clips, guesses
    else:
        truth = {name: _some(rng, 5, False) for name in NAMES}
        predictions = {name: _some(rng, 12, True) for name in NAMES}
    raw = {name: rng.random((FRAMES, CLASSES + 1)).astype(np.float32) for name in NAMES}
    scores = {name: one / one.sum(1, keepdims=True) for name, one in raw.items()}
    before = _figures(protocol, predictions, truth, scores)

    def shuffled(sets):
        order = rng.permutation(NAMES).tolist()
        return {name: sets[name][rng.permutation(len(sets[name]))] for name in order}

    order = rng.permutation(NAMES).tolist()
    reordered = {name: scores[name] for name in order}
    after = _figures(protocol, shuffled(predictions), shuffled(truth), reordered)
    assert before.keys() == after.keys()
    for name, value in before.items():
        np.testing.assert_allclose(
            after[name], value, rtol=1e-12, atol=1e-12, err_msg=name, equal_nan=True
        )
