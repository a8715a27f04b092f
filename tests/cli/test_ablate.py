"""`skeljax ablate`: what ships resolves; what is run, skipped, left out and told."""

import csv
import json
from pathlib import Path
import sys

import numpy as np
import pytest

from skeljax import localize
from skeljax.cli import ablate, main
import skeljax.configs.ablations
from skeljax.localize import Segments
from skeljax.sweep import definition as sweeps, execute, plan
from skeljax.train import build, run_dir as workdirs
from skeljax.train.frame_loss import FrameLoss
from skeljax.viz import saved_eval, score_tables

SHIPPED = sorted(p.stem for p in Path(skeljax.configs.ablations.__file__).parent.glob('[a-z]*.py'))

# Leaves what the verbs leave: with batch 2 the figures of a run that finds half of all segments.
STAND_IN = """
import pathlib, shutil, sys
verb, words = sys.argv[1], sys.argv[2:]
folder = pathlib.Path(words[words.index('--workdir') + 1])
folder.mkdir(parents=True, exist_ok=True)
with open(folder.parent / 'calls', 'a') as calls:
    calls.write(f'{verb} {folder.name}\\n')
if any('batch_size=3' in word for word in words):
    sys.exit('out of memory')
if verb != 'evaluate':
    (folder / 'checkpoints' / '2').mkdir(parents=True)
    (folder / 'words').write_text(' '.join(words))
else:
    found = 1 if 'finetune.batch_size=2' in (folder / 'words').read_text() else 2
    for ending in ('npz', 'json'):
        figures = pathlib.Path(__file__).parent / f'{found}.{ending}'
        shutil.copy(figures, folder / f'evaluate-test.{ending}')
"""
SWEEP = """
from skeljax.sweep import Sweep, Variant

def get_sweep(arg=''):
    variants = {
        'whole': Variant(),
        'half, pretrained': Variant({'finetune.batch_size': 2}),
        'half, scratch': Variant({'finetune.batch_size': 2}, pretrain=False),
    }
    if arg:
        variants['heavy'] = Variant({'finetune.batch_size': 3})
    steps = {'pretrain.num_steps': 2, 'finetune.num_steps': 2}
    return Sweep('ui_prmd', variants, 'whole', steps, seeds=(0, 1))
"""


