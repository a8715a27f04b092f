"""`skeljax prepare`: what is made, what is said, and that whole data stays whole."""

import json
from pathlib import Path

import pytest

from skeljax.cli import main
from skeljax.data import builders, preparation
from skeljax.errors import InputError
from skeljax.tfds_builders.synthetic import synthetic_dataset_builder


def _files(folder) -> dict[str, bytes]:
    files = [p for p in Path(folder).rglob('*') if p.is_file()]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_the_report_counts_what_was_made(tmp_path, capsys):
    assert main.main(['prepare', 'synthetic/tiny', '--data-dir', str(tmp_path)]) == 0
    shown = capsys.readouterr()
    saved = json.loads(next(tmp_path.rglob('report.json')).read_text())
    assert saved['name'] == 'synthetic/tiny'
    assert [saved['splits'][s]['recordings'] for s in ('train', 'validation', 'test')] == [8, 2, 4]
    for split in saved['splits'].values():
        assert split['segments'] == sum(split['classes'].values()) > 0
        assert split['minutes'] == pytest.approx(split['frames'] / 30 / 60)
    assert str(saved['splits']['train']['frames']) in shown.out
    assert 'skipped: nothing' in shown.out and 'wave fast' in shown.out
    assert 'recording' in shown.err  # the progress bar
    assert [p.name for p in tmp_path.iterdir()] == ['synthetic']  # nothing left beside


def test_what_is_there_is_kept_and_said(tiny, capsys):
    before = _files(tiny)
    report = preparation.prepare('synthetic/tiny', data_dir=tiny, note=print)
    assert 'already prepared' in capsys.readouterr().out
    assert report['splits']['test']['recordings'] == 4
    assert _files(tiny) == before


def test_a_lost_report_is_counted_again(tmp_path):
    made = preparation.prepare('synthetic/tiny', data_dir=tmp_path)
    next(tmp_path.rglob('report.json')).unlink()
    assert preparation.prepare('synthetic/tiny', data_dir=tmp_path) == made


@pytest.mark.parametrize('failing', ['generating', 'moving'])
def test_a_failure_leaves_the_earlier_version_whole(tmp_path, monkeypatch, failing):
    preparation.prepare('synthetic/tiny', data_dir=tmp_path)
    before = _files(tmp_path)

    def broken(*_, **__):
        raise InputError('broken on purpose')
        yield

    if failing == 'generating':
        builder = synthetic_dataset_builder.Builder
        monkeypatch.setattr(builder, '_generate_examples', broken)
    else:
        whole = Path.rename

        def rename(path, target):
            if '.preparing-' in str(path):
                raise OSError(28, 'No space left on device')
            return whole(path, target)

        monkeypatch.setattr(Path, 'rename', rename)
    with pytest.raises((InputError, OSError)):
        preparation.prepare('synthetic/tiny', data_dir=tmp_path, overwrite=True)
    monkeypatch.undo()
    assert _files(tmp_path) == before


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (['nonsense'], 'nonsense'),
        (['ui_prmd/nonsense', '--manual-dir', '.'], 'ui_prmd/nonsense'),
        (['ui_prmd/composed10'], '--manual-dir'),
        (['ui_prmd/composed10', '--manual-dir', 'MISSING'], 'no such directory'),
        (['ui_prmd/composed10', '--manual-dir', 'EMPTY'], 'empty'),
        (['ui_prmd/composed10', '--manual-dir', 'STRANGE'], 'Segmented Movements'),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_left(tmp_path, capsys, arguments, named):
    (tmp_path / 'EMPTY').mkdir()
    (tmp_path / 'STRANGE').mkdir()
    (tmp_path / 'STRANGE' / 'holiday.jpg').write_bytes(b'')
    arguments = [str(tmp_path / a) if a.isupper() else a for a in arguments]
    status = main.main(['prepare', *arguments, '--data-dir', str(tmp_path / 'data')])
    lines = [line for line in capsys.readouterr().err.splitlines() if 'skeljax prepare:' in line]
    assert status == 2 and len(lines) == 1
    assert named in lines[0]
    assert not [p for p in tmp_path.rglob('*') if '.preparing' in p.name or p.name == 'composed10']


def test_a_corpus_alone_prepares_what_its_files_allow(tmp_path, capsys, monkeypatch):
    every = builders.configs
    offered = lambda corpus: ['ui_prmd/takes', *(c for c in every(corpus) if c.endswith('/tiny'))]
    monkeypatch.setattr(builders, 'configs', offered)
    monkeypatch.setattr(builders, 'check_name', lambda name: None)
    status = main.main(['prepare', 'synthetic', '--data-dir', str(tmp_path)])
    told = capsys.readouterr()
    assert status == 2 and 'synthetic/tiny' in told.out
    assert 'ui_prmd/takes needs --manual-dir' in told.err
    assert '1 of 2 configs prepared' in told.err
    assert (tmp_path / 'synthetic' / 'tiny').is_dir() and not (tmp_path / 'ui_prmd').exists()


def test_a_data_dir_that_cannot_be_made_is_named(tmp_path, capsys):
    (tmp_path / 'file').write_text('')
    status = main.main(['prepare', 'synthetic/tiny', '--data-dir', str(tmp_path / 'file' / 'data')])
    assert status == 2 and 'cannot be made' in capsys.readouterr().err
