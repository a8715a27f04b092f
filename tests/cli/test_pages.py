"""Commands of pages run as they stand there, on what a user would have.

Networks are untrained; all else is as for a user. docs/predicting.md is walked in
test_predicting_page.py, what launch/ does in tests/launch. Not run are commands that want real
corpora, an account, a cluster or hours; test_docs.py sees that they parse.
"""

from pathlib import Path
import re
import shlex
import types

import numpy as np
import pytest
import untrained

from skeljax.cli import main
from skeljax.data.corpus import Corpus

ROOT = Path(__file__).resolve().parents[2]


def commands(page, *told) -> list[list[str]]:
    """Lists the words of the commands of a page that hold one of `told`, which all occur."""
    blocks = re.findall(r'^```bash\n(.*?)^```', (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace('\\\n', ' ').splitlines()]
    for text in told:
        assert any(text in line for line in lines), f'{page} no longer tells {text}'
    chosen = [line for line in lines if 'skeljax ' in line and any(text in line for text in told)]
    return [shlex.split(line[line.index('skeljax'):], comments=True)[1:] for line in chosen]


def walk(page, *told, capsys):
    """Runs these commands; returns how many there were."""
    found = commands(page, *told)
    for words in found:
        assert main.main(words) == 0, capsys.readouterr().err
    return len(found)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tuned(here, tiny):
    """A run in runs/tuned, its model in model/, what it found in a recording in predictions/."""
    corpus = Corpus(tiny, 'synthetic/tiny', 'test')
    untrained.make(here / 'runs' / 'tuned', corpus=corpus, data={'data_dir': str(tiny)})
    assert main.main(['export', 'runs/tuned', '--out', 'model/']) == 0
    name = f'synthetic/tiny:test:{corpus[0].name}'
    given = ['--workdir', 'runs/tuned', '--out', 'predictions', '--min-score', '0', '--decoder', 'argmax']
    assert main.main(['predict', name, *given, '--quiet']) == 0
    (here / 'labels.csv').write_text(f'recording,start,end,label\n{corpus[0].name},1,2,{corpus.classes[0]}\n')
    return here


def test_files_of_segments(tuned, capsys):
    truth = 'recording,start,end,label\na,0,1,sit\na,2,3,walk\n'
    (tuned / 'labels.csv').write_text(truth)
    (tuned / 'found.csv').write_text(truth.replace('label\n', 'label,score\n').replace('sit', 'sit,0.9')
                                     .replace('walk', 'walk,0.8'))
    (tuned / 'labels.json').write_text(
        '{"database": {"a": {"annotations": [{"segment": [0, 1], "label": "sit"}]}}}'
    )
    (tuned / 'found.json').write_text('{"results": {"a": [{"segment": [0, 1], "label": "sit", "score": 1}]}}')
    assert walk('docs/files.md', 'found.json --truth', 'found.csv', '--workdir runs/tuned', capsys=capsys) == 4
    assert (tuned / 'figures.json').is_file()


def test_the_viewer_and_the_list_of_runs(tuned, capsys):
    for words in commands('docs/viewer.md', '--truth labels.csv', '--limit 12'):
        assert main.main([*words, '--force']) == 0, capsys.readouterr().err
    assert (tuned / 'page.html').stat().st_size > 100_000
    assert walk('docs/tracking.md', 'skeljax runs', capsys=capsys) == 1
    assert 'tuned  finetune' in capsys.readouterr().out


@pytest.mark.parametrize('told', ['camera |', 'cat frames.f32 |'])
def test_streams(tuned, capsys, monkeypatch, told):
    (words,) = commands('docs/streaming.md', told)
    bodies = np.random.default_rng(0).uniform(0, 1.7, (60, 17 if 'frames.f32' in told else 25, 3))
    data = (1000 * bodies).astype('<f4').tobytes()
    if 'camera' in told:
        data = '\n'.join(str(body.tolist()) for body in bodies).encode()
    file = tuned / 'frames'
    file.write_bytes(data)
    with file.open('rb') as stream:
        monkeypatch.setattr('sys.stdin', types.SimpleNamespace(fileno=stream.fileno))
        assert main.main(words) == 0, capsys.readouterr().err
