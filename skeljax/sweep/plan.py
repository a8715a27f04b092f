"""Turns a sweep into runs: each once, in a folder named by what it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
import re

from ml_collections import ConfigDict

from skeljax import documents
from skeljax.errors import InputError
from skeljax.sweep.sweep import Sweep
from skeljax.train import progress, run_dir as workdirs

SPLIT = 'test'


@dataclass(frozen=True, eq=False)
class Run:
    """A run of one stage.

    Attributes:
        stage: 'pretrain' or 'finetune'.
        folder: of the run; its name is a readable part and the identity of the config.
        base: config with its argument.
        overrides: `--config.key=value` words.
        num_steps: how long it is.
        source: the pretraining that must be done before, or None.
    """

    stage: str
    folder: Path
    base: str
    overrides: tuple[str, ...]
    num_steps: int
    source: 'Run | None' = None

    def commands(self) -> list[list[str]]:
        """Lists what is run one after the other: words after `skeljax`."""
        train = [
            self.stage, '--config', self.base, '--workdir', str(self.folder), '--quiet',
            *self.overrides,
        ]
        measure = ['evaluate', '--workdir', str(self.folder), '--split', SPLIT]
        return [train] if self.stage == 'pretrain' else [train, measure]

    def done(self) -> bool:
        """Says whether nothing of it is left to do."""
        if self.stage == 'pretrain':
            return self.step() == self.num_steps
        try:
            return bool(documents.parse((self.folder / f'evaluate-{SPLIT}.json').read_text()))
        except (OSError, ValueError):
            return False

    def step(self) -> int:
        """Reads how far it was saved: the last whole checkpoint's step, 0 without one."""
        return max(progress.steps(self.folder / 'checkpoints'), default=0)

    def state(self) -> str:
        """Tells in a word or two how far it is."""
        if self.done():
            return 'done'
        step = self.step()
        if step == self.num_steps:
            return 'to measure'
        return f'step {step} of {self.num_steps}' if step else 'new'


def make(
    sweep: Sweep,
    workdir,
    load: Callable[[str, Sequence[str]], ConfigDict],
    overrides: Sequence[str] = (),
) -> dict[tuple[str, int], Run]:
    """Plans every fine-tuning run of a sweep; its `source` is the pretraining it needs.

    What is equal is planned once: variants that share a pretraining share its run.

    Args:
        sweep: what to run.
        workdir: runs are below `workdir/runs`.
        load: reads `FILE:arg` with overrides and checks the config, as the verbs do.
        overrides: `--config.key=value` words for every run; a variant's own come after.

    Returns:
        (variant, seed) -> run.

    Raises:
        InputError: a config that does not load, two variants that are one, or one that
            is compared with a variant on another corpus.
    """
    known: dict[str, Run] = {}
    runs, configs = {}, {}
    for name, variant in sweep.variants.items():
        for seed in sweep.seeds:
            base = variant.base or sweep.base
            seeded = _words({'seed': seed, 'finetune.label_seed': seed})
            words = [*_words(sweep.changes), *overrides, *_words(variant.changes), *seeded]
            try:
                config, words = _scaled(load, base, words, sweep.scale)
            except InputError as error:
                raise InputError(f'variant {name!r}: {error}') from None
            source = None
            if variant.pretrain:
                first = words
                if sweep.pretrain_seed is not None:
                    first = [*words, *_words({'seed': sweep.pretrain_seed})]
                source = _run('pretrain', base, load(base, first), first, Path(workdir), known)
                words = [*words, f'--config.finetune.init_from={source.folder}']
            runs[name, seed] = _run('finetune', base, config, words, Path(workdir), known, source)
            configs[name] = config
    _check(sweep, runs, configs)
    return runs


def needed(runs: Mapping[tuple[str, int], Run]) -> list[Run]:
    """Lists every run once, pretrainings before what starts from them."""
    found = {}
    for run in runs.values():
        for one in filter(None, (run.source, run)):
            found[one.folder] = one
    return sorted(found.values(), key=lambda run: run.stage != 'pretrain')


def _scaled(load, base: str, words: list[str], scale: float):
    """Loads a config, its steps multiplied: the config and the words that make it."""
    config = load(base, words)
    if scale != 1:
        steps = {
            f'{stage}.num_steps': max(1, round(scale * config[stage].num_steps))
            for stage in ('pretrain', 'finetune')
        }
        words = [*words, *_words(steps)]
        config = load(base, words)
    return config, words


def _run(stage, base, config, words, workdir, known, source=None) -> Run:
    """Makes a run, or finds the one that is the same."""
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


def _words(changes: Mapping[str, object]) -> list[str]:
    """Writes changes as `--config.key=value`."""
    return [f'--config.{key}={value}' for key, value in changes.items()]


def _last(words: Sequence[str]) -> tuple[str, ...]:
    """Drops what a later word for the same field replaces."""
    return tuple({word.partition('=')[0]: word for word in words}.values())


def _check(sweep: Sweep, runs, configs):
    folders: dict[Path, str] = {}
    for (name, _), run in runs.items():
        if folders.setdefault(run.folder, name) != name:
            raise InputError(f'variants {folders[run.folder]!r} and {name!r} are the same runs')
    for name, config in configs.items():
        other = sweep.against(name)
        ours, theirs = config.data.corpus, configs[other].data.corpus
        if ours != theirs:
            raise InputError(f'{name!r} is on {ours}, but compared with {other!r} on {theirs}')
