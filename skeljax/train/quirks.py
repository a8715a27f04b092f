"""Quirks of the release that a config may repeat."""

from ml_collections import ConfigDict

from skeljax.errors import InputError

QUIRKS = (  # described in configs/default.py
    'warmup_overshoot', 'snippet_pointer', 'key_init', 'augmentation', 'input_norm', 'partition',
    'momentum_freeze', 'parts_temperature', 'causal',
)


def repeated(config: ConfigDict, name: str) -> bool:
    """Returns whether a quirk of the release is repeated."""
    return name in config.faithful


def check(config: ConfigDict):
    """Raises InputError if `config.faithful` has an unknown quirk."""
    for name in config.faithful:
        if name and name not in QUIRKS:
            raise InputError(f'config.faithful: unknown {name!r}, known: {", ".join(QUIRKS)}')
