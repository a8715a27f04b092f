"""Collects the figures of a sweep's runs and compares the variants."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from skeljax import documents, localize
from skeljax.errors import InputError
from skeljax.localize.metrics import resample
from skeljax.sweep import bootstrap
from skeljax.sweep.definition import Sweep
from skeljax.sweep.plan import SPLIT, Run
from skeljax.viz import saved_eval


class Figures(NamedTuple):
    """What a protocol says of one run, as shares of 1.

    Attributes:
        tious: thresholds.
        map: mean average precision at each.
        mean: of them.
        drawn: the mean on each draw of the recordings, float64[B].
        recordings: how many were measured.
    """

    tious: tuple[float, ...]
    map: tuple[float, ...]
    mean: float
    drawn: np.ndarray
    recordings: int


def collect(
    runs: Mapping[tuple[str, int], Run], protocol: str, draws: int = bootstrap.DRAWS
) -> dict[tuple[str, int], Figures]:
    """Reads every run that is done: (variant, seed) -> figures.

    Raises:
        InputError: an evaluation that cannot be read or lacks the protocol.
    """
    return {key: _read(run, protocol, draws) for key, run in runs.items() if run.done()}


def compare(sweep: Sweep, found: Mapping[tuple[str, int], Figures]) -> dict[str, bootstrap.Row]:
    """Compares every variant with its reference: name -> row, in the order of the sweep."""
    by_name = {
        name: {seed: f for (variant, seed), f in found.items() if variant == name}
        for name in sweep.variants
    }
    means = {name: {seed: f.mean for seed, f in some.items()} for name, some in by_name.items()}
    drawn = {name: {seed: f.drawn for seed, f in some.items()} for name, some in by_name.items()}
    rows = {}
    for name in sweep.variants:
        other = sweep.against(name)
        if other == name:
            rows[name] = bootstrap.summarise(means[name])
        else:
            rows[name] = bootstrap.compare(means[name], means[other], drawn[name], drawn[other])
    return rows


def _read(run: Run, protocol: str, draws: int) -> Figures:
    path = run.folder / f'evaluate-{SPLIT}.json'
    figures = documents.read(path)
    segments = saved_eval.read(path.with_suffix('.npz'))
    try:
        named = protocol in figures['protocols'] and protocol in segments.predicted
        chosen = figures['protocols'][protocol] if named else {}
        known = named and (chosen['tious'], chosen['map'], chosen['mean'], figures['classes'])
    except (KeyError, TypeError):
        raise InputError(f'{path}: damaged; evaluate the run again') from None
    if not known:
        raise InputError(f'{path}: no protocol {protocol!r}')
    recordings = len(segments.truth)
    drawn = resample.means(
        localize.protocol(protocol).evaluate,
        segments.predicted[protocol],
        segments.truth,
        bootstrap.draw_recordings(recordings, draws),
        num_classes=len(figures['classes']),
        tious=chosen['tious'],
        num_frames=segments.num_frames,
    )
    return Figures(
        tuple(chosen['tious']), tuple(chosen['map']), chosen['mean'], drawn, recordings
    )
