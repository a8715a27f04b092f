"""Lets TFDS shuffle a split on disk, in memory that does not grow with it.

TFDS keeps the records of a split in memory up to 1000 MiB; beyond that it opens its
own files through TensorFlow, which need not be there.
"""

from collections.abc import Iterator
import contextlib
import tempfile
import weakref

from tensorflow_datasets.core import hashing, shuffle


class Spool:
    """Stands in for TFDS's `Shuffler`: yields records in the order of their keys' hashes.

    One file holds the records as they come; what is kept in memory is where each begins.
    """

    def __init__(self, dirpath, hash_salt, disable_shuffling=False, ignore_duplicates=False):
        del ignore_duplicates  # of Beam's writer, which does not use this
        self._file = tempfile.TemporaryFile(dir=dirpath)
        # An interrupted build drops the spool before it is read.
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
        """Takes one record."""
        self._file.write(data)
        self._places.append((self._hash(key), self.size, len(data)))
        self.size += len(data)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yields (hash, record).

        Raises:
            DuplicatedKeysError: of TFDS, for two of one key.
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
    """Makes TFDS use a spool while this lasts."""
    whole = shuffle.Shuffler
    shuffle.Shuffler = Spool
    try:
        yield
    finally:
        shuffle.Shuffler = whole
