"""What a sweep file says: a base config, named variants of it, seeds.

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
    """One row of the table: what differs from the base.

    Attributes:
        changes: fields of the config and their values, as {'finetune.fuser': False}.
        pretrain: pretrain, then fine-tune from that; False: fine-tune from scratch, or
            from `finetune.init_from`.
        base: config with its argument, where it is not the sweep's.
        against: variant that it is compared with, where it is not the sweep's reference.
    """

    changes: Mapping[str, object] = field(default_factory=dict)
    pretrain: bool = True
    base: str = ''
    against: str = ''


@dataclass(frozen=True)
class Sweep:
    """An ablation.

    Attributes:
        base: config with its argument, as of `--config`.
        variants: name -> variant, in the order of the table.
        reference: variant that the others are compared with.
        changes: of every variant; its own come after.
        seeds: each is the `seed` and the `finetune.label_seed` of a run.
        pretrain_seed: of the one pretraining that every seed of a variant starts from; None:
            each seed pretrains for itself.
        scale: of the steps of both stages.
        protocol: that the table shows.
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
        """Names what a variant is compared with; itself for a reference."""
        return self.variants[name].against or self.reference


def load(text: str) -> Sweep:
    """Reads `FILE:arg`: calls `get_sweep(arg)` of the file and sees that it is sound.

    FILE is a path, or one of the sweeps that come with skeljax.

    Raises:
        InputError: no such file; the file fails; what it returns is no sound sweep.
    """
    name, _, arg = text.partition(':')
    path = _find(name)
    spec = importlib.util.spec_from_file_location(f'skeljax_sweep_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        sweep = module.get_sweep(arg)
    except Exception as error:
        told = str(error).partition('\n')[0]
        raise InputError(f'{text}: {type(error).__name__}: {told}') from error
    if not isinstance(sweep, Sweep):
        raise InputError(f'{text}: get_sweep returned {type(sweep).__name__}, not a Sweep')
    _check(sweep, text)
    return sweep


def with_seeds(sweep: Sweep, seeds: list[int] | None, pretrain_seed: int | None = None) -> Sweep:
    """Replaces the seeds of a sweep where others are given."""
    if seeds:
        sweep = replace(sweep, seeds=tuple(dict.fromkeys(seeds)))
    return sweep if pretrain_seed is None else replace(sweep, pretrain_seed=pretrain_seed)


def _check(sweep: Sweep, where: str):
    """Raises InputError for what would fail later, or compare nothing."""
    for name, variant in sweep.variants.items():
        if not isinstance(variant, Variant):
            raise InputError(f'{where}: {name!r} is a {type(variant).__name__}, not a Variant')
        if sweep.against(name) not in sweep.variants:
            other = sweep.against(name)
            raise InputError(f'{where}: {name!r} is compared with {other!r}, no variant')
    if sweep.reference not in sweep.variants:
        raise InputError(f'{where}: the reference {sweep.reference!r} is no variant')
    if not sweep.seeds or len(set(sweep.seeds)) < len(sweep.seeds):
        raise InputError(f'{where}: seeds are {sweep.seeds}, give one or more, all different')
    if not sweep.scale > 0:
        raise InputError(f'{where}: steps are scaled by {sweep.scale}, not by more than 0')


def _find(name: str) -> Path:
    shipped = Path(skeljax.configs.__path__[0]) / 'ablations'
    path = Path(name)
    ours = shipped / path.name
    for candidate in (path, path.with_suffix('.py'), ours, ours.with_suffix('.py')):
        if candidate.is_file():
            return candidate
    known = ', '.join(sorted(p.stem for p in shipped.glob('[a-z]*.py')))
    raise InputError(f'no sweep {name}; with skeljax come: {known}')
