"""Find the segments of one recording, with a picture.

    skeljax predict FILE --workdir runs/tuned --out predictions/

FILE is a UI-PRMD positions file (its angles file is found beside it), or
CORPUS:SPLIT:NAME for a recording of a prepared corpus, e.g.
synthetic/default:test:NAME. Writes NAME.json (seconds and frames) and NAME.png.
"""

import json
from pathlib import Path

from skeljax import formats, localize
from skeljax.data import normalize, records
from skeljax.data.corpus import Corpus
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


def run(args) -> int:
    ready = trained.load(args.workdir)
    recording, truth = _recording(args, ready)
    if recording.layout != ready.layout:
        raise InputError(f'{args.file}: layout {recording.layout}, the run has {ready.layout}')
    data = ready.config.data
    normalised = normalize.compose(tuple(data.normalisation))(recording)
    scores = score.probabilities(ready.model, ready.variables, normalised)
    found = localize.protocol(args.protocol).decode(scores)
    found = found[found.score >= args.min_score]
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    listed = localize.to_json_dict(found, classes=ready.classes, fps=recording.fps)
    described = {
        'recording': recording.name,
        'fps': recording.fps,
        'frames': len(recording.joints),
        'seconds': len(recording.joints) / recording.fps,
        'model': {'workdir': str(args.workdir), 'step': ready.step},
        'segments': listed,
    }
    path = out / f'{recording.name}.json'
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
    print(f'{len(listed)} segments in {path} and {path.with_suffix(".png")}')
    return 0


def _recording(args, ready):
    """Reads the file, or the prepared recording with its truth."""
    parts = args.file.split(':')
    if len(parts) != 3 or Path(args.file).exists():
        motion = formats.read(args.file)
        name = Path(args.file).name.split('.')[0]
        return records.from_motion(motion, name=name), None
    corpus = Corpus(args.data_dir or ready.config.data.data_dir, parts[0], parts[1])
    for recording in corpus:
        if recording.name == parts[2]:
            return recording, score.truth([recording])[recording.name]
    some = ', '.join(r.name for r, _ in zip(corpus, range(3)))
    raise InputError(f'{parts[0]} {parts[1]}: no recording {parts[2]!r}; there are {some}, ...')
