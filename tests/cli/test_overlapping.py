"""Segments that overlap, from a table of labels to predictions."""

import json

import numpy as np

from skeljax.cli import main


def test_segments_that_overlap_are_learned_and_found(tmp_path, capsys):
    """Two rules of the pose, each a class; where both hold both classes are found."""
    raw, data, run = (tmp_path / name for name in ('raw', 'data', 'run'))
    raw.mkdir()
    rng = np.random.default_rng(0)
    table = ['recording,start,end,label']
    for index in range(12):
        joints = rng.normal(0, 0.02, (128, 25, 3)).astype(np.float32)
        joints[..., 1] += np.linspace(0, 1, 25)
        start = int(rng.integers(0, 32))
        for label, joint, (begin, end) in (
            ('up', 5, (start, start + 64)),
            ('out', 9, (start + 32, start + 96)),
        ):
            joints[begin:end, joint : joint + 3, 0] += 2.0
            table.append(f'r{index},{begin / 32},{end / 32},{label}')
        np.savez(
            raw / f'r{index}.npz', joints=joints, fps=32.0, layout='ntu25', subject=f's{index}'
        )
    (raw / 'labels.csv').write_text('\n'.join(table) + '\n')
    where = ['--manual-dir', str(raw), '--data-dir', str(data), '--processes', '1']
    assert main.main(['prepare', 'folder/mine', *where]) == 0
    assert '12 labels overlap the one before' in capsys.readouterr().out
    stage = {
        'data.data_dir': data,
        'model.base_channels': 16,
        'finetune.num_steps': 80,
        'finetune.fuser': False,
        'finetune.validate_every': 80,
        'finetune.window': 128,
        'finetune.crop.length': 128,
        'finetune.multi_label': True,
        'finetune.optimizer.peak_lr': 0.01,
        'finetune.batch_size': 8,
    }
    given = [f'--config.{name}={value}' for name, value in stage.items()]
    config = ['--config', 'own.py:mine,backbone=gru', '--workdir', str(run), '--quiet', *given]
    assert main.main(['finetune', *config]) == 0
    assert not (run / 'decoder.json').exists()
    assert main.main(['evaluate', '--workdir', str(run), '--split', 'validation']) == 0
    figures = json.loads((run / 'evaluate-validation.json').read_text())
    assert {'babel_clean', 'framewise'} <= figures['protocols'].keys()
    assert not figures['protocols'].keys() & {'segmentation', 'babel_segments'}
    assert figures['outcome'] is None
    one = ['--protocol', 'segmentation']
    capsys.readouterr()
    assert main.main(['evaluate', '--workdir', str(run), '--split', 'validation', *one]) == 2
    assert 'segmentation: the run scores several classes per frame' in capsys.readouterr().err
    out = tmp_path / 'found'
    assert main.main(['predict', str(raw / 'r0.npz'), '--workdir', str(run), '--out', str(out),
                      '--threshold', '0.5', '--quiet']) == 0
    found = json.loads((out / 'r0.json').read_text())['segments']
    found.sort(key=lambda s: s['score'])
    spans = {s['label']: (s['start_frame'], s['end_frame']) for s in found}
    assert set(spans) == {'up', 'out'}
    both = min(end for _, end in spans.values()) - max(start for start, _ in spans.values())
    assert 16 <= both <= 48  # 32 frames show both
    with np.load(out / 'r0.scores.npz') as scores:
        assert scores['probabilities'].sum(1).max() > 1.5
    assert main.main(['evaluate', '--workdir', str(run), '--fuse', str(run)]) == 2
    assert 'several classes a frame' in capsys.readouterr().err
