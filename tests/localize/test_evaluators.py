"""Evaluators: hand-computed cases, equality with plain loops, what every one promises."""

import functools

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import localize
from skeljax.errors import InputError
from skeljax.localize import Segments, reference
from skeljax.localize.metrics import matching
from skeljax.localize.metrics.babel import ACTIVITYNET_TIOUS, LONG_TIOUS, babel
from skeljax.localize.metrics.detection import detection
from skeljax.localize.metrics.framewise import framewise
from skeljax.localize.metrics.pkummd import pkummd
from skeljax.localize.metrics.segmentation import BACKGROUND, segmentation
from skeljax.localize.metrics.tables import make_tables

activitynet = functools.partial(babel, tious=ACTIVITYNET_TIOUS)
NONE = Segments([], [], [])
FRAMES = {name: 60 for name in 'abc'}


def segments(*rows):
    """Makes segments of (start, end, label) or (start, end, label, score)."""
    columns = zip(*[(*row, 1.0)[:4] for row in rows], strict=True)
    return Segments(*columns)


# pkummd


def test_pkummd_by_hand():
    truth = {'a': segments((0, 10, 0), (20, 30, 1)), 'b': segments((0, 10, 0))}
    predictions = {
        # The first two match one true segment, the third is 4/10.
        'a': segments((0, 10, 0, 0.9), (0, 8, 0, 0.7), (20, 24, 1, 0.6)),
        'b': segments((0, 10, 0, 0.8)),
    }
    found = pkummd(predictions, truth, num_classes=2)
    # Class 0, best first: right, right, double; class 1: wrong.
    np.testing.assert_allclose(found.ap, [[1, 0]])
    # a: right, double, wrong of 2 true; b: 1.
    expected = {
        'mAP_action@0.5': 0.5,
        'mAP_video@0.5': (1 / 2 + 1) / 2,
        'F1@0.5': 2 * 2 / (4 + 3),
        'AP@0.5': 2 / 3,
    }
    for name, value in expected.items():
        assert found.figures[name] == pytest.approx(value), name
    # Up to 0.4 the third is right too: the ranking is right, right, double, right.
    assert found.figures['2D-AP'] == pytest.approx((8 * (2 + 3 / 4) / 3 + 12 * 2 / 3) / 20)
    assert (found.map.tolist(), found.mean, found.tious) == ([0.5], 0.5, (0.5,))
    assert (found.num_predicted, found.num_true) == (4, 3)


def test_pkummd_of_the_release_reads_precision_before_matches_only():
    truth = {'a': segments((0, 10, 0), (20, 30, 0))}
    right_wrong = {'a': segments((0, 10, 0, 0.9), (40, 50, 0, 0.8))}
    # The list: 1 of 2. Without the wrong one nothing is read, so precision stays 1/2.
    assert pkummd(right_wrong, truth, num_classes=1, faithful=True).mean == 1 / 4
    assert pkummd(right_wrong, truth, num_classes=1).mean == 1 / 2
    both = {'a': segments((0, 10, 0, 0.9), (40, 50, 0, 0.8), (20, 30, 0, 0.7))}
    assert pkummd(both, truth, num_classes=1, faithful=True).mean == pytest.approx(2 / 3)
    assert pkummd(both, truth, num_classes=1).mean == pytest.approx((1 + 2 / 3) / 2)


def test_pkummd_of_the_release_counts_classes_and_recordings_without_truth_as_0():
    truth = {'a': segments((0, 10, 0)), 'b': NONE}
    found = pkummd(truth, truth, num_classes=4, faithful=True)
    assert found.figures['mAP_action@0.5'] == 1 / 4 and found.figures['mAP_video@0.5'] == 1 / 2
    np.testing.assert_array_equal(found.ap, [[1, np.nan, np.nan, np.nan]])
    clean = pkummd(truth, truth, num_classes=4)
    assert set(clean.figures.values()) == {1}


