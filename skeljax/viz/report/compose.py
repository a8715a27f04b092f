"""Composes a report: a comparison of the runs if there are several, then each run's sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from skeljax.viz.report import pictures, run_figures, sections
from skeljax.viz.report.elements import (
    Details,
    Element,
    Heading,
    Paragraph,
    Picture,
    Pictures,
    Table,
)
from skeljax.viz.report.run_report import RunReport

MAX_LISTED = 6  # differing config fields in the table; the details list all of them
_METRICS = ('run', 'F1@50, %', 'edit, %', 'frames, %', 'mean, %')
_SETTINGS = ('start', 'stage', 'corpus', 'protocol', 'segments')


def compose(runs: Sequence[RunReport]) -> list[Element]:
    """Returns the elements of a report of one run or several."""
    elements: list[Element] = []
    if len(runs) > 1:
        elements += _comparison(runs)
    for number, run in enumerate(runs, start=1):
        elements.append(Heading(1, run.name if len(runs) > 1 else 'Summary'))
        for section in sections.SECTIONS:
            elements += section(run, f'run-{number}')
    return elements


def _comparison(runs: Sequence[RunReport]) -> Iterator[Element]:
    yield Heading(1, 'All runs')
    metrics, settings = [_metrics(run) for run in runs], [_settings(run) for run in runs]
    columns = range(len(_SETTINGS))
    differ = [column for column in columns if len({row[column] for row in settings}) > 1]
    yield Table(
        [*_METRICS, *(_SETTINGS[column] for column in differ)],
        [[*row, *(s[column] for column in differ)]
         for row, s in zip(metrics, settings, strict=True)],
        numbers=(1, len(_METRICS)),
    )
    same = '; '.join(
        f'{_SETTINGS[column]} {settings[0][column]}' for column in columns if column not in differ
    )
    yield Paragraph(
        'Frames: frame accuracy. Mean: main metric of the protocol, mean mAP where it reports '
        f'one.{f" Identical in all runs: {same}." if same else ""}'
    )
    drawn = {
        run.name: (run.scores['tious'], run.scores['map']) for run in runs
        if run.scores and len(run.scores['tious']) == len(run.scores['map']) > 0
    }
    if drawn:
        caption = 'mAP by tIoU threshold, each run by its own protocol.'
        yield Pictures([Picture('all-overlaps', pictures.map_by_tiou(drawn), caption)])
    yield from _differences(runs)


def _metrics(run: RunReport) -> tuple[str, ...]:
    stats, scores = run.error_stats, run.scores
    values = (
        stats and stats.figures['F1@50'], stats and stats.figures['edit'],
        stats and stats.frame_accuracy, scores and scores['mean'],
    )
    return run.name, *map(run_figures.percent, values)


def _settings(run: RunReport) -> tuple[str, ...]:
    return (
        run_figures.initialization(run), run.progress.stage, run.progress.corpus,
        run.protocol or '–', run_figures.segment_source(run) if run.decoder else '–',
    )


def _differences(runs: Sequence[RunReport]) -> Iterator[Element]:
    fields, values = run_figures.differences(runs)
    if not fields:
        return

    def line(of_run, names):
        return '; '.join(f'{name} = {of_run[name]}' for name in names if name in of_run)

    yield Heading(2, 'Differences in configuration')
    yield Table(('run', 'differing fields'), [
        (run.name, line(of_run, fields[:MAX_LISTED]) or '–')
        for run, of_run in zip(runs, values, strict=True)
    ])
    if len(fields) > MAX_LISTED:
        lines = [
            f'{run.name}: {line(of_run, fields)}'
            for run, of_run in zip(runs, values, strict=True)
        ]
        yield Details(f'All {len(fields)} fields that differ', lines)
