"""Reads the metrics of a sweep's runs and compares the variants."""

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


class Metrics(NamedTuple):
    """Metrics of one run by one protocol, fractions of 1.

    Attributes:
        tious: tIoU thresholds.
        map: mean average precision at each threshold.
        mean: mean over the thresholds.
        resampled: the mean on each bootstrap sample of the recordings, float64[draws].
        recordings: number of evaluated recordings.
    """

    tious: tuple[float, ...]
    map: tuple[float, ...]
    mean: float
    resampled: np.ndarray
    recordings: int


def collect(
    runs: Mapping[tuple[str, int], Run], protocol: str, draws: int = bootstrap.DRAWS
) -> dict[tuple[str, int], Metrics]:
    """Reads the metrics of all finished runs: (variant, seed) -> metrics.

    Raises:
        InputError: an evaluation cannot be read or lacks the protocol.
    """
    return {key: _read(run, protocol, draws) for key, run in runs.items() if run.done()}


def compare(
    sweep: Sweep, metrics: Mapping[tuple[str, int], Metrics]
) -> dict[str, bootstrap.Comparison]:
    """Compares every variant with its reference: name -> comparison, in the sweep's order."""
    means: dict[str, dict[int, float]] = {name: {} for name in sweep.variants}
    resampled: dict[str, dict[int, np.ndarray]] = {name: {} for name in sweep.variants}
    for (name, seed), of_run in metrics.items():
        means[name][seed], resampled[name][seed] = of_run.mean, of_run.resampled
    comparisons = {}
    for name in sweep.variants:
        other = sweep.against(name)
        if other == name:
            comparisons[name] = bootstrap.summarize(means[name])
        else:
            comparisons[name] = bootstrap.compare(
                means[name], means[other], resampled[name], resampled[other]
            )
    return comparisons


def _read(run: Run, protocol: str, draws: int) -> Metrics:
    path = run.folder / f'evaluate-{SPLIT}.json'
    evaluation = documents.read(path)
    segments = saved_eval.read(path.with_suffix('.npz'))
    try:
        if protocol not in evaluation['protocols'] or protocol not in segments.predicted:
            raise InputError(f'{path}: no protocol {protocol!r}')
        scores, num_classes = evaluation['protocols'][protocol], len(evaluation['classes'])
        tious, values, mean = scores['tious'], scores['map'], scores['mean']
    except (KeyError, TypeError):
        raise InputError(f'{path}: damaged; evaluate the run again') from None
    recordings = len(segments.truth)
    resampled = resample.means(
        localize.protocol(protocol).evaluate,
        segments.predicted[protocol],
        segments.truth,
        bootstrap.resample_recordings(recordings, draws),
        num_classes=num_classes,
        tious=tious,
        num_frames=segments.num_frames,
    )
    return Metrics(tuple(tious), tuple(values), mean, resampled, recordings)
