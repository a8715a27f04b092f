"""Do the whole job on one corpus and compare.

    skeljax demo
    skeljax demo --corpus ui_prmd --manual-dir DIR

Prepares the corpus, pretrains, fine-tunes with 10 % of the labels from scratch
and from the pretrained encoder, each with the plain head and with the U-shaped
fuser, measures on people never seen, and draws pictures.
"""

import json
from pathlib import Path
import shutil

from skeljax.cli import configured, evaluate, finetune, predict, prepare, pretrain, training
from skeljax.report import curves, table
from skeljax.train import workdir as workdirs

CORPORA = {'synthetic': 'synthetic/default', 'ui_prmd': 'ui_prmd/composed10'}
STARTS = ('scratch', 'pretrained')
HEADS = {'plain': False, 'u': True}
PROTOCOL = 'babel_clean'


def add_arguments(parser):
    parser.add_argument('--corpus', choices=tuple(CORPORA), default='synthetic')
    parser.add_argument('--manual-dir', help='where the raw files of the corpus are')
    parser.add_argument('--data-dir', default='out/data', help='for the records')
    parser.add_argument('--out', default='out/demo', help='for runs, table and pictures')
    parser.add_argument('--config', help='another config than configs/demo.py:CORPUS')
    parser.add_argument('--fresh', action='store_true', help='throw earlier runs away first')
    parser.add_argument('--quiet', action='store_true', help='show no progress bars')


def parse_rest(args, rest, parser):
    configured.parse(args, rest, parser)


def run(args) -> int:
    return training.report_stop(lambda: demo(args))


def demo(args):
    """Runs every stage; what an earlier call finished is taken as it is."""
    name = CORPORA[args.corpus]
    out = Path(args.out) / args.corpus
    if args.fresh:
        shutil.rmtree(out, ignore_errors=True)
    prepare.prepare(name, data_dir=args.data_dir, manual_dir=args.manual_dir)
    base = [f'--config.data.data_dir={args.data_dir}', *args.overrides]
    file = args.config_file or f'demo:{args.corpus}'
    source = out / 'pretrain'
    print('pretraining, no labels', flush=True)
    pretrain.train(configured.load(file, base), source, quiet=args.quiet)
    figures = {}
    for start in STARTS:
        for head, fuser in HEADS.items():
            workdir = out / f'{start}-{head}'
            print(f'fine-tuning, {start}, {head} head, 10 % of the labels', flush=True)
            more = [
                f'--config.finetune.init_from={source if start == "pretrained" else ""}',
                f'--config.finetune.fuser={fuser}',
                f'--config.finetune.optimiser.peak={_peak(file, base, fuser)}',
            ]
            finetune.train(configured.load(file, base + more), workdir, quiet=args.quiet)
            figures[start, head] = evaluate.evaluate(workdir, 'test')
    _report(out, figures)


def _report(out: Path, figures: dict):
    raise SystemExit
