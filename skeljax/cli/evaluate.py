"""Measure a fine-tuned run: mAP by tIoU under every protocol.

    skeljax evaluate --workdir runs/tuned --split test

Prints the table and saves it as WORKDIR/evaluate-SPLIT.json and .md.
"""

import json
from pathlib import Path

from skeljax import localize
from skeljax.cli import configured
from skeljax.errors import InputError
from skeljax.report import table
from skeljax.train import score, trained


def add_arguments(parser):
    parser.add_argument('--workdir', required=True, help='folder of a fine-tuning run')
    parser.add_argument('--split', default='test', help='of the prepared corpus (default: test)')
    parser.add_argument('--data-dir', help='where the corpus is prepared, if not where it was')
    parser.add_argument(
        '--protocol', action='append', help='only this one (may be repeated; default: all)'
    )


def run(args) -> int:
    figures = evaluate(args.workdir, args.split, args.data_dir, args.protocol)
    rows = {name: [*f['map'], f['mean']] for name, f in figures['protocols'].items()}
    columns = [f'mAP@{tiou}' for tiou in figures['tious']] + ['mean']
    shown = (list(rows), columns, list(rows.values()))
    stem = Path(args.workdir) / f'evaluate-{args.split}'
    stem.with_suffix('.json').write_text(json.dumps(figures, indent=1) + '\n')
    stem.with_suffix('.md').write_text(table.markdown(*shown, scale=100.0) + '\n')
    print(f'{args.workdir}: {figures["corpus"]} {args.split}, best state of step {figures["step"]}')
    print(table.text(*shown, corner='protocol', scale=100.0))
    return 0


def evaluate(workdir, split: str = 'test', data_dir=None, protocols=None) -> dict:
    """Measures the best state of a fine-tuning run.

    Returns:
        corpus, split, step, tious, classes, and for each protocol `map` (by
        tIoU), `mean` and `ap` (tIoU x class; None where a class is absent), as
        shares of 1.

    Raises:
        InputError: no such run, split, corpus or protocol; or the corpus has
            other classes or another layout than the run.
    """
    ready = trained.load(workdir)
    corpus = configured.open_corpus(ready.config, ready.config.data.corpus, split, data_dir)
    if (corpus.classes, corpus.layout) != (ready.classes, ready.layout):
        raise InputError(f'{corpus.name}: its classes or layout are not those of {workdir}')
    tious = tuple(ready.config.evaluate.tious)
    scores = {r.name: score.probabilities(ready.model, ready.variables, r) for r in corpus}
    figures = {}
    for name in protocols or localize.PROTOCOLS:
        protocol = localize.protocol(name)
        predicted = {recording: protocol.decode(p) for recording, p in scores.items()}
        result = protocol.evaluate(
            predicted, score.truth(corpus), num_classes=len(corpus.classes), tious=tious
        )
        figures[name] = {
            'map': [float(v) for v in result.map],
            'mean': float(result.mean),
            'ap': [[None if v != v else float(v) for v in row] for row in result.ap],
        }
    return {
        'corpus': corpus.name,
        'split': split,
        'step': ready.step,
        'tious': list(tious),
        'classes': list(corpus.classes),
        'protocols': figures,
    }
