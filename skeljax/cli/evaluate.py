"""Measure a fine-tuned run, or any predictions, by every protocol.

    skeljax evaluate --workdir runs/tuned --split test
    skeljax evaluate --workdir runs/tuned --protocol pkummd --decoder activity
    skeljax evaluate --workdir runs/joint --fuse runs/motion runs/bone
    skeljax evaluate --workdir runs/tuned --window 256 --hop 16 --ahead 32
    skeljax evaluate --workdir runs/tuned --save-predictions found.json --diagnose
    skeljax evaluate --predictions found.json --truth labels.json --fps 30 --out figures.json
    skeljax evaluate --predictions found.csv --truth synthetic/default --data-dir data

Prints one table for protocols of the same figures and saves all as
WORKDIR/evaluate-SPLIT.json and .md, and the segments that were compared as .npz; of fused
runs, or with another decoder, as evaluate-SPLIT-STREAM-STREAM-DECODER, and of windows
with -LENGTH-HOP-AHEAD. docs/protocols.md tells what the figures are. Fused are the logits
of runs on the same labels, by default 0.6 joint, 0.6 bone, 0.4 motion as in AimCLR (arXiv
2112.03590).

--window, --hop and --ahead measure what `skeljax stream` and `predict` give with the same.

On several hosts, with --distributed on each, every process scores a share of the recordings and
the first one prints and saves; all must see the same WORKDIR (docs/clusters.md).

Files of segments are ActivityNet's JSON, PKU-MMD's text files, CSV (recording, label,
start, end, score) or what `skeljax predict` writes; docs/files.md tells how they are read.
"""

import json
from pathlib import Path
import sys
from typing import NamedTuple

import numpy as np

from skeljax import localize
from skeljax.cli import config_args, evaluate_files, predict, training
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.inference import predictor, run_loader, scoring, streaming, windowing
from skeljax.localize import decoder_config, outcome
from skeljax.localize.sequence import SequenceDecoder
from skeljax.train import cluster
from skeljax.viz import saved_eval, scores as pages, table

WEIGHTS = {'joint': 0.6, 'bone': 0.6, 'motion': 0.4}


def add_arguments(parser):
    parser.add_argument('--workdir', help='folder of a fine-tuning run')
    parser.add_argument('--fuse', nargs='+', default=[], metavar='DIR', help='runs to fuse with it')
    parser.add_argument(
        '--weights', nargs='+', type=float, metavar='W',
        help="of WORKDIR and the fused runs (default: by each run's stream)",
    )
    parser.add_argument('--split', help='of the corpus (default: test), or subset of a truth file')
    parser.add_argument('--data-dir', help='where the corpus is prepared, if not where it was')
    parser.add_argument(
        '--protocol', action='append', help='only this one (may be repeated; default: all)'
    )
    parser.add_argument(
        '--decoder', metavar='STEPS',
        help="another decoder than each protocol's own, or steps, as gaussian:3,watershed,refine",
    )
    predict.add_window(parser)
    evaluate_files.add_arguments(parser)
    training.add_processes(parser)


def run(args) -> int:
    evaluate_files.check(args)
    if args.predictions:
        return evaluate_files.run(args)
    args.split = args.split or 'test'
    window = predict.window(args)
    training.join(args)
    return training.report_stop(lambda: _together(args, window))


def _together(args, window: windowing.Window | None):
    """Scores, each of several processes a share of the recordings; the first does the rest."""
    runs = [args.workdir, *args.fuse]
    found = scored(runs, args.split, args.data_dir, args.weights, window)
    with cluster.together():  # the others wait: none may leave before the first has done
        if cluster.is_first():
            _write(args, found)


def _write(args, found):
    """Decodes, measures, prints and saves."""
    segments = decoded(found, args.protocol, args.decoder)
    figures = described(found, segments, args.decoder)
    more = evaluate_files.of_run(
        args, figures, found.corpus, found.probabilities, found.sequence, found.read
    )
    streams = [run['stream'] for run in found.runs] if args.fuse else []
    decoder = [args.decoder] if args.decoder else []
    for number, run in enumerate(found.runs):
        told = f'{run["workdir"]}: {figures["corpus"]} {args.split}, best state of step {run["step"]}'
        print(f'{"fused with " * (number > 0)}{told}')
    stem = '-'.join(['evaluate', args.split, *streams, *decoder, *map(str, found.window or ())])
    frames = {name: len(scores) for name, scores in found.probabilities.items()}
    compared = saved_eval.Kept(scoring.truth(found.corpus), segments, frames)
    saved_eval.write(Path(args.workdir) / f'{stem}.npz', compared)
    report(figures, args.workdir, stem)
    if more:
        print(f'\n{more}')


def report(figures: dict, folder, stem: str):
    """Prints the tables of `described` and saves it all as STEM.json, the tables as STEM.md."""
    measured, folder = figures['protocols'], Path(folder)
    (folder / f'{stem}.json').write_text(json.dumps(figures, indent=1) + '\n')
    (folder / f'{stem}.md').write_text(pages.tables(measured, table.markdown) + '\n')
    if figures['outcome']:
        print(outcome.text(outcome.from_json_dict(figures['outcome'])) + '\n')
    print(pages.tables(measured, table.text))
    if silent := [name for name, f in measured.items() if not f['num_predicted']]:
        print(f'no segment was found under {", ".join(silent)}', file=sys.stderr)


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


def evaluate(workdirs, split='test', data_dir=None, protocols=None, weights=None) -> dict:
    """Measures the best state of fine-tuning runs: `scored`, `decoded` and `described`."""
    found = scored(workdirs, split, data_dir, weights)
    return described(found, decoded(found, protocols))


def scored(
    workdirs, split='test', data_dir=None, weights=None, window: windowing.Window | None = None,
    note=predict.note,
) -> Scored:
    """Scores a split with the best state of a fine-tuning run, or fuses the logits of several.

    Args:
        workdirs: folders of the runs.
        split: of the corpus they were trained on.
        data_dir: where it is prepared, if not where it was.
        weights: of each run's logits; `WEIGHTS` of their streams by default.
        window: that moves over the recordings, see `streaming.frame_scores`; by default
            all is seen at once, see `score.probabilities`.
        note: called with a line if the first run has no fitted sequence decoder.

    Raises:
        InputError: no such run, split or corpus; the corpus has other classes or another
            layout than the run; runs of different corpora; a normalisation that no window
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
    usual = [n for n in localize.PROTOCOLS if decoder or exclusive or not localize.reads_segments(n)]
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
    corpus = config_args.open_corpus(run.config, run.config.data.corpus, split, data_dir)
    if (corpus.classes, corpus.layout) != (run.classes, run.layout):
        raise InputError(f'{corpus.name}: its classes or layout are not those of {workdir}')
    return corpus


def _scores(run: run_loader.Run, corpus: Corpus, data_dir, window: windowing.Window | None) -> dict:
    """Scores every frame of every recording, name -> float32[T, L + 1]."""
    if window is None:
        return scoring.corpus_probabilities(run.model, run.variables, corpus)
    # Normalised window by window, as somebody who does not know the rest must.
    raw = config_args.open_corpus(run.config, corpus.name, corpus.split, data_dir, normalised=False)
    return scoring.score_corpus(raw, lambda recording: streaming.frame_scores(run, recording, window))
