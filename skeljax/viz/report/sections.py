"""Puts together what is told of runs: which figures, tables and pictures, in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

import numpy as np

from skeljax.train import run_dir as workdirs
from skeljax.viz.report import embedding_stats, pictures, run_figures
from skeljax.viz.report.elements import Block, Class, Details, Facts, Heading, Link, Picture, Pictures, Table, Text
from skeljax.viz.report.error_stats import Judged
from skeljax.viz.report.run_report import Encoded, Reported
from skeljax.viz.viewer import kinds

POINTS = 1500  # of a picture; more make it large and no clearer
TOLD = 6  # fields that differ between runs; all of them are in the details
EXTREMES = 4  # best recordings, and worst ones
_SPEEDS = ('examples_per_second', 'gradient_norm')  # metrics of no loss

_KINDS = {
    kinds.CORRECT: 'the right class, and enough overlap',
    kinds.MISSED: 'true, but nothing was found there',
    kinds.LABEL: 'something was found there, of another class',
    kinds.BOUNDARY: 'the right class, but too little overlap',
    kinds.DOUBLE: 'found once more, or in pieces',
    kinds.NOTHING: 'found where nothing is true',
}


def compose(runs: Sequence[Reported]) -> list[Block]:
    """Composes a report: the runs side by side where there are several, then each."""
    blocks: list[Block] = []
    if len(runs) > 1:
        blocks += _side_by_side(runs)
    for number, run in enumerate(runs, start=1):
        blocks.append(Heading(1, run.name if len(runs) > 1 else 'Summary'))
        blocks += [block for part in _PARTS for block in part(run, f'run-{number}')]
    return blocks


def _side_by_side(runs: Sequence[Reported]) -> Iterator[Block]:
    yield Heading(1, 'All runs')
    rows = []
    for run in runs:
        judged = run.judged
        rows.append((
            run.name, run_figures.percent(judged.figures['F1@50'] if judged else None),
            run_figures.percent(judged.figures['edit'] if judged else None),
            run_figures.percent(judged.accuracy if judged else None),
            run_figures.percent(run.measured['mean'] if run.measured else None),
            run_figures.start(run), run.progress.stage, run.progress.corpus, run.protocol or '–',
            run_figures.decoder(run) if run.decoding else '–',
        ))
    heads = (
        'run', 'F1@50, %', 'edit, %', 'frames, %', 'mean, %',
        'start', 'stage', 'corpus', 'protocol', 'segments',
    )
    shown = heads.index('start')
    # What is the same of all is told once.
    differ = [at for at in range(len(heads)) if at < shown or len({row[at] for row in rows}) > 1]
    cells = [[row[at] for at in differ] for row in rows]
    yield Table([heads[at] for at in differ], cells, numbers=(1, shown))
    rest = (at for at in range(shown, len(heads)) if at not in differ)
    same = '; '.join(f'{heads[at]} {rows[0][at]}' for at in rest)
    yield Text(
        'Frames: the share of them that has the true class. Mean: of the protocol, mAP where it '
        f'has one.{f" The same of all: {same}." if same else ""}'
    )
    drawn = {
        run.name: (run.measured['tious'], run.measured['map'])
        for run in runs if run.measured and len(run.measured['tious']) == len(run.measured['map']) > 0
    }
    if drawn:
        told = 'Mean average precision by the overlap that is asked for, each run by its protocol.'
        yield Pictures([Picture('all-overlaps', pictures.overlaps(drawn), told)])
    yield from _set_apart(runs)


def _set_apart(runs: Sequence[Reported]) -> Iterator[Block]:
    fields, each = run_figures.differences(runs)
    if not fields:
        return
    line = lambda found, names: '; '.join(f'{name} = {found[name]}' for name in names if name in found)
    yield Heading(2, 'What they are set to')
    yield Table(('run', 'set apart by'), [
        (run.name, line(found, fields[:TOLD]) or '–') for run, found in zip(runs, each, strict=True)
    ])
    if len(fields) > TOLD:
        rest = [f'{run.name}: {line(found, fields)}' for run, found in zip(runs, each, strict=True)]
        yield Details(f'All {len(fields)} fields that differ', rest)


def _summary(run: Reported, _) -> Iterator[Block]:
    for note in run.notes:
        yield Text(note, note=True)
    facts = list(run_figures.facts(run))
    if facts:
        yield Facts(facts)
    yield Heading(2, 'Configuration')
    yield Table(('', ''), list(run_figures.settings(run)))
    flat = [f'{name} = {value!r}' for name, value in workdirs.flat(run.told['config'])]
    yield Details('Every field of the config', flat)


def _losses(run: Reported, prefix: str) -> Iterator[Block]:
    for stage, metrics in run.curves.items():
        drawn = {n: m for n, m in metrics.items() if n not in _SPEEDS}
        if not drawn:
            continue
        yield Heading(2, f'Curves of {stage}')
        order = sorted(drawn, key=lambda name: (name != 'loss', name))
        yield Pictures([
            Picture(f'{prefix}-{stage}-{name.replace("/", "-")}', pictures.curves(name, drawn[name]),
                    _curve_told(name, drawn[name]))
            for name in order
        ])


def _curve_told(name: str, points) -> str:
    steps, values = points
    told = {
        'loss': 'The sum that is minimised', 'accuracy': 'Share of frames right in training',
        'validation/selection': 'Selects the best state, on the validation split',
    }
    first, last = (f'{value:.3g}' for value in (values[0], values[-1]))
    return f'{told.get(name, f"Term {name}")}: {first} at step {steps[0]}, {last} at {steps[-1]}.'


def _precision(run: Reported, prefix: str) -> Iterator[Block]:
    found = run.measured
    if not found:
        return
    yield Heading(2, f'Figures of {run.protocol}')
    drawn = []
    if len(found['tious']) == len(found['map']) > 0:
        told = f'{found["num_predicted"]} proposals for {found["num_true"]} true segments, split {run.split}.'
        shown = pictures.overlaps({run.name: (found['tious'], found['map'])})
        drawn = [Picture(f'{prefix}-overlaps', shown, told)]
    rows = [(name, run_figures.percent(value)) for name, value in found['figures'].items()]
    yield Pictures(drawn, Table(('figure', '%'), rows, numbers=(1, 2)))


def _classes(run: Reported, _) -> Iterator[Block]:
    judged, found = run.judged, run.measured
    if not judged:
        return
    ap = np.array(found['ap'], np.float64) if found else np.zeros((0, 0))  # None becomes nan
    tious = found['tious'] if len(ap) and len(found['tious']) == len(ap) else ()
    at = int(np.argmin(np.abs(np.array(tious) - judged.tiou))) if len(tious) else 0
    heads = ['', 'class', 'mean AP, %', f'AP@{tious[at]:g}, %' if len(tious) else 'AP, %',
             'true', 'found', 'right', 'taken for']
    rows = []
    for label, name in enumerate(run.classes):
        mean, one = (ap[:, label].mean(), ap[at, label]) if len(ap) else (np.nan, np.nan)
        counts = (judged.true[label], judged.found[label], judged.right[label])
        rows.append((
            Class(label), name, run_figures.percent(mean), run_figures.percent(one), *map(str, counts),
            _taken_for(judged, label, run.classes),
        ))
    yield Heading(2, 'Classes')
    yield Table(heads, rows, numbers=(2, 7))
    yield Text(
        f'Counts are of segments {run_figures.decoder(run)}; right ones overlap by a tIoU of '
        f'{judged.tiou:g}. Taken for: what most of the wrong frames of the class were found as, with the share of all its frames.'
    )


def _taken_for(judged: Judged, label: int, classes: Sequence[str]) -> str:
    frames = judged.confusion[label]
    wrong = np.where(np.arange(len(frames)) == label, 0, frames)
    if not wrong.any():
        return '–'
    most = int(wrong.argmax())
    named = classes[most] if most < len(classes) else 'none'
    share = f'{100 * wrong[most] / frames.sum():.0f}'
    return '–' if share == '0' else f'{named}, {share} %'


def _mistakes(run: Reported, prefix: str) -> Iterator[Block]:
    judged = run.judged
    if not judged:
        return
    yield Heading(2, 'Mistakes')
    counts = Table(
        ('kind', 'segments', 'meaning'),
        [(kind, str(judged.kinds[kind]), _KINDS[kind]) for kind in kinds.KINDS],
        numbers=(1, 2),
    )
    numbered = ' Numbers are those of the classes above.' if pictures.tags(run.classes)[0] == '1' else ''
    shown = [Picture(
        f'{prefix}-confusion', pictures.confusion(judged.confusion, run.classes),
        f'Frames: what those of each class (rows) were found as (columns). Blue is right, red wrong, '
        f'the stronger the more.{numbered}',
    )]
    if len(judged.offsets):
        middle = np.median(judged.offsets, axis=0)
        words = [f'{abs(m):.2f} s {"late" if m > 0 else "early"}' for m in middle]
        shown.append(Picture(
            f'{prefix}-ends', pictures.offsets(judged.offsets),
            f'How far the ends of {len(judged.offsets)} found segments are from those of the true one of '
            f'their class. Dashed the medians: starts {words[0]}, ends {words[1]}.',
        ))
    yield Pictures(shown, counts)


def _snippets(run: Reported, prefix: str) -> Iterator[Block]:
    if not run.encoded:
        return
    yield Heading(2, 'What the encoder sees')
    numbered = ''
    if pictures.tags(run.classes)[:1] == ['1']:
        numbered = ' Numbers are those of the classes'
        # Elsewhere the table of classes tells them.
        named = '; '.join(f'{number} {name}' for number, name in enumerate(run.classes, start=1))
        numbered += '.' if run.judged else f': {named}.'
    yield Text(
        f'Snippets are the steps of the encoder’s deepest layer, unit vectors, of the split {run.split}.{numbered}'
    )
    points = [
        Picture(f'{prefix}-snippets-{one.encoder}', _scatter(one, run.classes),
                f'{one.encoder.capitalize()}: {len(one.vectors)} snippets on the two axes along which they '
                f'vary most (PCA), coloured by class.')
        for one in run.encoded
    ]
    alike = []
    if run.sample:
        name, truth = run.sample
        alike = [
            Picture(f'{prefix}-similarity-{one.encoder}', _similarity(one, truth, run),
                    f'{one.encoder.capitalize()}: how alike the snippets of {name} are, less what all snippets '
                    f'have in common; true segments along the edges. Bright squares are moments that the '
                    f'encoder takes for the same.')
            for one in run.encoded if len(one.sample)
        ]
    # One encoder's pictures side by side, else one kind of several encoders.
    for row in [points + alike] if len(run.encoded) == 1 else filter(None, (points, alike)):
        yield Pictures(row)


def _scatter(one: Encoded, classes: Sequence[str]):
    points, shares = embedding_stats.principal(one.vectors)
    kept = np.unique(np.linspace(0, len(points) - 1, min(len(points), POINTS)).astype(int))
    return pictures.scatter(points[kept], one.labels[kept], shares, classes)


def _similarity(one: Encoded, truth, run: Reported):
    cosines = embedding_stats.similarity(one.sample, one.vectors.mean(0))
    return pictures.similarity(cosines, one.frames / run.fps, truth, run.fps, run.classes)


def extremes(judged: Judged) -> tuple[list[str], list[str]]:
    """Chooses the worst recordings and the best ones, of which none is among the worst."""
    names = [name for name, _ in judged.ranked()]
    worst = names[:EXTREMES]
    return worst, [name for name in names[:-EXTREMES - 1:-1] if name not in worst]


def _recordings(run: Reported, _) -> Iterator[Block]:
    judged = run.judged
    if not judged:
        return
    yield Heading(2, 'Best and worst recordings')
    rows = []
    for what, names in zip(('worst', 'best'), extremes(judged), strict=True):
        for name in names:
            told = judged.recordings[name]
            right = told.found.count(kinds.CORRECT)
            rows.append((
                what, _link(run, name), run_figures.percent(told.error), f'{right} of {len(told.true)}',
                str(len(told.found) - right),
            ))
    yield Table(('', 'recording', 'error, %', 'right', 'wrong'), rows, numbers=(2, 5))
    linked = ' Each leads to the viewer, where it can be played.' if run.viewer else ''
    yield Text(f'The error is 1 − F1 of the segments of a recording, as in the viewer.{linked}')


def _link(run: Reported, name: str) -> str | Link:
    return Link(name, f'{run.viewer}#recording={quote(name)}') if name in run.shown else name


_PARTS = (_summary, _precision, _classes, _mistakes, _recordings, _snippets, _losses)
