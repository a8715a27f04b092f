"""`skeljax report` on runs of the synthetic corpus; what bad input gets."""

import json
import re
import shutil

import numpy as np
import pytest

from skeljax.cli import main

SMALL = [
    '--config',
    'ui_prmd:backbone=gru',
    '--quiet',
    '--config.data.corpus=synthetic/tiny',
    '--config.data.unlabeled=("synthetic/tiny",)',
    '--config.model.base_channels=8',
    '--config.model.gru.num_layers=1',
]
STAGES = {
    'pretrain': [
        '--config.pretrain.num_steps=2',
        '--config.pretrain.batch_size=8',
        '--config.pretrain.window=48',
        '--config.pretrain.crop.length=32',
        '--config.pretrain.queue_size=16',
        '--config.pretrain.log_every=1',
    ],
    'finetune': [
        '--config.finetune.num_steps=2',
        '--config.finetune.validate_every=2',
        '--config.finetune.log_every=1',
        '--config.finetune.window=64',
        '--config.finetune.crop.length=64',
        '--config.finetune.fuser=False',
    ],
}


@pytest.fixture(scope='module')
def runs(tiny, tmp_path_factory):
    """A pretraining run and a fine-tuning run that started from it, and was evaluated."""
    folder = tmp_path_factory.mktemp('runs')
    given = [*SMALL, f'--config.data.data_dir={tiny}']
    start = f'--config.finetune.init_from={folder / "first"}'
    for verb, name, more in (('pretrain', 'first', []), ('finetune', 'tuned', [start])):
        assert main.main([verb, *given, *STAGES[verb], *more, '--workdir', str(folder / name)]) == 0
    assert main.main(['evaluate', '--workdir', str(folder / 'tuned')]) == 0
    return folder


@pytest.fixture(scope='module')
def report(runs, tmp_path_factory):
    """The report of both as a page."""
    out = tmp_path_factory.mktemp('report') / 'r.html'
    assert main.main(['report', str(runs / 'tuned'), str(runs / 'first'), '--out', str(out)]) == 0
    return out


def _refused(capsys, *words) -> str:
    capsys.readouterr()
    assert main.main(['report', *map(str, words)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('skeljax report: ')
    return line


def _moved(runs, folder, name, data_dir):
    """Copies a run, its corpus told to be elsewhere."""
    shutil.copytree(runs / name, folder / name)
    told = json.loads((folder / name / 'run.json').read_text())
    told['config']['data']['data_dir'] = str(data_dir)
    (folder / name / 'run.json').write_text(json.dumps(told))
    return folder / name


def test_a_page_tells_of_both_runs(runs, report):
    text = report.read_text()
    assert re.findall('<h2 class="run" id="[^"]*">(.*?)</h2>', text) == [
        'All runs',
        'tuned',
        'first',
    ]
    # Of the one all, of the other what needs no labels' figures.
    heads = re.findall('<h3>(.*?)</h3>', text)
    assert heads[:8] == [
        'Configuration', 'Metrics of babel_clean', 'Classes', 'Errors', 'Worst and best recordings',
        'Encoder embeddings', 'Curves of pretraining', 'Curves of fine-tuning',
    ]
    assert heads[8:] == ['Configuration', 'Encoder embeddings', 'Curves of pretraining']
    figures = json.loads((runs / 'tuned' / 'evaluate-test.json').read_text())['protocols'][
        'babel_clean'
    ]
    assert f'<dd class="value">{100 * figures["mean"]:.1f} %</dd>' in text
    assert all(f'<tr><td>{n}</td><td class="number">{100 * v:.1f}</td></tr>' in text
               for n, v in figures['figures'].items())
    assert (
        text.count('aria-label="Pretrained: ') == 4 and text.count('aria-label="Fine-tuned: ') == 2
    )


def test_links_lead_to_recordings_that_the_viewer_has(report):
    links = re.findall(r'href="(r_files/[^"#]+)#recording=([^"]+)"', report.read_text())
    assert links and {name for name, _ in links} == {'r_files/recordings-1.html'}
    page = (report.parent / 'r_files' / 'recordings-1.html').read_text()
    shown = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])['recordings']
    assert {one['name'] for one in shown} == {name for _, name in links}
    # The errors are those of the viewer.
    rows = re.findall(
        r'#recording=([^"]+)">[^<]*</a></td><td class="number">([\d.]+)</td>', report.read_text()
    )
    errors = {one['name']: one['error'] for one in shown}
    assert {name: float(told) for name, told in rows} == {
        n: pytest.approx(100 * e, abs=0.06) for n, e in errors.items()
    }


