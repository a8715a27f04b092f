"""The sequence decoder: what it finds, what it refuses, and what never changes its result."""

import dataclasses
import json
import math

import hypothesis
from hypothesis import strategies as st
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.localize import SequenceDecoder, decoder_config

TWO_SECONDS = {'log_mean': (math.log(2),) * 3, 'log_std': (0.5,) * 3}


def scores_of(labels, num_classes=2, sure=0.9):
    """Probabilities of `sure` for the label of each frame, the rest spread evenly."""
    scores = np.full((len(labels), num_classes + 1), (1 - sure) / num_classes)
    scores[np.arange(len(labels)), labels] = sure
    return scores


def random_scores(seed, frames, columns):
    """Smooth probabilities of a recording."""
    steps = np.random.default_rng(seed).normal(0, 0.4, (frames, columns)).cumsum(axis=0)
    return np.exp(steps) / np.exp(steps).sum(axis=1, keepdims=True)


def rows(found):
    return list(zip(found.start.tolist(), found.end.tolist(), found.label.tolist()))


def test_clear_segments_are_found_to_the_frame():
    """Changes lie between the steps of three frames that are searched."""
    labels = np.repeat([2, 0, 2, 1, 0, 2], [61, 80, 55, 76, 49, 62])
    found = SequenceDecoder(**TWO_SECONDS, weight=4.0, temperature=1.0)(scores_of(labels))
    assert rows(found) == [(61, 141, 0), (196, 272, 1), (272, 321, 0)]
    assert ((found.score > 0.9) & (found.score <= 1)).all()


def test_a_flicker_is_neither_a_gap_nor_a_segment():
    labels = np.repeat([2, 0, 2, 0, 2], [60, 40, 2, 40, 60])
    labels[20:22] = 1
    assert rows(SequenceDecoder(**TWO_SECONDS)(scores_of(labels))) == [(60, 142, 0)]


def test_the_same_class_twice_needs_a_gap_unless_it_may_repeat():
    labels = np.repeat([2, 0, 2], [60, 240, 60])
    tight = dict(log_mean=(math.log(2),) * 3, log_std=(0.15,) * 3)
    once = SequenceDecoder(**tight)(scores_of(labels))
    assert (np.diff(once.start) > 0).all() and (once.start[1:] >= once.end[:-1]).all()
    twice = SequenceDecoder(**tight, repeat=0.4)(scores_of(labels))
    assert set(twice.label) == {0} and (twice.start[1:] == twice.end[:-1]).any()


@hypothesis.settings(max_examples=25)
@hypothesis.given(
    st.integers(0, 10**6), st.integers(0, 60), st.integers(2, 5),
    st.sampled_from([1.0, 7.5, 30.0, 120.0]),
)
def test_segments_are_exclusive_in_order_and_inside(seed, frames, columns, fps):
    found = SequenceDecoder(fps=fps)(random_scores(seed, frames, columns))
    assert (found.start < found.end).all() and (found.start[1:] >= found.end[:-1]).all()
    assert (found.start >= 0).all() and (found.end <= frames).all()
    assert ((found.label >= 0) & (found.label < columns - 1)).all()
    assert ((found.score >= 0) & (found.score <= 1)).all()


@hypothesis.settings(max_examples=12)
@hypothesis.given(st.integers(0, 10**6), st.permutations(range(3)))
def test_permuting_classes_permutes_the_result(seed, order):
    decoder = SequenceDecoder(
        log_mean=tuple(np.log([1, 2, 4, 3])), log_std=(0.4, 0.5, 0.6, 0.7), weight=4.0
    )
    scores = random_scores(seed, 90, 4)
    columns = [*order, 3]
    take = lambda values: tuple(values[column] for column in columns)
    permuted = dataclasses.replace(
        decoder, log_mean=take(decoder.log_mean), log_std=take(decoder.log_std)
    )
    found, other = decoder(scores), permuted(scores[:, columns])
    expected = [(start, end, order.index(label)) for start, end, label in rows(found)]
    assert rows(other) == expected
    np.testing.assert_allclose(other.score, found.score, rtol=1e-9)


