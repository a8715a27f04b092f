"""Holds the data from which the report of one run is composed."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
from typing import NamedTuple

import numpy as np

from skeljax.localize.segments import Segments
from skeljax.train.progress import Progress
from skeljax.viz.report.error_stats import ErrorStats


class Embeddings(NamedTuple):
    """Snippet embeddings of a split.

    Attributes:
        encoder: 'pretrained' or 'fine-tuned'.
        vectors: unit vectors, float32[N, C], one recording after another.
        labels: class of the frame that each snippet represents, int[N]; background is L.
        recording_index: index of each snippet's recording, int[N].
        sample: unit vectors of the recording whose self-similarity is plotted, float32[S, C].
        sample_frames: frame that each of those represents, int[S].
    """

    encoder: str
    vectors: np.ndarray
    labels: np.ndarray
    recording_index: np.ndarray
    sample: np.ndarray
    sample_frames: np.ndarray


@dataclasses.dataclass
class RunReport:
    """A run and the results that are available for it.

    Attributes:
        name: name of the run in the report.
        progress: stage and step that the run has reached.
        run_info: content of `run.json`.
        curves: stage -> metric -> steps int64[N] and values float64[N].
        source: folder of the pretraining that the run started from, or its own folder if it is
            a pretraining; '' if there is none.
        source_info: content of `run.json` of that pretraining, or None.
        split: evaluated split of the corpus.
        size: number of recordings and their total length in seconds; None if the corpus is
            not available.
        protocol: evaluation protocol of `scores`.
        scores: result of `score_tables.to_json_dict`; None without truth or proposals.
        decoder: protocol whose decoder produced the segments of `error_stats`, '' if none.
        error_stats: statistics of those segments, or None.
        embeddings: snippet embeddings, one item per encoder.
        sample: name and true segments of the recording whose self-similarity is plotted.
        viewer_url: relative URL of the viewer page, '' if none.
        viewer_recordings: names of the recordings in that page.
        notes: sentences about missing parts of the report.
    """

    name: str
    progress: Progress
    run_info: dict
    curves: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]
    source: str
    source_info: dict | None = None
    split: str = ''
    size: tuple[int, float] | None = None
    protocol: str = ''
    scores: Mapping | None = None
    decoder: str = ''
    error_stats: ErrorStats | None = None
    embeddings: list[Embeddings] = dataclasses.field(default_factory=list)
    sample: tuple[str, Segments] | None = None
    viewer_url: str = ''
    viewer_recordings: tuple[str, ...] = ()
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.run_info['corpus']['classes'])

    @property
    def fps(self) -> float:
        return float(self.run_info['corpus']['fps'])
