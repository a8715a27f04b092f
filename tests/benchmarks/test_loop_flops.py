"""Operations of loops, counted by hand."""

import jax
from jax import lax
import jax.numpy as jnp
import pytest

from benchmarks import loop_flops
from skeljax.train import parallel


def _loop(square, count):
    return lax.scan(lambda x, _: (x @ square, None), jnp.ones((2, 3)), length=count)[0]


def _nested(square):
    """Each of five iterations has one product, and four of an inner loop."""
    return lax.map(lambda _: (_loop(square, 4), square @ square), jnp.zeros(5))


def _either(square):
    return lax.cond(square[0, 0] > 0, lambda s: _loop(s, 7), lambda s: _loop(s, 3), square)


ONE, SQUARE = 2 * 2 * 3 * 3, 2 * 3 * 3 * 3


@pytest.mark.parametrize(
    ('program', 'expected'),
    [
        (lambda square: square @ square, 0),
        (lambda square: _loop(square, 1), 0),
        (lambda square: _loop(square, 7), 6 * ONE),
        (jax.jit(lambda square: _loop(square, 7)), 6 * ONE),
        (_nested, (5 * 4 - 1) * ONE + 4 * SQUARE),
        (_either, 6 * ONE),
    ],
)
def test_products_of_all_iterations_but_the_first(program, expected):
    assert loop_flops.extra_loop_flops(jax.make_jaxpr(program)(jnp.eye(3)).jaxpr) == expected


@pytest.mark.parametrize('form', parallel.FORMS)
def test_steps_on_several_devices_are_counted_for_one(form):
    step = lambda state, batch, rng: (state + _loop(batch[0], 7).sum(), {})
    mapped = parallel.data_parallel(step, jax.devices()[:2], form)
    program = jax.make_jaxpr(mapped)(jnp.zeros(2), jnp.ones((2, 1, 3, 3)), jax.random.key(0))
    assert loop_flops.extra_loop_flops(program.jaxpr) == 6 * ONE
