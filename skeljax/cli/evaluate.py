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

from pathlib import Path

from skeljax.cli import evaluate_files, model_args, score_files, training
from skeljax.inference import windowing
from skeljax.viz import saved_eval


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
    model_args.add_window(parser)
    evaluate_files.add_arguments(parser)
    training.add_processes(parser)


def run(args) -> int:
    evaluate_files.check(args)
    if args.predictions:
        return evaluate_files.run(args)
    args.split = args.split or 'test'
    window = model_args.window(args)
    training.join(args)
    return training.report_stop(lambda: _together(args, window))


def _together(args, window: windowing.Window | None):
    """Scores the recordings, each process a share of them; the first process does the rest."""
    from skeljax.inference import evaluation
    from skeljax.train import cluster

    runs, note = [args.workdir, *args.fuse], model_args.note
    found = evaluation.scored(runs, args.split, args.data_dir, args.weights, window, note)
    with cluster.together():  # no process may end before the first one
        if cluster.is_first():
            _write(args, found)


def _write(args, found):
    """Decodes, measures, prints and saves."""
    from skeljax.inference import evaluation, scoring

    segments = evaluation.decoded(found, args.protocol, args.decoder)
    figures = evaluation.described(found, segments, args.decoder)
    more = evaluate_files.of_run(
        args, figures, found.corpus, found.probabilities, found.sequence, found.read
    )
    streams = [run['stream'] for run in found.runs] if args.fuse else []
    decoder = [args.decoder] if args.decoder else []
    for number, run in enumerate(found.runs):
        scored = f'{figures["corpus"]} {args.split}, best state of step {run["step"]}'
        print(f'{"fused with " * (number > 0)}{run["workdir"]}: {scored}')
    stem = '-'.join(['evaluate', args.split, *streams, *decoder, *map(str, found.window or ())])
    frames = {name: len(scores) for name, scores in found.probabilities.items()}
    compared = saved_eval.SavedSegments(scoring.truth(found.corpus), segments, frames)
    saved_eval.write(Path(args.workdir) / f'{stem}.npz', compared)
    score_files.write(figures, args.workdir, stem)
    if more:
        print(f'\n{more}')
