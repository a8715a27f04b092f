"""Cells that spreadsheets would run: none is written, and every name comes back."""

import csv

from hypothesis import given, strategies as st
import pytest

from skeljax.formats import formulas, labels
from skeljax.localize import exchange
from skeljax.localize.exchange import SegmentSet
from skeljax.localize.segments import Segments

NAMES = ['=1+1', '+a', '-a', '@SUM(A1)', "'=1", "''@", "'quoted'", 'plain', 'a=b', '0']


@given(st.text() | st.from_regex(r"'*[=+\-@\t\r'].*"))
def test_every_name_comes_back_and_none_is_a_formula(text):
    cell = formulas.guarded(text)
    assert formulas.plain(cell) == text and not cell.startswith(('=', '+', '-', '@', '\t', '\r'))


def test_names_that_begin_like_no_formula_are_written_as_they_are():
    assert [formulas.guarded(name) for name in ('plain', 'a=b', "'quoted'", '')] == [
        'plain', 'a=b', "'quoted'", ''
    ]


@pytest.mark.parametrize('kind', ['csv', 'csv_frames'])
def test_a_table_of_segments_holds_no_formula(tmp_path, kind):
    found = {name: Segments([0], [30], [i], [0.5]) for i, name in enumerate(NAMES)}
    found['=empty'] = Segments([], [], [])
    path = tmp_path / 'a.csv'
    exchange.write(path, SegmentSet(found, tuple(NAMES), fps=30.0), kind=kind)
    with path.open(newline='') as file:
        rows = list(csv.reader(file))[1:]
    assert not [cell for row in rows for cell in row[:2] if cell[:1] in ('=', '+', '-', '@')]
    again = exchange.read(path, fps=30.0, classes=NAMES)
    assert list(again.segments) == list(found)
    assert [again.classes[label] for name in NAMES for label in again.segments[name].label] == NAMES
    if kind == 'csv':
        assert list(labels.read(path).segments) == list(found)
        assert {label.name for some in labels.read(path).segments.values() for label in some} == {
            *NAMES
        }