def test_pkummd_takes_the_last_of_equal_overlaps():
    truth = {'a': segments((0, 10, 0), (10, 20, 0))}
    # [0, 20) overlaps both by 1/2; it takes the second, so the next may have the first.
    predictions = {'a': segments((0, 20, 0, 0.9), (0, 10, 0, 0.8))}
    assert pkummd(predictions, truth, num_classes=1).mean == 1
    predictions = {'a': segments((0, 20, 0, 0.9), (10, 20, 0, 0.8))}
    assert pkummd(predictions, truth, num_classes=1).mean == 0.5


# detection


def test_detection_by_hand():
    truth = {'a': segments((0, 10, 0), (6, 16, 0), (30, 40, 1))}
    predictions = {'a': segments((0, 10, 0, 0.9), (1, 11, 0, 0.8), (32, 40, 1, 0.7))}
    found = detection(predictions, truth, num_classes=3, tious=(0.3, 0.5, 0.9))
    # The second is most like the first true segment, which is taken, though another is free.
    np.testing.assert_allclose(found.ap[:, :2], [[0.5, 1], [0.5, 1], [0.5, 0]])
    assert np.isnan(found.ap[:, 2]).all()
    # By recording, pooled: right, double, right of 3 true.
    assert found.figures['mAP_v@0.5'] == pytest.approx((1 + 2 / 3) / 3)
    assert list(found.figures) == ['mAP_a@0.3', 'mAP_a@0.5', 'mAP_a@0.9', 'mAP_v@0.5', 'mean']
    assert found.mean == pytest.approx(np.mean([0.75, 0.75, 0.25]))


def test_detection_of_the_release_adds_one_to_every_length():
    truth = {'a': segments((0, 9, 0))}
    predictions = {'a': segments((0, 4, 0))}
    # 4/9 is below one half; 5/10 is not.
    assert detection(predictions, truth, num_classes=1, tious=(0.5,)).mean == 0
    assert detection(predictions, truth, num_classes=1, tious=(0.5,), faithful=True).mean == 1
    # Neighbours that touch share one frame of 19.
    touching = {'a': segments((9, 18, 0))}
    assert detection(touching, truth, num_classes=1, tious=(0.05,)).mean == 0
    assert detection(touching, truth, num_classes=1, tious=(0.05,), faithful=True).mean == 1


# activitynet


def test_activitynet_falls_through_to_a_free_true_segment():
    truth = {'a': segments((0, 10, 0), (3, 13, 0))}
    # Both are most like the first; 8/12 with the second reaches 0.5 to 0.65.
    predictions = {'a': segments((0, 10, 0, 0.9), (1, 11, 0, 0.8))}
    found = activitynet(predictions, truth, num_classes=1)
    assert found.tious == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
    assert found.map.tolist() == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert found.mean == pytest.approx(0.7)


# segmentation


def test_segmentation_by_hand():
    truth = {'a': segments((0, 4, 0), (4, 8, 1)), 'b': segments((2, 6, 0))}
    predictions = {'a': segments((0, 2, 0), (2, 4, 1), (4, 8, 0)), 'b': segments((3, 6, 0))}
    found = segmentation(predictions, truth, num_classes=2, num_frames={'a': 10, 'b': 10})
    # a: frames 0, 1, 8, 9 of 10; b: all but frame 2.
    assert found.figures['accuracy'] == pytest.approx((4 + 9) / 20)
    # 0 1 0 against 0 1: one deletion; then the same.
    assert found.figures['edit'] == pytest.approx((2 / 3 + 1) / 2)
    # a: 0 at 2/4 right, 1 at 0/6 wrong, the other 0 at 0 wrong; b at 3/4 right.
    for percent in (10, 25, 50):
        assert found.figures[f'F1@{percent}'] == pytest.approx(2 * 2 / (4 + 3))
    assert found.mean == pytest.approx(np.mean(list(found.figures.values())))
    assert found.map.size == 0 and found.ap.size == 0


