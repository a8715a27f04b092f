"""A model's folder scores and decodes as its run does; what is wrong with one is told in a line."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import skeljax
from skeljax import localize
from skeljax.cli import main
from skeljax.data import batches, records
from skeljax.errors import InputError
from skeljax.formats.motion import Motion
from skeljax.inference import adapt, predictor, scoring
from skeljax.localize import decoder_config
from tests import untrained


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    folder = untrained.make(tmp_path_factory.mktemp('runs') / 'tuned')
    measured = {'figures': {'mAP@0.5': 0.25}, 'mean': 0.25}
    told = {'split': 'test', 'runs': [{}], 'decoder': None, 'protocols': {'thumos': measured}}
    (folder / 'evaluate-test.json').write_text(json.dumps(told))
    fused = {**told, 'runs': [{}, {}]}
    (folder / 'evaluate-test-joint-bone.json').write_text(json.dumps(fused))
    return folder


@pytest.fixture(scope='module')
def model(run, tmp_path_factory):
    out = tmp_path_factory.mktemp('models') / 'model'
    given = ['--out', str(out), '--decoder', 'mean:5,babel_clean', '--threshold', '0.3', '0.2']
    assert main.main(['export', str(run), *given, '--min-score', '0.05']) == 0
    return out


def motion(frames=100, layout='ntu25', joints=25, seed=0) -> Motion:
    pose = np.random.default_rng(seed).uniform(0, 1.7, (1, 1, joints, 3))
    sway = 0.3 * np.sin(np.arange(frames) / 5)[:, None, None, None]
    return Motion((pose + sway).astype(np.float32), 30.0, layout, np.ones((frames, 1), bool))


def _export(run, out, *more) -> int:
    return main.main(['export', str(run), '--out', str(out), *map(str, more)])


def _said(capsys) -> str:
    err = capsys.readouterr().err
    assert 'Traceback' not in err
    (line,) = [line for line in err.splitlines() if line.startswith('skeljax ')]
    return line


def test_a_model_is_plain_files_that_tell_what_it_is(model, run):
    assert sorted(p.name for p in model.iterdir()) == ['model.json', 'weights.npz']
    told = json.loads((model / 'model.json').read_text())
    assert (told['format'], told['version']) == ('skeljax.model', 2)
    assert told['classes'] == list(untrained.CLASSES) and told['fps'] == 30
    assert told['layout']['name'] == 'ntu25' and len(told['layout']['joints']) == 25
    assert told['normalization'] == ['center', 'align', 'size']
    assert told['decoding']['steps'] == 'mean:5,babel_clean'
    assert told['decoding']['options']['thresholds'] == [0.2, 0.3]
    assert told['decoding']['min_score'] == 0.05
    came = told['origin']
    assert (came['run'], came['corpus'], came['label_fraction']) == ('tuned', 'folder/mine', 0.2)
    assert came['pretrained'] == {} and 'jax' in came['versions']
    assert came['figures']['validation'] == {'protocol': 'babel_clean', 'selection': 0.25}
    assert came['figures']['test'] == {'thumos': {'mAP@0.5': 0.25, 'mean': 0.25}}
    assert set(came['figures']) == {'validation', 'test'}  # of this run alone
    with np.load(model / 'weights.npz', allow_pickle=False) as weights:
        assert len(weights.files) == told['weights']['arrays']
        assert weights['params/head/score/kernel'].shape[1] == 4


def test_three_lines_of_python(model, run):
    loaded = skeljax.load(model)
    moved = motion()
    found, scores = loaded.localize(moved), loaded.scores(moved)
    assert isinstance(found, localize.Segments) and len(found)
    assert loaded.classes == found.classes == untrained.CLASSES
    assert found.names == [untrained.CLASSES[label] for label in found.label]
    assert scores.shape == (100, 4) and scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)
    own = predictor.of_run(run, decoder='mean:5,babel_clean', thresholds=[0.2, 0.3], min_score=0.05)
    np.testing.assert_array_equal(own.scores(moved), scores)
    expected = own.localize(moved)
    assert expected.start.tolist() == found.start.tolist()
    by_hand = localize.threshold_runs(localize.smooth(scores, 5), thresholds=(0.2, 0.3))
    by_hand = by_hand[by_hand.score >= 0.05]
    assert by_hand.end.tolist() == found.end.tolist()
    assert by_hand.score.tolist() == found.score.tolist()
    fast = loaded.scores(Motion(moved.joints, 60.0, moved.layout, moved.valid))
    assert fast.shape == (100, 4)
    with pytest.raises(InputError, match='ndarray: expected a motion'):
        loaded.scores(moved.joints)


def test_predict_with_a_model_is_predict_with_its_run(model, run, tmp_path):
    file = tmp_path / 'a.npz'
    np.savez(file, joints=motion().joints, fps=30.0, layout='ntu25')
    given = [str(file), '--format', 'json', '--decoder', 'argmax', '--min-score', '0']
    for option, folder in (('--model', model), ('--workdir', run)):
        out = str(tmp_path / option[2:])
        assert main.main(['predict', *given, option, str(folder), '--out', out]) == 0
    told = [json.loads((tmp_path / n / 'a.json').read_text()) for n in ('model', 'workdir')]
    assert told[0]['segments'] == told[1]['segments'] and told[0]['segments']
    assert told[0]['model'] == {'name': 'model', 'folder': str(model), 'step': 7}
    # By default it decodes as it was exported to.
    own = ['--model', str(model), '--out', str(tmp_path / 'c')]
    assert main.main(['predict', *given[:3], *own]) == 0
    found = skeljax.load(model).localize(skeljax.read(file))
    told = json.loads((tmp_path / 'c' / 'a.json').read_text())['segments']
    assert sorted(s['start_frame'] for s in told) == sorted(found.start.tolist())


def test_a_model_from_before_the_loss_had_options_is_read(model, tmp_path):
    copy = shutil.copytree(model, tmp_path / 'copy')
    told = json.loads((copy / 'model.json').read_text())
    del told['config']['finetune']['loss']
    (copy / 'model.json').write_text(json.dumps(told))
    loaded = skeljax.load(copy)
    assert loaded.run.model == skeljax.load(model).run.model
    assert loaded.run.model.boundary is None


def test_a_model_decodes_otherwise_when_told():
    steps = 'gaussian:2,babel_clean'
    chosen = decoder_config.make('babel_clean', steps, thresholds=[0.5], min_score=0.3)
    model = predictor.Model(None, chosen._replace(options={**chosen.options, 'min_frames': 9}), {})
    kept = predictor.with_decoder(model, min_score=0.2).decoding
    assert kept == model.decoding._replace(min_score=0.2)
    cut = predictor.with_decoder(model, thresholds=[0.7]).decoding
    assert cut.options == {**model.decoding.options, 'thresholds': (0.7,)}
    other = predictor.with_decoder(model, decoder='activity_clean', thresholds=[0.6]).decoding
    assert other.options['threshold'] == 0.6 and other.min_score == 0.3
    assert predictor.with_decoder(model, 'pkummd').decoding.steps == 'class_runs'


@pytest.mark.parametrize('steps', [*localize.DECODERS, 'gaussian:1.5,watershed,refine:4'])
def test_a_decoding_comes_back_from_json_and_finds_the_same(steps):
    scores = scoring.softmax(3 * np.random.default_rng(0).normal(size=(80, 4)))
    chosen = decoder_config.make('babel', steps, min_score=0.0)
    back = decoder_config.from_json_dict(
        json.loads(json.dumps(decoder_config.to_json_dict(chosen)))
    )
    assert back == chosen
    expected = localize.protocol('babel', steps).decode(scores)
    expected = expected[expected.score >= 0]
    for found in (chosen.decode(scores), back.decode(scores)):
        assert found.start.tolist() == expected.start.tolist()
        assert found.score.tolist() == expected.score.tolist()


def test_models_of_a_described_layout_and_another_stream_come_back(tmp_path):
    layout = skeljax.skeletons.skeleton.describe(
        skeljax.skeletons.skeleton.infer('mine', ['hips', 'spine', 'head', 'tail'], [-1, 0, 1, 0])
    )
    run = untrained.make(tmp_path / 'run', layout=layout, stream='bone')
    assert _export(run, tmp_path / 'model') == 0
    loaded, own = skeljax.load(tmp_path / 'model'), predictor.of_run(run)
    assert loaded.layout == layout
    moved = motion(layout=layout, joints=4)
    np.testing.assert_array_equal(loaded.scores(moved), own.scores(moved))


def test_importing_skeljax_loads_nothing_heavy():
    code = "import skeljax, sys; sys.exit(bool({'jax', 'numpy', 'tensorflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, '-c', code]).returncode == 0


def test_nothing_is_replaced_unasked(run, model, tmp_path, capsys):
    before = (model / 'model.json').read_text()
    assert _export(run, model) == 2
    assert f'{model}: holds a model; choose another name by --out, or --force' in _said(capsys)
    assert (model / 'model.json').read_text() == before
    copy = shutil.copytree(model, tmp_path / 'copy')
    assert _export(run, copy, '--force', '--decoder', 'argmax') == 0
    assert json.loads((copy / 'model.json').read_text())['decoding']['steps'] == 'argmax'
    other = tmp_path / 'other'
    other.mkdir()
    (other / 'thesis.txt').write_text('all of it')
    capsys.readouterr()
    for force in ([], ['--force']):
        assert _export(run, other, *force) == 2
        assert f'{other}: exists and is no model' in _said(capsys)
    assert (other / 'thesis.txt').read_text() == 'all of it'
    assert sorted(p.name for p in tmp_path.iterdir()) == ['copy', 'other']  # nothing half-written


def _change(told, **changes):
    return json.dumps({**told, **changes})


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda told: '{', 'model.json: cannot be read'),
        (lambda told: '{}', 'not a description of a model'),
        (lambda told: _change(told, version=3), 'a model of version 3, this .* reads up to 2'),
        (lambda told: _change(told, fps=0), 'fps or classes are invalid'),
        (lambda told: _change(told, version='1'), "version is '1', expected a number"),
        (lambda told: _change(told, classes=None), 'classes is .None., a damaged description'),
        (lambda told: _change(told, layout={}), 'a damaged description of a joint layout'),
        (lambda told: _change(told, classes=['a']), 'head/score/bias is .4,., but the .* has .2,'),
        (lambda told: _change(told, normalization=['shrink']), "unknown normalization 'shrink'"),
        (
            lambda told: _change(told, decoding={**told['decoding'], 'steps': 'guess'}),
            "model.json: unknown decoder 'guess'",
        ),
        (
            lambda told: _change(told, decoding={**told['decoding'], 'options': {'overlap': 'no'}}),
            "overlap is 'no', expected one like 0.2",
        ),
    ],
)
def test_a_damaged_description_is_told(model, tmp_path, change, message):
    copy = shutil.copytree(model, tmp_path / 'copy')
    told = json.loads((copy / 'model.json').read_text())
    (copy / 'model.json').write_text(change(told))
    with pytest.raises(InputError, match=message) as error:
        skeljax.load(copy)
    assert str(copy) in str(error.value) and '\n' not in str(error.value)


def test_damaged_or_missing_weights_are_told(model, tmp_path, capsys):
    copy = shutil.copytree(model, tmp_path / 'copy')
    whole = (copy / 'weights.npz').read_bytes()
    for damaged in (whole[:-100], whole[:400] + bytes([whole[400] ^ 1]) + whole[401:], b''):
        (copy / 'weights.npz').write_bytes(damaged)
        assert main.main(['predict', 'a.bvh', '--model', str(copy)]) == 2
        assert f'{copy}/weights.npz: damaged weights' in _said(capsys)
    (copy / 'weights.npz').unlink()
    assert main.main(['predict', 'a.bvh', '--model', str(copy)]) == 2
    assert f'{copy}/weights.npz: no such file' in _said(capsys)


def test_what_is_no_model_is_told(run, tmp_path, capsys):
    assert main.main(['predict', 'a.bvh', '--model', str(run)]) == 2
    assert f'no model.json); it is a run: skeljax export {run} --out DIR' in _said(capsys)
    assert main.main(['predict', 'a.bvh', '--model', str(tmp_path / 'gone')]) == 2
    assert f'{tmp_path}/gone: no model here (no model.json)' in _said(capsys)
    assert _export(tmp_path / 'gone', tmp_path / 'm') == 2
    assert 'no run here' in _said(capsys)
    assert _export(run, tmp_path / 'm', '--frames', '64') == 2
    assert '--frames is for --stablehlo' in _said(capsys)
    assert not (tmp_path / 'm').exists()


@pytest.mark.parametrize('backbone', ['gru', pytest.param('stgcn', marks=pytest.mark.slow)])
def test_the_function_in_stablehlo_equals_the_scores(tmp_path, backbone):
    """Called as its page tells: padded, several at once, with two persons."""
    pytest.importorskip('flatbuffers', reason='StableHLO is written with flatbuffers')
    from jax import export

    run = untrained.make(tmp_path / 'run', backbone=backbone, width=4)
    assert _export(run, tmp_path / 'model', '--stablehlo') == 0
    page = (tmp_path / 'model' / 'README.md').read_text()
    assert 'sit, walk, wave, and background' in page and '3. size: Divides' in page
    served = export.deserialize((tmp_path / 'model' / 'scores.stablehlo').read_bytes())
    loaded = skeljax.load(tmp_path / 'model')
    joints, mask, expected = [], [], []
    for seed, frames in enumerate((100, 256)):
        recording = records.from_motion(motion(frames, seed=seed), name='a')
        normalized = batches.window(adapt.prepare(loaded.run, recording), 0, 256)
        joints.append(normalized['joints']), mask.append(normalized['mask'])
        expected.append(loaded.scores(recording))
    joints, mask = np.stack(joints), np.stack(mask)
    absent = np.zeros_like(joints), np.zeros_like(mask)
    for persons in (1, 2):
        if persons == 2:
            joints, mask = (np.concatenate(pair, 2) for pair in zip((joints, mask), absent))
        found = np.asarray(served.call(joints, mask))
        for row, scores in zip(found, expected, strict=True):
            np.testing.assert_allclose(row[: len(scores)], scores, atol=2e-6)


def test_a_function_of_one_length_takes_no_other(tmp_path, run, capsys):
    pytest.importorskip('flatbuffers', reason='StableHLO is written with flatbuffers')
    from jax import export

    assert _export(run, tmp_path / 'model', '--stablehlo', '--frames', '50') == 0
    served = export.deserialize((tmp_path / 'model' / 'scores.stablehlo').read_bytes())
    called = lambda n: served.call(np.zeros((1, n, 1, 25, 3), 'f'), np.ones((1, n, 1), bool))
    assert called(50).shape == (1, 50, 4)
    with pytest.raises(ValueError, match='50'):
        called(51)
    assert _export(run, tmp_path / 'other', '--stablehlo', '--frames', '3') == 2
    assert '--frames 3: expected 16 or more' in _said(capsys)
    assert not (tmp_path / 'other').exists()


def test_stablehlo_without_its_library_is_told(run, tmp_path, capsys, monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert _export(run, tmp_path / 'model', '--stablehlo') == 2
    assert "pip install 'skeljax[serve]'" in _said(capsys)
    assert not (tmp_path / 'model').exists()
