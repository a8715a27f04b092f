"""A trained network with its decoder: from recordings to scores and segments in one call."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from skeljax.data import records
from skeljax.data.records import Recording
from skeljax.errors import InputError
from skeljax.formats.motion import Motion
from skeljax.inference import adapt, run_loader
from skeljax.localize import decoder_config
from skeljax.localize.segments import Segments
from skeljax.localize.sequence import SequenceDecoder
from skeljax.train import fit_decoder

NOT_FITTED = (
    'has no fitted sequence decoder: segments are decoded with default durations; the same '
    'fine-tuning command again fits one'
)
ONE_LABEL = (
    'several classes a frame (config.finetune.multi_label), but the sequence decoder finds one; '
    'expected another protocol or decoder'
)


class Model(NamedTuple):
    """Finds what someone does and when; `skeljax.load` makes one.

    Attributes:
        trained: network, weights, config, and what it was trained on.
        decoding: how scores become segments.
        origin: where it came from, as `model.json` tells.
    """

    trained: run_loader.Trained
    decoding: decoder_config.DecoderConfig
    origin: Mapping

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the L classes; background is none of them."""
        return self.trained.classes

    @property
    def layout(self) -> str:
        """The joint layout that recordings are mapped to (`skeljax.skeletons.skeleton.get`)."""
        return self.trained.layout

    @property
    def fps(self) -> float:
        """Frames a second that recordings are resampled to."""
        return self.trained.fps

    def scores(
        self, motion: Motion | Recording, *, note: Callable[[str], object] = lambda _: None
    ) -> np.ndarray:
        """Scores every frame of a recording.

        Args:
            motion: as `skeljax.read` returns it, of any length, layout and frame rate.
            note: told, in a line each, what was done to fit the model.

        Returns:
            Probabilities float32[T, L + 1] of the recording's own frames, background last.

        Raises:
            InputError: its layout cannot be mapped to the model's, or it is no motion.
        """
        return adapt.frame_scores(self.trained, _recording(motion), note)

    def decode(self, scores: np.ndarray, fps: float | None = None) -> Segments:
        """Finds the segments in scores float[T, L + 1].

        Args:
            scores: of a recording's frames.
            fps: its frames a second; by default the model's.
        """
        found = self.decoding.decode(scores, fps or self.fps)
        return Segments(found.start, found.end, found.label, found.score, self.classes)

    def localize(
        self, motion: Motion | Recording, *, note: Callable[[str], object] = lambda _: None
    ) -> Segments:
        """Finds the segments of a recording, in its own frames; see `scores`.

        `found.names` are the classes of what is found, `found.start / motion.fps` seconds.
        """
        return self.decode(self.scores(motion, note=note), motion.fps)


def of_run(
    workdir,
    protocol: str | None = None,
    decoder: str | None = None,
    *,
    thresholds=(),
    min_score: float | None = None,
    note: Callable[[str], object] = lambda _: None,
) -> Model:
    """Makes a model of a fine-tuning run.

    Args:
        workdir: folder of the run.
        protocol: whose decoding to use; by default the run's sequence decoder (see
            `default_protocol`).
        decoder: another one than the protocol's, see `localize.protocol`.
        thresholds: of the decoder instead of its own.
        min_score: leaves out segments of a lower score.
        note: called with a line where the run has no fitted sequence decoder and needs one.

    Raises:
        InputError: no such run, protocol or decoder, or the sequence decoder for frames of
            several labels; see `trained.load`.
    """
    ready = run_loader.load(workdir)
    chosen = decoder_config.make(
        protocol or default_protocol(ready), decoder, thresholds=thresholds, min_score=min_score
    )
    if chosen.sequence is not None:
        _check_one_label(ready)
        chosen = chosen.with_sequence(sequence_of(workdir, ready, note))
    return Model(ready, chosen, {})


def default_protocol(ready: run_loader.Trained) -> str:
    """Returns the protocol whose decoding finds the segments that a person reads.

    It is the one that selected the state where a frame may have several labels.
    """
    return ready.config.finetune.protocol if ready.multi_label else decoder_config.READABLE


def sequence_of(workdir, ready: run_loader.Trained, note=lambda _: None) -> SequenceDecoder:
    """Reads the sequence decoder of a run, or makes a default one and notes it."""
    known = fit_decoder.read(workdir)
    if known is None:
        note(f'{workdir}: {NOT_FITTED}')
        return SequenceDecoder(fps=ready.fps)
    return known


def decoding_as(
    model: Model, protocol: str | None = None, decoder: str | None = None, *, thresholds=(),
    min_score: float | None = None,
) -> Model:
    """Lets a model decode in another way; what is not given stays as it was.

    Another protocol or decoder comes with its own thresholds.

    Raises:
        InputError: no such protocol or decoder, one without thresholds, or the sequence
            decoder for frames of several labels.
    """
    own = model.decoding
    least = own.min_score if min_score is None else min_score
    steps = decoder or (None if protocol else own.steps)
    chosen = decoder_config.make(
        protocol or own.protocol, steps, thresholds=thresholds, min_score=least
    )
    if chosen.sequence is not None:
        _check_one_label(model.trained)
    if own.sequence is not None and chosen.sequence is not None:
        chosen = chosen.with_sequence(own.sequence)
    elif chosen.sequence is not None:
        chosen = chosen.with_sequence(SequenceDecoder(fps=model.fps))
    elif not (protocol or decoder):
        kept = {n: v for n, v in own.options.items() if not thresholds or n not in decoder_config.THRESHOLD_OPTIONS}
        chosen = chosen._replace(options={**chosen.options, **kept})
    return model._replace(decoding=chosen)


def _check_one_label(ready: run_loader.Trained):
    if ready.multi_label:
        raise InputError(f'the model scores {ONE_LABEL}')


def _recording(motion) -> Recording:
    if isinstance(motion, Recording):
        return motion
    if not isinstance(motion, Motion):
        raise InputError(f'{type(motion).__name__}: expected a motion, as skeljax.read returns it')
    return records.from_motion(motion, name=motion.source or 'motion')
