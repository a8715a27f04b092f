"""Makes the golden numbers anew:

    PYTHONPATH=.:tests JAX_PLATFORMS=cpu python -m golden.record numbers

Numbers change only where a change of the library is meant to change them; the commit says which
and why. `keys` writes the list of config keys, and is run only to add new keys.

    PYTHONPATH=.:tests JAX_PLATFORMS=cpu python -m golden.record keys

`stored` wrote the runs and models under stored/ by the code before the redesign. Their value is
that later code did not make them: it refuses to replace them.
"""

import json
import os
from pathlib import Path
import re
import shutil
import sys
import tempfile

import conftest  # noqa: F401  before JAX: as the tests compute
import numpy as np

from tests.golden import adapter, cases

HERE = Path(__file__).resolve().parent
NUMBERS, KEYS, STORED = HERE / 'numbers.json', HERE / 'keys.json', HERE / 'stored'


def _write(path: Path, made: dict):
    """Writes JSON, each list of numbers or words in one line."""
    text = json.dumps(made, indent=1)
    text = re.sub(r'\[[^][{}]*\]', lambda found: ' '.join(found[0].split()), text)
    path.write_text(text.replace('[ ', '[').replace(' ]', ']') + '\n')


def numbers():
    """Writes the numbers of the steps and of the protocols."""
    made = {
        'pretrain': {method: adapter.pretrain(method) for method in cases.METHODS},
        'finetune': {head: adapter.finetune(head) for head in cases.HEADS},
        'protocols': {name: adapter.figures(name) for name in sorted(adapter.protocols())},
        'decoders': {name: adapter.figures('babel_clean', name) for name in cases.DECODERS},
    }
    _write(NUMBERS, made)


def keys():
    """Writes every key of every config with its default; of all but the first, what differs."""
    base = adapter.config(cases.BASE)
    configs = {}
    for source in cases.CONFIGS:
        found = adapter.config(source)
        configs[source] = {
            'changed': {key: v for key, v in found.items() if key not in base or base[key] != v},
            'absent': [key for key in base if key not in found],
        }
    _write(KEYS, {cases.BASE: base, 'differ': configs})


def stored():
    """Writes runs and exported models as archives, and what they give."""
    if STORED.exists():
        raise SystemExit(f'{STORED} is there: made before the redesign, it must stay')
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # so that no path of this machine is in run.json
        kept = Path('stored')
        made = _runs(kept)
        for name, fields in cases.MODELS.items():
            source = f'default:backbone={name}'
            adapter.export_untrained(kept / 'models' / name, source, fields)
        models = {path.name: adapter.load(path) for path in sorted((kept / 'models').iterdir())}
        probabilities = {name: adapter.probabilities(model) for name, model in models.items()}
        made['models'] = {name: adapter.about(model) for name, model in models.items()}
        for part in kept.iterdir():
            shutil.make_archive(str(STORED / part.name), 'zip', part)
    np.savez_compressed(STORED / 'scores.npz', **probabilities)
    _write(STORED / 'expected.json', made)


def _runs(kept: Path) -> dict:
    """Trains, moves to `kept` what is needed, and returns the metrics."""
    adapter.prepare_corpus(Path('raw'), Path('data'))
    run, stopped = Path('pretrain'), kept / 'pretrain'
    whole = adapter.train('pretrain', cases.STOPPED, cases.STOPPED_FIELDS, run)
    shutil.copytree(run / 'checkpoints' / '2', stopped / 'checkpoints' / '2')
    shutil.copy(run / 'run.json', stopped)
    lines = (run / 'metrics.jsonl').read_text().splitlines(keepends=True)
    (stopped / 'metrics.jsonl').write_text(''.join(lines[:2]))
    fields = cases.FROM_STOPPED_FIELDS | {'finetune.init_from': stopped}
    tuned = adapter.train('finetune', cases.STOPPED, fields, Path('from_stopped'))
    run = Path('tuned')
    adapter.train('finetune', cases.TUNED, cases.TUNED_FIELDS, run)
    shutil.copytree(run / 'best', kept / 'tuned' / 'best')
    shutil.copy(run / 'run.json', kept / 'tuned')
    adapter.export(kept / 'models' / 'stgcn', run)
    return {'resumed': whole, 'finetuned': tuned}


if __name__ == '__main__':
    if len(sys.argv) != 2 or sys.argv[1] not in ('numbers', 'keys', 'stored'):
        raise SystemExit(__doc__)
    {'numbers': numbers, 'keys': keys, 'stored': stored}[sys.argv[1]]()
