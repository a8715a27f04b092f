"""Decoding with a fixed lag: what is written is the decoder's, in any chunks, and bounded."""

import dataclasses
import math

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.localize.fixed_lag import FixedLag, default_lag
from skeljax.localize.segments import Segments, concatenate, to_frame_labels
from skeljax.localize.sequence import SequenceDecoder

L, FPS = 5, 30
DECODER = SequenceDecoder(
    fps=FPS, log_mean=(math.log(2.5),) * L + (math.log(1.5),), log_std=(0.4,) * (L + 1),
    weight=1.0, temperature=2.0,
)


def track(seed, seconds=120, noise=1.5):
    """Makes probabilities of movements of 1 to 6 seconds with gaps; errors last a third second."""
    rng = np.random.default_rng(seed)
    label: list[int] = []
    while len(label) < seconds * FPS:
        label += [rng.integers(L)] * int(FPS * 2.5 * np.exp(rng.normal(0, 0.4)))
        label += [L] * int(FPS * 1.5 * np.exp(rng.normal(0, 0.4)) * (rng.random() < 0.6))
    frames = np.array(label[:seconds * FPS])
    white = rng.normal(0, 1, (len(frames) + 40, L + 1))
    window = np.exp(-np.arange(40) / 10)
    window /= np.linalg.norm(window)
    logits = noise * np.stack([np.convolve(column, window, 'valid') for column in white.T], 1)
    logits = logits[:len(frames)]
    logits[np.arange(len(frames)), frames] += 3
    odds = np.exp(logits)
    return odds / odds.sum(1, keepdims=True)


def streamed(decoder, lag, probabilities, size=16):
    """Pushes so many frames at once; returns what each push returned, and the rest."""
    stream = FixedLag(decoder, lag)
    parts = [
        stream.push(probabilities[done:done + size]) for done in range(0, len(probabilities), size)
    ]
    return [*parts, stream.finish()]


def rows(found: Segments):
    return list(zip(found.start.tolist(), found.end.tolist(), found.label.tolist(), strict=True))


def constant(*runs):
    """Makes probabilities of 0.95 of a class for so many frames each: (class, frames)."""
    frames = np.concatenate([np.full(count, label) for label, count in runs])
    scores = np.full((len(frames), L + 1), 0.05 / L)
    scores[np.arange(len(frames)), frames] = 0.95
    return scores


def test_frames_older_than_the_lag_are_as_offline():
    same = {lag: [] for lag in (0.5, default_lag(DECODER))}
    for seed in range(4):
        probabilities = track(seed)
        offline = DECODER(probabilities)
        assert len(offline) > 20
        for lag in same:
            found = concatenate(streamed(DECODER, lag, probabilities))
            both = [to_frame_labels(of, len(probabilities), L) for of in (offline, found)]
            same[lag].append((both[0] == both[1]).mean())
    short, usual = map(np.mean, same.values())
    assert usual >= 0.99 and usual > short  # so that the tracks are no trivial ones


def test_scores_are_those_of_the_decoder_though_only_a_part_is_kept():
    probabilities = track(0)
    offline = DECODER(probabilities)
    found = concatenate(streamed(DECODER, 8.0, probabilities))
    expected = dict(zip(rows(offline), offline.score))
    alike = [(score, expected[row]) for row, score in zip(rows(found), found.score)
             if row in expected]
    assert len(alike) > 0.9 * len(offline)
    np.testing.assert_allclose(*zip(*alike), atol=0.02)