@hypothesis.settings(max_examples=25)
@hypothesis.given(st.integers(0, 10**6), st.floats(-3, 6), st.floats(0.1, 6))
def test_a_larger_penalty_never_gives_more_segments(seed, penalty, more):
    """Those of background are segments, too: each has a change before or after it."""
    scores = random_scores(seed, 90, 4)
    few, many = (
        SequenceDecoder(weight=4.0, penalty=value).decode(scores).label
        for value in (penalty + more, penalty)
    )
    assert len(few) <= len(many)
    assert len(SequenceDecoder(penalty=1e4).decode(scores).label) == 1


def test_scores_below_the_rejection_become_background():
    labels = np.repeat([2, 0, 2, 1, 2], [60, 90, 60, 30, 60])
    scores = scores_of(labels)
    scores[210:240] = scores_of(labels[210:240], sure=0.7)
    decoder = SequenceDecoder(weight=8.0)
    strong, weak = decoder(scores).score
    assert weak < strong
    cut = dataclasses.replace(decoder, reject=(weak + strong) / 2)
    assert rows(cut(scores)) == rows(decoder(scores))[:1]
    assert rows(cut.sequence(scores)) == rows(decoder(scores))


def test_learned_transitions_decide_between_classes_that_look_alike():
    """Frames say nothing of 1 or 2; after 0 comes 2."""
    scores = np.repeat([[0.94, 0.02, 0.02, 0.02], [0.02, 0.48, 0.48, 0.02]], 90, axis=0)
    table = np.full((4, 4), 0.1)
    table[0] = 0.1, 0.1, 0.7, 0.1
    decoder = SequenceDecoder(weight=4.0, log_transitions=tuple(np.log(table).ravel()))
    assert rows(decoder(scores)) == [(0, 90, 0), (90, 180, 2)]


def test_no_frame_has_no_segment_and_one_frame_at_most_one():
    decoder = SequenceDecoder(**TWO_SECONDS)
    none = decoder(np.zeros((0, 3)))
    assert len(none) == 0 and len(decoder.sequence(np.zeros((0, 3)))) == 0
    assert rows(decoder(np.array([[0.9, 0.05, 0.05]]))) == [(0, 1, 0)]
    assert rows(decoder(np.array([[0.05, 0.05, 0.9]]))) == []


def test_one_class_is_enough():
    labels = np.repeat([1, 0, 1], [60, 90, 60])
    found = SequenceDecoder(weight=4.0)(scores_of(labels, num_classes=1))
    assert rows(found) == [(60, 150, 0)]


def test_a_recording_shorter_than_the_shortest_duration_is_cut_from_a_longer_segment():
    """8 seconds, give or take little, in a recording of half a second: it goes on on both sides."""
    decoder = SequenceDecoder(log_mean=(math.log(8),) * 3, log_std=(0.15,) * 3)
    assert decoder.durations(3).shortest > 15 / decoder.stride
    assert rows(decoder(scores_of(np.zeros(15, int)))) == [(0, 15, 0)]


def test_durations_that_hardly_vary_are_found_as_they_are():
    """As of a corpus whose segments all last 2 seconds: the fit keeps a deviation of 0.15."""
    labels = np.repeat([2, 0, 1, 2], [60, 60, 60, 60])
    decoder = SequenceDecoder(log_mean=(math.log(2),) * 3, log_std=(0.15,) * 3, weight=2.0)
    assert rows(decoder(scores_of(labels))) == [(60, 120, 0), (120, 180, 1)]


@pytest.mark.parametrize(
    ('scores', 'message'),
    [
        (np.zeros(5), r'expected \[frames, classes \+ background\], found \(5,\)'),
        (np.ones((5, 1)), r'found \(5, 1\)'),
        (np.array([[0.5, 0.5], [np.nan, 0.5]]), 'found nan at frame 1, class 0'),
        (np.array([[0.5, 0.5], [1.5, 0.5]]), 'found 1.5 at frame 1, class 0'),
        (np.array([[0.5, 0.5], [0.5, 0.2]]), 'rows that sum to 1, found 0.7 at frame 1'),
        (np.zeros((3, 4)), 'rows that sum to 1, found 0 at frame 0'),
    ],
)
def test_what_is_no_distribution_is_refused(scores, message):
    with pytest.raises(InputError, match=message):
        SequenceDecoder()(scores)