def _write_figures(stem, found: int):
    """Writes the evaluation of a run that finds so many of two segments a recording."""
    truth = {name: Segments([0, 20], [10, 30], [0, 0]) for name in 'abcd'}
    segments = {name: some[:found] for name, some in truth.items()}
    scorer = localize.protocol('babel_clean').evaluate
    result = scorer(segments, truth, num_classes=2, tious=(0.1, 0.5))
    compared = saved_eval.SavedSegments(truth, {'babel_clean': segments}, dict.fromkeys(truth, 40))
    saved_eval.write(stem.with_suffix('.npz'), compared)
    figures = score_tables.to_json_dict(result)
    told = {'classes': ['x', 'y'], 'tious': [0.1, 0.5], 'protocols': {'babel_clean': figures}}
    stem.with_suffix('.json').write_text(json.dumps(told))


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the verb on the sweep above with the stand-in: status, output and calls so far."""
    (tmp_path / 'stand_in.py').write_text(STAND_IN)
    (tmp_path / 'mine.py').write_text(SWEEP)
    for found in (1, 2):
        _write_figures(tmp_path / str(found), found)
    stand_in = (sys.executable, '-S', str(tmp_path / 'stand_in.py'))
    monkeypatch.setattr(execute, 'SKELJAX', stand_in)

    def run(*more, arg=''):
        given = ['ablate', f'{tmp_path}/mine.py{arg}', '--workdir', str(tmp_path / 'W')]
        status = main.main([*given, '--jobs', '2', *more])
        calls = tmp_path / 'W' / 'runs' / 'calls'
        verbs = [c.split()[0] for c in calls.read_text().splitlines()] if calls.exists() else []
        return status, capsys.readouterr(), verbs

    return run


def test_the_table_tells_means_differences_and_what_was_drawn(run, tmp_path):
    status, said, verbs = run()
    assert status == 0
    assert [verbs.count(v) for v in ('pretrain', 'finetune', 'evaluate')] == [2, 6, 6]
    text = (tmp_path / 'W' / 'mine-babel_clean.md').read_text()
    lines = [[cell.strip() for cell in line.split('|')[1:-1]] for line in text.splitlines()[2:]]
    assert lines[0] == ['variant', 'against', 'seeds', 'mean', 'difference', 'from', 'to']
    assert lines[2] == ['whole', '', '2', '100.0 ± 0.0', '–', '–', '–']
    half = ['whole', '2', '50.0 ± 0.0', '-50.0 ± 0.0', '-50.0', '-50.0']
    assert lines[3:] == [['half, pretrained', *half], ['half, scratch', *half]]
    assert '1000 bootstrap samples of seeds' in text and 'the 4 test recordings' in text
    with (tmp_path / 'W' / 'mine-babel_clean.csv').open() as file:
        rows = {row['variant']: row for row in csv.DictReader(file)}
    assert rows['half, scratch']['difference'] == '-0.5' and rows['whole']['low'] == ''
    with (tmp_path / 'W' / 'mine-babel_clean-runs.csv').open() as file:
        runs = list(csv.DictReader(file))
    assert [(r['variant'], r['seed']) for r in runs[:3]] == [
        ('whole', '0'), ('whole', '1'), ('half, pretrained', '0')
    ]
    assert (tmp_path / 'W' / 'runs' / runs[0]['run'] / 'evaluate-test.json').exists()
    picture = (tmp_path / 'W' / 'mine-babel_clean.png').read_bytes()
    assert picture.startswith(b'\x89PNG') and '[8/8]' in said.err


def test_only_some_are_run_and_what_is_done_is_skipped(run):
    status, _, verbs = run('--only', '*scratch', 'no*', 'half*')
    assert status == 2 and not verbs  # 'no*' is a slip
    status, said, verbs = run('--only', '*scratch')
    assert status == 0 and verbs.count('finetune') == 2 and 'pretrain' not in verbs
    assert 'half, scratch' in said.out and '50.0' in said.out
    status, said, _ = run('--list')
    listed = said.out.splitlines()
    assert listed[-1] == '8 runs, 2 done, 6 left'
    assert sum(line.startswith('done') for line in listed) == 2
    assert sum('(whole; half, pretrained)' in line for line in listed) == 2
    assert len(run()[2]) - len(verbs) == 2 + 2 * 4  # pretrainings, then twice two verbs
    assert run('--list')[1].out.endswith('8 runs, 8 done, 0 left\n')


def test_a_failed_run_is_told_at_the_end_and_the_table_has_the_rest(run, tmp_path):
    status, said, verbs = run(arg=':more')
    assert status == 1 and verbs.count('evaluate') == 6
    last = said.err.splitlines()[-2:]
    assert all('failed, see' in line and line.endswith(': out of memory') for line in last)
    log = last[0].split('see ')[1].split(':')[0]
    assert Path(log).read_text() == 'out of memory\n'
    (row,) = [line for line in said.out.splitlines() if line.startswith('heavy')]
    assert row.split()[-5:] == ['0', '–', '–', '–', '–']
    assert (tmp_path / 'W' / 'mine-more-babel_clean.md').exists()


def test_a_protocol_that_was_not_measured_is_named(run):
    status, said, _ = run('--only', 'whole', '--protocol', 'argmax_clean')
    assert status == 2 and "evaluate-test.json: no protocol 'argmax_clean'" in said.err


def test_more_seeds_add_their_runs_and_overrides_are_for_all(run):
    *_, before = run('--only', 'whole')
    *_, after = run('--only', 'whole', '--seeds', '0', '1', '2')
    assert after[len(before):] == ['pretrain', 'finetune', 'evaluate']
    *_, wide = run('--only', 'whole', '--config.model.base_channels', '8')
    assert wide[len(after):].count('pretrain') == 2


@pytest.mark.parametrize(
    ('more', 'named'),
    [
        (['--protocol', 'guess'], "unknown protocol 'guess'"),
        (['--jobs', '0'], '--jobs 0'),
        (['--config.model.wide=3'], 'wide'),
        (['--config.pretrain.snippet.match=luck'], 'luck'),
        (['--only', 'nobody'], "'nobody' is no variant, there are: 'whole', 'half, pretrained'"),
    ],
)
def test_bad_input_is_one_line_before_anything_runs(run, more, named):
    status, said, verbs = run(*more)
    assert status == 2 and not verbs
    (line,) = said.err.splitlines()
    assert line.startswith('skeljax ablate: ') and named in line


def test_the_ablations_are_those_that_the_project_promises():
    assert SHIPPED == [
        'augmentation',
        'backbone',
        'corpus',
        'decoding',
        'frame_loss',
        'head',
        'labels',
        'matching',
        'method',
        'mining',
        'negatives',
        'results',
        'snippet_count',
        'snippet_weight',
        'taps',
    ]


@pytest.mark.parametrize('name', SHIPPED)
def test_a_shipped_sweep_resolves_to_sound_configs(name, tmp_path):
    sweep = sweeps.with_seeds(sweeps.load(f'{name}:0.01'), [0])
    made = {}

    def load(text, overrides):
        config = ablate.load(text, overrides)
        made[str(config)] = config
        return config

    runs = plan.make(sweep, tmp_path, load)
    assert len(runs) == len(sweep.variants) > 2
    # What is always there to be compared with is there; other corpora are not compared.
    assert any(sweep.against(n) != n for n in sweep.variants) or name == 'decoding'
    steps = {2, 6, 12} if name == 'decoding' else {2}  # of 250, 600 and 1,200
    assert {run.num_steps for run in runs.values()} == steps
    for config in made.values():
        method = build.method(config, 'uiprmd22')
        build.encoder(config, 'uiprmd22', method)
        build.pretrain_settings(config, method, 'uiprmd22')
        build.localizer(config, 'uiprmd22', 20)
        for stage in ('pretrain', 'finetune'):
            build.make_optimizer(config, stage)


def test_the_options_of_the_loss_are_compared_on_any_config(tmp_path):
    sweep = sweeps.with_seeds(sweeps.load('frame_loss:0.5,own:mine,setting=semi20'), [0])
    runs = plan.make(sweep, tmp_path, ablate.load)
    assert len(runs) == len(sweep.variants) and {r.num_steps for r in runs.values()} == {125}
    configs = {name: ablate.load(run.base, run.overrides) for (name, _), run in runs.items()}
    assert {c.data.corpus for c in configs.values()} == {'folder/mine'}
    assert {c.finetune.label_fraction for c in configs.values()} == {0.2}
    losses = {name: build.frame_loss(config) for name, config in configs.items()}
    assert losses.pop('cross-entropy') == FrameLoss() and FrameLoss() not in losses.values()
    assert len(set(losses.values())) == len(losses)


@pytest.mark.slow
def test_a_sweep_from_beginning_to_end(tiny, tmp_path, capsys, monkeypatch):
    """Real runs: pretrained once, fine-tuned twice, measured, compared, skipped."""
    # As users run it: Optax's Adam mixes floats and integers.
    monkeypatch.setenv('JAX_NUMPY_DTYPE_PROMOTION', 'standard')
    monkeypatch.setenv('JAX_NUM_CPU_DEVICES', '1')
    (tmp_path / 'two.py').write_text(
        'from skeljax.sweep import Sweep, Variant\n\n'
        'def get_sweep(arg=""):\n'
        '    variants = {"U": Variant(), "pyramid": Variant({"finetune.fuser_kind": "pyramid"})}\n'
        '    return Sweep("ui_prmd", variants, "U", seeds=(3,), changes={\n'
        '        "data.corpus": "synthetic/tiny", "data.unlabeled": ("synthetic/tiny",),\n'
        '        "model.base_channels": 4, "pretrain.num_steps": 2, "pretrain.batch_size": 8,\n'
        '        "pretrain.window": 48, "pretrain.crop.length": 32, "pretrain.queue_size": 16,\n'
        '        "pretrain.snippet.match": "random", "finetune.num_steps": 2,\n'
        '        "finetune.window": 64, "finetune.crop.length": 64})\n'
    )
    given = ['ablate', f'{tmp_path}/two.py', '--workdir', str(tmp_path / 'W'), '--jobs', '2']
    given += [f'--config.data.data_dir={tiny}']
    assert main.main(given) == 0
    shown = capsys.readouterr().out
    assert 'pyramid  U' in shown
    folders = sorted(p for p in (tmp_path / 'W' / 'runs').iterdir())
    assert [p.name.split('-')[0] for p in folders] == ['finetune', 'finetune', 'pretrain']
    described = workdirs.read(folders[0])
    assert described['config']['seed'] == 3 and described['command'].startswith('skeljax finetune ')
    figures = json.loads((folders[0] / 'evaluate-test.json').read_text())
    assert np.isfinite(figures['protocols']['babel_clean']['mean'])
    before = sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / 'W' / 'runs').rglob('*'))
    assert main.main(given) == 0
    assert sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / 'W' / 'runs').rglob('*')) == before
