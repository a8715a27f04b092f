"""Runs and exported models of the code before the redesign load, score as they did, and go on."""

import json
from pathlib import Path
import shutil

import numpy as np
import pytest

from skeljax.errors import InputError
from tests.golden import adapter, cases

STORED = Path(__file__).with_name('stored')
EXPECTED = json.loads((STORED / 'expected.json').read_text())
RTOL = 2e-4


@pytest.fixture(scope='module')
def stored(tmp_path_factory) -> Path:
    """The archives, unpacked."""
    folder = tmp_path_factory.mktemp('golden')
    for archive in STORED.glob('*.zip'):
        shutil.unpack_archive(archive, folder / archive.stem)
    return folder


@pytest.fixture(scope='module')
def data(tmp_path_factory) -> Path:
    """Where the corpus is prepared that the runs were made on."""
    folder = tmp_path_factory.mktemp('corpus')
    adapter.prepare_corpus(folder / 'raw', folder / 'data')
    return folder / 'data'


def _check(folder: Path, name: str):
    with np.load(STORED / 'scores.npz') as kept:
        expected = kept[name]
    model = adapter.load(folder)
    # Models from before the sequence decoder are decoded by it, with default durations.
    known, now = EXPECTED['models'][name], adapter.about(model)
    assert now.pop('decoding')['steps'] == 'sequence'
    assert now == {key: value for key, value in known.items() if key != 'decoding'}
    found = adapter.probabilities(model)
    assert found.shape == expected.shape and found.std(0).max() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('name', EXPECTED['models'])
def test_an_exported_model_scores_as_before(stored, name):
    _check(stored / 'models' / name, name)


def test_a_fine_tuned_run_scores_as_before(stored):
    _check(stored / 'tuned', 'stgcn')


def _check_metrics(found: dict, expected: dict):
    for step, metrics in expected.items():
        assert found[int(step)] == pytest.approx(metrics, rel=RTOL, abs=1e-6), step


def test_a_stopped_pretraining_goes_on(data, tmp_path):
    run = tmp_path / 'pretrain'  # not the copy that another test fine-tunes
    shutil.unpack_archive(STORED / 'pretrain.zip', run)
    fields = cases.STOPPED_FIELDS | {'data.data_dir': data}
    if adapter.RESUMES:
        found = adapter.train('pretrain', cases.STOPPED, fields, run)
        assert len(found) == 4
        _check_metrics(found, EXPECTED['resumed'])
        return
    with pytest.raises(InputError) as error:
        adapter.train('pretrain', cases.STOPPED, fields, run)
    assert '\n' not in str(error.value)


def test_fine_tuning_starts_from_a_stored_pretraining(stored, data, tmp_path):
    source = {'finetune.init_from': stored / 'pretrain', 'data.data_dir': data}
    fields = cases.FROM_STOPPED_FIELDS | source
    found = adapter.train('finetune', cases.STOPPED, fields, tmp_path / 'tuned')
    _check_metrics(found, EXPECTED['finetuned'])
