"""Fine-tuning on frames that show several classes at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.configs import default
from skeljax.errors import InputError
from skeljax.inference import model_io, predictor
from skeljax.models import heads
from skeljax.train import build, finetune
from skeljax.train.frame_loss import FrameLoss
from tests import untrained

SETS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], bool)


def test_the_loss_is_the_sum_of_binary_cross_entropies():
    logits = np.array([[[2.0, -1.0, 0.5], [0.3, 0.2, -3.0]]], np.float32)
    labels, mask = jnp.array([[0, 3]]), jnp.ones((1, 2), bool)
    losses = FrameLoss().terms(logits, None, labels, mask, sets=SETS)['classification']
    right = finetune.correct(jnp.asarray(logits), labels, SETS)
    p = 1 / (1 + np.exp(-logits.astype(float)))
    wanted = SETS[[0, 3]]
    expected = -np.where(wanted, np.log(p), np.log(1 - p)).sum(-1)
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    assert right.tolist() == [[False, True]]  # background is wrong in the first


def test_a_frame_of_one_label_is_as_it_was():
    logits = np.array([[[2.0, -1.0, 0.5]]], np.float32)
    labels, mask = jnp.array([[0]]), jnp.ones((1, 1), bool)
    losses = FrameLoss().terms(logits, None, labels, mask)['classification']
    right = finetune.correct(jnp.asarray(logits), labels)
    assert float(losses[0, 0]) == pytest.approx(np.log(np.exp(logits).sum()) - 2) and right.all()


def test_probabilities_are_of_each_class_or_of_one():
    logits = np.array([[2.0, -1.0, 0.5]], np.float32)
    make = lambda several: heads.FrameClassifier(
        None, None, heads.FrameHead(3), multi_label=several
    )
    np.testing.assert_allclose(
        make(True).probabilities(logits), 1 / (1 + np.exp(-logits)), rtol=1e-6
    )
    np.testing.assert_allclose(make(False).probabilities(logits), jax.nn.softmax(logits), rtol=1e-6)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp('runs') / 'several'
    return untrained.make(folder, multi_label=True, protocol='activitynet')


def test_segments_are_decoded_as_by_the_protocol_that_selected_the_state(run):
    """Probabilities that do not sum to 1 are nothing for the sequence decoder."""
    notes = []
    model = predictor.of_run(run, note=notes.append)
    assert model.decoding.protocol == 'activitynet' and model.decoding.sequence is None
    assert not notes
    both = np.full((40, 4), 0.01)
    both[5:25, 0], both[15:35, 1] = 0.9, 0.9
    found = model.decode(both)
    best = {name: found[found.score >= 0.5][np.array(found[found.score >= 0.5].names) == name]
            for name in ('sit', 'walk')}
    assert best['sit'].start.min() < best['walk'].end.max()
    assert best['walk'].start.min() < best['sit'].end.max()  # they overlap


def test_the_sequence_decoder_is_refused(run, tmp_path):
    own = predictor.of_run(run)
    model = model_io.load(model_io.write(tmp_path / 'model', own))
    assert model.decoding == own.decoding
    for how in (('segmentation',), ('babel_segments',), (None, 'sequence')):
        with pytest.raises(InputError, match='expected another protocol or decoder'):
            predictor.of_run(run, *how)
        with pytest.raises(InputError, match='expected another protocol or decoder'):
            predictor.with_decoder(model, *how)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'protocol': 'segmentation'}, "protocol is 'segmentation'"),
        ({'loss': {'focal_gamma': 2.0}}, 'loss.focal_gamma is 2.0, expected 0 with'),
        ({'loss': {'class_balance': 0.5}}, 'loss.class_balance is 0.5, expected 0 with'),
        ({'loss': {'smoothing_weight': 0.1}}, 'loss.smoothing_weight is 0.1, expected 0 with'),
        ({'loss': {'boundary_smoothing': 2}}, 'loss.boundary_smoothing is 2, expected 0 with'),
    ],
)
def test_options_for_one_label_a_frame_are_refused(changes, message):
    config = default.get_config('corpus=folder/mine,backbone=gru')
    config.finetune.update(changes)
    build.check(config)
    config.finetune.multi_label = True
    with pytest.raises(InputError, match=message):
        build.check(config)