def test_segmentation_counts_background_where_it_is_told_to():
    truth, predictions = {'a': segments((4, 8, 0))}, {'a': segments((4, 6, 0))}
    score = functools.partial(
        segmentation, predictions, truth, num_classes=1, num_frames={'a': 12}, tious=(0.5,)
    )
    values = [list(score(background=b).figures.values()) for b in BACKGROUND]
    # As a class its runs are [0, 4), right, and [6, 12) against [8, 12), 4/6.
    np.testing.assert_allclose(values, [[10 / 12, 1, 1], [10 / 12, 1, 1], [2 / 4, 1, 1]])
    nothing = [
        list(segmentation(
            {}, truth, num_classes=1, num_frames={'a': 12}, tious=(0.3,), background=b
        ).figures.values())
        for b in BACKGROUND
    ]
    # One run of background, 12 frames, against [0, 4): 4/12.
    np.testing.assert_allclose(nothing, [[8 / 12, 0, 0], [8 / 12, 1 / 3, 2 / 4], [0, 0, 0]])
    with pytest.raises(InputError, match='accuracy, everywhere, nowhere'):
        score(background='sometimes')


def test_segmentation_shows_the_better_of_overlapping_segments():
    truth = {'a': segments((0, 10, 0))}
    over = {'a': segments((0, 10, 0, 0.9), (0, 10, 1, 0.8))}
    assert segmentation(over, truth, num_classes=2, num_frames={'a': 10}).mean == 1


def test_a_recording_where_nothing_is_and_nothing_is_found_has_edit_1():
    truth = {'a': segments((0, 10, 0)), 'b': NONE}
    found = segmentation({}, truth, num_classes=1, num_frames=FRAMES)
    assert found.figures['edit'] == 0.5 and found.figures['F1@10'] == 0
    assert found.num_predicted == 0


# framewise


def test_framewise_by_hand():
    truth = {'a': segments((0, 2, 0)), 'b': segments((0, 1, 0), (0, 2, 1))}
    scores = {
        'a': np.array([[0.9, 0, 1], [0.3, 0, 0], [0.5, 0, 0]]),
        'b': np.array([[0.5, 1, 0], [0.1, 1, 0]]),
    }
    found = framewise({}, truth, num_classes=3, probabilities=scores)
    # 0.9 right; 0.5 right and wrong together; 0.3 right: precision 1, 2/3, 3/4.
    np.testing.assert_allclose(found.ap, [[(1 + 2 / 3 + 3 / 4) / 3, 1, np.nan]])
    assert found.figures == {'mAP': pytest.approx(((1 + 2 / 3 + 3 / 4) / 3 + 1) / 2)}
    assert found.num_predicted == 5  # frames


def test_framewise_paints_segments_where_there_are_no_scores():
    truth = {'a': segments((0, 4, 0))}
    predictions = {'a': segments((2, 8, 0, -1.0), (0, 1, 0, -3.0))}
    found = framewise(predictions, truth, num_classes=1, num_frames={'a': 10})
    # Six frames at -1, two right; one at -3, right; the rest, one right, comes last.
    assert found.mean == pytest.approx((2 * 2 / 6 + 3 / 7 + 4 / 10) / 4)


# all of them

ROWS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 19), st.integers(0, 2), st.integers(1, 6)),
    max_size=8,
)
SEGMENTS = ROWS.map(lambda rows: np.array(rows, np.int64).reshape(-1, 4)).map(
    lambda table: Segments(table[:, 0], table[:, 0] + table[:, 1], table[:, 2], table[:, 3] / 6)
)
RECORDINGS = st.fixed_dictionaries({name: SEGMENTS for name in 'abc'})
SOME_TRUTH = RECORDINGS.filter(lambda truth: any(map(len, truth.values())))
TIOUS = (0.1, 0.3, 0.5, 0.7, 1.0)

EVALUATORS = {
    'babel': functools.partial(babel, faithful=True),
    'babel_clean': babel,
    'pkummd': functools.partial(pkummd, faithful=True),
    'pkummd_clean': pkummd,
    'detection': functools.partial(detection, faithful=True),
    'detection_clean': detection,
    'activitynet': activitynet,
    'segmentation': segmentation,
    'framewise': lambda *given, tious, **more: framewise(*given, **more),
}
TWINS = {
    'babel': functools.partial(reference.plain_babel, faithful=True),
    'babel_clean': reference.plain_babel,
    'pkummd': reference.plain_pkummd,
    'detection': reference.plain_detection,
    'activitynet': reference.plain_activitynet,
    'segmentation': functools.partial(reference.plain_segmentation, num_frames=FRAMES),
}


