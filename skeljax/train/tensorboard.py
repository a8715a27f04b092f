"""TensorBoard files of a run. A failed write ends the file, not the run.

Everything in them is also in `metrics.jsonl`, whose failure stops the run. tensorboardX writes in
a thread of its own, and again when Python exits, where an exception would print a traceback.
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
    # By default a file is named by the second, and after a clock is set back it is overwritten.
    suffix = f'.{purge_step}.{os.getpid()}.{next(_count)}'
    return tensorboardX.SummaryWriter(
        f'{_SCHEME}:{Path(folder).absolute()}', purge_step=purge_step, flush_secs=30,
        filename_suffix=suffix,
    )


class _Writer:
    """A file that ignores all writes after one has failed."""

    def __init__(self, path: str):
        # Without a buffer: its rest would fail again when the file is closed.
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
    """Opens files for tensorboardX, which selects it by the scheme before a colon."""

    def open(self, path: str) -> _Writer:
        return _Writer(path.removeprefix(f'{_SCHEME}:'))

    def directory_check(self, path: str):
        Path(path.removeprefix(f'{_SCHEME}:')).mkdir(parents=True, exist_ok=True)


record_writer.register_writer_factory(_SCHEME, _Factory())
