"""How sides are run in turn and compared; numbers by hand."""

import pytest

from skeljax.bench import compare, measure, show
from skeljax.errors import InputError

PEAKS = {'matrix_gflops': 8.0, 'copy_gb_per_second': 4.0}


class Side:
    """Takes the given seconds one after the other, and notes that it was asked."""

    def __init__(self, name, seconds, asked, **figures):
        self._name, self._seconds, self._asked = name, iter(seconds), asked
        self._figures = {'platform': 'cpu', **figures}

    def time(self):
        self._asked.append(self._name)
        return next(self._seconds)

    def figures(self):
        return self._figures

    def peaks(self, dtype):
        return PEAKS


def _sides(asked, **figures):
    return {
        'skeljax': Side('skeljax', [9, 1, 2, 3], asked, flops=8e9, **figures),
        'torch': Side('torch', [9, 4, 4, 10], asked),
        'torch compiled': Side('torch compiled', [99, 5, 4, 8], asked),
    }


def test_sides_run_in_turn_and_the_first_round_does_not_count():
    asked = []
    seconds = compare.interleave(_sides(asked), 3)
    assert asked == 4 * ['skeljax', 'torch', 'torch compiled']
    assert seconds['skeljax'] == [1, 2, 3] and seconds['torch compiled'] == [5, 4, 8]


def test_the_ratio_is_to_the_better_of_the_others():
    found = compare.ratio({'skeljax': [1, 2, 3], 'torch': [4, 4, 10], 'torch compiled': [5, 5, 5]})
    assert found['against'] == 'torch' and found['ratio'] == 0.5
    assert found['ratio_by_round']['median'] == pytest.approx(0.3)
    found = compare.ratio({'skeljax': [3, 3], 'torch': [4, 4], 'torch compiled': [1, 2]})
    assert found['against'] == 'torch compiled' and found['ratio'] == 2.0


def test_the_spread_is_of_tenths():
    found = compare.spread(list(range(11)))
    assert found == {'median': 5, 'low': 1.0, 'high': 9.0}


def test_shares_are_of_what_was_measured():
    assert compare.shares(0.5, {'flops': 2e9, 'bytes': 1e9}, PEAKS) == {
        'of_matrix_peak': 0.5, 'of_copy_peak': 0.5, 'of_roofline': 0.5,
    }
    assert compare.shares(1, {'flops': 2e9, 'bytes': 3e9}, PEAKS)['of_roofline'] == 0.75
    assert compare.shares(0.5, {'flops': None}, PEAKS) == {}


def test_a_run_tells_it_all_and_is_shown():
    figures = measure.run(_sides([], compile_seconds=1.5), rounds=3, dtype='float32')
    assert figures['ratio'] == 0.5 and figures['platform'] == 'cpu'
    ours = figures['sides']['skeljax']
    assert ours['seconds'] == 2 and ours['each_round'] == [1, 2, 3]
    assert ours['of_matrix_peak'] == 8 / 2 / 8
    figures |= {'goal': 0.45, 'threads': 2, **measure.rates(figures, 64, 50)}
    assert figures['examples_per_second'] == 32 and figures['frames_per_second'] == 1600
    shown = show.sides(figures, 'row').splitlines()
    assert shown[2].split() == ['skeljax', '2000.00', '1200.00', '2800.00', '1.50', '8.00', '50.00', '–']
    assert shown[3].split() == ['torch', '4000.00', '4000.00', '8800.00', '–', '–', '–', '0.50']
    assert 'ratio to the better other (torch): 0.500' in shown[-1]
    assert 'the goal is 0.45 or less: missed' in shown[-1]
    assert show.rows({'some': figures}).splitlines()[-1].split()[:2] == ['some', 'missed']
    assert show.rows({'some': figures | {'goal': 0.5}}).splitlines()[-1].split()[1] == 'met'


def test_what_runs_beside_is_compared_apart():
    name = next(iter(measure.BESIDE))
    sides = {**_sides([]), name: Side(name, [9, 2, 2.5, 2.5], [])}
    figures = measure.run(sides, rounds=3, dtype='float32')
    assert (figures['against'], figures['ratio']) == ('torch', 0.5)
    assert (figures['beside']['against'], figures['beside']['ratio']) == (name, 0.8)
    figures |= {'goal': 0.6, 'threads': 2, **measure.rates(figures, 64, 50)}
    *_, ratio, beside = show.sides(figures, 'row').splitlines()
    assert ratio.endswith('the goal is 0.60 or less: met)')
    assert beside.startswith(f'ratio to the twin given our formulations ({name}): 0.800')


def test_processor_seconds_are_compared_where_both_tell_them():
    sides = _sides([], cpu_seconds=1.5)
    sides['torch'] = Side('torch', [9, 4, 4, 10], [], cpu_seconds=6.0)
    figures = measure.run(sides, rounds=3, dtype='float32')
    assert figures['cpu_ratio'] == 0.25
    assert 'cpu_ratio' not in measure.run(_sides([], cpu_seconds=1.5), rounds=3, dtype='float32')


def test_sides_on_different_platforms_are_no_comparison():
    with pytest.raises(InputError, match='different platforms'):
        measure.run(_sides([], platform='gpu'), rounds=3, dtype='float32')
