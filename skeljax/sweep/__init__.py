"""Ablations: runs every variant of a sweep with every seed and compares the variants."""

from skeljax.sweep.definition import Sweep, Variant

__all__ = ['Sweep', 'Variant']
