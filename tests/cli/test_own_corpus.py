"""From a folder of one's own recordings and a table of labels to predictions."""

import json

import pytest

from skeljax.cli import main
from skeljax.data import corpus, synthetic


def test_labels_without_a_class_fail_before_the_first_step(tmp_path, write_own, capsys):
    nothing = ''.join(f'r{n:02},,,\n' for n in range(4))
    write_own(tmp_path / 'raw', 4, labels=f'recording,start,end,label\n{nothing}')
    data = str(tmp_path / 'data')
    prepare = ['prepare', 'folder/mine', '--manual-dir', str(tmp_path / 'raw'), '--data-dir', data]
    assert main.main([*prepare, '--processes', '1']) == 0
    told = 'note: the labels name no class: the corpus is for pretraining only'
    assert told in capsys.readouterr().out
    options = [f'--config.data.data_dir={data}', '--workdir', str(tmp_path / 'run')]
    assert main.main(['finetune', '--config', 'own:mine', *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('skeljax finetune: folder/mine: has no class') and not (
        tmp_path / 'run'
    ).exists()


def test_a_split_without_a_recording_is_told(tmp_path, write_own, capsys):
    write_own(tmp_path / 'raw', 1, labels=None)
    data = str(tmp_path / 'data')
    prepare = ['prepare', 'folder/mine', '--manual-dir', str(tmp_path / 'raw'), '--data-dir', data]
    assert main.main([*prepare, '--processes', '1']) == 0
    shown = capsys.readouterr().out
    assert 'skipped split validation: no recording is in it; splits.csv defines splits' in shown
    assert 'skipped split test: no recording is in it; splits.csv defines splits' in shown


@pytest.mark.slow
@pytest.mark.parametrize('form', ['csv', 'bvh'])
def test_a_folder_goes_all_the_way_to_predictions(tmp_path, write_own, capsys, form):
    write_own(tmp_path / 'raw', 8, formats=(form,))
    data, name = tmp_path / 'data', 'folder/mine'
    arguments = ['--manual-dir', str(tmp_path / 'raw'), '--data-dir', str(data)]
    assert main.main(['prepare', name, *arguments, '--processes', '1']) == 0
    assert corpus.splits(data, name) == ['train', 'validation', 'test']
    stage = [
        f'--config.data.data_dir={data}',
        f'--config.data.corpus={name}',
        '--config.model.base_channels=4',
        '--config.finetune.num_steps=2',
        '--config.finetune.validate_every=1',
        '--config.finetune.window=64',
        '--config.finetune.crop.length=64',
        '--config.finetune.label_fraction=1.0',
    ]
    tuned = ['--workdir', str(tmp_path / 'tuned')]
    assert main.main(['finetune', '--config', 'ui_prmd', '--quiet', *tuned, *stage]) == 0
    assert main.main(['evaluate', *tuned]) == 0
    out = ['--out', str(tmp_path / 'found'), '--min-score', '0']
    raw = tmp_path / 'raw' / f'r00.{form}'
    assert main.main(['predict', str(raw), *tuned, *out]) == 0
    saved = json.loads((tmp_path / 'found' / 'r00.json').read_text())
    assert saved['recording'] == 'r00' and saved['fps'] == pytest.approx(30, abs=1e-3)
    assert {segment['label'] for segment in saved['segments']} <= set(synthetic.CLASSES)
    assert (tmp_path / 'found' / 'r00.png').exists()
    capsys.readouterr()
