"""Times the readers of raw files, against reading line by line."""

from collections.abc import Iterable
import gzip
from pathlib import Path
import statistics
import time

from skeljax import formats
from skeljax.errors import InputError

_BINARY = ('.npz', '.npy', '.c3d', '.json')


def measure(paths: Iterable, rounds: int = 3) -> dict[str, dict]:
    """Reads files over and over, each by the reader of its format.

    Args:
        paths: files, and folders whose files of known formats are taken.
        rounds: how often; figures are of the median round.

    Returns:
        For each reader: files, megabytes, frames, seconds a round, each of them a second,
        and how many times as long a loop over the lines takes that turns every word into a
        `float` and does nothing with it (null for formats that are no lines of numbers).

    Raises:
        InputError: no such file, none of a known format, or one is damaged.
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
    inside = [path] if path.is_file() else path.rglob('*')
    return [file for file in inside if file.is_file() and formats.find(file)]


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
                pass  # words, e.g. of a header
