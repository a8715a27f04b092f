"""Fine-tuning with every option of the loss: what is logged, resumed, exported and refused."""

import json
import shutil

import jax
import numpy as np
import pytest

import skeljax
from skeljax.cli import config_args, main
from skeljax.data import label_counts
from skeljax.data.corpus import Corpus
from skeljax.inference import predictor
from skeljax.train import checkpoint, corpora, run as training, run_dir as workdirs

SMALL = [
    '--config',
    'ui_prmd',
    '--quiet',
    '--config.data.corpus=synthetic/tiny',
    '--config.model.name=gru',
    '--config.model.base_channels=4',
    '--config.model.gru.num_layers=1',
    '--config.finetune.num_steps=4',
    '--config.finetune.validate_every=2',
    '--config.finetune.checkpoint_every=2',
    '--config.finetune.log_every=1',
    '--config.finetune.window=64',
    '--config.finetune.crop.length=64',
    '--config.finetune.label_fraction=0.5',
]
OPTIONS = [
    '--config.finetune.loss.smoothing_weight=0.15', '--config.finetune.loss.focal_gamma=2',
    '--config.finetune.loss.class_balance=1', '--config.finetune.loss.class_beta=0.999',
    '--config.finetune.loss.boundary_smoothing=3', '--config.finetune.loss.boundary_weight=0.1',
    '--config.finetune.loss.pool_radius=5',
]
TERMS = {'classification', 'smoothing', 'boundary'}


def _finetune(workdir, tiny, *more) -> int:
    given = ['--workdir', str(workdir), f'--config.data.data_dir={tiny}']
    return main.main(['finetune', *SMALL, *given, *more])


@pytest.fixture(scope='module')
def run(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp('runs') / 'tuned'
    assert _finetune(folder, tiny, *OPTIONS) == 0
    return folder


def _metrics(workdir) -> list[dict]:
    lines = (workdir / 'metrics.jsonl').read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if 'per_second' not in k} for x in lines]


def _state(workdir):
    with checkpoint.manager(workdir / 'checkpoints') as mngr:
        assert mngr.latest_step() == 4
        return dict(mngr.restore(4).items())


def test_every_term_is_logged_by_its_name(run):
    trained = [line for line in _metrics(run) if 'loss' in line]
    assert len(trained) == 4
    for line in trained:
        assert TERMS < line.keys() and all(np.isfinite(line[name]) for name in TERMS)
        expected = line['classification'] + 0.15 * line['smoothing'] + 0.1 * line['boundary']
        assert line['loss'] == pytest.approx(expected, rel=1e-5)
    assert workdirs.read(run)['config']['finetune']['loss']['class_beta'] == 0.999


def test_a_run_that_was_stopped_ends_as_one_that_was_not(run, tiny, tmp_path):
    """Weights of classes are counted again: the same."""
    again = shutil.copytree(run, tmp_path / 'again')
    shutil.rmtree(again / 'checkpoints' / '4')
    assert _finetune(again, tiny, *OPTIONS) == 0
    jax.tree.map(np.testing.assert_array_equal, _state(again), _state(run))
    assert [line for line in _metrics(again) if 'loss' in line] == [
        line for line in _metrics(run) if 'loss' in line
    ]


def test_another_option_is_another_run(run, tiny, capsys):
    assert _finetune(run, tiny, *OPTIONS, '--config.finetune.loss.focal_gamma=1') == 2
    assert 'config.finetune.loss.focal_gamma was 2.0, now it is 1.0' in capsys.readouterr().err


def test_weights_are_those_of_the_drawn_recordings(tiny):
    options = [*SMALL[3:], *OPTIONS, f'--config.data.data_dir={tiny}']
    config = config_args.load('ui_prmd', options)
    corpus = corpora.open_labeled(config, 'train')
    step, *_ = training.prepare_finetuning(config, corpus)
    drawn = corpora.labeled_recordings(config, corpus)
    assert 0 < len(drawn) < len(corpus)
    settings = step.keywords['settings']
    classes, near = label_counts.count(corpus, drawn, 2)
    weights = settings.balance.classes
    assert (classes * weights).sum() == pytest.approx(classes.sum(), rel=1e-5)
    raw = -np.expm1(classes * np.log(0.999))
    shown = np.flatnonzero(classes)
    np.testing.assert_allclose((weights * raw)[shown], (weights * raw)[shown[0]], rtol=1e-4)
    assert (weights[classes == 0] == 1).all()
    assert settings.balance.boundary == (
        sum(classes) / (2 * (sum(classes) - near)),
        sum(classes) / (2 * near),
    )


def test_it_is_evaluated_exported_and_read_again(run, tiny, tmp_path):
    assert main.main(['evaluate', '--workdir', str(run), '--protocol', 'babel_clean']) == 0
    assert main.main(['export', str(run), '--out', str(tmp_path / 'model')]) == 0
    loaded, own = skeljax.load(tmp_path / 'model'), predictor.of_run(run)
    head = loaded.run.model.boundary
    assert head == own.run.model.boundary
    assert (head.width, head.radius, head.strength) == (4, 5, 8.0)
    recording = Corpus(tiny, 'synthetic/tiny', 'test')[0]
    scores = loaded.scores(recording)
    np.testing.assert_array_equal(scores, own.scores(recording))
    assert scores.dtype == np.float32
    assert scores.shape == (len(recording.joints), len(loaded.classes) + 1)
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)


def test_the_function_in_stablehlo_averages_too(run, tmp_path):
    pytest.importorskip('flatbuffers', reason='StableHLO is written with flatbuffers')
    from jax import export

    out = tmp_path / 'model'
    assert main.main(['export', str(run), '--out', str(out), '--stablehlo']) == 0
    served = export.deserialize((out / 'scores.stablehlo').read_bytes())
    trained = skeljax.load(out).run
    joints = np.random.default_rng(0).normal(size=(2, 128, 1, 25, 3)).astype(np.float32)
    mask = np.ones((2, 128, 1), bool)
    apply = jax.jit(lambda *clip: trained.model.apply(trained.variables, *clip, train=False))
    expected = jax.nn.softmax(apply(joints, mask))
    np.testing.assert_allclose(served.call(joints, mask), expected, atol=2e-6)


@pytest.mark.parametrize(
    'override, message',
    [
        (
            'loss.class_beta=2.0',
            'config.finetune.loss.class_beta is 2.0, expected more than 0, at most 1',
        ),
        (
            'clip_level=True',
            'config.finetune.loss.boundary_weight is 0.1, but with config.finetune.clip_level',
        ),
    ],
)
def test_a_wrong_option_is_an_error_of_one_line(tiny, tmp_path, capsys, override, message):
    more = [*OPTIONS, '--config.finetune.fuser=False', f'--config.finetune.{override}']
    assert _finetune(tmp_path / 'run', tiny, *more) == 2
    (line,) = [
        x for x in capsys.readouterr().err.splitlines() if x.startswith('skeljax finetune: ')
    ]
    assert message in line and not (tmp_path / 'run').exists()
