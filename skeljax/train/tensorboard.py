"""TensorBoard files of a run; one that cannot be written ends without disturbing the run.

Everything in them is also in `metrics.jsonl`, whose failure stops the run. The library writes
in a thread of its own and again when Python exits: an exception there would be a traceback.
"""

from collections.abc import Callable
import itertools
import os
from pathlib import Path

import tensorboardX
from tensorboardX import record_writer

_SCHEME = 'skeljax'
_count = itertools.count()


def open_board(folder, *, purge_step: int) -> tensorboardX.SummaryWriter:
    """Opens a new TensorBoard file.

    Args:
        folder: of the run.
        purge_step: TensorBoard leaves out what earlier files have from this step on.

    Raises:
        OSError: the file cannot be made.
    """
    # Else a file is named by the second, and one of a clock that went back would be written over.
    suffix = f'.{purge_step}.{os.getpid()}.{next(_count)}'
    return tensorboardX.SummaryWriter(
        f'{_SCHEME}:{Path(folder).absolute()}', purge_step=purge_step, flush_secs=30,
        filename_suffix=suffix,
    )


class _Writer:
    """A file that takes nothing more once a write to it has failed."""

    def __init__(self, path: str):
        # Without a buffer, as the rest of one would fail again wherever the file is closed.
        self._file, self._fails = open(path, 'wb', buffering=0), False

    def write(self, data: bytes):
        self._attempt(self._file.write, data)

    def flush(self):
        self._attempt(self._file.flush)

    def close(self):
        self._attempt(self._file.close)

    def _attempt(self, act: Callable, *data):
        try:
            if not self._fails:
                act(*data)
        except OSError:
            self._fails = True


class _Factory:
    """What tensorboardX asks of a kind of files that it finds by the scheme before a colon."""

    def open(self, path: str) -> _Writer:
        return _Writer(path.removeprefix(f'{_SCHEME}:'))

    def directory_check(self, path: str):
        Path(path.removeprefix(f'{_SCHEME}:')).mkdir(parents=True, exist_ok=True)


record_writer.register_writer_factory(_SCHEME, _Factory())
