"""Counts operations that the compiler's cost analysis omits: it counts a loop body once."""

import math

from jax.extend import core


def extra_loop_flops(jaxpr: core.Jaxpr) -> int:
    """Counts operations of matrix products in all iterations of loops except the first.

    Only loops of known length are counted (`scan`, and `map` and `fori_loop` where JAX lowers
    them to it). Of the branches of a condition the most expensive one is counted, as in the
    compiler's analysis.

    Args:
        jaxpr: of the compiled program.

    Returns:
        Number of operations, two for each multiply-add.
    """
    return _product_flops(jaxpr) - _product_flops(jaxpr, once=True)


def _product_flops(jaxpr, once: bool = False) -> int:
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == 'dot_general':
            (contracted, _), _ = equation.params['dimension_numbers']
            shape = equation.invars[0].aval.shape
            depth = math.prod(shape[axis] for axis in contracted)
            total += 2 * equation.outvars[0].aval.size * depth
        inner = [_product_flops(each, once) for each in _inner_jaxprs(equation)]
        if 'branches' in equation.params:
            total += max(inner)
        else:
            total += (1 if once else equation.params.get('length', 1)) * sum(inner)
    return total


def _inner_jaxprs(equation) -> list:
    """Returns the programs that an equation contains."""
    candidates = equation.params.get('branches', equation.params.values())
    opened = [getattr(one, 'jaxpr', one) for one in candidates]
    return [one for one in opened if isinstance(one, core.Jaxpr)]