def test_without_the_corpus_what_is_left_is_reported(runs, tmp_path, capsys, report):
    moved = _moved(runs, tmp_path, 'tuned', tmp_path / 'gone')
    out = tmp_path / 'r.md'
    assert main.main(['report', str(moved), '--out', str(out)]) == 0
    assert 'tuned: recordings are left out: ' in capsys.readouterr().err
    text = out.read_text()
    assert (
        '### Encoder embeddings' not in text
        and '### Errors' in text
        and 'recordings.html' not in text
    )
    # The same figures as from the corpus, from the segments that were kept.
    value = lambda head: re.search(rf'{head}</dt><dd class="value">(.*?)</dd>', report.read_text())[
        1
    ]
    for head in ('F1@50', 'edit score', 'segments', 'frame accuracy', 'mean mAP'):
        assert f'| {head} | {value(head)} |' in text
    assert '| segments | of the sequence decoder |' in text
    assert all((tmp_path / name).is_file() for name in re.findall(r'\]\((r_files/[^)]+)\)', text))


def test_figures_that_an_older_version_left_are_judged_as_they_were(runs, tmp_path, capsys):
    """It told no outcome, and `segmentation` was of the runs of the most probable class."""
    moved = _moved(runs, tmp_path, 'tuned', tmp_path / 'gone')
    kept = moved / 'evaluate-test.json'
    told = json.loads(kept.read_text())
    del told['outcome']
    names = [name for name in told['protocols'] if not name.endswith('_segments')]
    told['protocols'] = {name: told['protocols'][name] for name in names}
    kept.write_text(json.dumps(told))
    out = tmp_path / 'r.md'
    assert main.main(['report', str(moved), '--out', str(out)]) == 0
    said = f'{kept} has no segments of the sequence decoder: those of babel_clean are used'
    assert said in capsys.readouterr().err
    text = out.read_text()
    assert '### Errors' in text and '### Metrics of babel\\_clean' in text
    assert (
        '| segments | of the decoder of babel\\_clean, without those that a better one covers'
        in text
    )
    # The name has another meaning now.
    given = ['--protocol', 'segmentation', '--out', str(out), '--force']
    assert main.main(['report', str(moved), *given]) == 0
    assert 'no figures of segmentation for this checkpoint' in capsys.readouterr().err
    assert '### Errors' not in out.read_text()


def test_a_protocol_judges_and_measures_where_it_is_asked_for(runs, tmp_path):
    (runs / 'tuned' / 'decoder.json').stat()  # which fine-tuning left
    out = tmp_path / 'r.md'
    given = ['--protocol', 'pkummd', '--min-score', '0']
    assert main.main(['report', str(runs / 'tuned'), '--out', str(out), *given]) == 0
    text = out.read_text()
    assert '### Metrics of pkummd' in text
    assert (
        '| segments | of the decoder of pkummd, without those that a better one covers by half |'
        in text
    )


def test_a_run_of_an_older_version_has_the_default_decoder_and_says_so_once(runs, tmp_path, capsys):
    folder = shutil.copytree(runs / 'tuned', tmp_path / 'old')
    (folder / 'decoder.json').unlink()
    out = tmp_path / 'r.md'
    assert main.main(['report', str(folder), '--out', str(out)]) == 0
    assert capsys.readouterr().err.count('has no fitted sequence decoder') == 1
    text = out.read_text()
    assert text.count('the run has no fitted sequence decoder') == 1
    assert '| segments | of the sequence decoder |' in text


