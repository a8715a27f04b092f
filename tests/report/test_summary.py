import json

import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.report import summary


def _run(folder, name, seed, mean, *, source='', fuser=True, share=0.1):
    stage = {'init_from': str(source), 'fuser': fuser, 'label_fraction': share}
    (folder / name).mkdir(parents=True)
    described = {'config': {'seed': seed, 'finetune': stage}}
    (folder / name / 'run.json').write_text(json.dumps(described))
    figures = {'corpus': 'toy/a', 'protocols': {'babel_clean': {'mean': mean}}}
    (folder / name / 'evaluate-test.json').write_text(json.dumps(figures))


def _pretrained(folder, name, weight):
    (folder / name).mkdir(parents=True)
    config = {'pretrain': {'snippet': {'weight': weight}}}
    (folder / name / 'run.json').write_text(json.dumps({'config': config}))
    return folder / name


def test_seeds_are_averaged_and_starts_named_by_their_run(tmp_path):
    for seed, mean in enumerate((0.5, 0.6, 0.7)):
        _run(tmp_path, f's{seed}', seed, mean)
    video = _pretrained(tmp_path, 'video', 0.0)
    snippet = _pretrained(tmp_path, 'snippet', 1.5)
    _run(tmp_path, 'v', 0, 0.4, source=video)
    _run(tmp_path, 'sn', 0, 0.8, source=snippet, fuser=False)
    found = summary.collect(tmp_path)
    assert found['toy/a', 0.1, 'scratch', 'U-shaped fuser'] == {0: 0.5, 1: 0.6, 2: 0.7}
    text = summary.markdown(found)
    lines = {line.split('|')[2].strip(): line for line in text.splitlines() if '10%' in line}
    deviation = 100 * np.std([0.5, 0.6, 0.7], ddof=1)
    assert f'60.0 ± {deviation:.1f}' in lines['scratch']
    assert '40.0' in lines['video'] and '80.0' in lines['video + snippet']
    assert '**toy/a**, 0 to 3 seeds' in text


def test_nothing_evaluated_is_named(tmp_path, capsys):
    with pytest.raises(InputError, match='no evaluate-test.json'):
        summary.collect(tmp_path)
    assert summary.main([str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_another_protocol_is_named(tmp_path):
    _run(tmp_path, 'a', 0, 0.5)
    with pytest.raises(InputError, match="no protocol 'babel'"):
        summary.collect(tmp_path, protocol='babel')
