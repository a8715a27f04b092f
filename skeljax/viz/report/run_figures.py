"""Computes the summary of a run: its main metrics, its settings, its differences from others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import os

import numpy as np

from skeljax.localize import protocols
from skeljax.train import run_dir as workdirs
from skeljax.viz.report import embedding_stats
from skeljax.viz.report.elements import KeyFigure
from skeljax.viz.report.error_stats import ErrorStats
from skeljax.viz.report.run_report import RunReport

_FUSERS = {'u': 'U-shaped fuser', 'pyramid': 'feature pyramid'}


def key_figures(run: RunReport) -> Iterator[KeyFigure]:
    """Yields the metrics shown first: segment metrics, mAP, then embedding metrics."""
    if run.error_stats:
        yield from _segment_figures(run.error_stats)
    if run.scores:
        yield _main_metric(run, run.scores)
    for one in run.embeddings if run.classes else ():
        share = embedding_stats.neighbor_agreement(one.vectors, one.labels, one.recording_index)
        if not np.isnan(share):
            yield KeyFigure(
                f'neighbor agreement, {one.encoder}', f'{100 * share:.1f} %',
                'Share of snippets whose most similar snippet of another recording has the same '
                'class (background counts as a class).',
            )


def _segment_figures(stats: ErrorStats) -> Iterator[KeyFigure]:
    counts, figures = stats.outcome, stats.figures
    yield KeyFigure(
        'F1@50', f'{percent(figures["F1@50"])} %',
        'Harmonic mean of precision and recall of segments; a predicted segment is correct if it '
        'overlaps a true one of its class with a tIoU of at least 0.5.',
    )
    yield KeyFigure(
        'edit score', f'{percent(figures["edit"])} %',
        'Agreement of the predicted and the true order of segments, regardless of time: 100 '
        'minus the edit distance in percent of the longer sequence, averaged over recordings.',
    )
    yield KeyFigure(
        'segments',
        f'{counts.found} of {counts.true} found, {counts.missed} missed, {counts.wrong} wrong',
        f'A true segment is found if a predicted one of its class overlaps it with a tIoU of at '
        f'least {stats.tiou:g}, otherwise missed. Wrong: those of the {counts.predicted} '
        f'predicted segments that match no true one.',
    )
    if counts.found:
        yield KeyFigure(
            'boundary error', f'{counts.start_median:.2f} s, {counts.end_median:.2f} s',
            f'Median absolute error of the starts and of the ends of found segments; the 90th '
            f'percentiles are {counts.start_p90:.2f} s and {counts.end_p90:.2f} s.',
        )
    yield KeyFigure(
        'frame accuracy', f'{percent(stats.frame_accuracy)} %',
        'Share of all frames with the correct class; background counts as a class.',
    )


def _main_metric(run: RunReport, scores: Mapping) -> KeyFigure:
    """Returns the metric by which the protocol of a run ranks runs."""
    if not len(scores['tious']) == len(scores['map']) > 0:
        return KeyFigure(
            'mean', f'{percent(scores["mean"])} %', f'Main metric of the protocol {run.protocol}.'
        )
    low, high = min(scores['tious']), max(scores['tious'])
    return KeyFigure(
        'mean mAP', f'{percent(scores["mean"])} %',
        f'Mean average precision of all proposals by the protocol {run.protocol}, averaged over '
        f'tIoU {low:g} to {high:g} and the {len(run.classes)} classes: 100 if every segment is '
        f'found with a higher score than any wrong one.',
    )


def segment_source(run: RunReport) -> str:
    """Returns a phrase that names the decoder of the evaluated segments."""
    if protocols.reads_segments(run.decoder):
        return 'of the sequence decoder'
    return f'of the decoder of {run.decoder}, without those that a better one covers by half'


def initialization(run: RunReport) -> str:
    """Returns what the encoder was initialized from: a run's folder, 'scratch' or 'imported'."""
    config = run.run_info['config']
    if run.progress.stage == 'finetune':
        source = config['finetune']['init_from']
        return os.path.basename(os.path.normpath(source)) if source else 'scratch'
    return 'imported' if run.progress.state == 'imported' else 'scratch'


