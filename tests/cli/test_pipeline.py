"""The whole job through the command line, in small; what bad input gets on the way."""

import dataclasses
import json
import re
import shutil
import sys

import jax
import numpy as np
import pytest

from skeljax import formats, localize
from skeljax.cli import main
from skeljax.data import normalize, records
from skeljax.inference import adapt, evaluation, run_loader, scoring
from skeljax.train import checkpoint, run_dir as workdirs

SMALL = [
    '--config', 'ui_prmd', '--quiet', '--config.data.corpus=synthetic/tiny',
    '--config.data.unlabeled=("synthetic/tiny",)', '--config.model.base_channels=4',
]
PRETRAIN = [
    '--config.pretrain.num_steps=3',
    '--config.pretrain.batch_size=8',
    '--config.pretrain.window=48',
    '--config.pretrain.crop.length=32',
    '--config.pretrain.queue_size=16',
]
FINETUNE = [
    '--config.finetune.num_steps=4', '--config.finetune.validate_every=2',
    '--config.finetune.window=64', '--config.finetune.crop.length=64',
    '--config.finetune.label_fraction=0.5',
]


def _run(verb, workdir, tiny, *more) -> int:
    stage = PRETRAIN if verb == 'pretrain' else FINETUNE
    given = ['--workdir', str(workdir), f'--config.data.data_dir={tiny}']
    return main.main([verb, *SMALL, *stage, *given, *more])


@pytest.fixture(scope='module')
def runs(tiny, tmp_path_factory):
    """A pretraining run and a fine-tuning run that started from it."""
    folder = tmp_path_factory.mktemp('runs')
    assert _run('pretrain', folder / 'pretrain', tiny) == 0
    source = f'--config.finetune.init_from={folder / "pretrain"}'
    frozen = '--config.finetune.backbone_lr_scale=0.0'
    assert _run('finetune', folder / 'tuned', tiny, source, frozen) == 0
    return folder


def _one_line(capsys, verb) -> str:
    lines = capsys.readouterr().err.splitlines()
    said = [line for line in lines if line.startswith(f'skeljax {verb}: ')]
    assert len(said) == 1 and not any('Traceback' in line for line in lines), lines
    return said[0]


def _parameters(folder, item, *path) -> dict:
    with checkpoint.manager(folder) as mngr:
        found = mngr.restore(mngr.latest_step())[item]
    for name in (*path, 'params'):
        found = found[name]
    return found


def test_both_stages_leave_metrics_and_a_described_run(runs):
    for name, stage, last in (('pretrain', 'pretrain', 3), ('tuned', 'finetune', 4)):
        run = workdirs.read(runs / name)
        assert run['stage'] == stage and run['corpus']['name'] == 'synthetic/tiny'
        lines = (runs / name / 'metrics.jsonl').read_text().splitlines()
        metrics = [json.loads(line) for line in lines]
        assert metrics[-1]['step'] == last
        assert all(np.isfinite(line['loss']) for line in metrics if 'loss' in line)
        assert list((runs / name).glob('events.out.tfevents*'))
    assert any('validation/selection' in line for line in metrics)


def test_the_encoder_is_taken_from_the_pretraining(runs):
    """At a learning rate of 0 it ends as it began: at the pretraining's last parameters."""
    source = _parameters(runs / 'pretrain' / 'checkpoints', 'backbone', 'joint')
    tuned = _parameters(runs / 'tuned' / 'checkpoints', 'backbone')
    jax.tree.map(np.testing.assert_array_equal, tuned, source)


def test_evaluate_prints_and_saves_the_table(runs, capsys):
    assert main.main(['evaluate', '--workdir', str(runs / 'tuned')]) == 0
    shown = capsys.readouterr().out
    saved = json.loads((runs / 'tuned' / 'evaluate-test.json').read_text())
    assert saved['tious'] == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert set(saved['protocols']) == set(localize.PROTOCOLS)
    written = (runs / 'tuned' / 'evaluate-test.md').read_text()
    for name, figures in saved['protocols'].items():
        assert f'| {name} ' in written and re.search(rf'^{name} ', shown, re.MULTILINE)
        assert all(f' {figure}' in shown for figure in figures['figures'])
        values = figures['map'] or list(figures['figures'].values())
        values = [figures['figures']['top-1']] if name == 'recognition' else values
        assert figures['mean'] == pytest.approx(np.mean(values))
        assert 0 <= figures['mean'] <= 1
    assert saved['protocols']['babel']['tious'] == saved['tious']
    assert saved['protocols']['thumos']['tious'] == [0.3, 0.4, 0.5, 0.6, 0.7]