def test_figures_of_another_state_are_not_told(runs, tmp_path, capsys):
    moved = _moved(runs, tmp_path, 'tuned', tmp_path / 'gone')
    kept = moved / 'evaluate-test.json'
    told = json.loads(kept.read_text())
    told['runs'][0]['step'] = 1
    kept.write_text(json.dumps(told))
    assert main.main(['report', str(moved), '--out', str(tmp_path / 'r.md')]) == 0
    assert 'no figures of babel_clean for this checkpoint' in capsys.readouterr().err
    assert '### Errors' not in (tmp_path / 'r.md').read_text()


def test_a_pretraining_that_is_gone_is_told(runs, tmp_path, capsys):
    moved = _moved(runs, tmp_path, 'tuned', tmp_path / 'gone')
    told = json.loads((moved / 'run.json').read_text())
    told['config']['finetune']['init_from'] = str(tmp_path / 'away')
    (moved / 'run.json').write_text(json.dumps(told))
    assert main.main(['report', str(moved), '--out', str(tmp_path / 'r.md')]) == 0
    assert (
        f'its pretraining run is left out: {tmp_path / "away"}: no run here'
        in capsys.readouterr().err
    )
    text = (tmp_path / 'r.md').read_text()
    assert '### Curves of fine-tuning' in text and '### Curves of pretraining' not in text


def test_what_is_no_run_or_has_no_state_is_refused(runs, tmp_path, capsys):
    out = ['--out', tmp_path / 'r.html']
    (tmp_path / 'empty').mkdir()
    assert 'no run here' in _refused(capsys, tmp_path / 'empty', *out)
    for name, part, told in (
        ('tuned', 'best', 'nothing validated yet'),
        ('first', 'checkpoints', 'no checkpoint yet'),
    ):
        shutil.rmtree(_moved(runs, tmp_path, name, tmp_path) / part)
        assert told in _refused(capsys, runs / 'tuned', tmp_path / name, *out)
    assert not (tmp_path / 'r.html').exists() and not (tmp_path / 'r_files').exists()


def test_nothing_is_replaced_and_no_other_kind_is_written(runs, tmp_path, capsys):
    out = tmp_path / 'r.html'
    out.write_text('mine')
    assert '--force' in _refused(capsys, runs / 'tuned', '--out', out)
    assert out.read_text() == 'mine'
    assert 'found .pdf' in _refused(capsys, runs / 'tuned', '--out', tmp_path / 'r.pdf')


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (['--split', 'night'], "no split 'night'"),
        (['--protocol', 'best'], "unknown protocol 'best'"),
        (['--tiou', '0'], '--tiou 0 is not above 0'),
        (['--recording', 'nobody'], "--recording 'nobody': not in split test"),
        (['--data-dir', 'away'], 'no prepared corpus here'),
    ],
)
def test_what_there_is_not_is_told_in_one_line(runs, tmp_path, capsys, words, told):
    assert told in _refused(capsys, runs / 'tuned', '--out', tmp_path / 'r.md', *words)
    assert not list(tmp_path.iterdir())


def test_a_run_twice_is_a_mistake(runs, tmp_path, capsys):
    again = f'{runs / "tuned"}/../tuned'
    assert 'given twice' in _refused(capsys, runs / 'tuned', again, '--out', tmp_path / 'r.md')


def test_snippets_stand_for_frames_of_their_recording(runs, tiny):
    from skeljax.inference import knn, run_loader
    from skeljax.train import corpora

    ready = run_loader.load(runs / 'tuned')
    corpus = corpora.open_corpus(ready.config, 'synthetic/tiny', 'test', tiny)
    vectors, frames = knn.snippets(ready.model, ready.variables, corpus[0])
    length = len(corpus[0].joints)
    assert len(vectors) == len(frames) == -(-length // 8)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert frames[0] == 0 and frames[-1] == length - 1 and (np.diff(frames) > 0).all()