@pytest.mark.parametrize('name', list(TWINS))
@settings(max_examples=60, deadline=None)
@given(predictions=RECORDINGS, truth=SOME_TRUTH)
def test_equals_the_published_loops(name, predictions, truth):
    found = EVALUATORS[name](
        predictions, truth, num_classes=3, tious=TIOUS, num_frames=FRAMES
    ).figures
    expected = TWINS[name](predictions, truth, num_classes=3, tious=TIOUS)
    assert list(found) == list(expected)
    assert list(found.values()) == pytest.approx(list(expected.values()), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(SOME_TRUTH, st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 100]))
def test_framewise_equals_the_plain_loop(truth, seed, steps):
    rng = np.random.default_rng(seed)
    scores = {name: rng.integers(0, steps + 1, (60, 4)) / steps for name in truth}
    found = framewise({}, truth, num_classes=3, probabilities=scores).figures
    assert found == pytest.approx(
        reference.plain_framewise(truth, num_classes=3, probabilities=scores), abs=1e-12
    )


@pytest.mark.parametrize('name', list(EVALUATORS))
@settings(max_examples=30, deadline=None)
@given(RECORDINGS, SOME_TRUTH, st.permutations('abc'), st.randoms(use_true_random=False))
def test_only_the_order_of_scores_matters(name, predictions, truth, names, random):
    """Neither the order of recordings or segments, nor how far apart scores are."""
    score = functools.partial(EVALUATORS[name], num_classes=3, tious=TIOUS, num_frames=FRAMES)
    changed = {}
    for recording in names:
        part = predictions[recording]
        part = part[random.sample(range(len(part)), len(part))]
        changed[recording] = Segments(part.start, part.end, part.label, np.exp(3 * part.score) - 9)
    found = score(changed, {recording: truth[recording][::-1] for recording in names})
    expected = score(predictions, truth)
    assert found.figures == expected.figures
    np.testing.assert_array_equal(found.ap, expected.ap)


@pytest.mark.parametrize('name', list(EVALUATORS))
@settings(max_examples=30, deadline=None)
@given(RECORDINGS, SOME_TRUTH, st.permutations('abc'))
def test_names_of_recordings_do_not_matter(name, predictions, truth, names):
    """But where scores are equal; here none are."""
    score = functools.partial(EVALUATORS[name], num_classes=3, tious=TIOUS, num_frames=FRAMES)
    distinct = {}
    for number, (recording, part) in enumerate(predictions.items()):
        order = 3 * np.arange(len(part)) + number
        distinct[recording] = Segments(part.start, part.end, part.label, part.score + order / 1000)
    renamed = [{new: side[old] for old, new in zip('abc', names, strict=True)}
               for side in (distinct, truth)]
    assert score(*renamed).figures == pytest.approx(score(distinct, truth).figures, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(RECORDINGS, SOME_TRUTH, st.booleans())
def test_pairs_are_compared_a_few_at_a_time_with_the_same_result(predictions, truth, last):
    pooled = make_tables(predictions, truth, num_classes=3)
    whole = matching.best_true(pooled.proposals, pooled.truth, 3, last=last)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, '_PAIRS', 2)
        parts = matching.best_true(pooled.proposals, pooled.truth, 3, last=last)
    np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize('name', list(EVALUATORS))
@settings(max_examples=30, deadline=None)
@given(RECORDINGS, SOME_TRUTH)
def test_figures_are_shares_of_1(name, predictions, truth):
    found = EVALUATORS[name](predictions, truth, num_classes=3, tious=TIOUS, num_frames=FRAMES)
    assert all(0 <= value <= 1 for value in [*found.figures.values(), found.mean])
    assert found.ap.shape in ((len(found.map), 3), (0, 0))


@pytest.mark.parametrize(
    'name', [n for n in EVALUATORS if n not in ('babel', 'pkummd', 'detection')]
)
@settings(max_examples=30, deadline=None)
@given(SOME_TRUTH)
def test_the_truth_as_prediction_is_perfect(name, truth):
    """Where no two true segments share a frame, of which only one label could show."""
    separate = {}
    for recording, part in truth.items():
        part = part[np.argsort(part.start, kind='stable')]
        reach = np.concatenate([[0], np.maximum.accumulate(part.end)[:-1]])
        separate[recording] = part[part.start >= reach[: len(part)]]
    found = EVALUATORS[name](separate, separate, num_classes=3, tious=(1.0,), num_frames=FRAMES)
    assert set(found.figures.values()) == {1}


