"""Metrics of a run: JSON lines, TensorBoard, optionally Weights & Biases, a progress bar."""

import contextlib
import json
import os
from pathlib import Path
import time

import tqdm

from skeljax import documents
from skeljax.errors import writing
from skeljax.train import progress, tensorboard, wandb_log


class Log:
    """Writes the metrics of a run; use as a context manager.

    Lines of `metrics.jsonl` after the step from which a run resumes are removed, because these
    steps run again.

    Args:
        folder: holds `metrics.jsonl` and the TensorBoard files.
        start: number of steps already done.
        num_steps: number of the last step.
        examples: examples per step, for the speed in the bar.
        title: text before the bar.
        quiet: shows no bar.
        write: False writes nothing; for all processes but the first.
        wandb: project of Weights & Biases that metrics are logged to as well; '' for none.

    Raises:
        InputError: the folder cannot be written. Every method that writes raises it too.
    """

    def __init__(
        self, folder, *, start=0, num_steps=0, examples=0, title='', quiet=False, write=True,
        wandb=''
    ):
        self._file = self._board = self._tracked = None
        self._path = Path(folder) / 'metrics.jsonl'
        if write:
            with writing(self._path):
                if wandb:
                    self._tracked = wandb_log.start(wandb, folder, quiet=quiet)
                self._open(folder, start)
        self._bar = tqdm.tqdm(
            total=num_steps, initial=start, desc=title, unit='step', disable=quiet, smoothing=0.1
        )
        self._examples, self._shown = examples, {}
        self._last = (start, time.perf_counter())

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        self._bar.close()
        if self._tracked:
            self._tracked.finish(exit_code=int(error is not None))
        if self._file:
            with writing(self._path), contextlib.closing(self._file):
                self._board.close()

    def _open(self, folder, start):
        kept = [line for line in _lines(self._path) if line['step'] <= start]
        self._path.write_text(''.join(json.dumps(line) + '\n' for line in kept))
        self._file = self._path.open('a')
        progress.hold(self._file)
        self._board = tensorboard.open_board(folder, purge_step=start + 1)

    def advance(self, steps: int = 1):
        """Advances the bar by some steps."""
        self._bar.update(steps)

    def train(self, step: int, metrics: dict):
        """Writes the metrics of a training step and the speed since the last call."""
        now = time.perf_counter()
        steps, seconds = step - self._last[0], now - self._last[1]
        self._last = (step, now)
        values = {name: float(value) for name, value in metrics.items()}
        values['examples_per_second'] = self._examples * steps / max(seconds, 1e-9)
        self._show(loss=f'{values["loss"]:.3f}', rate=f'{values["examples_per_second"]:.0f} ex/s')
        self.write(step, values)

    def write(self, step: int, metrics: dict):
        """Writes named values as of `step`."""
        if not self._file:
            return
        with writing(self._path):
            self._file.write(json.dumps({'step': step, **metrics}) + '\n')
            self._file.flush()
        for name, value in metrics.items():
            self._board.add_scalar(name, value, step)
        if self._tracked:
            self._tracked.log({'step': step, **metrics})

    def sync(self):
        """Flushes the metrics to the disk. In a mounted bucket others can read them only then."""
        if self._file:
            with writing(self._path):
                os.fsync(self._file.fileno())

    def show(self, **words: str):
        """Shows words after the bar until they are replaced."""
        self._show(**words)

    def _show(self, **words):
        self._shown |= words
        self._bar.set_postfix(self._shown, refresh=False)


def _lines(path: Path) -> list[dict]:
    """Reads JSON lines up to the first that is not whole, as a kill leaves one."""
    lines = []
    for text in path.read_text().splitlines() if path.exists() else []:
        try:
            line = documents.parse(text)
        except ValueError:
            break
        if not isinstance(line, dict) or not isinstance(line.get('step'), int):
            break
        lines.append(line)
    return lines