def test_evaluate_takes_another_decoder_and_tells_of_no_segments(runs, capsys, monkeypatch):
    arguments = ['evaluate', '--workdir', str(runs / 'tuned'), '--protocol', 'pkummd']
    assert main.main([*arguments, '--decoder', 'argmax']) == 0
    saved = json.loads((runs / 'tuned' / 'evaluate-test-argmax.json').read_text())
    assert saved['decoder'] == 'argmax' and list(saved['protocols']) == ['pkummd']
    scores = evaluation.scored([runs / 'tuned']).probabilities
    found = sum(len(localize.argmax_runs(p)) for p in scores.values())
    assert saved['protocols']['pkummd']['num_predicted'] == found
    assert 'no segment' not in capsys.readouterr().err
    nothing = localize.Segments([], [], [])
    monkeypatch.setitem(localize.DECODERS, 'argmax', lambda _: nothing)
    assert main.main([*arguments, '--decoder', 'argmax']) == 0
    assert capsys.readouterr().err == 'no segment was found under pkummd\n'


def test_streams_are_trained_apart_and_fused_when_evaluated(runs, tiny, tmp_path, capsys):
    """With all weight on one run the fused figures are its own; together their logits add up."""
    motion = '--config.finetune.stream=motion'
    assert _run('finetune', tmp_path / 'motion', tiny, motion) == 0
    both = [str(runs / 'tuned'), str(tmp_path / 'motion')]
    alone = [evaluation.evaluate([folder])['protocols'] for folder in both]
    for number, weights in enumerate(([1.0, 0.0], [0.0, 1.0])):
        fused = evaluation.evaluate(both, weights=weights)['protocols']
        if number == 0:  # but for rounding, which orders frames of almost equal scores
            frames = [found.pop('framewise')['mean'] for found in (fused, dict(alone[0]))]
            assert frames[0] == pytest.approx(frames[1], abs=1e-4)
            assert fused == {k: v for k, v in alone[0].items() if k != 'framewise'}
        np.testing.assert_array_equal(
            fused['argmax_clean']['ap'], alone[number]['argmax_clean']['ap']
        )
    capsys.readouterr()
    assert main.main(['evaluate', '--workdir', both[0], '--fuse', both[1]]) == 0
    assert f'fused with {both[1]}' in capsys.readouterr().out
    saved = json.loads((runs / 'tuned' / 'evaluate-test-joint-motion.json').read_text())
    assert [(run['stream'], run['weight']) for run in saved['runs']] == [
        ('joint', 0.6),
        ('motion', 0.4),
    ]
    (corpus, first, *_), (_, second, *_) = (evaluation.scored([folder]) for folder in both)
    expected = {}
    for name, scores in first.items():
        mixed = scores.astype(float) ** 0.6 * second[name].astype(float) ** 0.4
        expected[name] = localize.protocol('argmax_clean').decode(
            mixed / mixed.sum(-1, keepdims=True)
        )
    result = localize.protocol('argmax_clean').evaluate(
        expected,
        scoring.truth(corpus),
        num_classes=len(corpus.classes),
        tious=tuple(saved['tious']),
    )
    np.testing.assert_allclose(saved['protocols']['argmax_clean']['map'], result.map, atol=1e-6)


def test_an_encoder_of_another_stream_is_no_start(runs, tiny, tmp_path, capsys):
    source = f'--config.finetune.init_from={runs / "pretrain"}'
    assert _run('finetune', tmp_path / 'bone', tiny, source, '--config.finetune.stream=bone') == 2
    assert 'pretrained on stream joint, not bone' in _one_line(capsys, 'finetune')
    assert not (tmp_path / 'bone').exists()


def test_predict_writes_segments_in_seconds_and_frames_and_a_picture(runs, tmp_path):
    name = 'test_p00_r0'
    arguments = ['--workdir', str(runs / 'tuned'), '--out', str(tmp_path), '--min-score', '0']
    assert main.main(['predict', f'synthetic/tiny:test:{name}', *arguments]) == 0
    saved = json.loads((tmp_path / f'{name}.json').read_text())
    assert saved['recording'] == name and saved['fps'] == 30
    assert saved['seconds'] == pytest.approx(saved['frames'] / 30)
    for segment in saved['segments']:
        start, end = segment['start_frame'], segment['end_frame']
        assert 0 <= start < end <= saved['frames']
        seconds = [segment['start_seconds'], segment['end_seconds']]
        assert seconds == pytest.approx([start / 30, end / 30], abs=1e-5)
    assert (tmp_path / f'{name}.png').read_bytes().startswith(b'\x89PNG')
    with np.load(tmp_path / saved['scores']) as scores:
        assert scores['probabilities'].shape == (saved['frames'], len(saved['classes']) + 1)
        np.testing.assert_allclose(scores['probabilities'].sum(1), 1, rtol=1e-5)
        assert scores['classes'].tolist() == saved['classes']


