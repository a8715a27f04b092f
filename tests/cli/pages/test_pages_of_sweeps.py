"""The sweeps of docs/results.md: planned and compared as they are, their runs by a stand-in."""

import json
import sys

import numpy as np
import pytest

from skeljax import localize
from skeljax.localize import Segments
from skeljax.sweep import execute
from skeljax.viz import saved_eval, score_tables

# Leaves what the verbs leave, the figures those of one made-up evaluation.
STAND_IN = """
import pathlib, shutil, sys
verb, words = sys.argv[1], sys.argv[2:]
folder = pathlib.Path(words[words.index('--workdir') + 1])
here = pathlib.Path(__file__).parent
with open(here / 'calls', 'a') as calls:
    calls.write(f'{verb}\\n')
if verb == 'evaluate':
    for ending in ('npz', 'json'):
        shutil.copy(here / f'figures.{ending}', folder / f'evaluate-test.{ending}')
else:
    steps = [word.partition('num_steps=')[2] for word in words if f'{verb}.num_steps=' in word]
    defaults = {'pretrain': '300', 'finetune': '250'}
    (folder / 'checkpoints' / (steps or [defaults[verb]])[-1]).mkdir(parents=True)
"""


@pytest.fixture
def verbs(here, monkeypatch):
    """Puts the stand-in; returns what was run since the last call."""
    truth = {name: Segments([0, 20], [10, 30], [0, 1]) for name in 'abcd'}
    names = ('babel_clean', 'argmax_clean')
    found = {name: localize.protocol(name).evaluate(truth, truth, num_classes=2) for name in names}
    (here / 'figures.json').write_text(json.dumps({
        'classes': ['x', 'y'], 'tious': [0.1, 0.2, 0.3, 0.4, 0.5],
        'protocols': {name: score_tables.to_json_dict(result) for name, result in found.items()},
    }))
    scored = {name: Segments(s.start, s.end, s.label, np.ones(2)) for name, s in truth.items()}
    saved_eval.write(
        here / 'figures.npz',
        saved_eval.SavedSegments(truth, dict.fromkeys(names, scored), dict.fromkeys(truth, 40)),
    )
    (here / 'stand_in.py').write_text(STAND_IN)
    monkeypatch.setattr(execute, 'SKELJAX', (sys.executable, '-S', str(here / 'stand_in.py')))

    def since() -> list[str]:
        calls = here / 'calls'
        told = calls.read_text().split() if calls.exists() else []
        calls.write_text('')
        return told

    return since


@pytest.mark.documented('docs/results.md', 'skeljax ablate')
def test_sweeps(told, verbs):
    assert '100.0' in told.skeljax(part='matching.py')
    runs = verbs()
    assert runs.count('finetune') == runs.count('evaluate') >= 3 * 3
    told.skeljax(part='--only skeletonclr')
    assert verbs().count('finetune') == 2 * 3
    told.skeljax(part="--only 'gru, scratch'")
    assert verbs().count('finetune') == 2 * 3
    told.skeljax(part="--only '*, 10 %, *'")
    some = verbs().count('finetune')
    told.skeljax(part='out/ablations --protocol')
    assert some > 3 and verbs().count('finetune') > 3
    told.skeljax()
    assert 'finetune' in verbs()  # the other sweep, or what was left
