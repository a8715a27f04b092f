"""Times the readers of raw files, in comparison with reading line by line."""

from collections.abc import Iterable
import gzip
from pathlib import Path
import statistics
import time

from skeljax import formats
from skeljax.errors import InputError

_BINARY = ('.npz', '.npy', '.c3d', '.json')


def measure(paths: Iterable, rounds: int = 3) -> dict[str, dict]:
    """Reads files repeatedly, each by the reader of its format.

    Args:
        paths: files, and folders whose files of known formats are read.
        rounds: number of runs, of which the median is returned.

    Returns:
        Reader -> files, megabytes, frames, seconds per run, the rate of each per second, and
        times_line_by_line: how many times as long a loop over the lines takes that only converts
        every word to `float` (None for binary formats and JSON).

    Raises:
        InputError: no such file, or no file of a known format.
        FormatError: a file is damaged.
    """
    found: dict[str, list[Path]] = {}
    paths = list(paths)
    for path in sorted({path for given in paths for path in _files(Path(given))}):
        found.setdefault(formats.find(path), []).append(path)
    if not found:
        raise InputError(f'{", ".join(map(str, paths))}: no file of a known format')
    return {name: _measure(files, rounds) for name, files in found.items()}


def _measure(files: list[Path], rounds: int) -> dict:
    frames = sum(len(formats.read(path).joints) for path in files)
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    seconds = statistics.median(_seconds(formats.read, files) for _ in range(rounds))
    plain = None
    if not any(path.name.lower().endswith(_BINARY) for path in files):
        plain = statistics.median(_seconds(_line_by_line, files) for _ in range(rounds))
    return {
        'files': len(files),
        'megabytes': megabytes,
        'frames': frames,
        'seconds': seconds,
        'files_per_second': len(files) / seconds,
        'megabytes_per_second': megabytes / seconds,
        'frames_per_second': frames / seconds,
        'times_line_by_line': plain / seconds if plain else None,
    }


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError(f'{path}: no such file or folder')
    candidates = [path] if path.is_file() else path.rglob('*')
    return [file for file in candidates if file.is_file() and formats.find(file)]


def _seconds(read, files: list[Path]) -> float:
    start = time.perf_counter()
    for path in files:
        read(path)
    return time.perf_counter() - start


def _line_by_line(path: Path):
    opened = gzip.open if path.suffix == '.gz' else open
    with opened(path, 'rt', encoding='latin-1') as lines:
        for line in lines:
            words = line.replace(',', ' ').split()
            try:
                [float(word) for word in words]
            except ValueError:
                pass  # a header, for example