def _kinect_file(folder):
    """Writes a UI-PRMD repetition of somebody who stands, and its angles."""
    offsets = np.zeros((22, 3))
    arm, leg = [-2, -5, -30, -25], [-5, -40, -40, -5]
    offsets[:, 1] = [90, 30, 20, 5, 10, 15, *arm, *arm, *leg, *leg]
    offsets[[7, 11, 14, 18], 0] = [18, -18, 9, -9]
    for kind, row in (('positions', offsets), ('angles', np.zeros((22, 3)))):
        line = ','.join(map(str, row.ravel()))
        (folder / f'm01_s01_e01_{kind}.txt').write_text(f'{line}\n' * 80)
    return folder / 'm01_s01_e01_positions.txt'


def test_predict_never_replaces_the_recording(runs, tmp_path, capsys):
    file = tmp_path / 'walk.json'
    points = np.random.default_rng(0).normal(size=(60, 33, 3)).round(3).tolist()
    frames = [{'poseWorldLandmarks': [dict(zip('xyz', p, strict=True)) for p in f]} for f in points]
    file.write_text(json.dumps({'fps': 30, 'frames': frames}))
    before = file.read_bytes()
    arguments = ['--workdir', str(runs / 'tuned'), '--out', str(tmp_path)]
    assert main.main(['predict', str(file), *arguments]) == 2
    assert f'{file}: the results would replace it' in capsys.readouterr().err
    assert file.read_bytes() == before


def test_predict_maps_another_layout_and_says_what_it_guessed(runs, tmp_path, capsys):
    file = _kinect_file(tmp_path)
    arguments = ['--workdir', str(runs / 'tuned'), '--out', str(tmp_path), '--min-score', '0']
    assert main.main(['predict', str(file), *arguments]) == 0
    (told,) = capsys.readouterr().err.splitlines()
    assert told == (
        'm01_s01_e01: mapped from uiprmd22 to ntu25; '
        'guessed HandLeft, HandRight, HandTipLeft, ThumbLeft, HandTipRight, ThumbRight'
    )
    assert json.loads((tmp_path / 'm01_s01_e01.json').read_text())['frames'] == 80


def test_a_file_of_another_rate_has_its_scores_in_its_own_frames(runs, tmp_path):
    """At twice the rate, each moment scores as it does at the run's own."""
    ready = run_loader.load(runs / 'tuned')
    motion = dataclasses.replace(formats.read(_kinect_file(tmp_path)), fps=60.0)
    fast = records.from_motion(motion, name='clip')
    said = []
    made = adapt.convert(fast, ready.layout, ready.fps, said.append)
    assert (made.fps, len(made.joints)) == (30.0, 40)
    assert said[1:] == ['clip: resampled from 60 to 30 frames per second']
    scores = adapt.frame_scores(ready, fast)
    slow = scoring.probabilities(
        ready.model, ready.variables, normalize.compose(('center', 'align', 'size'))(made)
    )
    assert scores.shape == (80, 9)
    np.testing.assert_array_equal(scores[::2], slow)


def _page(path) -> dict:
    """Reads the data of a page."""
    mark = '<script type="application/json" id="data">'
    return json.loads(path.read_text().partition(mark)[2].partition('</script>')[0])


def test_view_shows_predictions_of_files_and_of_a_corpus(runs, tmp_path, monkeypatch, capsys):
    file = _kinect_file(tmp_path)
    out = tmp_path / 'predictions'
    given = ['--workdir', str(runs / 'tuned'), '--out', str(out), '--min-score', '0']
    for source in (str(file), 'synthetic/tiny:test:test_p00_r0'):
        assert main.main(['predict', source, *given]) == 0
    monkeypatch.chdir(tmp_path.parent)  # where the recordings are does not depend on it
    page = tmp_path / 'page.html'
    assert main.main(['view', str(out), '--out', str(page)]) == 0
    assert '2 recordings in ' in capsys.readouterr().out
    labeled, bare = _page(page)['recordings']
    assert (labeled['name'], bare['name']) == ('test_p00_r0', 'm01_s01_e01')
    assert labeled['truth'] and labeled['error'] is not None and bare['truth'] is None
    assert bare['frames'] == 80 and bare['body']['layout'] == 'uiprmd22'
    assert bare['arrays'] == ['joints', 'states', 'scores']
    assert main.main(['view', str(out), '--out', str(page)]) == 2
    assert f'{page}: exists' in _one_line(capsys, 'view')
    labels = tmp_path / 'g.csv'
    first = _page(page)['classes'][0]
    labels.write_text(f'recording,start,end,label\nm01_s01_e01,0,1,{first}\n')
    assert main.main(['view', str(out), '--truth', str(labels), '--out', str(page), '--force']) == 0
    assert all(shown['truth'] for shown in _page(page)['recordings'])
    file.unlink()
    assert main.main(['view', str(out), '--out', str(tmp_path / 'b.html')]) == 2
    assert 'its recording' in (said := _one_line(capsys, 'view')) and 'is missing' in said
    assert not (tmp_path / 'b.html').exists()