def test_durations_of_another_number_of_classes_are_refused():
    with pytest.raises(InputError, match='durations of 2 classes, probabilities of 3'):
        SequenceDecoder(**TWO_SECONDS)(np.full((9, 4), 0.25))
    with pytest.raises(InputError, match='expected 16 numbers as log_transitions, found 9'):
        SequenceDecoder(log_transitions=(0.0,) * 9)(np.full((9, 4), 0.25))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'fps': 0}, 'fps is 0, expected a number above 0'),
        ({'weight': -1}, 'weight is -1, expected a number above 0'),
        ({'floor': 0}, 'floor is 0'),
        ({'resolution': 0}, 'resolution is 0'),
        ({'temperature': math.inf}, 'temperature is inf'),
        ({'slope': 0}, 'slope is 0'),
        ({'penalty': math.nan}, 'penalty is nan, expected a number'),
        ({'offset': math.inf}, 'offset is inf'),
        ({'reject': math.nan}, 'reject is nan'),
        ({'gap': -0.1}, r'gap -0.1 and repeat 0: expected probabilities that sum to at most 1'),
        ({'gap': 0.7, 'repeat': 0.4}, 'gap 0.7 and repeat 0.4'),
        ({'log_mean': (0.0,)}, 'found 1 and 0'),
        ({'log_mean': (0.0,), 'log_std': (0.0,)}, 'log_std above 0'),
        ({'log_mean': (math.nan,), 'log_std': (1.0,)}, 'log_mean and log_std'),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        SequenceDecoder(**options)


FITTED = SequenceDecoder(
    fps=25.0, **TWO_SECONDS, weight=2.0, floor=0.1, penalty=-1.0, gap=0.3, repeat=0.1,
    log_transitions=tuple(np.log(np.full(9, 1 / 3)).tolist()), temperature=4.0, slope=0.7,
    offset=-0.2, reject=0.05,
)


def test_a_decoding_of_a_fitted_decoder_comes_back_from_json():
    made = decoder_config.from_sequence(FITTED)
    assert (made.protocol, made.steps, made.min_score) == ('segmentation', 'sequence', 0.0)
    assert made.sequence == FITTED
    text = json.dumps(decoder_config.to_json_dict(made))
    read = decoder_config.from_json_dict(json.loads(text))
    assert read == made and read.sequence == FITTED
    assert decoder_config.from_sequence(FITTED, min_score=0.25).min_score == 0.25
    scores = scores_of(np.repeat([2, 0, 2], [60, 90, 60]))
    assert rows(read.decode(scores)) == rows(FITTED(scores)) == [(60, 150, 0)]


def test_a_decoding_follows_the_rate_of_a_recording():
    made = decoder_config.from_sequence(FITTED)
    labels = np.repeat([2, 0, 2], [240, 360, 240])
    expected = dataclasses.replace(FITTED, fps=100.0)(scores_of(labels))
    found = made.decode(scores_of(labels), fps=100.0)
    assert rows(found) == rows(expected) == [(240, 600, 0)]
    np.testing.assert_array_equal(found.score, expected.score)


def test_only_the_sequence_decoder_has_no_lowest_score():
    assert decoder_config.make('segmentation').min_score == 0
    assert decoder_config.make('babel_clean').min_score == decoder_config.MIN_SCORE
    assert decoder_config.make('babel_clean', 'sequence').min_score == 0
    assert decoder_config.make('babel_clean').sequence is None


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'log_mean': ['a', 'b', 'c']}, 'log_mean is '),
        ({'log_transitions': [math.nan] * 9}, 'log_transitions is '),
        ({'weight': '1'}, "weight is '1', expected one like 4.0"),
        ({'weight': -1}, 'weight is -1, expected a number above 0'),
        ({'log_mean': [0.0]}, 'found 1 and 3'),
        ({'speed': 1}, "sequence has no option 'speed'"),
    ],
)
def test_damaged_options_in_json_are_refused(options, message):
    told = decoder_config.to_json_dict(decoder_config.from_sequence(FITTED))
    told['options'].update(options)
    with pytest.raises(InputError, match=message):
        decoder_config.from_json_dict(told)
