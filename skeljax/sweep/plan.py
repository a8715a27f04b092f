"""Plans the runs of a sweep; identical runs of different variants share one folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
import re

from ml_collections import ConfigDict

from skeljax import documents
from skeljax.errors import InputError
from skeljax.sweep.definition import Sweep
from skeljax.train import progress, run_dir as workdirs

SPLIT = 'test'


@dataclass(frozen=True, eq=False)
class Run:
    """A run of one stage.

    Attributes:
        stage: 'pretrain' or 'finetune'.
        folder: folder of the run; its name ends in a hash of the config.
        base: config with its argument.
        overrides: arguments `--config.key=value`.
        num_steps: number of training steps.
        source: the pretraining that must be finished first, or None.
    """

    stage: str
    folder: Path
    base: str
    overrides: tuple[str, ...]
    num_steps: int
    source: 'Run | None' = None

    def commands(self) -> list[list[str]]:
        """Returns the commands of the run in order, each a list of arguments of `skeljax`."""
        train = [
            self.stage, '--config', self.base, '--workdir', str(self.folder), '--quiet',
            *self.overrides,
        ]
        evaluate = ['evaluate', '--workdir', str(self.folder), '--split', SPLIT]
        return [train] if self.stage == 'pretrain' else [train, evaluate]

    def done(self) -> bool:
        """Returns whether the run is trained and, if fine-tuned, evaluated."""
        if self.stage == 'pretrain':
            return self.step() == self.num_steps
        try:
            return bool(documents.parse((self.folder / f'evaluate-{SPLIT}.json').read_text()))
        except (OSError, ValueError):
            return False

    def step(self) -> int:
        """Returns the step of the last complete checkpoint, 0 without one."""
        return max(progress.steps(self.folder / 'checkpoints'), default=0)

    def state(self) -> str:
        """Returns a short description of the progress."""
        if self.done():
            return 'done'
        step = self.step()
        if step == self.num_steps:
            return 'not evaluated'
        return f'step {step} of {self.num_steps}' if step else 'new'


def make(
    sweep: Sweep,
    workdir,
    load: Callable[[str, Sequence[str]], ConfigDict],
    overrides: Sequence[str] = (),
) -> dict[tuple[str, int], Run]:
    """Plans every fine-tuning run of a sweep; `source` of a run is the pretraining it needs.

    Variants with the same pretraining share its run.

    Args:
        sweep: the sweep.
        workdir: runs are stored below `workdir/runs`.
        load: loads `FILE:arg` with overrides and checks the config.
        overrides: arguments `--config.key=value` for every run; a variant's own changes take
            precedence.

    Returns:
        (variant, seed) -> run.

    Raises:
        InputError: a config cannot be loaded, two variants are identical, or a variant is
            compared with one on another corpus.
    """
    known: dict[str, Run] = {}
    runs, configs = {}, {}
    for name, variant in sweep.variants.items():
        for seed in sweep.seeds:
            base = variant.base or sweep.base
            seeded = _arguments({'seed': seed, 'finetune.label_seed': seed})
            words = [*_arguments(sweep.changes), *overrides, *_arguments(variant.changes), *seeded]
            try:
                config, words = _scaled(load, base, words, sweep.scale)
            except InputError as error:
                raise InputError(f'variant {name!r}: {error}') from None
            source = None
            if variant.pretrain:
                first = words
                if sweep.pretrain_seed is not None:
                    first = [*words, *_arguments({'seed': sweep.pretrain_seed})]
                source = _run('pretrain', base, load(base, first), first, Path(workdir), known)
                words = [*words, f'--config.finetune.init_from={source.folder}']
            runs[name, seed] = _run('finetune', base, config, words, Path(workdir), known, source)
            configs[name] = config
    _check(sweep, runs, configs)
    return runs


def needed(runs: Mapping[tuple[str, int], Run]) -> list[Run]:
    """Returns every run once, pretrainings first."""
    unique = {}
    for run in runs.values():
        for one in filter(None, (run.source, run)):
            unique[one.folder] = one
    return sorted(unique.values(), key=lambda run: run.stage != 'pretrain')


def _scaled(load, base: str, words: list[str], scale: float):
    """Returns a config with the number of steps scaled, and the arguments that define it."""
    config = load(base, words)
    if scale != 1:
        steps = {
            f'{stage}.num_steps': max(1, round(scale * config[stage].num_steps))
            for stage in ('pretrain', 'finetune')
        }
        words = [*words, *_arguments(steps)]
        config = load(base, words)
    return config, words


def _run(stage, base, config, words, workdir, known, source=None) -> Run:
    """Returns a run; the same object for the same config."""
    start = source.folder.name if source else config.finetune.init_from
    identity = workdirs.identity(config, stage, '' if stage == 'pretrain' else start)
    if identity not in known:
        what = config.pretrain.method if stage == 'pretrain' else config.data.corpus
        readable = f'{stage}-{what}-{config.model.name}-s{config.seed}'
        name = f'{re.sub(r"[^a-zA-Z0-9_]+", "-", readable)}-{identity}'
        other = {'pretrain': '--config.finetune.', 'finetune': '--config.pretrain.'}[stage]
        own = _last([word for word in words if not word.startswith(other)])
        steps = config[stage].num_steps
        known[identity] = Run(stage, workdir / 'runs' / name, base, own, steps, source)
    return known[identity]


def _arguments(changes: Mapping[str, object]) -> list[str]:
    """Returns changes as arguments `--config.key=value`."""
    return [f'--config.{key}={value}' for key, value in changes.items()]


def _last(words: Sequence[str]) -> tuple[str, ...]:
    """Drops arguments that a later one for the same field overrides."""
    return tuple({word.partition('=')[0]: word for word in words}.values())


def _check(sweep: Sweep, runs, configs):
    folders: dict[Path, str] = {}
    for (name, _), run in runs.items():
        if folders.setdefault(run.folder, name) != name:
            raise InputError(f'variants {folders[run.folder]!r} and {name!r} are identical')
    for name, config in configs.items():
        other = sweep.against(name)
        ours, theirs = config.data.corpus, configs[other].data.corpus
        if ours != theirs:
            raise InputError(f'{name!r} is on {ours}, but compared with {other!r} on {theirs}')
