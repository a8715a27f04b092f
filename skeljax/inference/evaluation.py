"""Scores a split of a corpus by fine-tuned runs, and measures it by protocols."""

from typing import NamedTuple
import warnings

import numpy as np

from skeljax import localize
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.inference import predictor, run_loader, scoring, streaming, windowing
from skeljax.localize import decoder_config, outcome
from skeljax.localize.sequence import SequenceDecoder
from skeljax.train import cluster, corpora
from skeljax.viz import score_tables as pages

WEIGHTS = {'joint': 0.6, 'bone': 0.6, 'motion': 0.4}


class Scored(NamedTuple):
    """The frames of a split, scored.

    Attributes:
        corpus: the split.
        probabilities: recording -> float[T, L + 1].
        tious: thresholds of the protocols that leave them open.
        runs: what scored it, JSON: workdir, step, stream, weight.
        window: that moved over the recordings; None where all was seen at once.
        sequence: the fitted sequence decoder of the first run.
        read: the protocol whose segments a person reads, see `ready.default_protocol`; where
            its decoder is not the sequence decoder, no other's is.
    """

    corpus: Corpus
    probabilities: dict[str, np.ndarray]
    tious: tuple[float, ...]
    runs: list[dict]
    window: windowing.Window | None = None
    sequence: SequenceDecoder | None = None
    read: str = decoder_config.READABLE


def evaluate(
    workdirs, split='test', data_dir=None, protocols=None, weights=None, note=warnings.warn
) -> dict:
    """Measures the best state of fine-tuning runs: `scored`, `decoded` and `described`."""
    found = scored(workdirs, split, data_dir, weights, note=note)
    return described(found, decoded(found, protocols))


def scored(
    workdirs, split='test', data_dir=None, weights=None, window: windowing.Window | None = None,
    note=warnings.warn,
) -> Scored:
    """Scores a split with the best state of a fine-tuning run, or fuses the logits of several.

    Args:
        workdirs: folders of the runs.
        split: of the corpus they were trained on.
        data_dir: where it is prepared, if not where it was.
        weights: of each run's logits; `WEIGHTS` of their streams by default.
        window: that moves over the recordings, see `streaming.frame_scores`; by default
            all is seen at once, see `score.probabilities`.
        note: called with a line if the first run has no fitted sequence decoder; by default it
            becomes a warning.

    Raises:
        InputError: no such run, split or corpus; the corpus has other classes or another
            layout than the run; runs of different corpora; a normalization that no window
            can have.
    """
    with cluster.together():
        runs = [run_loader.load(workdir) for workdir in workdirs]
        read, sequence = predictor.default_protocol(runs[0]), None
        if localize.reads_segments(read):
            sequence = predictor.sequence_decoder(workdirs[0], runs[0], note)
        streams = [run.config.finetune.stream for run in runs]
        weights = weights or [WEIGHTS[stream] for stream in streams]
        if len(weights) != len(runs) or not sum(weights) > 0 or min(weights) < 0:
            raise InputError(f'{len(runs)} runs need as many weights of 0 and more, not {weights}')
        several = [w for w, run in zip(workdirs, runs) if run.multi_label]
        if len(runs) > 1 and several:
            told = 'scores several classes a frame (config.finetune.multi_label)'
            raise InputError(f'{several[0]}: {told}, which --fuse cannot add to others')
        each = [_open(run, workdir, split, data_dir) for run, workdir in zip(runs, workdirs)]
    corpus = each[0]
    steps = {f'step of {workdir}': run.step for workdir, run in zip(workdirs, runs, strict=True)}
    facts = {'--split': split, '--window': window, 'weights': weights, 'recordings': len(corpus)}
    cluster.agree(facts | steps)
    scores = _scores(runs[0], corpus, data_dir, window)
    if len(runs) > 1:
        total = {name: weights[0] * scoring.to_logits(p) for name, p in scores.items()}
        others = zip(runs[1:], workdirs[1:], each[1:], weights[1:], strict=True)
        for run, workdir, other, weight in others:
            more = _scores(run, other, data_dir, window)
            alike = [(c.name, c.classes, c.fps) for c in (other, corpus)]
            with cluster.together():
                if alike[0] != alike[1] or more.keys() != total.keys():
                    kinds = [f'{c.name} at {c.fps:g} frames a second' for c in (other, corpus)]
                    raise InputError(f'{workdir}: scores {kinds[0]}, {workdirs[0]} {kinds[1]}')
            for name in total:
                total[name] += weight * scoring.to_logits(more[name])
        scores = {name: scoring.softmax(logits) for name, logits in total.items()}
    told = [
        {'workdir': str(workdir), 'step': run.step, 'stream': stream, 'weight': weight}
        for workdir, run, stream, weight in zip(workdirs, runs, streams, weights, strict=True)
    ]
    tious = tuple(runs[0].config.evaluate.tious)
    return Scored(corpus, scores, tious, told, window, sequence, read)


