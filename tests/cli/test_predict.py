"""Recordings of every kind in, results of every form out; nothing is overwritten unasked."""

import csv
import json
import math
from pathlib import Path
import shutil
from xml.etree import ElementTree

import numpy as np
import pytest

from skeljax import formats, localize
from skeljax.cli import main, sources
from skeljax.localize import SequenceDecoder, decoder_config, exchange
from skeljax.skeletons import skeleton
from skeljax.viz.viewer import predictions
from tests import untrained


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return untrained.make(tmp_path_factory.mktemp('runs') / 'tuned')


def clip(path, frames=90, seed=0):
    """Writes joints of somebody who sways, at a rate and in a layout that the file tells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pose = np.random.default_rng(seed).uniform(0, 1.7, (1, 1, 25, 3))
    sway = 0.3 * np.sin(np.arange(frames) / 5)[:, None, None, None]
    joints = (pose + sway).astype(np.float32)
    np.savez(path, joints=joints, fps=30.0, layout='ntu25')
    return path


def predict(run, *words, out) -> int:
    words = [str(word) for word in words]
    given = ['--workdir', str(run), '--out', str(out), '--min-score', '0', '--decoder', 'argmax']
    return main.main(['predict', *words, *given, '--quiet'])


def said(capsys) -> list[str]:
    """The lines of errors; there is never a traceback."""
    err = capsys.readouterr().err
    assert 'Traceback' not in err
    return [line for line in err.splitlines() if line.startswith('skeljax predict: ')]


def test_folders_and_files_in_every_form(run, tmp_path, capsys):
    raw = tmp_path / 'raw'
    clip(raw / 'monday' / 'a.npz'), clip(raw / 'tuesday' / 'a.npz', 300, seed=1)
    (raw / 'tuesday' / 'holiday.jpg').write_bytes(b'')
    other = clip(tmp_path / 'b.npz', seed=2)
    out, forms = tmp_path / 'out', []
    for form in ('json', 'activitynet', 'csv', 'eaf', 'vtt', 'png'):
        forms += ['--format', form]
    assert predict(run, raw, other, raw / 'monday' / 'a.npz', *forms, out=out) == 0
    shown = capsys.readouterr()
    assert 'left out 1 files of no known format, e.g. tuesday/holiday.jpg' in shown.err
    names = ['monday/a', 'tuesday/a', 'b']
    assert 'segments in 3 recordings' in shown.out
    kinds = ('.json', '.scores.npz', '.eaf', '.vtt', '.png')
    expected = {f'{name}{kind}' for name in names for kind in kinds}
    expected |= {'activitynet.json', 'segments.csv'}
    written = {p.relative_to(out).as_posix() for p in out.rglob('*') if p.is_file()}
    assert written == expected
    # All forms tell the same: what the decoder finds in the scores.
    read = [exchange.read(out / 'activitynet.json'), exchange.read(out / 'segments.csv', fps=30)]
    read.append(exchange.read(out))
    for name in names:
        told = json.loads((out / f'{name}.json').read_text())
        with np.load(out / f'{name}.scores.npz') as stored:
            scores = stored['probabilities']
        found = localize.argmax_runs(scores)
        assert told['recording'] == name and told['frames'] == len(scores) and len(found)
        assert [s['start_frame'] for s in told['segments']] == found.start.tolist()
        for some in read:
            of = some.segments[name]
            assert of.start.tolist() == found.start.tolist()
            assert of.end.tolist() == found.end.tolist()
            assert [some.classes[i] for i in of.label] == [told['classes'][i] for i in found.label]
        values = ElementTree.parse(out / f'{name}.eaf').iter('ANNOTATION_VALUE')
        assert [v.text for v in values] == [s['label'] for s in told['segments']]
        assert (out / f'{name}.vtt').read_text().count(' --> ') == len(found)
    shown = predictions.read([out])
    assert sorted(p.name for p in shown) == sorted(names)
    for one in shown:  # from where it was, and from a folder to which all was moved
        for folder in (None, raw if '/' in one.name else tmp_path):
            recording, _ = predictions.recording(one, one.classes, folder=folder)
            assert len(recording.joints) == one.frames


def test_segments_are_exclusive_and_a_missing_decoder_is_told_once(run, tmp_path, capsys):
    clip(tmp_path / 'raw' / 'a.npz'), clip(tmp_path / 'raw' / 'b.npz', 200, seed=1)
    given = ['predict', str(tmp_path / 'raw'), '--quiet']
    for name in ('plain', 'fitted'):
        folder, out = shutil.copytree(run, tmp_path / name), tmp_path / f'{name}-out'
        if name == 'fitted':
            # Of scores as even as these: many short segments.
            decoder = SequenceDecoder(
                log_mean=(math.log(0.5),) * 4, log_std=(0.5,) * 4, weight=8.0, penalty=-5.0, gap=0.1
            )
            told = {
                'step': 7,
                'decoding': decoder_config.to_json_dict(decoder_config.from_sequence(decoder)),
            }
            (folder / 'decoder.json').write_text(json.dumps(told))
        assert main.main([*given, '--workdir', str(folder), '--out', str(out)]) == 0
        lines = [line for line in capsys.readouterr().err.splitlines() if 'decoder' in line]
        expected = f'skeljax: {folder}: has no fitted sequence decoder: segments are decoded with'
        assert [line.startswith(expected) for line in lines] == [True] * (name == 'plain')
    for name in 'ab':
        found = json.loads((out / f'{name}.json').read_text())['segments']
        with np.load(out / f'{name}.scores.npz') as stored:
            expected = decoder(stored['probabilities'])
        assert [s['start_frame'] for s in found] == expected.start.tolist() and len(found) > 1
        assert all(a['end_frame'] <= b['start_frame'] for a, b in zip(found, found[1:]))
        assert [s['score'] for s in found] == pytest.approx(expected.score.tolist(), abs=1e-4)
    (folder / 'decoder.json').write_text('{"decoding": {}}')
    assert main.main([*given, '--workdir', str(folder), '--out', str(out)]) == 2
    (line,) = said(capsys)
    assert f'{folder / "decoder.json"}: decoding: expected ' in line


def test_what_cannot_be_read_is_told_and_the_others_go_on(run, tmp_path, capsys):
    raw = tmp_path / 'raw'
    clip(raw / 'a.npz'), clip(raw / 'c.npz')
    (raw / 'b.bvh').write_text('HIERARCHY\n')
    np.save(raw / 'd.npy', np.ones((20, 25, 3), np.float32))
    assert predict(run, raw, tmp_path / 'gone.bvh', '--format', 'csv', out=tmp_path / 'out') == 2
    errors = said(capsys)
    assert len(errors) == 3 and 'b.bvh' in errors[0] and 'gone.bvh: no such file' in errors[2]
    assert errors[1].endswith('d.npy: no frame rate, expected --fps')
    with (tmp_path / 'out' / 'segments.csv').open() as file:
        assert {row['recording'] for row in csv.DictReader(file)} == {'a', 'c'}
    options = ['--fps', '30', '--layout', 'ntu25']
    assert predict(run, raw / 'd.npy', *options, out=tmp_path / 'out') == 0


def test_recordings_of_one_name_get_longer_ones(tmp_path):
    files = [clip(tmp_path / p) for p in ('x/one/a.npz', 'x/two/a.npz', 'y/two/a.npz', 'y/b.npz')]
    (tmp_path / 'y' / 'b.bvh').write_text('')
    given = [*map(str, files), str(tmp_path / 'y' / 'b.bvh'), 'c/d:test:b', str(files[0])]
    found = sources.find(given, tmp_path / 'out')
    assert [s.name for s in found] == ['one/a', 'x/two/a', 'y/two/a', 'b.npz', 'b.bvh', 'b']
    folders = [str(tmp_path / 'x' / 'one'), str(tmp_path / 'x' / 'two')]
    assert [s.name for s in sources.find(folders, tmp_path)] == ['one/a', 'two/a']


def test_results_of_another_recording_stay_unless_forced(run, tmp_path, capsys):
    one, two = clip(tmp_path / 'x' / 'a.npz'), clip(tmp_path / 'y' / 'a.npz', 60)
    out = tmp_path / 'out'
    assert predict(run, one, '--format', 'json', out=out) == 0
    before = (out / 'a.json').read_text()
    assert predict(run, two, '--format', 'json', out=out) == 2
    (line,) = said(capsys)
    assert f'{out}/a.json: exists, and is of another recording, {one}' in line
    assert '--force' in line and (out / 'a.json').read_text() == before
    assert predict(run, one, '--format', 'json', out=out) == 0  # the same again
    assert predict(run, two, '--format', 'json', '--force', out=out) == 0
    assert json.loads((out / 'a.json').read_text())['frames'] == 60
    # What people edit, and tables, are never replaced unasked.
    for form, file in (('eaf', 'a.eaf'), ('csv', 'segments.csv')):
        assert predict(run, two, '--format', form, out=out) == 0
        assert predict(run, two, '--format', form, out=out) == 2
        assert said(capsys) == [
            f'skeljax predict: {out}/{file}: exists; choose another folder by --out, or --force'
        ]
        assert predict(run, two, '--format', form, '--force', out=out) == 0


def test_the_folder_of_results_is_no_file(run, tmp_path, capsys):
    file = clip(tmp_path / 'a.npz')
    assert predict(run, file, out=file) == 2
    (line,) = said(capsys)
    assert line.endswith(f'{file}: is a file, expected a folder for the results')


def test_results_never_lie_among_or_on_recordings(run, tmp_path, capsys):
    raw = tmp_path / 'raw'
    clip(raw / 'a.npz')
    assert predict(run, raw, out=raw) == 2
    assert 'the results would lie among the recordings' in said(capsys)[0]
    assert predict(run, raw, '--format', 'json', out=raw / 'found') == 0
    # Its own results are not taken for recordings.
    assert predict(run, raw, '--format', 'json', out=raw / 'found') == 0
    assert sorted(p.name for p in raw.rglob('*.json')) == ['a.json']
    scores = clip(tmp_path / 's' / 'b.scores.npz').rename(tmp_path / 's' / 'b.npz')
    again = clip(tmp_path / 's' / 'b.scores.npz')
    given = [scores, again, '--format', 'scores', '--force']
    assert predict(run, *given, out=tmp_path / 's') == 2
    assert f'{again}: the results would replace it' in said(capsys)[0]


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--threshold', '0.3'], 'decoder argmax has no threshold'),
        (['--protocol', 'guess'], "unknown protocol 'guess'"),
        (['--min-score', 'nan'], '--min-score is nan'),
    ],
)
def test_bad_options_are_one_line(run, tmp_path, capsys, words, message):
    file = clip(tmp_path / 'a.npz')
    given = ['--workdir', str(run), '--out', str(tmp_path / 'out'), '--decoder', 'argmax']
    assert main.main(['predict', str(file), *given, *words]) == 2
    (line,) = said(capsys)
    assert message in line and not (tmp_path / 'out').exists()


def test_what_a_reader_guessed_is_told(run, tmp_path, capsys):
    with np.load(clip(tmp_path / 'a.npz')) as stored:
        np.save(tmp_path / 'a.npy', stored['joints'][:, 0].transpose(2, 0, 1))
    options = ['--fps', '30', '--layout', 'ntu25', '--up', 'y', '--unit', 'm']
    assert predict(run, tmp_path / 'a.npy', *options, out=tmp_path / 'out') == 0
    told = capsys.readouterr().err
    assert 'a.npy: joints are (3, 90, 25): read as coordinates, frames, joints' in told


def test_a_layout_that_cannot_be_mapped_is_told(run, tmp_path, capsys):
    layout = skeleton.describe(skeleton.infer('pair', ['p', 'q'], [-1, 0]))
    file = tmp_path / 'a.npz'
    np.savez(file, joints=np.ones((20, 1, 2, 3), np.float32), fps=30.0, layout=layout)
    assert predict(run, file, out=tmp_path / 'out') == 2
    (line,) = said(capsys)
    assert 'layout pair cannot be mapped to ntu25: 0 joints in common' in line


def test_recordings_of_different_rates_have_their_times_in_one_table(run, tmp_path):
    raw = tmp_path / 'raw'
    clip(raw / 'a.npz')
    with np.load(raw / 'a.npz') as stored:
        np.savez(raw / 'b.npz', **{**stored, 'fps': 25.0})
    out = tmp_path / 'out'
    assert predict(run, raw, '--format', 'csv', '--format', 'json', out=out) == 0
    with (out / 'segments.csv').open() as file:
        rows = list(csv.DictReader(file))
    for name in 'ab':
        told = json.loads((out / f'{name}.json').read_text())['segments']
        ends = [float(row['end']) for row in rows if row['recording'] == name]
        assert ends == pytest.approx([segment['end_seconds'] for segment in told])


def test_a_real_bvh(run, real_data, tmp_path, capsys):
    file = next(real_data.rglob('*.bvh'), None)
    if file is None:
        pytest.skip('no BVH among the real data')
    forms = ['--format', 'json', '--format', 'eaf']
    assert predict(run, file, *forms, out=tmp_path) == 0
    assert 'to ntu25; ' in capsys.readouterr().err
    told = json.loads((tmp_path / f'{formats.stem(file)}.json').read_text())
    motion = formats.read(file)
    assert (told['frames'], told['fps']) == (len(motion.joints), motion.fps)
    assert Path(tmp_path / told['source']['file']).resolve() == file.resolve()
