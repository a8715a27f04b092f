"""Run all stages on one corpus and compare the results.

    skeljax demo
    skeljax demo --corpus ui_prmd --manual-dir DIR

Prepares the corpus, pretrains, and fine-tunes with 10 % of the labels, from random weights and
from the pretrained encoder, with the plain head and with the U-shaped fuser. Evaluates on persons
that are not in the training data, and draws charts. Stages that are complete are not repeated.
"""

import json
from pathlib import Path
import shutil
import sys
import time

from skeljax.cli import config_args, main, model_args, training
from skeljax.localize import decoder_config
from skeljax.viz import table

CORPORA = {'synthetic': 'synthetic/default', 'ui_prmd': 'ui_prmd/composed10'}
STARTS = ('scratch', 'pretrained')
HEADS = {'plain head': False, 'U-shaped fuser': True}  # name -> config.finetune.fuser
PROTOCOL = 'babel_clean'


def add_arguments(parser):
    parser.add_argument('--corpus', choices=tuple(CORPORA), default='synthetic')
    parser.add_argument('--manual-dir', help='folder of the raw files of the corpus')
    parser.add_argument('--data-dir', default='out/data', help='folder of the records')
    parser.add_argument('--out', default='out/demo', help='folder of runs, table and charts')
    parser.add_argument(
        '--config', default='demo', help='config, which gets the corpus as its argument'
    )
    parser.add_argument('--fresh', action='store_true', help='remove earlier runs first')
    parser.add_argument('--quiet', action='store_true', help='show no progress bars')


parse_rest = config_args.parse


def run(args) -> int:
    return training.report_stop(lambda: demo(args))


def _run(words: list[str]):
    """Runs another verb."""
    args, verb = main.parse(words)
    verb.run(args)


def demo(args):
    """Runs all stages, then prints the table."""
    from skeljax.train import run as runs

    began = time.time()
    out = Path(args.out) / args.corpus
    if args.fresh:
        shutil.rmtree(out, ignore_errors=True)
    manual = [f'--manual-dir={args.manual_dir}'] if args.manual_dir else []
    _run(['prepare', CORPORA[args.corpus], f'--data-dir={args.data_dir}', *manual])
    sys.stdout.flush()
    overrides = [f'--config.data.data_dir={args.data_dir}', *args.overrides]
    config = lambda *more: config_args.load(
        f'{args.config_file}:{args.corpus}', [*overrides, *more]
    )
    source = out / 'pretrain'
    runs.pretrain(config(), source, quiet=args.quiet)
    figures = {}
    for start in STARTS:
        for head in HEADS:
            print(f'fine-tuning from {start}, {head}', flush=True)
            figures[start, head] = _finetune(args, config, out, source, start, head)
    _report(out, figures)
    _draw(out, args.data_dir, CORPORA[args.corpus])
    print(f'\nfinished in {(time.time() - began) / 60:.1f} minutes; see {out}/')


def _workdir(out: Path, start: str, head: str) -> Path:
    return out / f'{start}-{"fuser" if HEADS[head] else "plain"}'


def _finetune(args, config, out, source, start, head) -> dict:
    from skeljax.inference import evaluation
    from skeljax.train import run as runs

    workdir = _workdir(out, start, head)
    chosen = config(
        f'--config.finetune.init_from={source if start == "pretrained" else ""}',
        f'--config.finetune.fuser={HEADS[head]}',
    )
    runs.finetune(chosen, workdir, quiet=args.quiet)
    return evaluation.evaluate([workdir], note=model_args.note)


def _report(out: Path, figures: dict):
    """Writes and prints the table of all initializations and heads."""
    from skeljax.viz import charts

    tious = next(iter(figures.values()))['tious']
    columns = ['F1@50', 'edit', 'mean mAP', *(f'mAP@{tiou}' for tiou in tious)]
    values = {key: _values(found['protocols']) for key, found in figures.items()}
    shown = dict(corner=('start', 'head'), scale=100.0)
    title = f'10 % of the labels, test persons, mAP of protocol {PROTOCOL} (%)'
    print(f'\n{title}\n\n{table.text(list(values), columns, list(values.values()), **shown)}')
    text = table.markdown(list(values), columns, list(values.values()), bold_best=True, **shown)
    (out / 'table.md').write_text(f'{title}\n\n{text}\n')
    (out / 'table.json').write_text(
        json.dumps({' / '.join(key): f for key, f in figures.items()}, indent=1) + '\n'
    )
    charts.plot_table(
        out / 'table.png', rows=STARTS, columns=list(HEADS), metrics=columns, title=title,
        ylabel='%',
        values=[[values[start, head] for head in HEADS] for start in STARTS],
    )


def _values(measured: dict) -> list[float]:
    """Returns a row of the table, as fractions, from the figures of all protocols."""
    read, ranked = measured[decoder_config.READABLE]['figures'], measured[PROTOCOL]
    return [read['F1@50'], read['edit'], ranked['mean'], *ranked['map']]


def _draw(out: Path, data_dir, name: str):
    """Draws the curves of every run, and predicts one test recording from each initialization."""
    from skeljax.data.corpus import Corpus
    from skeljax.viz import charts

    runs = {f'{s}, {h}': _workdir(out, s, h) / 'metrics.jsonl' for s in STARTS for h in HEADS}
    charts.plot_metrics(
        out / 'finetune.png', runs, metrics=['loss', 'validation/selection'], title='fine-tuning'
    )
    charts.plot_metrics(
        out / 'pretrain.png',
        {'pretraining': out / 'pretrain' / 'metrics.jsonl'},
        title='pretraining',
    )
    recording = Corpus(data_dir, name, 'test')[0].name
    for start in STARTS:
        words = [
            'predict', f'{name}:test:{recording}', '--force', f'--data-dir={data_dir}',
            f'--workdir={_workdir(out, start, "U-shaped fuser")}',
            f'--out={out / f"predicted-{start}"}',
        ]
        _run(words)
