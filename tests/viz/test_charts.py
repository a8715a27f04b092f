"""Tests charts: metrics files of runs, and heights of bars."""

import json

from matplotlib.colors import to_rgb
from matplotlib.image import imread
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.viz import charts, figure


def write(path, *items, tail=''):
    path.write_text(''.join(json.dumps(item) + '\n' for item in items) + tail, encoding='utf-8')
    return path


def test_metrics_are_read_by_name_with_their_own_steps(tmp_path):
    path = write(
        tmp_path / 'm.jsonl',
        {'step': 1, 'loss': 3, 'note': 'start', 'done': False},
        {'step': 2, 'loss': 2.5, 'validation/map': 0.25},
        {'step': 3, 'loss': float('nan')},
    )
    found = charts.read_metrics(path)
    assert sorted(found) == ['loss', 'validation/map']
    np.testing.assert_array_equal(found['loss'][0], [1, 2, 3])
    np.testing.assert_array_equal(found['loss'][1], [3, 2.5, np.nan])
    np.testing.assert_array_equal(found['validation/map'][0], [2])


def test_a_resumed_run_counts_what_was_written_last(tmp_path):
    path = write(
        tmp_path / 'm.jsonl', {'step': 1, 'loss': 9}, {'step': 2, 'loss': 8}, {'step': 1, 'loss': 7}
    )
    steps, values = charts.read_metrics(path)['loss']
    assert steps.tolist() == [1, 2] and values.tolist() == [7, 8]


def test_a_last_line_that_is_being_written_is_left_out(tmp_path):
    path = write(tmp_path / 'm.jsonl', {'step': 1, 'loss': 9}, tail='{"step": 2, "lo')
    assert charts.read_metrics(path)['loss'][0].tolist() == [1]


@pytest.mark.parametrize('line', ['{"step": 2, "lo', '{"loss": 1}', '[1]', '{"step": 1.5}', '3'])
def test_a_broken_line_is_named(tmp_path, line):
    path = write(tmp_path / 'm.jsonl', {'step': 1, 'loss': 9}, tail=line + '\n')
    with pytest.raises(InputError, match=r'm\.jsonl: line 2: expected a JSON object'):
        charts.read_metrics(path)


def test_unreadable_files_and_unknown_metrics_are_named(tmp_path):
    with pytest.raises(InputError, match=r'gone\.jsonl: metrics cannot be read'):
        charts.read_metrics(tmp_path / 'gone.jsonl')
    path = write(tmp_path / 'm.jsonl', {'step': 1, 'loss': 9})
    with pytest.raises(InputError, match=r"m\.jsonl: no metric 'acc', known: loss"):
        charts.plot_metrics(tmp_path / 'a.png', {'run': path}, metrics=['acc'])
    with pytest.raises(InputError, match='no metrics'):
        charts.plot_metrics(tmp_path / 'a.png', {'run': write(tmp_path / 'e.jsonl')})
    assert not (tmp_path / 'a.png').exists()


@pytest.mark.parametrize('points', [1, 20, 400])
def test_curves_of_two_runs_are_drawn_in_two_colors(tmp_path, points):
    files = {
        name: write(
            tmp_path / f'{height}.jsonl',
            *({'step': s, 'loss': height + s, 'only_here': 1} for s in range(points)),
        )
        for height, name in enumerate(('_scratch', 'pre$trained$'))
    }
    path = charts.plot_metrics(tmp_path / 'a.png', files, metrics=['loss'], title='run')
    picture = imread(path)[:, :, :3]
    for run in range(2):
        assert (np.abs(picture - to_rgb(figure.color(run))).max(axis=2) < 0.02).sum() > 10


def test_bars_are_as_high_as_their_values(tmp_path):
    values = np.zeros((2, 1, 1))
    values[:, 0, 0] = 0.8, 0.4
    path = charts.plot_table(
        tmp_path / 'a.png', rows=['scratch', 'pretrained'], columns=['plain'], metrics=['mean'],
        values=values,
    )
    picture = imread(path)[:, :, :3]
    heights = []
    for row in range(2):
        same = np.abs(picture - to_rgb(figure.color(row))).max(axis=2) < 0.02
        heights.append(np.median(same.sum(axis=0)[same.sum(axis=0) > 20]))
    assert heights[0] / heights[1] == pytest.approx(2, rel=0.05)


def test_bars_with_deviations_and_missing_values_are_drawn(tmp_path):
    values = np.full((2, 2, 3), 0.5)
    values[0, 1, 2] = np.nan
    path = charts.plot_table(
        tmp_path / 'a.png', rows=['a', 'b'], columns=['plain', 'U'], metrics=['x', 'y', '$z'],
        values=values, deviations=np.full(values.shape, 0.1), title='t',
    )
    assert path.stat().st_size > 1000
    with pytest.raises(InputError, match=r'expected \[rows, columns, metrics\] \(1, 2, 3\)'):
        charts.plot_table(
            tmp_path / 'b.png', rows=['a'], columns=['plain', 'U'], metrics=['x', 'y', 'z'],
            values=values,
        )
