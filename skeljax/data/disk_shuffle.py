"""Makes TFDS shuffle a split on disk, in memory that does not grow with the size of its records.

TFDS keeps the records of a split in memory up to 1000 MiB; beyond that it opens its own files
through TensorFlow, which is not required here. TFDS has no option for this, so its private class
`tensorflow_datasets.core.shuffle.Shuffler` is replaced while a corpus is prepared. This is the
only file that does so; tests/data/test_disk_shuffle.py checks everything that it relies on.
"""

from collections.abc import Iterator
import contextlib
import tempfile
import weakref

from tensorflow_datasets.core import hashing, shuffle


class DiskShuffler:
    """Replaces the `Shuffler` of TFDS: yields records in the order of their keys' hashes.

    One file holds the records in the order of arrival. Memory holds the hash, offset and size of
    each. Arguments, methods and properties are those that TFDS' writers use.
    """

    def __init__(self, dirpath, hash_salt, disable_shuffling=False, ignore_duplicates=False):
        del ignore_duplicates  # only TFDS' writer for Beam sets it, which makes no shuffler here
        self._file = tempfile.TemporaryFile(dir=dirpath)
        # An interrupted build drops this object before it is read.
        self._close = weakref.finalize(self, self._file.close)
        self._hash = (lambda key: key) if disable_shuffling else hashing.Hasher(hash_salt).hash_key
        self._places: list[tuple[int, int, int]] = []
        self.size = 0

    @property
    def num_examples(self) -> int:
        return len(self._places)

    @property
    def bucket_lengths(self) -> list[int]:
        return [len(self._places)]

    def add(self, key, data: bytes):
        """Adds one record."""
        self._file.write(data)
        self._places.append((self._hash(key), self.size, len(data)))
        self.size += len(data)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yields (hash, record) in the order of the hashes.

        Raises:
            DuplicatedKeysError: (of TFDS) two records have the same key.
        """
        before = None
        for key, start, length in sorted(self._places):
            self._file.seek(start)
            data = self._file.read(length)
            if before and before[0] == key:
                raise shuffle.DuplicatedKeysError(data, before[1])
            before = key, data
            yield before
        self._close()


@contextlib.contextmanager
def on_disk():
    """Replaces the shuffler of TFDS inside a `with` block."""
    original = shuffle.Shuffler
    shuffle.Shuffler = DiskShuffler
    try:
        yield
    finally:
        shuffle.Shuffler = original
