"""The demo on the tiny corpus, in a few steps: every stage, the table, the pictures."""

import json

import pytest

from skeljax.cli import demo, main

FEW = [
    '--config.data.corpus=synthetic/tiny',
    '--config.data.unlabeled=("synthetic/tiny",)',
    '--config.model.base_channels=4',
    '--config.pretrain.num_steps=2',
    '--config.pretrain.batch_size=8',
    '--config.pretrain.window=48',
    '--config.pretrain.crop.length=32',
    '--config.pretrain.queue_size=16',
    '--config.finetune.num_steps=2',
    '--config.finetune.validate_every=2',
    '--config.finetune.window=64',
    '--config.finetune.crop.length=64',
]


def test_the_demo_compares_starts_and_heads_and_takes_up_what_is_done(
    tiny, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(demo.CORPORA, 'synthetic', 'synthetic/tiny')
    command = ['demo', '--quiet', '--data-dir', str(tiny), '--out', str(tmp_path), *FEW]
    assert main.main(command) == 0
    out = tmp_path / 'synthetic'
    figures = json.loads((out / 'table.json').read_text())
    assert set(figures) == {
        f'{start} / {head}'
        for start in ('scratch', 'pretrained')
        for head in ('plain head', 'U-shaped fuser')
    }
    shown = capsys.readouterr().out
    for name, run in figures.items():
        assert run['split'] == 'test'
        read, ranked = run['protocols']['segmentation']['figures'], run['protocols']['babel_clean']
        values = [read['F1@50'], read['edit'], ranked['mean'], *ranked['map']]
        row = next(line for line in shown.splitlines() if line.split('  ')[0] == name.split(' /')[0]
                   and name.split('/ ')[1] in line)
        cells = [float(cell) for cell in row.split()[-len(values):]]
        assert cells == pytest.approx([100 * value for value in values], abs=0.051)
    heads = [cell.strip() for cell in (out / 'table.md').read_text().splitlines()[2].split('|')]
    assert heads[1:7] == ['start', 'head', 'F1@50', 'edit', 'mean mAP', 'mAP@0.1']
    for start in ('scratch', 'pretrained'):
        run = json.loads((out / f'{start}-fuser' / 'run.json').read_text())
        source = run['config']['finetune']['init_from']
        assert source == ('' if start == 'scratch' else str(out / 'pretrain'))
    pictures = {str(p.relative_to(out)) for p in out.rglob('*.png')}
    assert {'table.png', 'finetune.png', 'pretrain.png'} < pictures
    assert sum(p.startswith('predicted-') for p in pictures) == 2
    kept = {p: p.stat().st_mtime_ns for p in out.rglob('checkpoints/*/_CHECKPOINT_METADATA')}
    assert len(kept) >= 5
    assert main.main(command) == 0
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert json.loads((out / 'table.json').read_text()) == figures
