"""The sequence decoder of a run and of a model: fitted, missing, damaged."""

import json
import math
import shutil

import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.inference import model_io, predictor
from skeljax.localize import SequenceDecoder, decoder_config
from skeljax.train import fit_decoder
from tests import untrained

# Short segments of every class, of scores that hardly tell the classes apart.
FITTED = SequenceDecoder(
    log_mean=(math.log(0.5),) * 4, log_std=(0.5,) * 4, weight=8.0, penalty=-2.0, slope=0.5
)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return untrained.make(tmp_path_factory.mktemp('runs') / 'tuned')


@pytest.fixture(scope='module')
def fitted(run, tmp_path_factory):
    """The run with a decoder."""
    folder = shutil.copytree(run, tmp_path_factory.mktemp('runs') / 'fitted')
    fit_decoder._write(folder / 'decoder.json', FITTED, 7, {'recordings': 1})
    return folder


def scores(frames=90):
    drawn = np.random.default_rng(0).normal(0, 0.4, (frames, 4)).cumsum(axis=0)
    return np.exp(drawn) / np.exp(drawn).sum(axis=1, keepdims=True)


def test_a_fitted_run_decodes_by_its_decoder_and_says_nothing(fitted):
    notes = []
    model = predictor.of_run(fitted, note=notes.append)
    assert model.decoding.sequence == FITTED and model.decoding.min_score == 0 and not notes
    found, expected = model.decode(scores()), FITTED(scores())
    assert len(found) > 1 and (found.start[1:] >= found.end[:-1]).all()
    np.testing.assert_array_equal(found.start, expected.start)
    np.testing.assert_array_equal(found.score, expected.score)
    assert found.names == [untrained.CLASSES[label] for label in found.label]


def test_protocols_of_the_sequence_decoder_take_the_fitted_one(fitted):
    assert predictor.of_run(fitted, 'babel_segments').decoding.sequence == FITTED
    assert predictor.of_run(fitted, 'babel_clean', 'sequence').decoding.sequence == FITTED
    other = predictor.of_run(fitted, 'babel_clean').decoding
    assert other.sequence is None and other.min_score == decoder_config.MIN_SCORE


def test_a_run_without_a_decoder_has_the_default_one_and_says_so_once(run):
    notes = []
    model = predictor.of_run(run, note=notes.append)
    assert model.decoding.sequence == SequenceDecoder(fps=30.0)
    assert notes == [f'{run}: {predictor.NOT_FITTED}']
    # Who decodes otherwise does not need to know.
    predictor.of_run(run, 'babel_clean', note=notes.append)
    assert len(notes) == 1


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{', 'cannot be read'),
        ('[]', 'expected an object with a decoding'),
        ('{"step": 7}', 'expected an object with a decoding'),
        ('{"decoding": {}}', 'decoding: expected protocol, steps, options, min_score'),
        (('options', {'weight': -1}), 'weight is -1, expected a number above 0'),
        (('options', {'log_std': ['a']}), 'log_std is '),
        (('steps', 'argmax'), 'expected the decoding of a sequence decoder'),
    ],
)
def test_a_damaged_decoder_is_one_line_that_names_the_file(tmp_path, text, message):
    if not isinstance(text, str):
        name, value = text
        told = {'protocol': 'segmentation', 'steps': 'sequence', 'options': {}, 'min_score': 0}
        text = json.dumps({'step': 7, 'decoding': told | {name: value}})
    (tmp_path / 'decoder.json').write_text(text)
    with pytest.raises(InputError) as error:
        fit_decoder.read(tmp_path)
    said = str(error.value)
    assert said.startswith(f'{tmp_path / "decoder.json"}: ') and message in said
    assert '\n' not in said


def test_what_was_fitted_is_read_back(run, fitted):
    assert fit_decoder.read(fitted) == FITTED and fit_decoder.read(run) is None
    assert {p.name for p in fitted.iterdir()} == {p.name for p in run.iterdir()} | {'decoder.json'}


def test_a_model_keeps_the_fitted_decoder(fitted, tmp_path):
    model = predictor.of_run(fitted)
    folder = model_io.write(tmp_path / 'model', model)
    assert model_io.load(folder).decoding == model.decoding
    assert model_io.load(folder).decoding.sequence == FITTED


def test_a_model_of_version_1_has_the_default_decoder_and_says_so_once(run, tmp_path):
    model = predictor.of_run(run, 'babel_clean')
    folder = model_io.write(tmp_path / 'model', model)
    told = json.loads((folder / 'model.json').read_text())
    assert told['version'] == 2
    (folder / 'model.json').write_text(json.dumps(told | {'version': 1}))
    notes = []
    loaded = model_io.load(folder, notes.append)
    assert notes == [f'{folder}: {predictor.NOT_FITTED}']
    assert loaded.decoding == decoder_config.from_sequence(SequenceDecoder(fps=30.0))
    with pytest.warns(UserWarning, match='has no fitted sequence decoder') as warned:
        model_io.load(folder)
    assert len(warned) == 1
