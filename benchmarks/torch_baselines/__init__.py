"""PyTorch baselines, written for this comparison; the only modules that import torch."""

import importlib.util

from skeljax.errors import InputError


def check():
    """Raises InputError if PyTorch is not installed."""
    if importlib.util.find_spec('torch') is None:
        raise InputError("--against torch needs PyTorch: pip install 'skeljax[bench]'")
