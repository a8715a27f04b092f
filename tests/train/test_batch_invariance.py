"""A recording's scores do not depend on what it is scored with, or on the padding behind it."""

import numpy as np
import pytest

from skeljax.data import batches
from skeljax.data.corpus import Corpus
from skeljax.inference import predictor, scoring, windowing
from tests import untrained


@pytest.fixture(scope='module')
def recordings(tiny):
    return list(Corpus(tiny, 'synthetic/tiny', 'train', normalization=('center', 'align', 'size')))


_SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ('stgcn', 'agcn', 'ctrgcn')]


@pytest.mark.parametrize('backbone', ['gru', 'transformer', *_SLOW])
def test_scores_of_a_batch_are_those_of_each_alone(recordings, tmp_path, backbone):
    trained = predictor.of_run(untrained.make(tmp_path / 'run', backbone=backbone)).run
    cut = [batches.window(recording, 0, 64) for recording in recordings[:5]]
    cut[3]['mask'][40:] = False  # one that ends earlier
    cut[3]['joints'][40:] = 0
    stacked = [np.stack([one[name] for one in cut]) for name in ('joints', 'mask')]
    found = np.asarray(scoring.clip_probabilities(trained.model, trained.variables, *stacked))
    order = [4, 2, 0, 3, 1]
    turned = np.asarray(
        scoring.clip_probabilities(
            trained.model, trained.variables, *(part[order] for part in stacked)
        )
    )
    np.testing.assert_allclose(turned, found[order], rtol=1e-5, atol=1e-6)
    for index in (0, 3):
        alone = scoring.clip_probabilities(
            trained.model, trained.variables, *(part[index : index + 1] for part in stacked)
        )
        np.testing.assert_allclose(alone[0], found[index], rtol=1e-5, atol=1e-6)


def test_windows_give_the_same_however_many_are_scored_at_once(recordings, tmp_path, monkeypatch):
    trained = predictor.of_run(untrained.make(tmp_path / 'run')).run
    window = windowing.Window(64, 16, 8)
    several = scoring.windowed_probabilities(
        trained.model, trained.variables, recordings[0], window
    )
    monkeypatch.setattr(windowing, 'MAX_FRAMES', 64)
    one = scoring.windowed_probabilities(trained.model, trained.variables, recordings[0], window)
    assert len(one) == len(recordings[0].joints)
    np.testing.assert_allclose(one, several, rtol=1e-5, atol=1e-6)
