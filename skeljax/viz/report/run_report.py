"""What is known of one run, for its chapter of the report."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
from typing import NamedTuple

import numpy as np

from skeljax.localize.segments import Segments
from skeljax.train.progress import Progress
from skeljax.viz.report.error_stats import Judged


class Encoded(NamedTuple):
    """Snippets of a split as an encoder sees them.

    Attributes:
        encoder: 'pretrained' or 'fine-tuned'.
        vectors: unit vectors, float32[N, C], one recording after another.
        labels: of the frame that each stands for, int[N], background last.
        owner: position of its recording, int[N].
        sample: unit vectors of the recording whose self-similarity is shown, float32[S, C].
        frames: that those stand for, int[S].
    """

    encoder: str
    vectors: np.ndarray
    labels: np.ndarray
    owner: np.ndarray
    sample: np.ndarray
    frames: np.ndarray


@dataclasses.dataclass
class Reported:
    """A run, with what could be found out of it.

    Attributes:
        name: of it, in the report.
        progress: how far it is.
        told: what `run.json` tells.
        curves: stage -> metric -> steps int64[N] and values float64[N].
        source: folder of the pretraining that it started from, or its own; '' without.
        origin: what `run.json` of that pretraining tells; None without.
        split: of the corpus that was looked at.
        size: recordings and seconds of it; None where it is not there.
        protocol: that measured.
        measured: what `report.scores.to_json_dict` tells; None without truth or scores.
        decoding: protocol whose decoder found the segments that are judged, '' without.
        judged: the segments; None likewise.
        encoded: the snippets, by encoder.
        sample: name and true segments of the recording whose self-similarity is shown.
        viewer: address of the viewer's page, '' without.
        shown: recordings that the page holds.
        notes: what is missing, and why.
    """

    name: str
    progress: Progress
    told: dict
    curves: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]
    source: str
    origin: dict | None = None
    split: str = ''
    size: tuple[int, float] | None = None
    protocol: str = ''
    measured: Mapping | None = None
    decoding: str = ''
    judged: Judged | None = None
    encoded: list[Encoded] = dataclasses.field(default_factory=list)
    sample: tuple[str, Segments] | None = None
    viewer: str = ''
    shown: tuple[str, ...] = ()
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.told['corpus']['classes'])

    @property
    def fps(self) -> float:
        return float(self.told['corpus']['fps'])
