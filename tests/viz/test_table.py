"""Tests the exact text of tables."""

import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.viz import table

ROWS = ('scratch', 'pretrained')
COLUMNS = ('plain', 'U|fuser')
VALUES = [[0.5, np.nan], [0.123, 1.0]]
DEVIATIONS = [[0.01, np.nan], [np.nan, 0.2]]


def test_text():
    found = table.text(ROWS, COLUMNS, VALUES, deviations=DEVIATIONS, scale=100, corner='start')
    assert found.splitlines() == [
        'start            plain       U|fuser',
        '------------------------------------',
        'scratch     50.0 ± 1.0             –',
        'pretrained        12.3  100.0 ± 20.0',
    ]


def test_markdown():
    found = table.markdown(ROWS, COLUMNS, VALUES, digits=2, bold_best=True)
    assert found.splitlines() == [
        r'|            |    plain | U\|fuser |',
        r'| ---------- | -------: | -------: |',
        r'| scratch    | **0.50** |        – |',
        r'| pretrained |     0.12 | **1.00** |',
    ]


def test_several_leading_columns():
    rows = [('scratch', 'plain'), ('scratch', 'U')]
    found = table.text(rows, ['mAP'], [[1], [2]], corner=('start', 'head'), digits=0)
    assert found.splitlines()[0].split() == ['start', 'head', 'mAP']
    assert found.splitlines()[3].split() == ['scratch', 'U', '2']
    with pytest.raises(InputError, match='differ in length'):
        table.text([('a', 'b'), 'c'], ['mAP'], [[1], [2]])


def test_counts_stand_without_decimals():
    found = table.text(['recordings', 'minutes'], ['train'], [[12], [1.25]])
    assert [line.split() for line in found.splitlines()[2:]] == [
        ['recordings', '12'],
        ['minutes', '1.2'],
    ]


def test_no_rows_leave_the_head():
    assert table.text([], ['mAP'], []).splitlines()[0].strip() == 'mAP'


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r'table values: expected \(2, 2\) numbers'):
        table.markdown(ROWS, COLUMNS, [[1, 2, 3]])
    with pytest.raises(InputError, match='table deviations'):
        table.markdown(ROWS, COLUMNS, VALUES, deviations=[[1]])
