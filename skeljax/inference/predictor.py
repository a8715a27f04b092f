"""Predicts with a trained network and its decoder: recordings to scores and segments."""

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
    'has no fitted sequence decoder: segments are decoded with default durations; repeat the '
    'fine-tuning command to fit one'
)
ONE_LABEL = (
    'several classes per frame (config.finetune.multi_label), but the sequence decoder finds one; '
    'expected another protocol or decoder'
)


class Model(NamedTuple):
    """A trained network with its decoder; see `skeljax.load`.

    Attributes:
        run: network, weights, config and training corpus.
        decoding: the decoder, which converts scores to segments.
        origin: where the weights come from, as in `model.json`.
    """

    run: run_loader.Run
    decoding: decoder_config.DecoderConfig
    origin: Mapping

    @property
    def classes(self) -> tuple[str, ...]:
        """Returns the names of the L classes, without background."""
        return self.run.classes

    @property
    def layout(self) -> str:
        """Returns the joint layout of the network (see `skeljax.skeletons.skeleton.get`)."""
        return self.run.layout

    @property
    def fps(self) -> float:
        """Returns the frames per second to which recordings are resampled."""
        return self.run.fps

    def scores(
        self, motion: Motion | Recording, *, note: Callable[[str], object] = lambda _: None
    ) -> np.ndarray:
        """Scores every frame of a recording.

        Args:
            motion: of any length, layout and frame rate, see `skeljax.read`.
            note: called with one line for each change made to fit the model.

        Returns:
            Probabilities float32[T, L + 1] of the recording's own frames, background last.

        Raises:
            InputError: the layout cannot be mapped to that of the model, or `motion` is not a
                motion.
        """
        return adapt.frame_scores(self.run, _recording(motion), note)

    def decode(self, scores: np.ndarray, fps: float | None = None) -> Segments:
        """Decodes the segments of a recording.

        Args:
            scores: float[T, L + 1], see `scores`.
            fps: frames per second of the recording; by default those of the model.
        """
        result = self.decoding.decode(scores, fps or self.fps)
        return Segments(result.start, result.end, result.label, result.score, self.classes)

    def localize(
        self, motion: Motion | Recording, *, note: Callable[[str], object] = lambda _: None
    ) -> Segments:
        """Returns the segments of a recording, in its own frames; see `scores`.

        `names` of the result are class names, `start / motion.fps` is in seconds.
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
    """Builds a model from a fine-tuning run.

    Args:
        workdir: folder of the run.
        protocol: protocol whose decoder is used; by default see `default_protocol`.
        decoder: replaces the decoder of the protocol, see `localize.protocol`.
        thresholds: replace those of the decoder.
        min_score: segments of a lower score are dropped.
        note: called with one line if the sequence decoder is used but was not fitted.

    Raises:
        InputError: no such run, protocol or decoder, or the sequence decoder for a network with
            several labels per frame; see `run_loader.load`.
    """
    run = run_loader.load(workdir)
    config = decoder_config.make(
        protocol or default_protocol(run), decoder, thresholds=thresholds, min_score=min_score
    )
    if config.sequence is not None:
        _check_one_label(run)
        config = config.with_sequence(sequence_decoder(workdir, run, note))
    return Model(run, config, {})


def default_protocol(run: run_loader.Run) -> str:
    """Returns the protocol whose segments are shown to users.

    With several labels per frame it is the protocol that selected the checkpoint.
    """
    return run.config.finetune.protocol if run.multi_label else decoder_config.READABLE


def sequence_decoder(workdir, run: run_loader.Run, note=lambda _: None) -> SequenceDecoder:
    """Reads the sequence decoder of a run; without one, returns the default with a note."""
    decoder = fit_decoder.read(workdir)
    if decoder is None:
        note(f'{workdir}: {NOT_FITTED}')
        return SequenceDecoder(fps=run.fps)
    return decoder


def with_decoder(
    model: Model, protocol: str | None = None, decoder: str | None = None, *, thresholds=(),
    min_score: float | None = None,
) -> Model:
    """Returns a model with another decoder; omitted options are unchanged.

    Another protocol or decoder has its own thresholds.

    Raises:
        InputError: no such protocol or decoder, thresholds for a decoder without any, or the
            sequence decoder for a network with several labels per frame.
    """
    own = model.decoding
    least = own.min_score if min_score is None else min_score
    steps = decoder or (None if protocol else own.steps)
    config = decoder_config.make(
        protocol or own.protocol, steps, thresholds=thresholds, min_score=least
    )
    if config.sequence is not None:
        _check_one_label(model.run)
    if own.sequence is not None and config.sequence is not None:
        config = config.with_sequence(own.sequence)
    elif config.sequence is not None:
        config = config.with_sequence(SequenceDecoder(fps=model.fps))
    elif not (protocol or decoder):
        replaced = decoder_config.THRESHOLD_OPTIONS if thresholds else ()
        kept = {name: value for name, value in own.options.items() if name not in replaced}
        config = config._replace(options={**config.options, **kept})
    return model._replace(decoding=config)


def _check_one_label(run: run_loader.Run):
    if run.multi_label:
        raise InputError(f'the model scores {ONE_LABEL}')


def _recording(motion) -> Recording:
    if isinstance(motion, Recording):
        return motion
    if not isinstance(motion, Motion):
        raise InputError(f'{type(motion).__name__}: expected a motion, see skeljax.read')
    return records.from_motion(motion, name=motion.source or 'motion')