@pytest.mark.parametrize('name', ['pkummd_clean', 'detection_clean', 'detection', 'segmentation'])
@settings(max_examples=40, deadline=None)
@given(RECORDINGS, SOME_TRUTH)
def test_a_higher_threshold_never_scores_more(name, predictions, truth):
    found = EVALUATORS[name](predictions, truth, num_classes=3, tious=TIOUS, num_frames=FRAMES)
    kinds = {figure.split('@')[0] for figure in found.figures if '@' in figure} - {'mAP_v'}
    for kind in kinds:
        values = [v for figure, v in found.figures.items() if figure.startswith(f'{kind}@')]
        assert len(values) == len(TIOUS) and (np.diff(values) <= 1e-12).all(), kind


@pytest.mark.parametrize('frames', [1, 2, 3, 5, 10, 30])
def test_a_perfect_proposal_in_babel_as_published(frames):
    truth = {'a': segments((7, 7 + frames, 0))}
    iou = (frames - 1) / (frames + 1)
    for step, expected in ((-1e-9, 1.0), (1e-9, 0.0)):
        if 0 < iou + step <= 1:
            found = babel(truth, truth, num_classes=1, tious=(iou + step,), faithful=True)
            assert found.mean == expected
    assert localize.evaluate(truth, truth, num_classes=1, protocol='babel_07').tious == LONG_TIOUS


# bad input

BAD = [
    ({'z': segments((0, 9, 0))}, {}, 'z: predicted, but not among'),
    ({'a': segments((0, 9, 3))}, {}, 'a: .*label outside 0 to 2'),
    ({'a': segments((0, 9, -1))}, {}, 'a: .*label outside 0 to 2'),
    ({'a': segments((9, 9, 0))}, {}, r'a: segment 0 \[9, 9\).*ends at or before its start'),
    ({'a': segments((9, 3, 0))}, {}, 'a: .*ends at or before its start'),
    ({'a': segments((0, 9, 0, np.nan))}, {}, 'a: .*no number as score'),
    ({'a': segments((0, 61, 0))}, {}, r'a: .*leaves the recording \(0 to 60 frames\)'),
    ({'a': segments((-1, 9, 0))}, {}, 'a: .*leaves the recording'),
    ({}, {'b': segments((0, 9, 3))}, 'b: .*label outside 0 to 2'),
    ({}, {'b': segments((0, 61, 0))}, 'b: .*leaves the recording'),
    ({}, {'z': segments((0, 9, 0))}, 'z: its number of frames is missing'),
    ({}, {'a': NONE}, 'no true segment in any of the 1 recordings'),
]


@pytest.mark.parametrize('name', list(EVALUATORS))
@pytest.mark.parametrize(('predictions', 'truth', 'message'), BAD)
def test_bad_input_is_refused_by_name(name, predictions, truth, message):
    truth = {'a': segments((0, 9, 0)), **truth}
    with pytest.raises(InputError, match=message) as caught:
        EVALUATORS[name](predictions, truth, num_classes=3, tious=(0.5,), num_frames=FRAMES)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('name', list(EVALUATORS))
def test_no_prediction_is_0_and_told_as_none(name):
    """Without a division by zero, of which a warning would fail here."""
    truth = {'a': segments((0, 60, 0), (0, 60, 1)), 'b': NONE}
    found = EVALUATORS[name]({}, truth, num_classes=3, tious=(0.5,), num_frames=FRAMES)
    assert (found.num_predicted, found.num_true) == (0, 2)
    zero = {k: v for k, v in found.figures.items() if k not in ('accuracy', 'edit')}
    if name == 'framewise':
        # All frames tie: the precision is how often the class is there.
        assert found.figures == {'mAP': 0.5}
    else:
        assert set(zero.values()) == {0}


