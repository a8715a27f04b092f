"""Protocols of other packages, by module and object; former names of decoders and functions."""

import numpy as np
import pytest

from skeljax import localize
from skeljax.errors import InputError
from skeljax.localize import Protocol, Result, Segments

PROBABILITIES = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])


def first_frame(probabilities):
    return Segments([0], [1], [int(probabilities[0].argmax())])


def count(predictions, truth, *, num_classes, tious, num_frames=None, probabilities=None):
    number = sum(map(len, predictions.values()))
    return Result({'count': float(number)}, float(number), number, sum(map(len, truth.values())))


COUNT = Protocol(first_frame, count, ())
COUNT_NAME = f'{__name__}:COUNT'


def test_a_protocol_of_another_module_is_found_by_name():
    found = localize.protocol(COUNT_NAME)
    segments = found.decode(PROBABILITIES)
    assert (segments.start, segments.end, segments.label) == ([0], [1], [0])
    truth = {'a': Segments([0], [2], [0])}
    result = localize.evaluate({'a': segments}, truth, num_classes=1, protocol=COUNT_NAME)
    assert result.mean == 1 and result.num_true == 1
    assert localize.protocol(COUNT_NAME, 'argmax').decode(PROBABILITIES).end.tolist() == [2]
    assert not localize.reads_segments(COUNT_NAME)


@pytest.mark.parametrize(
    ('name', 'what'),
    [
        (
            'skeljax.no_such_module:X',
            "unknown protocol 'skeljax.no_such_module:X' cannot be imported: No module",
        ),
        (f'{__name__}:MISSING', 'has no attribute'),
        (':X', 'unknown protocol'),
        (f'{__name__}:count', 'expected a skeljax.localize.Protocol, found function'),
    ],
)
def test_a_wrong_name_is_one_line(name, what):
    with pytest.raises(InputError, match=what) as caught:
        localize.protocol(name)
    assert '\n' not in str(caught.value)


def test_a_protocol_without_a_named_decoder_has_no_config():
    from skeljax.localize import decoder_config

    with pytest.raises(InputError, match='its decoder has no name'):
        decoder_config.make(COUNT_NAME)
    assert decoder_config.make(COUNT_NAME, 'argmax').steps == 'argmax'


def test_former_names_are_read_or_name_the_new_ones():
    found = localize.protocol('babel_clean', 'steady')
    assert found.decode is localize.hysteresis_runs
    with pytest.raises(AttributeError, match='is now skeljax.localize.soft_nms'):
        _ = localize.soften
