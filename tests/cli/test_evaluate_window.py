"""`evaluate --window`: scores in windows equal those of `predict` in windows."""

import json

import numpy as np
import pytest

from skeljax.cli import main
from skeljax.data.corpus import Corpus
from skeljax.inference import evaluation, scoring, windowing
from skeljax.viz import saved_eval
from tests import untrained

REACH = 12  # frames to either side that the stand-in looks


def _local(model, variables, joints, mask):
    """Stands for a network: the classes of a frame by where the joints of those around it are."""
    x = np.where(np.asarray(mask)[..., None, None], joints, 0.0).mean(2)[..., :9, :].sum(-1)
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, ((0, 0), (REACH, REACH), (0, 0))), 2 * REACH + 1, axis=1
    )
    return scoring.softmax((around * np.linspace(0, 3, 2 * REACH + 1)).sum(-1)).astype(np.float32)


@pytest.fixture(scope='module')
def run(tiny, tmp_path_factory):
    """A run on a corpus that is normalized by its first frames, so that windows do not differ."""
    corpus = Corpus(tiny, 'synthetic/tiny', 'test')
    told = {'data_dir': str(tiny), 'normalization': ('center', 'align')}
    return untrained.make(tmp_path_factory.mktemp('runs') / 'tuned', corpus=corpus, data=told)


@pytest.fixture(autouse=True)
def local(monkeypatch):
    monkeypatch.setattr(scoring, 'clip_probabilities', _local)


@pytest.fixture(scope='module')
def whole(run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, 'clip_probabilities', _local)
        return evaluation.scored([run], note=lambda _: None)


def _evaluate(run, *words) -> int:
    return main.main(
        ['evaluate', '--workdir', str(run), '--protocol', 'framewise', *map(str, words)]
    )


def _options(window) -> list[str]:
    return [
        w
        for n, v in window._asdict().items()
        for w in (f'--{n.replace("length", "window")}', str(v))
    ]


def test_windows_that_see_enough_give_the_figures_of_whole_recordings(run, whole):
    window = windowing.Window(64, 40, REACH)
    found = evaluation.scored([run], window=window, note=lambda _: None)
    assert found.probabilities.keys() == whole.probabilities.keys()
    for name, scores in whole.probabilities.items():
        assert len(scores) > 2 * window.length and np.ptp(scores, axis=0).max() > 0.1
        np.testing.assert_allclose(found.probabilities[name], scores, atol=1e-4)
    assert _evaluate(run) == 0 and _evaluate(run, *_options(window)) == 0
    stem = 'evaluate-test-64-40-12'
    figures = [json.loads((run / f'{name}.json').read_text()) for name in ('evaluate-test', stem)]
    assert [told['window'] for told in figures] == [None, list(window)]
    first, second = (told['protocols']['framewise']['mean'] for told in figures)
    assert first == pytest.approx(second, abs=1e-3)
    assert list(saved_eval.read(run / f'{stem}.npz').predicted) == ['framewise']


def test_small_windows_give_what_predict_gives(run, whole, tmp_path):
    window = windowing.Window(32, 16, 4)  # fewer frames ahead than the network looks
    found = evaluation.scored([run], window=window, note=lambda _: None)
    name, scores = next(iter(found.probabilities.items()))
    given = ['--workdir', str(run), '--out', str(tmp_path), '--format', 'scores', '--quiet']
    assert main.main(['predict', f'synthetic/tiny:test:{name}', *given, *_options(window)]) == 0
    with np.load(tmp_path / f'{name}.scores.npz') as stored:
        np.testing.assert_allclose(stored['probabilities'], scores, atol=1e-6)
    assert not np.allclose(scores, whole.probabilities[name], atol=1e-5)
    assert scoring.truth(found.corpus)[name].end.max() <= len(scores)


def test_what_cannot_be_is_told_in_a_line(run, capsys):
    assert _evaluate(run, '--window', 32, '--hop', 60) == 2
    files = ['evaluate', '--predictions', 'p.csv', '--truth', 't.csv', '--hop', '8']
    assert main.main(files) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and 'a window of 32 frames that moves by 60' in lines[0]
    assert lines[1] == 'skeljax evaluate: --hop has no meaning with --predictions'
