"""The summary of a run: its figures, in a sentence each, and what it was set to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import os

import numpy as np

from skeljax.localize import protocols
from skeljax.train import run_dir as workdirs
from skeljax.viz.report import embedding_stats
from skeljax.viz.report.elements import Fact
from skeljax.viz.report.error_stats import Judged
from skeljax.viz.report.reported import Reported

_FUSERS = {'u': 'U-shaped fuser', 'pyramid': 'feature pyramid'}


def facts(run: Reported) -> Iterator[Fact]:
    """Returns the figures that are shown first, those of the judged segments before mAP."""
    if run.judged:
        yield from _of_segments(run.judged)
    if run.measured:
        yield _ranking(run, run.measured)
    for one in run.encoded if run.classes else ():
        share = embedding_stats.agreement(one.vectors, one.labels, one.owner)
        if not np.isnan(share):
            yield Fact(
                f'neighbours agree, {one.encoder}', f'{100 * share:.1f} %',
                'How often the most similar snippet of another recording shows the same class (or none, '
                'as this one): what the encoder tells apart by itself.',
            )


def _of_segments(judged: Judged) -> Iterator[Fact]:
    """Returns the figures of the judged segments."""
    counts, figures = judged.outcome, judged.figures
    yield Fact(
        'F1@50', f'{percent(figures["F1@50"])} %',
        'Harmonic mean of the shares of predicted and of labeled segments that are right: same '
        'class and an overlap (tIoU) of at least 0.5.',
    )
    yield Fact(
        'edit score', f'{percent(figures["edit"])} %',
        'Agreement of the order of the classes with the labeled order, whatever the times: 100 '
        'less the edit distance in percent of the longer sequence, mean over recordings.',
    )
    yield Fact(
        'segments',
        f'{counts.found} of {counts.true} found, {counts.missed} missed, {counts.wrong} wrong',
        f'A labeled segment is found if a predicted one of its class overlaps it by a tIoU of '
        f'{judged.tiou:g}, and missed otherwise, whatever lies there; of the {counts.predicted} '
        f'predicted ones those that find nothing are wrong.',
    )
    if counts.found:
        yield Fact(
            'ends off by', f'{counts.start_median:.2f} s, {counts.end_median:.2f} s',
            f'Median error of the starts and of the ends of found segments; 90 % of the starts '
            f'are off by at most {counts.start_p90:.2f} s, of the ends by {counts.end_p90:.2f} s.',
        )
    yield Fact(
        'frames right', f'{percent(judged.accuracy)} %',
        'Share of all frames that have the true class, or background in both.',
    )


def _ranking(run: Reported, found: Mapping) -> Fact:
    """Returns the figure by which the protocol of a run ranks runs."""
    if not len(found['tious']) == len(found['map']) > 0:
        told = f'The figure by which the protocol {run.protocol} ranks runs.'
        return Fact('mean', f'{percent(found["mean"])} %', told)
    low, high = min(found['tious']), max(found['tious'])
    return Fact(
        'mean mAP', f'{percent(found["mean"])} %',
        f'Average precision of all proposals of the protocol {run.protocol}, mean over the '
        f'{len(run.classes)} classes and tIoU {low:g} to {high:g}: 100 if every segment is found '
        f'and scores higher than any wrong one.',
    )


def decoder(run: Reported) -> str:
    """Returns in words whose segments are judged."""
    if protocols.reads_segments(run.decoding):
        return 'of the sequence decoder'
    return f'of the decoder of {run.decoding}, less those that a better one covers by half'


def start(run: Reported) -> str:
    """Tells in a word what an encoder began with."""
    config = run.told['config']
    if run.progress.stage == 'finetune':
        source = config['finetune']['init_from']
        return os.path.basename(os.path.normpath(source)) if source else 'scratch'
    return 'imported' if run.progress.state == 'imported' else 'scratch'


def differences(runs: Sequence[Reported]) -> tuple[list[str], list[dict[str, str]]]:
    """Finds what runs are set to differently, in the pretraining they started from too.

    A field that one has and others have not tells its stage or what it started from, which are told elsewhere.

    Returns:
        Fields, those that all have and that decide most first, and for each run the values of those it has.
    """
    each = [dict(_fields(run)) for run in runs]
    known = dict.fromkeys(name for fields in each for name in fields)
    apart = [name for name in known if len({fields[name] for fields in each if name in fields}) > 1]
    apart.sort(key=lambda name: (sum(name not in fields for fields in each), name.count('.')))
    return apart, [{name: fields[name] for name in apart if name in fields} for fields in each]


def _fields(run: Reported) -> Iterator[tuple[str, str]]:
    """Yields every field that decides what a run is, those of its pretraining named so."""
    origin = run.origin['config'] if run.origin else {}
    free = (*workdirs.FREE, 'finetune.init_from')  # `start` tells it
    for config in run.told['config'], origin:
        for name, value in workdirs.flat(config):
            if not name.endswith(free):
                own = config is not origin or name.startswith('pretrain.')
                yield name if own else f'{name} of pretraining', repr(value)


def settings(run: Reported) -> Iterator[tuple[str, str]]:
    """Tells what a run is, by name and value."""
    told, progress, config = run.told, run.progress, run.told['config']
    yield 'stage', f'{progress.stage}, {progress.state}, step {progress.step} of {progress.num_steps}'
    yield 'corpus', f'{progress.corpus}, {len(run.classes)} classes, {run.fps:g} frames a second'
    if run.size:
        yield 'looked at', f'split {run.split}: {run.size[0]} recordings, {run.size[1] / 60:.1f} minutes'
    elif run.judged:
        yield 'looked at', f'split {run.split}: {len(run.judged.recordings)} recordings'
    yield 'network', f'{progress.backbone}, width {config["model"]["width"]}{_head(config, progress.stage)}'
    if progress.stage == 'finetune':
        chosen = config['finetune']
        yield 'start', start(run)
        yield 'labels', f'{100 * chosen["label_fraction"]:g} % of the training recordings'
        if progress.best is not None:
            told_best = f'step {progress.best_step}, {100 * progress.best:.1f} % on the validation split'
            yield 'best state', f'{told_best} ({progress.protocol})'
    elif progress.method:
        weight = config['pretrain']['snippet']['weight']
        term = f'the snippet term weighs {weight:g}' if weight else 'no snippet term'
        yield 'method', f'{progress.method}, {term}'
    if run.protocol and run.measured:
        yield 'protocol', f'{run.protocol}, tIoU {", ".join(f"{t:g}" for t in run.measured["tious"]) or "none"}'
    if run.judged:
        yield 'segments', decoder(run)
    yield 'seed', str(config['seed'])
    yield 'command', told.get('command', '–')
    commit = told.get('git') or {}
    if commit:
        yield 'commit', f'{commit["commit"][:12]}{", files changed" if commit["dirty"] else ""}'
    versions = told.get('versions', {})
    yield 'versions', ', '.join(f'{name} {number}' for name, number in versions.items()) or '–'


def _head(config: dict, stage: str) -> str:
    if stage != 'finetune':
        return ''
    chosen = config['finetune']
    return f', {_FUSERS[chosen.get("fuser_kind", "u")]}' if chosen['fuser'] else ', plain head'


def percent(share: float | None) -> str:
    """Writes a share of 1 in percent, a dash where there is none."""
    return '–' if share is None or np.isnan(share) else f'{100 * share:.1f}'
