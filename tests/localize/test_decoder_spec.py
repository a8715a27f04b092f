"""Decoders built of steps do what the functions do one after the other."""

import numpy as np
import pytest

from skeljax import localize
from skeljax.errors import InputError

RNG = np.random.default_rng(0)
PROBABILITIES = localize.smooth(RNG.dirichlet(np.full(4, 0.2), size=200), 5)


def decode(text):
    return localize.protocol('babel_clean', text).decode(PROBABILITIES)


def same(found, expected):
    for name in ('start', 'end', 'label', 'score'):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_steps_follow_each_other():
    smoothed = localize.smooth_gaussian(localize.smooth(PROBABILITIES, 3), 2.0)
    expected = localize.refine(localize.watershed(smoothed), smoothed, reach=4)
    expected = localize.soft_nms(expected, method='linear', overlap=0.4)
    found = decode('mean:3, gaussian:2, watershed, refine:4, soft_linear:0.4')
    assert len(found) > 3
    same(found, expected)


def test_a_step_without_a_number_takes_its_own():
    same(decode('watershed,soft_gaussian'), decode('watershed,soft_gaussian:0.5'))
    same(decode('mean,argmax,refine'), decode('mean:9,argmax,refine:8'))
    assert localize.protocol('babel', 'argmax').decode is localize.DECODERS['argmax']


def test_hard_suppression_leaves_no_pair_above_the_threshold():
    found = decode('watershed,nms:0.3')
    every = decode('watershed')
    assert 0 < len(found) < len(every)
    for label in range(3):
        one = found[found.label == label]
        shared = np.minimum(one.end[:, None], one.end) - np.maximum(one.start[:, None], one.start)
        lengths = one.end - one.start
        iou = shared / (lengths[:, None] + lengths - shared)
        assert (iou[~np.eye(len(one), dtype=bool)] <= 0.3).all()


@pytest.mark.parametrize('name', sorted(set(localize.DECODERS) - {'whole'}))
@pytest.mark.parametrize('steps', ['{}', 'gaussian:2,{},soft_gaussian', '{},refine:3'])
def test_any_decoder_goes_with_any_evaluator(name, steps):
    labels = np.repeat([0, 3, 1, 3, 2, 3, 0, 3], 25)
    clear = 0.99 * np.eye(4)[labels] + 0.01 * PROBABILITIES
    truth = {'a': localize.from_frame_labels(labels, 3)}
    found = {'a': localize.protocol('babel', steps.format(name)).decode(clear)}
    for protocol in localize.PROTOCOLS:
        result = localize.evaluate(
            found, truth, num_classes=3, protocol=protocol, num_frames={'a': 200}
        )
        assert 0.1 < result.mean <= 1, protocol


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('tag', "unknown decoder 'tag', known: babel, "),
        ('mean:3,tag', "unknown decoder 'tag'"),
        ('mean:3', "unknown decoder 'mean:3'"),
        ('argmax,watershed', 'several decoders'),
        ('refine,argmax', "unknown step 'refine' before the decoder, known: mean, gaussian"),
        ('argmax,mean', "unknown step 'mean' after the decoder, known: nms"),
        ('argmax,nms:x', "step 'nms:x': expected a number"),
        ('argmax,soft_gaussian:0', None),
    ],
)
def test_steps_that_cannot_be(text, message):
    with pytest.raises(InputError, match=message):
        decode(text)
