"""Builds the sections of one run's report: metrics, classes, errors, embeddings, curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

import numpy as np

from skeljax.train import run_dir as workdirs
from skeljax.viz.report import embedding_stats, pictures, run_figures
from skeljax.viz.report.elements import (
    ClassNumber,
    Details,
    Element,
    Heading,
    KeyFigures,
    Link,
    Paragraph,
    Picture,
    Pictures,
    Table,
)
from skeljax.viz.report.error_stats import ErrorStats
from skeljax.viz.report.run_report import Embeddings, RunReport
from skeljax.viz.viewer import kinds

MAX_POINTS = 1500  # points of a scatter plot; more enlarge the file without a visible gain
_NO_LOSS_TERM = ('examples_per_second', 'gradient_norm')

_KINDS = {
    kinds.CORRECT: 'correct class, sufficient overlap',
    kinds.MISSED: 'true segment without a matching prediction',
    kinds.LABEL: 'overlaps only true segments of other classes',
    kinds.BOUNDARY: 'correct class, insufficient overlap',
    kinds.DOUBLE: 'second prediction for a matched true segment',
    kinds.FALSE_ALARM: 'overlaps no true segment',
}
_NUMBERS = 'Numbers are those of the classes'


def _summary(run: RunReport, _) -> Iterator[Element]:
    for note in run.notes:
        yield Paragraph(note, note=True)
    figures = list(run_figures.key_figures(run))
    if figures:
        yield KeyFigures(figures)
    yield Heading(2, 'Configuration')
    yield Table(('', ''), list(run_figures.settings(run)))
    fields = [f'{name} = {value!r}' for name, value in workdirs.flat(run.run_info['config'])]
    yield Details('All config fields', fields)


def _curves(run: RunReport, prefix: str) -> Iterator[Element]:
    for stage, metrics in run.curves.items():
        terms = {name: points for name, points in metrics.items() if name not in _NO_LOSS_TERM}
        if not terms:
            continue
        yield Heading(2, f'Curves of {stage}')
        order = sorted(terms, key=lambda name: (name != 'loss', name))
        yield Pictures([
            Picture(
                f'{prefix}-{stage}-{name.replace("/", "-")}',
                pictures.curve(name, terms[name]), _curve_caption(name, terms[name]),
            )
            for name in order
        ])


def _curve_caption(name: str, points) -> str:
    steps, values = points
    meaning = {
        'loss': 'Total loss', 'accuracy': 'Frame accuracy in training',
        'validation/selection': 'Selection metric on the validation split',
    }.get(name, f'Term {name}')
    first, last = (f'{value:.3g}' for value in (values[0], values[-1]))
    return f'{meaning}: {first} at step {steps[0]}, {last} at {steps[-1]}.'


def _metrics(run: RunReport, prefix: str) -> Iterator[Element]:
    scores = run.scores
    if not scores:
        return
    yield Heading(2, f'Metrics of {run.protocol}')
    drawn = []
    if len(scores['tious']) == len(scores['map']) > 0:
        caption = (
            f'{scores["num_predicted"]} proposals for {scores["num_true"]} true segments, '
            f'split {run.split}.'
        )
        figure = pictures.map_by_tiou({run.name: (scores['tious'], scores['map'])})
        drawn = [Picture(f'{prefix}-overlaps', figure, caption)]
    rows = [(name, run_figures.percent(value)) for name, value in scores['figures'].items()]
    yield Pictures(drawn, Table(('metric', '%'), rows, numbers=(1, 2)))


def _classes(run: RunReport, _) -> Iterator[Element]:
    stats, scores = run.error_stats, run.scores
    if not stats:
        return
    ap = np.array(scores['ap'], np.float64) if scores else np.zeros((0, 0))  # None becomes nan
    tious = scores['tious'] if len(ap) and len(scores['tious']) == len(ap) else ()
    at = int(np.argmin(np.abs(np.array(tious) - stats.tiou))) if len(tious) else 0
    heads = ['', 'class', 'mean AP, %', f'AP@{tious[at]:g}, %' if len(tious) else 'AP, %',
             'true', 'predicted', 'correct', 'confused with']
    rows = []
    for label, name in enumerate(run.classes):
        mean, one = (ap[:, label].mean(), ap[at, label]) if len(ap) else (np.nan, np.nan)
        counts = (stats.num_true[label], stats.num_predicted[label], stats.num_correct[label])
        rows.append((
            ClassNumber(label), name, run_figures.percent(mean), run_figures.percent(one),
            *map(str, counts), _confused_with(stats, label, run.classes),
        ))
    yield Heading(2, 'Classes')
    yield Table(heads, rows, numbers=(2, 7))
    yield Paragraph(
        f'Counts refer to segments {run_figures.segment_source(run)}; a correct segment has a '
        f'tIoU of at least {stats.tiou:g}. Confused with: the most frequent wrong prediction for '
        f'frames of the class, with its share of all frames of the class.'
    )


def _confused_with(stats: ErrorStats, label: int, classes: Sequence[str]) -> str:
    frames = stats.confusion[label]
    wrong = np.where(np.arange(len(frames)) == label, 0, frames)
    if not wrong.any():
        return '–'
    most = int(wrong.argmax())
    name = classes[most] if most < len(classes) else 'none'
    share = f'{100 * wrong[most] / frames.sum():.0f}'
    return '–' if share == '0' else f'{name}, {share} %'


def _errors(run: RunReport, prefix: str) -> Iterator[Element]:
    stats = run.error_stats
    if not stats:
        return
    yield Heading(2, 'Errors')
    counts = Table(
        ('kind', 'segments', 'meaning'),
        [(kind, str(stats.kind_counts[kind]), _KINDS[kind]) for kind in kinds.KINDS],
        numbers=(1, 2),
    )
    numbered = pictures.short_names(run.classes)[0] == '1'
    drawn = [Picture(
        f'{prefix}-confusion', pictures.confusion(stats.confusion, run.classes),
        'Frames of each true class (row) by predicted class (column). Blue is correct, red is '
        'wrong; stronger colors mean a larger share of the row.'
        f'{f" {_NUMBERS} above." if numbered else ""}',
    )]
    if len(stats.boundary_errors):
        median = np.median(stats.boundary_errors, axis=0)
        offsets = [_offset(float(seconds)) for seconds in median]
        drawn.append(Picture(
            f'{prefix}-ends', pictures.boundary_errors(stats.boundary_errors),
            f'Boundary errors of the {len(stats.boundary_errors)} predicted segments that match a '
            f'true segment of their class. Dashed: medians, starts {offsets[0]}, ends '
            f'{offsets[1]}.',
        ))
    yield Pictures(drawn, counts)


def _offset(seconds: float) -> str:
    if abs(seconds) < 0.005:  # rounds to 0.00
        return '0.00 s'
    return f'{abs(seconds):.2f} s {"late" if seconds > 0 else "early"}'


def _embeddings(run: RunReport, prefix: str) -> Iterator[Element]:
    if not run.embeddings:
        return
    yield Heading(2, 'Encoder embeddings')
    numbered = ''
    if pictures.short_names(run.classes)[:1] == ['1']:
        # With error statistics, the table of classes above shows the numbers.
        names = '; '.join(f'{number} {name}' for number, name in enumerate(run.classes, start=1))
        numbered = f' {_NUMBERS}.' if run.error_stats else f' {_NUMBERS}: {names}.'
    yield Paragraph(
        'Snippets are the time steps of the encoder’s deepest layer, normalized to unit length, '
        f'of split {run.split}.{numbered}'
    )
    points = [
        Picture(
            f'{prefix}-snippets-{one.encoder}', _scatter(one, run.classes),
            f'{one.encoder.capitalize()}: {len(one.vectors)} snippets on the first two principal '
            f'axes (PCA), colored by class.',
        )
        for one in run.embeddings
    ]
    similarities = []
    if run.sample:
        name, truth = run.sample
        similarities = [
            Picture(
                f'{prefix}-similarity-{one.encoder}', _similarity(one, truth, run),
                f'{one.encoder.capitalize()}: cosine similarity of the snippets of {name} after '
                f'subtracting the mean of all snippets; true segments along the edges. Bright '
                f'squares are intervals with similar embeddings.',
            )
            for one in run.embeddings if len(one.sample)
        ]
    # One encoder: both plots in one row. Several: one row of each kind of plot.
    rows = [points + similarities] if len(run.embeddings) == 1 else [points, similarities]
    for row in filter(None, rows):
        yield Pictures(row)


def _scatter(one: Embeddings, classes: Sequence[str]):
    points, shares = embedding_stats.pca(one.vectors)
    count = min(len(points), MAX_POINTS)
    subset = np.unique(np.linspace(0, len(points) - 1, count).astype(int))
    return pictures.scatter(points[subset], one.labels[subset], shares, classes)


def _similarity(one: Embeddings, truth, run: RunReport):
    cosines = embedding_stats.centered_similarity(one.sample, one.vectors.mean(0))
    return pictures.similarity(cosines, one.sample_frames / run.fps, truth, run.fps, run.classes)


def _recordings(run: RunReport, _) -> Iterator[Element]:
    stats = run.error_stats
    if not stats:
        return
    yield Heading(2, 'Worst and best recordings')
    rows = []
    for group, names in zip(('worst', 'best'), stats.worst_and_best(), strict=True):
        for name in names:
            matched = stats.by_recording[name]
            correct = matched.predicted.count(kinds.CORRECT)
            rows.append((
                group, _link(run, name), run_figures.percent(matched.error),
                f'{correct} of {len(matched.true)}', str(len(matched.predicted) - correct),
            ))
    yield Table(('', 'recording', 'error, %', 'correct', 'wrong'), rows, numbers=(2, 5))
    linked = ' Each name links to the recording in the viewer.' if run.viewer_url else ''
    yield Paragraph(
        f'The error is 1 − F1 of the segments of a recording, as in the viewer.{linked}'
    )


def _link(run: RunReport, name: str) -> str | Link:
    if name not in run.viewer_recordings:
        return name
    return Link(name, f'{run.viewer_url}#recording={quote(name)}')


# Each takes the run and a prefix of picture names.
SECTIONS = (_summary, _metrics, _classes, _errors, _recordings, _embeddings, _curves)