def test_what_is_found_does_not_depend_on_how_many_frames_come_at_once():
    probabilities = track(1, seconds=40)
    stop = 16 * 7  # frames after which all sizes have pushed the same
    parts = {size: streamed(DECODER, 2.0, probabilities, size) for size in (1, 7, 16)}
    found = {size: concatenate(part) for size, part in parts.items()}
    for size, part in parts.items():
        assert rows(found[size]) == rows(found[1])
        np.testing.assert_allclose(found[size].score, found[1].score, atol=1e-12)
        for frame in range(stop, len(probabilities), stop):
            count = [sum(map(len, of[:frame // n])) for n, of in ((size, part), (1, parts[1]))]
            assert count[0] == count[1]
    assert len(found[1]) > 5
    whole = concatenate(streamed(DECODER, 2.0, probabilities, len(probabilities)))
    assert rows(whole) == rows(found[1])


def test_a_lag_as_long_as_the_stream_is_the_decoder():
    for seconds in (1, 20):
        probabilities = track(2, seconds)
        offline, parts = DECODER(probabilities), streamed(DECODER, float(seconds), probabilities)
        assert not any(map(len, parts[:-1])) and rows(parts[-1]) == rows(offline)
        np.testing.assert_array_equal(parts[-1].score, offline.score)


def test_a_segment_is_final_after_the_lag_and_a_tenth_of_it():
    # Five seconds of one class, then gap: a lag of 3 s is decoded at multiples of 0.3 s.
    probabilities = constant((L, 60), (2, 150), (L, 300))
    parts = streamed(DECODER, 3.0, probabilities, 1)
    (place,) = np.flatnonzero([len(part) for part in parts])
    assert rows(parts[place]) == [(60, 210, 2)]
    assert place + 1 == 306  # the first multiple of 9 frames from 210 + 90 on
    stream = FixedLag(DECODER, 3.0)
    assert stream.delay == pytest.approx(3.3) and 210 + FPS * stream.delay >= place + 1


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000), frames=st.integers(0, 200), lag=st.sampled_from([0, 0.1, 0.5, 2]),
    size=st.integers(1, 50), classes=st.integers(1, 3),
    resolution=st.sampled_from([0.01, 0.1, 0.3]),
)
def test_nothing_is_taken_back(seed, frames, lag, size, classes, resolution):
    rng = np.random.default_rng(seed)
    decoder = SequenceDecoder(
        fps=FPS, log_mean=(-1.0,) * (classes + 1), log_std=(0.5,) * (classes + 1),
        resolution=resolution,
    )
    rows = rng.dirichlet(np.full(classes + 1, 0.3), frames // 8 + 1)
    probabilities = np.repeat(rows, 8, 0)[:frames]
    found = concatenate(streamed(decoder, lag, probabilities, size))
    bounds = np.stack([found.start, found.end], axis=1).ravel()
    assert (np.diff(bounds) >= 0).all() and (found.end > found.start).all()
    assert (found.label < classes).all() and ((0 <= found.score) & (found.score <= 1)).all()
    assert not len(found) or (bounds[0] >= 0 and bounds[-1] <= frames)


def test_streams_of_next_to_nothing():
    stream = FixedLag(DECODER, 1.0)
    assert len(stream.finish()) == 0
    assert len(stream.push(np.zeros((0, L + 1)))) == 0 and len(stream.finish()) == 0
    for frames in (1, 2, 4):
        found = concatenate(streamed(DECODER, 0.0, constant((3, frames)), 1))
        assert rows(found) == [(0, frames, 3)]


def test_a_stream_that_has_ended_returns_nothing_twice():
    stream = FixedLag(DECODER, 1.0)
    stream.push(constant((3, 60)))
    assert len(stream.finish()) == 1 and len(stream.finish()) == 0


@pytest.mark.parametrize('label', [2, L])
def test_memory_is_bounded_however_long_a_segment_lasts(label):
    stream, kept = FixedLag(DECODER, 2.0), []
    table = 84  # steps of 0.1 s: 2.5 s and three deviations of 0.4, 2.5 exp(1.2) = 8.3
    assert len(DECODER.durations(L + 1).log_pmf) == table
    frames = 200 * FPS
    for _ in range(frames // 50):
        assert len(stream.push(constant((label, 50)))) == 0
        kept.append(len(stream._logs))
        assert len(stream._probabilities) == kept[-1] and len(stream._starts) == 1
    # Up to the lag and two tables, and what has come since the last decoding.
    assert max(kept) <= (20 + 2 * table + 2) * 3 + 50 and max(kept[-60:]) == max(kept[60:120])
    rest = concatenate([stream.push(constant((0, 90), (L, 90))), stream.finish()])
    expected = [(frames, frames + 90, 0)]
    assert rows(rest) == ([(0, frames, label)] if label != L else []) + expected
    assert (rest.score > 0.6).all()


def test_a_segment_that_was_shortened_ends_as_offline():
    """Its score differs: what was dropped is final, and has no alternatives any more."""
    long = 40 * FPS
    probabilities = constant((1, long), (L, 60), (3, long + 7), (4, 60), (L, 200))
    probabilities = 0.95 * probabilities + 0.05 * track(5, 120)[:len(probabilities)]
    offline, found = DECODER(probabilities), concatenate(streamed(DECODER, 3.0, probabilities))
    assert len(offline) == 3 and rows(found) == rows(offline)


def test_what_the_decoder_rejects_is_background():
    probabilities = track(3, 60, noise=2.0)
    found = concatenate(streamed(DECODER, 4.0, probabilities))
    reject = float(np.median(found.score))
    strict = dataclasses.replace(DECODER, reject=reject)
    kept = found.score >= reject
    assert 0 < kept.sum() < len(found)
    assert rows(concatenate(streamed(strict, 4.0, probabilities))) == rows(found[kept])


def test_the_default_lag_is_three_mean_durations():
    decoder = dataclasses.replace(
        DECODER, log_mean=(math.log(2), math.log(4), 5.0), log_std=(1e-9, 1e-9, 1.0)
    )
    assert default_lag(decoder) == pytest.approx(9)  # of classes: background does not count
    assert default_lag(dataclasses.replace(decoder, log_mean=(-3.0, -3.0, 0.0))) == 2
    assert default_lag(dataclasses.replace(decoder, log_mean=(3.0, 3.0, 0.0))) == 15
    assert default_lag(SequenceDecoder()) == pytest.approx(6 * math.exp(0.5))


@pytest.mark.parametrize('lag', [-1.0, math.inf, math.nan])
def test_lags_that_cannot_be(lag):
    what = f'lag is {lag:g} seconds, expected a finite number from 0'
    with pytest.raises(InputError, match=what):
        FixedLag(DECODER, lag)


def test_another_number_of_classes_is_refused():
    stream = FixedLag(SequenceDecoder())
    stream.push(np.full((4, 4), 0.25))
    with pytest.raises(InputError, match='frame probabilities of 4 classes, expected 3 as before'):
        stream.push(np.full((4, 5), 0.2))