def test_view_shows_the_worst_recordings_of_a_run(runs, tmp_path, capsys):
    given = ['view', '--workdir', str(runs / 'tuned'), '--min-score', '0']
    errors = []
    for limit, name in (('99', 'all.html'), ('1', 'worst.html')):
        page = tmp_path / name
        assert main.main([*given, '--limit', limit, '--out', str(page)]) == 0
        errors.append([shown['error'] for shown in _page(page)['recordings']])
    assert len(errors[0]) > 1 and errors[0] == sorted(errors[0], reverse=True)
    assert errors[1] == errors[0][:1]
    assert f'1 recordings, the worst of {len(errors[0])} in' in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_in_another_layout_is_trained_evaluated_and_predicts(tiny, tmp_path, capsys):
    layout = ['--config.data.layout=coco17', '--config.data.fps=15']
    assert _run('pretrain', tmp_path / 'first', tiny, *layout) == 0
    source = f'--config.finetune.init_from={tmp_path / "first"}'
    assert _run('finetune', tmp_path / 'tuned', tiny, source, *layout) == 0
    corpus = workdirs.read(tmp_path / 'tuned')['corpus']
    assert (corpus['layout'], corpus['fps']) == ('coco17', 15.0)
    assert main.main(['evaluate', '--workdir', str(tmp_path / 'tuned')]) == 0
    capsys.readouterr()
    given = ['--workdir', str(tmp_path / 'tuned'), '--out', str(tmp_path)]
    assert main.main(['predict', 'synthetic/tiny:test:test_p00_r0', *given]) == 0
    told = capsys.readouterr().err
    assert 'mapped from ntu25 to coco17; guessed nose' in told and 'from 30 to 15' in told


def test_a_finished_run_is_taken_as_it_is(runs, tiny):
    before = (runs / 'pretrain' / 'metrics.jsonl').read_text()
    assert _run('pretrain', runs / 'pretrain', tiny) == 0
    assert (runs / 'pretrain' / 'metrics.jsonl').read_text() == before


def test_another_run_in_the_workdir_is_named_and_stays_whole(runs, tiny, capsys):
    before = sorted((p, p.stat().st_mtime_ns) for p in (runs / 'pretrain').rglob('*'))
    assert _run('pretrain', runs / 'pretrain', tiny, '--config.seed=1') == 2
    said = _one_line(capsys, 'pretrain')
    assert 'config.seed was 0, now it is 1' in said and str(runs / 'pretrain') in said
    assert _run('finetune', runs / 'pretrain', tiny) == 2
    assert "stage was pretrain, now it is finetune" in _one_line(capsys, 'finetune')
    assert sorted((p, p.stat().st_mtime_ns) for p in (runs / 'pretrain').rglob('*')) == before


def test_an_encoder_of_another_architecture_is_named(runs, tiny, tmp_path, capsys):
    source = f'--config.finetune.init_from={runs / "pretrain"}'
    assert _run('finetune', tmp_path / 'a', tiny, source, '--config.model.base_channels=8') == 2
    assert 'another architecture' in _one_line(capsys, 'finetune')
    missing = f'--config.finetune.init_from={tmp_path / "nothing"}'
    assert _run('finetune', tmp_path / 'b', tiny, missing) == 2
    assert 'no run here' in _one_line(capsys, 'finetune')
    assert not (tmp_path / 'a').exists() and not (tmp_path / 'b').exists()


