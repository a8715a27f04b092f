"""Every protocol and every decoder gives the figures that it gave before, on fixed scores."""

import json
from pathlib import Path

import pytest

from tests.golden import adapter, cases

EXPECTED = json.loads(Path(__file__).with_name('numbers.json').read_text())


def _check(found: dict, expected: dict):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


def test_all_protocols_and_decoders_are_kept():
    assert adapter.protocols() >= EXPECTED['protocols'].keys()
    assert adapter.decoders() - {'sequence'} <= EXPECTED['decoders'].keys() == set(cases.DECODERS)


@pytest.mark.parametrize('name', EXPECTED['protocols'])
def test_a_protocol_gives_the_same_figures(name):
    _check(adapter.figures(name), EXPECTED['protocols'][name])


@pytest.mark.parametrize('name', EXPECTED['decoders'])
def test_a_decoder_finds_the_same_segments(name):
    _check(adapter.figures('babel_clean', name), EXPECTED['decoders'][name])
