"""What the compiler's count of operations leaves out: it counts what is in a loop once."""

import math

from jax.extend import core


def further(jaxpr: core.Jaxpr) -> int:
    """Counts the operations of matrix products in all rounds of loops but the first.

    Loops of known length count (`scan`, also `map` and `fori_loop` as JAX writes them); of
    branches the most expensive one, as the compiler counts them.

    Args:
        jaxpr: of the program that was compiled.

    Returns:
        Operations, two for each multiplication and addition.
    """
    return _products(jaxpr) - _products(jaxpr, once=True)


def _products(jaxpr, once: bool = False) -> int:
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == 'dot_general':
            (contracted, _), _ = equation.params['dimension_numbers']
            shape = equation.invars[0].aval.shape
            depth = math.prod(shape[axis] for axis in contracted)
            total += 2 * equation.outvars[0].aval.size * depth
        each = [_products(inner, once) for inner in _inner(equation)]
        if 'branches' in equation.params:
            total += max(each)
        else:
            total += (1 if once else equation.params.get('length', 1)) * sum(each)
    return total


def _inner(equation) -> list:
    """Lists the programs that an equation runs."""
    given = equation.params.get('branches', equation.params.values())
    opened = [getattr(one, 'jaxpr', one) for one in given]
    return [one for one in opened if isinstance(one, core.Jaxpr)]
