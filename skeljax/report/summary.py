"""Gathers the evaluations of many runs into one table: mean and deviation over seeds.

    python -m skeljax.report.summary out/results --protocol babel_clean
"""

import argparse
import collections
import json
from pathlib import Path
import sys

import numpy as np

from skeljax.errors import InputError
from skeljax.report import table

HEADS = {'': 'plain head', 'u': 'U-shaped fuser', 'pyramid': 'feature pyramid'}


def collect(folder, *, split: str = 'test', protocol: str = 'babel_clean') -> dict:
    """Reads the mean mAP of every evaluated fine-tuning run below a folder.

    Returns:
        (corpus, label share, start, head) -> {seed: mean mAP as a share of 1};
        start is 'scratch', 'video' or 'video + snippet'.

    Raises:
        InputError: nothing evaluated there, or not by this protocol.
    """
    found = collections.defaultdict(dict)
    for path in sorted(Path(folder).rglob(f'evaluate-{split}.json')):
        config = json.loads((path.parent / 'run.json').read_text())['config']
        figures = json.loads(path.read_text())
        if protocol not in figures['protocols']:
            raise InputError(f'{path}: no protocol {protocol!r}')
        stage = config['finetune']
        start = _start(stage['init_from'])
        head = HEADS[stage.get('fuser_kind', 'u') if stage['fuser'] else '']
        key = figures['corpus'], stage['label_fraction'], start, head
        found[key][config['seed']] = figures['protocols'][protocol]['mean']
    if not found:
        raise InputError(f'{folder}: no evaluate-{split}.json below')
    return dict(found)


def markdown(found: dict) -> str:
    """Lays out what `collect` found, one table a corpus; deviation is that of a sample."""
    parts, heads = [], [head for head in HEADS.values() if any(key[3] == head for key in found)]
    for corpus in sorted({key[0] for key in found}):
        rows = sorted({key[1:3] for key in found if key[0] == corpus})
        cells = [[found.get((corpus, *row, head), {}) for head in heads] for row in rows]
        seeds = [len(cell) for line in cells for cell in line]
        means = [[np.mean([*c.values()]) if c else np.nan for c in line] for line in cells]
        spread = [
            [np.std([*c.values()], ddof=1) if len(c) > 1 else np.nan for c in line] for line in cells
        ]
        names = [(f'{share:.0%}', start) for share, start in rows]
        shown = table.markdown(
            names,
            heads,
            means,
            deviations=spread,
            corner=('labels', 'start'),
            scale=100.0,
        )
        parts.append(f'**{corpus}**, {min(seeds)} to {max(seeds)} seeds\n\n{shown}')
    return '\n\n'.join(parts)


def _start(source: str) -> str:
    """Names what an encoder learnt before, from the run that it came from."""
    if not source:
        return 'scratch'
    config = json.loads((Path(source) / 'run.json').read_text())['config']
    return 'video + snippet' if config['pretrain']['snippet']['weight'] else 'video'


def main(argv=None) -> int:
    """Prints the tables of a folder of runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder')
    parser.add_argument('--protocol', default='babel_clean')
    args = parser.parse_args(argv)
    try:
        print(markdown(collect(args.folder, protocol=args.protocol)))
    except InputError as error:
        print(f'summary: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
