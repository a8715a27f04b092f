import numpy as np
import pytest

from skeljax.sweep import bootstrap


def _compare(figures, reference, spread=0.0, reference_spread=0.0, draws=4000, **options):
    rng = np.random.default_rng(1)
    drawn = {s: f + spread * rng.normal(size=draws) for s, f in figures.items()}
    theirs = {s: f + reference_spread * rng.normal(size=draws) for s, f in reference.items()}
    return bootstrap.compare(figures, reference, drawn, theirs, **options)


def test_mean_and_deviation_of_a_sample():
    row = bootstrap.summarize({0: 1.0, 1: 2.0, 2: 6.0})
    assert (row.seeds, row.mean) == (3, 3.0)
    assert row.deviation == pytest.approx(7**0.5)  # (4 + 1 + 9) / 2
    assert np.isnan(row.difference) and row.pairs == 0


def test_one_seed_has_no_deviation_and_none_has_no_mean():
    assert np.isnan(bootstrap.summarize({4: 1.0}).deviation)
    empty = bootstrap.summarize({})
    assert empty.seeds == 0 and np.isnan(empty.mean)


def test_differences_are_of_the_same_seed():
    row = _compare({0: 0.5, 1: 0.9, 7: 0.1}, {1: 0.6, 0: 0.4, 3: 0.0})
    assert (row.seeds, row.pairs) == (3, 2)
    assert row.difference == pytest.approx(0.2)  # 0.1 and 0.3
    assert row.difference_deviation == pytest.approx(0.02**0.5)


def test_seeds_alone_give_the_means_of_what_can_be_drawn():
    """Without variance over recordings, two seeds give one of three means."""
    row = _compare({0: 0.1, 1: 0.3}, {0: 0.0, 1: 0.0})
    assert (row.low, row.high) == pytest.approx((0.1, 0.3))  # a quarter of the draws each
    always = _compare({0: 0.5, 1: 0.7, 2: 0.6}, {0: 0.4, 1: 0.6, 2: 0.5})
    assert (always.low, always.high) == pytest.approx((0.1, 0.1))


def test_with_one_seed_recordings_alone_spread_the_interval():
    row = _compare({3: 0.5}, {3: 0.2}, spread=0.1)
    assert (row.low, row.high) == pytest.approx((0.3 - 0.196, 0.3 + 0.196), abs=0.01)
    assert np.isnan(row.difference_deviation)


def test_what_the_recordings_drawn_do_to_both_cancels():
    shared = np.random.default_rng(0).normal(size=1000)
    drawn = {s: 0.5 + shared for s in range(3)}
    theirs = {s: 0.4 + shared for s in range(3)}
    figures, reference = dict.fromkeys(range(3), 0.5), dict.fromkeys(range(3), 0.4)
    row = bootstrap.compare(figures, reference, drawn, theirs)
    assert (row.low, row.high) == pytest.approx((0.1, 0.1))


def test_recordings_drawn_are_the_same_for_all_seeds():
    """Noise that all seeds share is not reduced by averaging over seeds."""
    noise = np.random.default_rng(0).normal(size=4000)
    figures, reference = dict.fromkeys(range(9), 0.0), dict.fromkeys(range(9), 0.0)
    row = bootstrap.compare(
        figures, reference, dict.fromkeys(range(9), noise), dict.fromkeys(range(9), 0 * noise)
    )
    assert (row.low, row.high) == pytest.approx((-1.96, 1.96), abs=0.1)


def test_no_seed_in_common_is_no_difference():
    row = _compare({0: 0.5}, {1: 0.5})
    assert row.mean == 0.5 and row.pairs == 0 and np.isnan(row.low)


def test_draws_come_again_and_hold_as_many_recordings():
    counts = bootstrap.resample_recordings(7, 50)
    np.testing.assert_array_equal(counts, bootstrap.resample_recordings(7, 50))
    assert counts.shape == (50, 7) and (counts.sum(1) == 7).all() and counts.min() == 0
    assert (counts != bootstrap.resample_recordings(7, 50, seed=1)).any()
    figures, reference = {0: 0.1, 1: 0.4, 2: 0.2}, dict.fromkeys(range(3), 0.0)
    first, second = (_compare(figures, reference, spread=0.1) for _ in range(2))
    assert first == second
