"""Three steps of every method and head give the losses and gradient norms that they gave before.

The bounds allow for other processors: between instruction sets (SSE4.2, AVX2, AVX-512), and with
all optimizations of the compiler, the numbers differ by up to what `RTOL` tells.
"""

import json
import math
from pathlib import Path

import pytest

from tests.golden import adapter

EXPECTED = json.loads(Path(__file__).with_name('numbers.json').read_text())
RTOL = 2e-4


def _check(found: dict, expected: dict):
    _check_first(found['first'], expected['first'])
    assert len(found['steps']) == len(expected['steps'])
    for number, (step, wanted) in enumerate(zip(found['steps'], expected['steps'], strict=True)):
        assert step.keys() == wanted.keys()
        for name, value in wanted.items():
            assert step[name] == pytest.approx(value, rel=RTOL, abs=1e-6), f'step {number}: {name}'
    assert found['state'] == pytest.approx(expected['state'], rel=RTOL)


def _check_first(found: dict, expected: dict):
    """Checks names, shapes and distributions of first weights; the draws may differ."""
    assert {n: row[0] for n, row in found.items()} == {n: row[0] for n, row in expected.items()}
    for name, (shape, mean, deviation) in expected.items():
        count = math.prod(shape)
        assert found[name][1] == pytest.approx(mean, abs=6 * deviation / count**0.5), name
        assert found[name][2] == pytest.approx(deviation, rel=6 / count**0.5), name


@pytest.mark.parametrize('method', EXPECTED['pretrain'])
def test_a_method_takes_the_same_three_steps(method):
    _check(adapter.pretrain(method), EXPECTED['pretrain'][method])


@pytest.mark.parametrize('head', EXPECTED['finetune'])
def test_fine_tuning_takes_the_same_three_steps(head):
    _check(adapter.finetune(head), EXPECTED['finetune'][head])