def decoded(found: Scored, protocols=None, decoder: str | None = None) -> dict:
    """Decodes scored frames as protocols do.

    Args:
        found: what was scored.
        protocols: names; by default all whose decoder fits.
        decoder: another decoder than each protocol's own, see `localize.protocol`.

    Returns:
        Protocol -> recording -> `localize.Segments`.

    Raises:
        InputError: unknown protocol or decoder, or the sequence decoder for frames of
            several labels.
    """
    segments, once = {}, {}
    exclusive = localize.reads_segments(found.read)
    usual = [
        n for n in localize.PROTOCOLS if decoder or exclusive or not localize.reads_segments(n)
    ]
    for name in protocols or usual:
        if not exclusive and decoder_config.make(name, decoder).sequence is not None:
            raise InputError(f'{name}: the run scores {predictor.ONE_LABEL}')
        decode = localize.protocol(name, decoder, sequence=found.sequence).decode
        key = decoder or decode
        if key not in once:
            once[key] = {recording: decode(p) for recording, p in found.probabilities.items()}
        segments[name] = once[key]
    return segments


def described(found: Scored, segments: dict, decoder: str | None = None) -> dict:
    """Measures decoded segments by their protocols.

    Args:
        found: what was scored.
        segments: what `decoded` returned.
        decoder: what it was told.

    Returns:
        corpus, split, outcome (of the sequence decoder's segments, where they were decoded),
        runs, tious, classes, decoder, window (None or three numbers), and for each protocol what a
        `localize.Result` holds: figures, mean, tious, map, ap (None where a class is
        absent), num_predicted, num_true; shares of 1.

    Raises:
        InputError: there is nothing to be found in the corpus.
    """
    corpus, truth, figures = found.corpus, scoring.truth(found.corpus), {}
    for name, predicted in segments.items():
        result = scoring.measure(
            predicted, found.probabilities, truth, localize.protocol(name),
            len(corpus.classes), found.tious,
        )
        figures[name] = pages.to_json_dict(result)
    read = next((segments[n] for n in segments if localize.reads_segments(n)), None)
    return {
        'corpus': corpus.name,
        'split': corpus.split,
        'outcome': None if read is None or decoder else outcome.to_json_dict(outcome.outcome(
            read, truth, num_classes=len(corpus.classes), fps=corpus.fps,
        )),
        'runs': found.runs,
        'tious': list(found.tious),
        'classes': list(corpus.classes),
        'decoder': decoder,
        'window': None if found.window is None else list(found.window),
        'protocols': figures,
    }


def _open(run: run_loader.Run, workdir, split: str, data_dir) -> Corpus:
    corpus = corpora.open_corpus(run.config, run.config.data.corpus, split, data_dir)
    if (corpus.classes, corpus.layout) != (run.classes, run.layout):
        raise InputError(f'{corpus.name}: its classes or layout are not those of {workdir}')
    return corpus


def _scores(run: run_loader.Run, corpus: Corpus, data_dir, window: windowing.Window | None) -> dict:
    """Scores every frame of every recording, name -> float32[T, L + 1]."""
    if window is None:
        return scoring.corpus_probabilities(run.model, run.variables, corpus)
    # Normalized window by window, as in a stream, where later frames are unknown.
    raw = corpora.open_corpus(run.config, corpus.name, corpus.split, data_dir, normalized=False)
    return scoring.score_corpus(
        raw, lambda recording: streaming.frame_scores(run, recording, window)
    )
