"""Ablations: a sweep becomes runs, runs become figures, figures become one table."""

from skeljax.sweep.sweep import Sweep, Variant

__all__ = ['Sweep', 'Variant']
