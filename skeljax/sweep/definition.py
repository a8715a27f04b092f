"""Defines and loads sweeps: a base config, named variants of it, and seeds.

    def get_sweep(arg: str = '') -> Sweep:
        return Sweep(
            base='ui_prmd:composed20',
            variants={
                'scratch': Variant(pretrain=False),
                'video': Variant({'pretrain.snippet.weight': 0.0}),
                'video + snippet': Variant(),
            },
            reference='scratch',
            scale=float(arg or 1),
        )
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
import importlib.util
from pathlib import Path

import skeljax.configs
from skeljax.errors import InputError


@dataclass(frozen=True)
class Variant:
    """One row of the table: its differences from the base config.

    Attributes:
        changes: config field -> value, e.g. {'finetune.fuser': False}.
        pretrain: True: pretrain, then fine-tune from that. False: fine-tune from scratch, or from
            `finetune.init_from`.
        base: config with its argument; the sweep's base by default.
        against: variant to compare with; the sweep's reference by default.
    """

    changes: Mapping[str, object] = field(default_factory=dict)
    pretrain: bool = True
    base: str = ''
    against: str = ''


@dataclass(frozen=True)
class Sweep:
    """An ablation.

    Attributes:
        base: config with its argument, as for `--config`.
        variants: name -> variant, in the order of the table.
        reference: variant with which the others are compared.
        changes: changes of all variants; a variant's own changes take precedence.
        seeds: each is used as `seed` and `finetune.label_seed` of a run.
        pretrain_seed: seed of a single pretraining that all seeds of a variant start from; None:
            one pretraining per seed.
        scale: factor of the number of steps of both stages.
        protocol: evaluation protocol of the table.
    """

    base: str
    variants: Mapping[str, Variant]
    reference: str
    changes: Mapping[str, object] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2)
    pretrain_seed: int | None = None
    scale: float = 1.0
    protocol: str = 'babel_clean'

    def against(self, name: str) -> str:
        """Returns the variant with which a variant is compared; itself for a reference."""
        return self.variants[name].against or self.reference


def load(text: str) -> Sweep:
    """Calls `get_sweep(arg)` of `FILE:arg` and checks the result.

    FILE is a path, or the name of a sweep in `configs/ablations`.

    Raises:
        InputError: there is no such file, it raises an error, or the sweep is invalid.
    """
    name, _, arg = text.partition(':')
    path = _find(name)
    spec = importlib.util.spec_from_file_location(f'skeljax_sweep_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        sweep = module.get_sweep(arg)
    except Exception as error:
        message = str(error).partition('\n')[0]
        raise InputError(f'{text}: {type(error).__name__}: {message}') from error
    if not isinstance(sweep, Sweep):
        raise InputError(f'{text}: get_sweep returned {type(sweep).__name__}, not a Sweep')
    _check(sweep, text)
    return sweep


def with_seeds(sweep: Sweep, seeds: list[int] | None, pretrain_seed: int | None = None) -> Sweep:
    """Returns a sweep with other seeds, where they are given."""
    if seeds:
        sweep = replace(sweep, seeds=tuple(dict.fromkeys(seeds)))
    return sweep if pretrain_seed is None else replace(sweep, pretrain_seed=pretrain_seed)


def _check(sweep: Sweep, where: str):
    """Checks a sweep for mistakes that would otherwise appear only after the runs."""
    for name, variant in sweep.variants.items():
        if not isinstance(variant, Variant):
            raise InputError(f'{where}: {name!r} is a {type(variant).__name__}, not a Variant')
        if sweep.against(name) not in sweep.variants:
            other = sweep.against(name)
            raise InputError(f'{where}: {name!r} is compared with {other!r}, which is no variant')
    if sweep.reference not in sweep.variants:
        raise InputError(f'{where}: the reference {sweep.reference!r} is not a variant')
    if not sweep.seeds or len(set(sweep.seeds)) < len(sweep.seeds):
        raise InputError(f'{where}: expected one or more distinct seeds, found {sweep.seeds}')
    if not sweep.scale > 0:
        raise InputError(f'{where}: expected a scale above 0, found {sweep.scale}')


def _find(name: str) -> Path:
    included = Path(skeljax.configs.__path__[0]) / 'ablations'
    path = Path(name)
    own = included / path.name
    for candidate in (path, path.with_suffix('.py'), own, own.with_suffix('.py')):
        if candidate.is_file():
            return candidate
    known = ', '.join(sorted(p.stem for p in included.glob('[a-z]*.py')))
    raise InputError(f'no sweep {name}; included in skeljax: {known}')
