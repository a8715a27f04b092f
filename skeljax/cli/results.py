"""Writes the segments and scores of recordings in the chosen formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import skeljax
from skeljax import documents, localize
from skeljax.errors import InputError
from skeljax.localize import exchange
from skeljax.localize.segments import Segments
from skeljax.viz import bouts, elan, webvtt

if TYPE_CHECKING:
    from skeljax.cli.sources import Source

# For each recording: format -> endings of its files. The JSON file names the file of scores.
ENDINGS = {
    'json': ('.json', '.scores.npz'),
    'eaf': ('.eaf',),
    'vtt': ('.vtt',),
    'nwb': ('.nwb',),
    'scores': ('.scores.npz',),
    'png': ('.png',),
}
# For all recordings together: format -> file.
TOGETHER = {'activitynet': 'activitynet.json', 'csv': 'segments.csv', 'boris': 'segments.boris'}
FORMATS = (*ENDINGS, *TOGETHER)
USUAL = ('json', 'png')
# Replaced without --force by results of the same recording; users edit the others.
_REPEATED = ('.json', '.scores.npz', '.png')


class Found(NamedTuple):
    """Results of one recording.

    Attributes:
        segments: found segments, in frames of the recording.
        scores: float32[T, L + 1].
        fps: frames per second.
        classes: names of the L classes.
        model: description of the model for JSON; its `name` is shown.
        source: place of the recording for JSON, relative to the folder of its results.
        truth: true segments, if known.
    """

    segments: Segments
    scores: np.ndarray
    fps: float
    classes: tuple[str, ...]
    model: Mapping
    source: Mapping
    truth: Segments | None = None


def check(out: Path, sources: Sequence[Source], chosen: Sequence[str], *, force: bool):
    """Checks that results replace only earlier results of the same recordings.

    Args:
        out: folder of the results.
        sources: recordings with different names.
        chosen: formats, from `FORMATS`.
        force: whether results may replace any file except a recording.

    Raises:
        InputError: a result would replace a recording, another result, or an existing file. A
            result in a format of `_REPEATED` may replace an earlier one of the same recording.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f'{out}: is a file, expected a folder for the results')
    recordings = {source.file.resolve() for source in sources if source.file}
    planned: dict[Path, str] = {}
    jobs = [(source, path) for source in sources for path in _paths(out, source.name, chosen)]
    jobs += [(None, out / TOGETHER[form]) for form in chosen if form in TOGETHER]
    for source, path in jobs:
        what = str(source) if source else 'all recordings'
        if path.resolve() in recordings:
            raise InputError(
                f'{path}: the results would replace it; choose another folder by --out'
            )
        if (other := planned.setdefault(path, what)) != what:
            raise InputError(f'{path}: would hold the results of {other} and of {what}')
        if path.is_dir():
            raise InputError(f'{path}: is a folder; choose another by --out')
        if not path.exists() or force:
            continue
        if source is None or not path.name.endswith(_REPEATED):
            raise InputError(f'{path}: exists; choose another folder by --out, or --force')
        if (own := _of(out / f'{source.name}.json', source)) is not True:
            raise InputError(
                f'{path}: exists, and {own}; choose another folder by --out, or --force'
            )


def write(out: Path, name: str, found: Found, chosen: Sequence[str]):
    """Writes the files of one recording, each complete or not at all.

    ELAN and WebVTT hold segments without overlap (`localize.non_overlapping`).
    """
    stem = out / name
    stem.parent.mkdir(parents=True, exist_ok=True)
    beside = localize.non_overlapping(found.segments)
    shown = {'classes': found.classes, 'fps': found.fps}
    properties = {'recording': name, 'model': found.model['name']}
    endings = {ending for form in chosen for ending in ENDINGS.get(form, ())}
    if '.scores.npz' in endings:
        with _placed(Path(f'{stem}.scores.npz')) as path, path.open('wb') as file:
            np.savez_compressed(
                file,
                probabilities=found.scores.astype(np.float32),
                classes=np.array(found.classes),
            )
    if '.eaf' in endings:
        with _placed(Path(f'{stem}.eaf')) as path:
            tier = found.model['name']
            elan.write(path, beside, **shown, tier=tier, properties=properties)
    if '.vtt' in endings:
        notes = [f'{key}: {text}' for key, text in properties.items()]
        with _placed(Path(f'{stem}.vtt')) as path:
            webvtt.write(path, beside, **shown, notes=notes)
    if '.nwb' in endings:
        software = f'skeljax {skeljax.__version__}, {properties["model"]}'
        with _placed(Path(f'{stem}.nwb')) as path:
            bouts.write(path, found.segments, **shown, recording=name, software=software)
    if '.png' in endings:
        from skeljax.viz import timeline  # Matplotlib is slow to load

        timeline.draw(
            Path(f'{stem}.png'), predicted=found.segments, truth=found.truth,
            probabilities=found.scores, **shown, title=name,
        )
    if '.json' in endings:  # the last: its presence means that the others are complete
        with _placed(Path(f'{stem}.json')) as path:
            path.write_text(json.dumps(_described(name, found), indent=1) + '\n', encoding='utf-8')


def write_together(
    out: Path,
    segments: Mapping[str, Segments],
    rates: Mapping[str, float],
    classes: Sequence[str],
    chosen: Sequence[str],
):
    """Writes the files that hold all recordings.

    Args:
        out: folder of the results.
        segments: recording -> segments, in its frames.
        rates: recording -> frames per second.
        classes: names of the classes.
        chosen: formats, from `FORMATS`.
    """
    alike = set(rates.values())
    fps = alike.pop() if len(alike) == 1 else None
    found = exchange.SegmentSet(segments, tuple(classes), fps, rates=rates)
    for form in TOGETHER.keys() & set(chosen):
        exchange.write(out / TOGETHER[form], found, kind=form)


def _paths(out: Path, name: str, chosen: Sequence[str]) -> list[Path]:
    endings = dict.fromkeys(ending for form in chosen for ending in ENDINGS.get(form, ()))
    return [out / f'{name}{ending}' for ending in endings]


def _described(name: str, found: Found) -> dict:
    frames = len(found.scores)
    return {
        'recording': name,
        'fps': found.fps,
        'frames': frames,
        'seconds': frames / found.fps,
        'model': dict(found.model),
        'source': dict(found.source),
        'classes': list(found.classes),
        'scores': f'{Path(name).name}.scores.npz',
        'segments': localize.to_json_dict(found.segments, classes=found.classes, fps=found.fps),
    }


def _of(path: Path, source: Source) -> bool | str:
    """Returns True if a JSON file is of this recording, else the reason why not."""
    try:
        saved = documents.parse(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        return f'there is no {path.name} that names its recording'
    except (OSError, ValueError):
        saved = None
    where = saved.get('source') if isinstance(saved, dict) else None
    if not isinstance(where, dict):
        return f'{path.name} is no result of `skeljax predict`'
    if source.file and 'file' in where:
        there = (path.parent / str(where['file'])).resolve()
        return there == source.file.resolve() or f'is of another recording, {there}'
    there = tuple(where.get(key) for key in ('corpus', 'split'))
    there += (where.get('recording', saved.get('recording')),)
    return there == source.prepared or 'is of another recording'


@contextlib.contextmanager
def _placed(path: Path) -> Iterator[Path]:
    """Yields a temporary path, which is moved to `path` when the block ends without an error."""
    beside = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
