"""How systems are run alternately and compared; numbers by hand."""

import pytest

from benchmarks import measure, ratios, tables
from skeljax.errors import InputError

PEAKS = {'matrix_gflops': 8.0, 'copy_gb_per_second': 4.0}


class System:
    """Returns the given seconds one after the other, and records the order of the runs."""

    def __init__(self, name, seconds, order, **figures):
        self._name, self._seconds, self._order = name, iter(seconds), order
        self._figures = {'platform': 'cpu', **figures}

    def time(self):
        self._order.append(self._name)
        return next(self._seconds)

    def figures(self):
        return self._figures

    def peaks(self, dtype):
        return PEAKS


def _systems(order, **figures):
    return {
        'skeljax': System('skeljax', [9, 1, 2, 3], order, flops=8e9, **figures),
        'torch': System('torch', [9, 4, 4, 10], order),
        'torch compiled': System('torch compiled', [99, 5, 4, 8], order),
    }


def test_systems_run_alternately_and_the_first_round_is_not_counted():
    order = []
    seconds = ratios.interleave(_systems(order), 3)
    assert order == 4 * ['skeljax', 'torch', 'torch compiled']
    assert seconds['skeljax'] == [1, 2, 3] and seconds['torch compiled'] == [5, 4, 8]


def test_the_ratio_is_to_the_fastest_of_the_others():
    found = ratios.ratio({'skeljax': [1, 2, 3], 'torch': [4, 4, 10], 'torch compiled': [5, 5, 5]})
    assert found['against'] == 'torch' and found['ratio'] == 0.5
    assert found['ratio_by_round']['median'] == pytest.approx(0.3)
    found = ratios.ratio({'skeljax': [3, 3], 'torch': [4, 4], 'torch compiled': [1, 2]})
    assert found['against'] == 'torch compiled' and found['ratio'] == 2.0


def test_the_spread_is_between_the_10_and_90_percent_quantiles():
    found = ratios.spread(list(range(11)))
    assert found == {'median': 5, 'low': 1.0, 'high': 9.0}


def test_shares_are_relative_to_measured_peaks():
    assert ratios.shares(0.5, {'flops': 2e9, 'bytes': 1e9}, PEAKS) == {
        'of_matrix_peak': 0.5, 'of_copy_peak': 0.5, 'of_roofline': 0.5,
    }
    assert ratios.shares(1, {'flops': 2e9, 'bytes': 3e9}, PEAKS)['of_roofline'] == 0.75
    assert ratios.shares(0.5, {'flops': None}, PEAKS) == {}


def test_a_run_is_measured_and_formatted():
    figures = measure.run(_systems([], compile_seconds=1.5), rounds=3, dtype='float32')
    assert figures['ratio'] == 0.5 and figures['platform'] == 'cpu'
    ours = figures['systems']['skeljax']
    assert ours['seconds'] == 2 and ours['each_round'] == [1, 2, 3]
    assert ours['of_matrix_peak'] == 8 / 2 / 8
    figures |= {'goal': 0.45, 'threads': 2, **measure.rates(figures, 64, 50)}
    assert figures['examples_per_second'] == 32 and figures['frames_per_second'] == 1600
    shown = tables.systems(figures, 'row').splitlines()
    first, second = (line.split() for line in shown[2:4])
    assert first == ['skeljax', '2000.00', '1200.00', '2800.00', '1.50', '8.00', '50.00', '–']
    assert second == ['torch', '4000.00', '4000.00', '8800.00', '–', '–', '–', '0.50']
    assert 'ratio to the fastest other (torch): 0.500' in shown[-1]
    assert 'the goal is 0.45 or less: missed' in shown[-1]
    assert tables.rows({'some': figures}).splitlines()[-1].split()[:2] == ['some', 'missed']
    assert tables.rows({'some': figures | {'goal': 0.5}}).splitlines()[-1].split()[1] == 'reached'


def test_reformulated_baselines_are_compared_separately():
    name = next(iter(measure.REFORMULATED))
    systems = {**_systems([]), name: System(name, [9, 2, 2.5, 2.5], [])}
    figures = measure.run(systems, rounds=3, dtype='float32')
    assert (figures['against'], figures['ratio']) == ('torch', 0.5)
    assert (figures['reformulated']['against'], figures['reformulated']['ratio']) == (name, 0.8)
    figures |= {'goal': 0.6, 'threads': 2, **measure.rates(figures, 64, 50)}
    *_, ratio, reformulated = tables.systems(figures, 'row').splitlines()
    assert ratio.endswith('the goal is 0.60 or less: reached)')
    title = "ratio to the baseline with skeljax's formulations"
    assert reformulated.startswith(f'{title} ({name}): 0.800')


def test_processor_seconds_are_compared_if_both_have_them():
    systems = _systems([], cpu_seconds=1.5)
    systems['torch'] = System('torch', [9, 4, 4, 10], [], cpu_seconds=6.0)
    figures = measure.run(systems, rounds=3, dtype='float32')
    assert figures['cpu_ratio'] == 0.25
    assert 'cpu_ratio' not in measure.run(_systems([], cpu_seconds=1.5), rounds=3, dtype='float32')


def test_systems_on_different_platforms_are_refused():
    with pytest.raises(InputError, match='different platforms'):
        measure.run(_systems([], platform='gpu'), rounds=3, dtype='float32')