@pytest.mark.parametrize(
    ('override', 'named'),
    [
        (
            '--config.pretrain.window=100000',
            ': set config.pretrain.window and config.pretrain.crop.length to at most ',
        ),
        ('--config.pretrain.stepz=1', 'stepz'),
        ('--config.pretrain.queue_size=17', 'queue of 17'),
        ('--config.pretrain.batch_size=4', 'not divisible by 8 devices'),
        ('--config.data.unlabeled=("synthetic/none",)', 'skeljax prepare synthetic/none'),
        ('--config.data.normalization=("shrink",)', 'shrink'),
    ],
)
def test_bad_settings_are_one_line(tiny, tmp_path, capsys, override, named):
    assert _run('pretrain', tmp_path / 'run', tiny, override) == 2
    assert named in _one_line(capsys, 'pretrain')


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (['evaluate', '--workdir', 'PRETRAIN'], 'not a fine-tuned one'),
        (['evaluate', '--workdir', 'NOWHERE'], 'no run here'),
        (['evaluate', '--workdir', 'TUNED', '--split', 'holiday'], "no split 'holiday'"),
        (['evaluate', '--workdir', 'TUNED', '--protocol', 'guess'], 'guess'),
        (['evaluate', '--workdir', 'TUNED', '--decoder', 'guess'], "unknown decoder 'guess'"),
        (['evaluate', '--workdir', 'TUNED', '--fuse', 'NOWHERE'], 'no run here'),
        (['evaluate', '--workdir', 'TUNED', '--weights', '1', '2'], '1 runs need as many weights'),
        (['predict', 'nothing.txt', '--workdir', 'TUNED'], 'nothing.txt: no such file'),
        (['predict', __file__, '--workdir', 'TUNED'], 'unknown format'),
        (['predict', 'synthetic/tiny:test:nobody', '--workdir', 'TUNED'], "no recording 'nobody'"),
        (['view'], 'give PREDICTIONS or --workdir'),
        (['view', 'a.json', '--workdir', 'TUNED'], 'give PREDICTIONS or --workdir'),
        (['view', 'nothing.json'], 'nothing.json: no such file'),
        (['view', '--workdir', 'TUNED', '--split', 'holiday'], "no split 'holiday'"),
        (['view', '--workdir', 'TUNED', '--truth', 'g.csv'], '--truth is for PREDICTIONS'),
        (['view', '--workdir', 'TUNED', '--limit', '0'], '--limit 0 shows nothing'),
        (['view', '--workdir', 'TUNED', '--tiou', '2'], '--tiou 2 is not above 0'),
    ],
)
def test_what_is_not_there_is_named(runs, capsys, arguments, named):
    folders = {'PRETRAIN': runs / 'pretrain', 'TUNED': runs / 'tuned', 'NOWHERE': runs / 'none'}
    assert main.main([str(folders.get(a, a)) for a in arguments]) == 2
    assert named in _one_line(capsys, arguments[0])


def test_a_damaged_checkpoint_is_named(runs, tmp_path, capsys):
    broken = tmp_path / 'broken'
    shutil.copytree(runs / 'tuned', broken)
    for manifest in (broken / 'best').rglob('manifest.ocdbt'):
        manifest.write_bytes(manifest.read_bytes()[:20])
    assert main.main(['evaluate', '--workdir', str(broken)]) == 2
    said = _one_line(capsys, 'evaluate')
    assert f'{broken}/best/' in said and 'damaged checkpoint' in said


def test_no_tensorflow_after_the_whole_job(runs):
    assert (runs / 'tuned').is_dir() and 'tensorflow' not in sys.modules


def test_segments_of_a_run_are_saved_diagnosed_and_score_alike_from_their_file(
    runs, tiny, tmp_path, capsys
):
    """What a file holds is what was scored, decoded by steps of one's own."""
    given = ['--workdir', str(runs / 'tuned')]
    given += ['--protocol', 'babel_clean', '--protocol', 'activitynet']
    steps = ['--decoder', 'gaussian:1.5,watershed,soft_gaussian:0.4']
    saved = tmp_path / 'found.json'
    command = ['evaluate', *given, *steps, '--diagnose', '--save-predictions', str(saved)]
    assert main.main(command) == 0
    shown = capsys.readouterr().out
    assert f'decoded as in babel_clean, in {saved}' in shown and 'double detection' in shown
    of_run = json.loads(
        (runs / 'tuned' / 'evaluate-test-gaussian:1.5,watershed,soft_gaussian:0.4.json').read_text()
    )
    ready = run_loader.load(runs / 'tuned')
    out = tmp_path / 'figures.json'
    truth = ['--truth', ready.config.data.corpus, '--data-dir', str(tiny), '--fps', f'{ready.fps}']
    command = ['evaluate', '--predictions', str(saved), *truth, *given[2:], '--out', str(out)]
    assert main.main([*command, '--diagnose']) == 0
    of_file = json.loads(out.read_text())
    assert of_file['protocols'] == of_run['protocols']
    assert of_file['diagnosis'] == of_run['diagnosis'] and of_run['diagnosis']['proposals'] > 0
