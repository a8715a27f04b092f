"""List runs and their progress.

    skeljax runs
    skeljax runs out/ --json

Lists every run of pretraining, fine-tuning or an ablation in DIR or at any depth below it, by
folder: stage, corpus, model, state and step. For fine-tuning, best is the highest score on the
validation split (of config.finetune.protocol), with its step.

running: a process has locked the log; locks of other machines are visible if the file system
shares them. failed: loss or weights were not finite. stopped: incomplete, neither running nor
failed; the same command resumes the run.

--json prints a list of objects with all fields. A run.json that cannot be read or is of another
program is named on standard error and left out.
"""

from datetime import UTC, datetime
import json
import os
import sys

from skeljax.train import progress
from skeljax.train.progress import Progress

HEADS = ('run', 'stage', 'corpus', 'model', 'state', 'step', 'best', 'changed')
_NUMBERS = ('step', 'best')


def add_arguments(parser):
    parser.add_argument(
        'dir', metavar='DIR', nargs='?', default='.', help='folder to search (default: here)'
    )
    parser.add_argument('--json', action='store_true', help='print JSON')


def run(args) -> int:
    runs, troubles = progress.find(args.dir)
    for trouble in troubles:
        print(f'skeljax runs: left out {trouble}', file=sys.stderr)
    if args.json:
        print(json.dumps([_described(run) for run in runs], indent=1))
    elif runs:
        print(table(runs, args.dir))
    else:
        print(f'{args.dir}: no runs')
    return 0


def table(runs: list[Progress], top='.') -> str:
    """Returns runs as a table, with folders relative to `top`."""
    lines = [HEADS, *(_row(run, top) for run in runs)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    align = [str.rjust if head in _NUMBERS else str.ljust for head in HEADS]
    put = lambda line: (a(c, w) for a, c, w in zip(align, line, widths, strict=True))
    return '\n'.join('  '.join(put(line)).rstrip() for line in lines)


def _row(run: Progress, top) -> tuple[str, ...]:
    best = '–' if run.best is None else f'{run.best:.3f} at {run.best_step}'
    return (
        os.path.relpath(run.folder, top),
        run.stage,
        run.corpus,
        f'{run.backbone}, {run.method}' if run.method else run.backbone,
        run.state,
        f'{run.step} of {run.num_steps}' if run.num_steps else '–',
        best,
        f'{datetime.fromtimestamp(run.changed):%Y-%m-%d %H:%M}',
    )


def _described(run: Progress) -> dict:
    changed = datetime.fromtimestamp(run.changed, UTC).isoformat(timespec='seconds')
    return {**run._asdict(), 'folder': str(run.folder), 'changed': changed}
