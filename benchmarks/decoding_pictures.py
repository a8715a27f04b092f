"""Draws recordings as rows of segments: the truth and the results of decoders."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from skeljax.inference import scoring
from skeljax.inference.evaluation import Scored
from skeljax.localize.segments import Segments
from skeljax.viz import figure as looks

RECORDINGS = 3
_WIDTH = 11.0  # inches
_ROW = 0.55  # inches


def draw(
    found: Scored, decoders: Mapping[str, Callable[[np.ndarray], Segments]], folder: Path
) -> list[Path]:
    """Draws recordings from the first, the middle and the last third of a split.

    Args:
        found: the scored split.
        decoders: title of a row -> decoder.
        folder: for the PNG files.

    Returns:
        The files.
    """
    truth, names = scoring.truth(found.corpus), sorted(found.probabilities)
    chosen = names[len(names) // 6::max(1, len(names) // RECORDINGS)][:RECORDINGS]
    stem = found.corpus.name.replace('/', '-')
    paths = []
    for number, name in enumerate(chosen, start=1):
        probabilities = found.probabilities[name]
        rows = {label: decode(probabilities) for label, decode in decoders.items()}
        rows = {'truth': truth[name], **rows}
        paths.append(_draw(
            folder / f'{stem}-{number}.png', rows, len(probabilities) / found.corpus.fps,
            found.corpus.fps, found.corpus.classes, f'{found.corpus.name}, {name}',
        ))
    return paths


def _draw(path: Path, rows, seconds: float, fps: float, classes, title: str) -> Path:
    figure = looks.new_figure(_WIDTH, _ROW * len(rows) + 1.1)
    axes = figure.add_subplot()
    for row, segments in enumerate(rows.values()):
        for start, end, label in zip(segments.start, segments.end, segments.label, strict=True):
            axes.barh(
                row, (end - start) / fps, left=start / fps, height=0.8,
                color=looks.color(label), hatch=looks.hatch(label), edgecolor='white',
                linewidth=0.4,
            )
            name, upright = looks.fit_name(
                classes[label], (end - start) / fps / seconds * _WIDTH * 0.85, _ROW * 0.8
            )
            axes.text(
                (start + end) / 2 / fps, row, name, ha='center', va='center', fontsize=7,
                rotation=90 if upright else 0, color=looks.ink_on(looks.color(label)),
                parse_math=False,
            )
    axes.set_yticks(range(len(rows)), [f'{name}\n{len(s)} segments' for name, s in rows.items()])
    axes.set_xlim(0, seconds)
    axes.invert_yaxis()
    axes.set_xlabel('seconds')
    looks.tidy(axes)
    looks.add_title(figure, title)
    return looks.save(figure, path)