def differences(runs: Sequence[RunReport]) -> tuple[list[str], list[dict[str, str]]]:
    """Finds the config fields in which runs, or the pretrainings they started from, differ.

    A field that only some runs have is included only if its values differ among those: otherwise
    it follows from the stage or the initialization, which the report shows elsewhere.

    Returns:
        The names of the fields, those that all runs have first, then less nested ones first;
        and for each run the values of those fields that it has.
    """
    by_run = [dict(_fields(run)) for run in runs]
    names = dict.fromkeys(name for fields in by_run for name in fields)
    differing = [
        name for name in names
        if len({fields[name] for fields in by_run if name in fields}) > 1
    ]
    differing.sort(
        key=lambda name: (sum(name not in fields for fields in by_run), name.count('.'))
    )
    return differing, [
        {name: fields[name] for name in differing if name in fields} for fields in by_run
    ]


def _fields(run: RunReport) -> Iterator[tuple[str, str]]:
    """Yields name and value of the config fields that influence results, pretraining included."""
    source = run.source_info['config'] if run.source_info else {}
    ignored = (*workdirs.FREE, 'finetune.init_from')  # see `initialization`
    for config in run.run_info['config'], source:
        for name, value in workdirs.flat(config):
            if not name.endswith(ignored):
                own = config is not source or name.startswith('pretrain.')
                yield name if own else f'{name} of pretraining', repr(value)


def settings(run: RunReport) -> Iterator[tuple[str, str]]:
    """Yields the main settings of a run as (name, text)."""
    info, progress, config = run.run_info, run.progress, run.run_info['config']
    yield 'stage', (
        f'{progress.stage}, {progress.state}, step {progress.step} of {progress.num_steps}'
    )
    yield 'corpus', (
        f'{progress.corpus}, {len(run.classes)} classes, {run.fps:g} frames per second'
    )
    if run.size:
        yield 'evaluated on', (
            f'split {run.split}: {run.size[0]} recordings, {run.size[1] / 60:.1f} minutes'
        )
    elif run.error_stats:
        yield 'evaluated on', (
            f'split {run.split}: {len(run.error_stats.by_recording)} recordings'
        )
    yield 'network', (
        f'{progress.backbone}, {config["model"]["base_channels"]} base channels'
        f'{_head(config, progress.stage)}'
    )
    yield from _stage_settings(run)
    if run.protocol and run.scores:
        tious = ', '.join(f'{tiou:g}' for tiou in run.scores['tious'])
        yield 'protocol', f'{run.protocol}, tIoU {tious or "none"}'
    if run.error_stats:
        yield 'segments', segment_source(run)
    yield 'seed', str(config['seed'])
    yield 'command', info.get('command', '–')
    commit = info.get('git') or {}
    if commit:
        modified = ', with local changes' if commit['dirty'] else ''
        yield 'commit', f'{commit["commit"][:12]}{modified}'
    versions = info.get('versions', {})
    yield 'versions', ', '.join(f'{name} {number}' for name, number in versions.items()) or '–'


def _stage_settings(run: RunReport) -> Iterator[tuple[str, str]]:
    progress, config = run.progress, run.run_info['config']
    if progress.stage == 'finetune':
        yield 'start', initialization(run)
        share = 100 * config['finetune']['label_fraction']
        yield 'labels', f'{share:g} % of the training recordings'
        if progress.best is not None:
            yield 'best state', (
                f'step {progress.best_step}, {100 * progress.best:.1f} % on the validation split '
                f'({progress.protocol})'
            )
    elif progress.method:
        weight = config['pretrain']['snippet']['weight']
        term = f'snippet loss with weight {weight:g}' if weight else 'no snippet loss'
        yield 'method', f'{progress.method}, {term}'


def _head(config: dict, stage: str) -> str:
    if stage != 'finetune':
        return ''
    tuning = config['finetune']
    return f', {_FUSERS[tuning.get("fuser_kind", "u")]}' if tuning['fuser'] else ', plain head'


def percent(share: float | None) -> str:
    """Formats a fraction of 1 in percent, a dash for None and nan."""
    return '–' if share is None or np.isnan(share) else f'{100 * share:.1f}'
