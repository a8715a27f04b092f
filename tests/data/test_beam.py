"""Preparation on Apache Beam, with its local runner: the same records, damage collected."""

import numpy as np
import pytest

from skeljax.cli import main
from skeljax.data import preparation
from skeljax.data.corpus import Corpus
from skeljax.errors import FormatError, InputError
from skeljax.tfds_builders.synthetic import synthetic_dataset_builder

MAKE = synthetic_dataset_builder._make
pytestmark = pytest.mark.filterwarnings('default')  # Beam's own


@pytest.fixture(autouse=True)
def beam():
    return pytest.importorskip('apache_beam', reason='needs the extra skeljax[beam]')


def _damaged(job):
    """Makes what the builder makes, but of the second recording of each split."""
    made = MAKE(job)
    if '_p00_r1' in made[0].name:
        raise FormatError(f'{made[0].name}.txt:7: 24 joints, expected 25')
    return made


def _twice(job):
    made = MAKE(job)
    return made + made


def test_the_records_are_those_of_this_process(tmp_path, tiny, capsys):
    arguments = ['prepare', 'synthetic/tiny', '--data-dir', str(tmp_path)]
    options = '--direct_num_workers=2 --direct_running_mode=multi_threading'
    assert main.main([*arguments, '--beam', 'DirectRunner', '--beam-options', options]) == 0
    assert 'skipped: nothing' in capsys.readouterr().out
    for split in ('train', 'validation', 'test'):
        ours, theirs = (
            {recording.name: recording for recording in Corpus(folder, 'synthetic/tiny', split)}
            for folder in (tmp_path, tiny)
        )
        assert ours.keys() == theirs.keys()
        for name, recording in ours.items():
            np.testing.assert_array_equal(recording.joints, theirs[name].joints)
            np.testing.assert_array_equal(recording.segment_label, theirs[name].segment_label)
    assert [p.name for p in tmp_path.iterdir()] == ['synthetic']


@pytest.mark.parametrize('on_error', ['fail', 'skip'])
def test_damaged_files_are_told_or_left_out(tmp_path, monkeypatch, on_error):
    monkeypatch.setattr(synthetic_dataset_builder, '_make', _damaged)
    told = [
        f'{split}_p00_r1.txt:7: 24 joints, expected 25' for split in ('test', 'train', 'validation')
    ]

    def run():
        return preparation.prepare(
            'synthetic/tiny', data_dir=tmp_path, beam='DirectRunner', on_error=on_error
        )

    if on_error == 'fail':
        with pytest.raises(InputError) as error:
            run()
        assert str(error.value).splitlines() == ['synthetic/tiny: 3 damaged', *told]
        assert not list(tmp_path.iterdir())
    else:
        report = run()
        assert report['damaged'] == told
        assert [report['splits'][s]['recordings'] for s in ('train', 'validation', 'test')] == [
            7,
            1,
            3,
        ]


def test_a_name_given_twice_is_damage(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic_dataset_builder, '_make', _twice)
    report = preparation.prepare(
        'synthetic/tiny', data_dir=tmp_path, beam='DirectRunner', on_error='skip'
    )
    names = {r.name for s in report['splits'] for r in Corpus(tmp_path, 'synthetic/tiny', s)}
    assert len(names) == 14
    assert report['damaged'] == sorted(f'{name}: a second recording of this name' for name in names)


def test_a_runner_that_is_none_is_one_line(tmp_path, capsys):
    arguments = ['prepare', 'synthetic/tiny', '--data-dir', str(tmp_path), '--beam', 'NoRunner']
    assert main.main(arguments) == 2
    assert 'NoRunner' in capsys.readouterr().err
