"""The spool gives TFDS's own order, and a split may be larger than memory allows."""

import subprocess
import sys

from hypothesis import given, settings, strategies as st
import pytest
from tensorflow_datasets.core import shuffle

from skeljax.data import disk_shuffle

SHUFFLER = shuffle.Shuffler


@settings(max_examples=25, deadline=None)  # a thousand files' worth of TFDS objects each
@given(st.dictionaries(st.text(max_size=5), st.binary(max_size=20), min_size=1))
def test_records_come_in_the_order_that_tfds_gives_them(tmp_path_factory, records):
    folder = tmp_path_factory.mktemp('spool')
    ours, theirs = disk_shuffle.Spool(folder, 'train'), SHUFFLER(folder, 'train')
    for key, data in records.items():
        ours.add(key, data)
        theirs.add(key, data)
    assert list(ours) == list(theirs)
    assert ours.size == theirs.size and ours.num_examples == theirs.num_examples
    assert ours.bucket_lengths == theirs.bucket_lengths
    assert not list(folder.iterdir())


def test_a_key_given_twice_is_refused(tmp_path):
    records = disk_shuffle.Spool(tmp_path, 'train')
    for data in (b'one', b'two'):
        records.add('key', data)
    with pytest.raises(shuffle.DuplicatedKeysError):
        list(records)


def test_the_shuffler_of_tfds_is_back_afterwards():
    with pytest.raises(ZeroDivisionError), disk_shuffle.on_disk():
        assert shuffle.Shuffler is disk_shuffle.Spool
        raise ZeroDivisionError
    assert shuffle.Shuffler is SHUFFLER


def test_a_split_beyond_the_memory_of_tfds_needs_no_tensorflow(tmp_path):
    code = f"""
import sys
from tensorflow_datasets.core import shuffle
from skeljax.cli import prepare
shuffle.MAX_MEM_BUFFER_SIZE = 1000
made = prepare.prepare('synthetic/tiny', data_dir={str(tmp_path)!r})
assert made['splits']['train']['recordings'] == 8
sys.exit('tensorflow' in sys.modules)
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
