"""Measure a fine-tuned run: mAP by tIoU under every protocol.

    skeljax evaluate --workdir runs/tuned --split test
    skeljax evaluate --workdir runs/joint --fuse runs/motion runs/bone

Prints the table and saves it as WORKDIR/evaluate-SPLIT.json and .md, and the segments
that were compared as .npz; of fused runs as evaluate-SPLIT-STREAM-STREAM. Fused are the
logits of runs on the same labels, by default 0.6 joint, 0.6 bone, 0.4 motion as in AimCLR
(arXiv 2112.03590).
"""

import json
from pathlib import Path

from skeljax import localize
from skeljax.cli import configured
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.report import kept, table
from skeljax.train import score, trained

WEIGHTS = {'joint': 0.6, 'bone': 0.6, 'motion': 0.4}


def add_arguments(parser):
    parser.add_argument('--workdir', required=True, help='folder of a fine-tuning run')
    parser.add_argument('--fuse', nargs='+', default=[], metavar='DIR', help='runs to fuse with it')
    parser.add_argument(
        '--weights', nargs='+', type=float, metavar='W',
        help="of WORKDIR and the fused runs (default: by each run's stream)",
    )
    parser.add_argument('--split', default='test', help='of the prepared corpus (default: test)')
    parser.add_argument('--data-dir', help='where the corpus is prepared, if not where it was')
    parser.add_argument(
        '--protocol', action='append', help='only this one (may be repeated; default: all)'
    )


def run(args) -> int:
    workdirs = [args.workdir, *args.fuse]
    found = {}
    figures = evaluate(workdirs, args.split, args.data_dir, args.protocol, args.weights, found)
    rows = {name: [*f['map'], f['mean']] for name, f in figures['protocols'].items()}
    columns = [f'mAP@{tiou}' for tiou in figures['tious']] + ['mean']
    shown = (list(rows), columns, list(rows.values()))
    streams = [run['stream'] for run in figures['runs']] if args.fuse else []
    stem = Path(args.workdir) / '-'.join(['evaluate', args.split, *streams])
    kept.write(stem.with_suffix('.npz'), kept.Kept(**found))
    stem.with_suffix('.json').write_text(json.dumps(figures, indent=1) + '\n')
    stem.with_suffix('.md').write_text(table.markdown(*shown, scale=100.0) + '\n')
    for number, run in enumerate(figures['runs']):
        told = f'{run["workdir"]}: {figures["corpus"]} {args.split}, best state of step {run["step"]}'
        print(f'{"fused with " * (number > 0)}{told}')
    print(table.text(*shown, corner='protocol', scale=100.0))
    return 0


def evaluate(
    workdirs, split='test', data_dir=None, protocols=None, weights=None, found: dict | None = None
) -> dict:
    """Measures the best state of a fine-tuning run, or of several whose logits are fused.

    Args:
        workdirs: folders of the runs.
        split: of the corpus they were trained on.
        data_dir: where it is prepared, if not where it was.
        protocols: names; all by default.
        weights: of each run's logits; `WEIGHTS` of their streams by default.
        found: where given, filled with what was compared: truth, and predicted by protocol.

    Returns:
        corpus, split, runs (workdir, step, stream, weight), tious, classes, and for
        each protocol `map` (by tIoU), `mean` and `ap` (tIoU x class; None where a
        class is absent), as shares of 1.

    Raises:
        InputError: no such run, split, corpus or protocol; the corpus has other
            classes or another layout than the run; runs of different corpora.
    """
    runs = [trained.load(workdir) for workdir in workdirs]
    streams = [run.config.finetune.stream for run in runs]
    weights = weights or [WEIGHTS[stream] for stream in streams]
    if len(weights) != len(runs) or not sum(weights) > 0 or min(weights) < 0:
        raise InputError(f'{len(runs)} runs need as many weights of 0 and more, not {weights}')
    corpus, scores = _scores(runs[0], workdirs[0], split, data_dir)
    if len(runs) > 1:
        total = {name: weights[0] * score.logarithm(p) for name, p in scores.items()}
        for run, workdir, weight in zip(runs[1:], workdirs[1:], weights[1:], strict=True):
            other, more = _scores(run, workdir, split, data_dir)
            alike = [(c.name, c.classes, c.fps) for c in (other, corpus)]
            if alike[0] != alike[1] or more.keys() != total.keys():
                kinds = [f'{c.name} at {c.fps:g} frames a second' for c in (other, corpus)]
                raise InputError(f'{workdir}: scores {kinds[0]}, {workdirs[0]} {kinds[1]}')
            for name in total:
                total[name] += weight * score.logarithm(more[name])
        scores = {name: score.softmax(logits) for name, logits in total.items()}
    tious = tuple(runs[0].config.evaluate.tious)
    figures, truth, segments = {}, score.truth(corpus), {}
    for name in protocols or localize.PROTOCOLS:
        protocol = localize.protocol(name)
        segments[name] = {recording: protocol.decode(p) for recording, p in scores.items()}
        result = protocol.evaluate(
            segments[name], truth, num_classes=len(corpus.classes), tious=tious
        )
        figures[name] = {
            'map': [float(v) for v in result.map],
            'mean': float(result.mean),
            'ap': [[None if v != v else float(v) for v in row] for row in result.ap],
        }
    if found is not None:
        found |= {'truth': truth, 'predicted': segments}
    return {
        'corpus': corpus.name,
        'split': split,
        'runs': [
            {'workdir': str(workdir), 'step': run.step, 'stream': stream, 'weight': weight}
            for workdir, run, stream, weight in zip(workdirs, runs, streams, weights, strict=True)
        ],
        'tious': list(tious),
        'classes': list(corpus.classes),
        'protocols': figures,
    }


def _scores(run: trained.Trained, workdir, split: str, data_dir) -> tuple[Corpus, dict]:
    """Scores every frame of every recording: the corpus and name -> float32[T, L + 1]."""
    corpus = configured.open_corpus(run.config, run.config.data.corpus, split, data_dir)
    if (corpus.classes, corpus.layout) != (run.classes, run.layout):
        raise InputError(f'{corpus.name}: its classes or layout are not those of {workdir}')
    return corpus, {r.name: score.probabilities(run.model, run.variables, r) for r in corpus}
