"""Shuffling on disk gives the order of TFDS, and a split may be larger than memory."""

import inspect
import re
import subprocess
import sys

from hypothesis import given, settings, strategies as st
import pytest
from tensorflow_datasets.core import shuffle, writer

from skeljax.data import disk_shuffle

SHUFFLER = shuffle.Shuffler


def test_tfds_has_not_changed_what_is_replaced():
    """If this fails, read TFDS' core/shuffle.py and core/writer.py and adapt `DiskShuffler`.

    Otherwise a corpus is shuffled by TFDS itself, which fails beyond 1000 MiB of records without
    TensorFlow, or `skeljax prepare` fails at a missing argument or attribute.
    """
    ours, theirs = (inspect.signature(c.__init__) for c in (disk_shuffle.DiskShuffler, SHUFFLER))
    assert list(ours.parameters) == list(theirs.parameters)
    # The writer takes the class from the module when it is made, and uses no other attributes.
    code = inspect.getsource(writer.Writer)
    assert 'self._shuffler = shuffle.Shuffler(' in code
    with disk_shuffle.on_disk():
        assert writer.shuffle.Shuffler is disk_shuffle.DiskShuffler
    used = set(re.findall(r'self\._shuffler\.(\w+)', code))
    assert used == {'add', 'bucket_lengths', 'num_examples', 'size'}


@settings(max_examples=25, deadline=None)  # a thousand files' worth of TFDS objects each
@given(st.dictionaries(st.text(max_size=5), st.binary(max_size=20), min_size=1))
def test_records_come_in_the_order_that_tfds_gives_them(tmp_path_factory, records):
    folder = tmp_path_factory.mktemp('shuffled')
    ours, theirs = disk_shuffle.DiskShuffler(folder, 'train'), SHUFFLER(folder, 'train')
    for key, data in records.items():
        ours.add(key, data)
        theirs.add(key, data)
    assert list(ours) == list(theirs)
    assert ours.size == theirs.size and ours.num_examples == theirs.num_examples
    assert ours.bucket_lengths == theirs.bucket_lengths
    assert not list(folder.iterdir())


def test_a_key_given_twice_is_refused(tmp_path):
    records = disk_shuffle.DiskShuffler(tmp_path, 'train')
    for data in (b'one', b'two'):
        records.add('key', data)
    with pytest.raises(shuffle.DuplicatedKeysError):
        list(records)


def test_the_shuffler_of_tfds_is_back_afterwards():
    with pytest.raises(ZeroDivisionError), disk_shuffle.on_disk():
        assert shuffle.Shuffler is disk_shuffle.DiskShuffler
        raise ZeroDivisionError
    assert shuffle.Shuffler is SHUFFLER


def test_a_split_beyond_the_memory_of_tfds_needs_no_tensorflow(tmp_path):
    code = f"""
import sys
from tensorflow_datasets.core import shuffle, writer
from skeljax.data import preparation
shuffle.MAX_MEM_BUFFER_SIZE = 1000
made = preparation.prepare('synthetic/tiny', data_dir={str(tmp_path)!r})
assert made['splits']['train']['recordings'] == 8
sys.exit('tensorflow' in sys.modules)
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
