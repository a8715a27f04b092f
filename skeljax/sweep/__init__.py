"""Ablations: a sweep becomes runs, runs become figures, figures become one table."""

from skeljax.sweep.definition import Sweep, Variant

__all__ = ['Sweep', 'Variant']