@pytest.mark.parametrize('name', [n for n in EVALUATORS if n != 'framewise'])
@pytest.mark.parametrize('tious', [(), (0.0,), (0.5, 1.1), (float('nan'),)])
def test_impossible_thresholds_are_refused(name, tious):
    truth = {'a': segments((0, 1, 0))}
    with pytest.raises(InputError, match='tIoU'):
        EVALUATORS[name](truth, truth, num_classes=1, tious=tious, num_frames=FRAMES)


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ({'tious': (0.5,)}, 'no tIoU'),
        ({}, 'needs scores of frames'),
        ({'probabilities': {'a': np.zeros((9, 1)), 'z': np.zeros((9, 1))}}, 'z: scored, but not'),
        ({'probabilities': {'b': np.zeros((9, 1))}}, 'b: scored, but not'),
        ({'probabilities': {'a': np.zeros((9, 0))}}, r'a: expected scores \[frames, 1 classes\]'),
        ({'probabilities': {'a': np.zeros(9)}}, 'a: expected scores'),
        ({'probabilities': {'a': np.full((9, 1), np.nan)}}, 'a: frame 0 has no number'),
        ({'probabilities': {'a': np.zeros((8, 1))}}, 'a: .*leaves the recording'),
        (
            {'probabilities': {'a': np.zeros((9, 1))}, 'num_frames': {'a': 10}},
            'a: 9 scored frames, but 10 in all',
        ),
    ],
)
def test_framewise_refuses_what_it_cannot_rank(given, message):
    with pytest.raises(InputError, match=message):
        framewise({}, {'a': segments((0, 9, 0))}, num_classes=1, **given)


def test_segmentation_needs_the_number_of_frames():
    truth = {'a': segments((0, 9, 0))}
    with pytest.raises(InputError, match='segmentation needs the number of frames'):
        segmentation(truth, truth, num_classes=1)


# protocols


# `whole` finds what a recording shows, not where.
@pytest.mark.parametrize('decoder', sorted(set(localize.DECODERS) - {'whole'}))
@pytest.mark.parametrize('name', list(localize.PROTOCOLS))
def test_any_decoder_goes_with_any_scorer(name, decoder):
    # Durations that are usual at 30 frames a second, as the sequence decoder weighs them.
    labels = np.repeat([2, 0, 2, 1, 2], [60, 120, 60, 150, 60])
    scores = np.full((len(labels), 3), 0.004)
    scores[np.arange(len(labels)), labels] = 0.992
    protocol = localize.protocol(name, decoder)
    assert protocol.decode is localize.DECODERS[decoder]
    truth = {'a': localize.from_frame_labels(labels, background=2)}
    found = protocol.evaluate(
        {'a': protocol.decode(scores)},
        truth,
        num_classes=2,
        tious=protocol.thresholds(),
        num_frames={'a': len(labels)},
        probabilities={'a': scores},
    )
    assert found.num_true == 2 and found.tious == protocol.thresholds()
    # The averaging of the activity decoder moves no edge here beyond a few frames.
    assert found.mean >= 0.75, found.figures


def test_a_protocol_fixes_its_thresholds_or_leaves_them_open():
    assert localize.protocol('thumos').thresholds((0.1,)) == (0.3, 0.4, 0.5, 0.6, 0.7)
    assert localize.protocol('babel').thresholds((0.1,)) == (0.1,)
    assert localize.protocol('framewise').thresholds((0.1,)) == ()


def test_evaluate_by_name_hands_frames_on():
    truth = {'a': segments((0, 9, 0))}
    by_name = functools.partial(localize.evaluate, truth, truth, num_classes=1)
    assert by_name(protocol='segmentation', num_frames={'a': 9}).mean == 1
    scores = {'a': np.linspace(1, 0, 9)[:, None] ** np.array([1, 2])}
    assert by_name(protocol='framewise', probabilities=scores).mean == 1
    assert by_name(protocol='pkummd', tious=(0.3, 0.6)).tious == (0.3, 0.6)
    with pytest.raises(InputError, match='a: .*leaves the recording'):
        by_name(protocol='babel', num_frames={'a': 8})


def test_an_unknown_decoder_lists_the_known():
    with pytest.raises(InputError, match="'guess', known: babel, babel_clean"):
        localize.protocol('babel', 'guess')
