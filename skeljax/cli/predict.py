"""Find the segments of one recording, with a picture.

    skeljax predict FILE --workdir runs/tuned --out predictions/

FILE is a recording of any known format (what it does not tell itself is told by --fps,
--layout and --unit), or CORPUS:SPLIT:NAME for a recording of a prepared corpus, e.g.
synthetic/default:test:NAME. Of another joint layout or frame rate than the run's,
it is mapped and resampled to these. Writes NAME.json (seconds and frames, those of
the file), NAME.scores.npz (of every frame) and NAME.png. `skeljax view` shows them.
"""

import json
import os
from pathlib import Path
import sys

import numpy as np

from skeljax import formats, localize, remap, skeleton
from skeljax.cli import raw
from skeljax.data import normalize, records, timing
from skeljax.data.corpus import Corpus
from skeljax.data.records import Recording
from skeljax.errors import InputError
from skeljax.report import timeline
from skeljax.train import score, trained


def add_arguments(parser):
    parser.add_argument('file', help='a recording: a file or CORPUS:SPLIT:NAME')
    parser.add_argument('--workdir', required=True, help='folder of a fine-tuning run')
    parser.add_argument('--out', default='.', help='folder for the results (default: here)')
    parser.add_argument('--data-dir', help='of a prepared corpus, if not the one trained on')
    parser.add_argument('--protocol', default='babel_clean', help='whose decoding to use')
    parser.add_argument('--min-score', type=float, default=0.1, help='leave out weaker segments')
    raw.add_arguments(parser)


def run(args) -> int:
    path, segments = predict(
        args.file,
        args.workdir,
        args.out,
        data_dir=args.data_dir,
        protocol=args.protocol,
        min_score=args.min_score,
        options=raw.options(args),
        note=lambda text: print(text, file=sys.stderr),
    )
    print(f'{segments} segments in {path} and {path.with_suffix(".png")}')
    return 0


def predict(
    file,
    workdir,
    out,
    *,
    data_dir=None,
    protocol='babel_clean',
    min_score=0.1,
    options: dict | None = None,
    note=lambda _: None,
):
    """Finds the segments of one recording; writes NAME.json, NAME.scores.npz and NAME.png.

    The JSON tells where the recording and the scores are, seen from its own folder.
    The scores are `probabilities` float32[T, L + 1], background last, of the file's
    frames, and `classes`.

    Args:
        file: a recording's file, or CORPUS:SPLIT:NAME.
        workdir: folder of a fine-tuning run.
        out: folder for the results, made if absent.
        data_dir: of a prepared corpus, if not the one trained on.
        protocol: whose decoding to use.
        min_score: leaves out segments of a lower score.
        options: what a file does not tell itself, as `skeljax.formats.read` takes it.
        note: told, in a line each, what was done to the recording to fit the run.

    Returns:
        The JSON file and the number of segments.

    Raises:
        InputError: a file, recording or run that is missing or damaged, a layout that
            cannot be mapped to the run's, or results that would replace the file.
    """
    ready = trained.load(workdir)
    recording, truth = _recording(str(file), ready, data_dir, options or {})
    path = Path(out) / f'{recording.name}.json'
    if path.exists() and Path(file).exists() and path.samefile(file):
        raise InputError(f'{file}: the results would replace it; choose another folder by --out')
    scores = frame_scores(ready, recording, note)
    found = localize.protocol(protocol).decode(scores)
    found = found[found.score >= min_score]
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = localize.to_json_dict(found, classes=ready.classes, fps=recording.fps)
    described = {
        'recording': recording.name,
        'fps': recording.fps,
        'frames': len(recording.joints),
        'seconds': len(recording.joints) / recording.fps,
        'model': {'workdir': str(workdir), 'step': ready.step},
        'source': _source(str(file), ready, data_dir, options or {}, path.parent),
        'classes': list(ready.classes),
        'scores': f'{recording.name}.scores.npz',
        'segments': listed,
    }
    np.savez_compressed(
        path.parent / described['scores'],
        probabilities=scores.astype(np.float32),
        classes=np.array(ready.classes),
    )
    path.write_text(json.dumps(described, indent=1) + '\n')
    timeline.draw(
        path.with_suffix('.png'),
        predicted=found,
        truth=truth,
        probabilities=scores,
        classes=ready.classes,
        fps=recording.fps,
        title=recording.name,
    )
    return path, len(listed)


def frame_scores(
    ready: trained.Trained, recording: Recording, note=lambda _: None
) -> np.ndarray:
    """Scores every frame of a recording, float32[T, L + 1].

    It is brought to the layout and frame rate of the run; each of its frames gets the
    scores of the nearest one then.

    Args:
        ready: a fine-tuning run.
        recording: as recorded, not normalised.
        note: told, in a line each, what was done to the recording to fit the run.

    Raises:
        InputError: its layout cannot be mapped to the run's.
    """
    fitted = _fitted(recording, ready, note)
    normalised = normalize.compose(tuple(ready.config.data.normalisation))(fitted)
    scores = score.probabilities(ready.model, ready.variables, normalised)
    frames = np.arange(len(recording.joints)) * (normalised.fps / recording.fps)
    return scores[np.minimum(np.round(frames).astype(int), len(scores) - 1)]


def _fitted(recording: Recording, ready: trained.Trained, note) -> Recording:
    """Brings a recording to the layout and frame rate of a run."""
    if recording.layout != ready.layout:
        names = [skeleton.get(layout).name for layout in (recording.layout, ready.layout)]
        try:
            guessed = remap.guessed(recording.layout, ready.layout)
            recording = normalize.in_layout(recording, ready.layout)
        except InputError as error:
            raise InputError(f'{recording.name}: {error}') from None
        told = f'guessed {", ".join(guessed)}' if guessed else 'every joint is known'
        note(f'{recording.name}: mapped from {names[0]} to {names[1]}; {told}')
    resampled = timing.resample(recording, ready.fps)
    if resampled is not recording:
        note(f'{recording.name}: resampled from {recording.fps:g} to {ready.fps:g} frames a second')
    return resampled


def _source(file: str, ready: trained.Trained, data_dir, options: dict, folder: Path) -> dict:
    """Describes where a recording is, seen from a folder."""
    if not _is_prepared(file):
        given = {name: value for name, value in options.items() if value is not None}
        return {'file': os.path.relpath(file, folder), **given}
    corpus, split, _ = file.split(':')
    data_dir = os.path.relpath(data_dir or ready.config.data.data_dir, folder)
    return {'corpus': corpus, 'split': split, 'data_dir': data_dir}


def _is_prepared(file: str) -> bool:
    """Tells CORPUS:SPLIT:NAME from a file."""
    return len(file.split(':')) == 3 and not Path(file).exists()


def _recording(file: str, ready, data_dir, options: dict):
    """Reads the file, or the prepared recording with its truth."""
    if not _is_prepared(file):
        motion = formats.read(file, **options)
        return records.from_motion(motion, name=formats.stem(file)), None
    parts = file.split(':')
    corpus = Corpus(data_dir or ready.config.data.data_dir, parts[0], parts[1])
    for recording in corpus:
        if recording.name == parts[2]:
            return recording, score.truth([recording])[recording.name]
    some = ', '.join(r.name for r, _ in zip(corpus, range(3)))
    raise InputError(f'{parts[0]} {parts[1]}: no recording {parts[2]!r}; there are {some}, ...')
