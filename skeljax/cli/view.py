"""Write one HTML page of recordings: skeleton, timelines, scores, errors.

    skeljax view predictions/ --truth labels.csv --out page.html
    skeljax view --workdir runs/tuned --split test --limit 12 --out page.html

PREDICTIONS are files written by `skeljax predict`, or folders of such files. With --workdir,
the recordings of a split are scored first and shown with their truth. The page is
self-contained: it works offline, from a file, in any current browser.
"""

from collections.abc import Iterator
from pathlib import Path
import sys

from skeljax.cli import model_args, raw, scored_entry
from skeljax.errors import InputError
from skeljax.viz.viewer import entry, kinds, page, predictions

LARGE = 15  # MB; browsers load larger pages slowly


def add_arguments(parser):
    parser.add_argument('predictions', nargs='*', metavar='PREDICTIONS', help='files or folders')
    parser.add_argument('--truth', metavar='G', help='true segments: .csv, or .json of ActivityNet')
    parser.add_argument('--recordings', metavar='DIR', help='folder of the recordings, if moved')
    parser.add_argument('--out', default='view.html', help='file of the page (default: view.html)')
    parser.add_argument('--force', action='store_true', help='replace a page that exists')
    parser.add_argument(
        '--tiou', type=float, default=kinds.TIOU,
        help='smallest tIoU of a correct segment (default: %(default)s)',
    )
    parser.add_argument('--title', help='title of the page')
    parser.add_argument(
        '--limit', type=int, default=24, metavar='N',
        help='show only the N worst recordings (default: %(default)s)',
    )
    group = parser.add_argument_group('recordings of a fine-tuning run, instead of PREDICTIONS')
    group.add_argument('--workdir', help='folder of the run')
    group.add_argument('--split', default='test', help='split of its corpus (default: test)')
    group.add_argument('--data-dir', help='folder of the prepared corpus, if moved')
    group.add_argument(
        '--protocol', help="protocol of the decoder (default: the run's sequence decoder)"
    )
    group.add_argument('--min-score', type=float, help='smallest score of a segment')
    raw.add_arguments(parser)


def run(args) -> int:
    out = page.check(args.out, force=args.force)
    if bool(args.predictions) == bool(args.workdir):
        raise InputError('give PREDICTIONS or --workdir, and not both')
    if not 0 < args.tiou <= 1:
        raise InputError(f'--tiou {args.tiou:g} is not above 0 and up to 1')
    if args.limit < 1:
        raise InputError(f'--limit {args.limit} shows nothing')
    if args.workdir and args.truth:
        raise InputError('--truth is for PREDICTIONS; the corpus of --workdir has its own')
    classes, entries = _of_run(args) if args.workdir else _of_predictions(args)
    shown, count = _worst(entries, args.limit)
    title = args.title or _title(args)
    page.write(out, shown, classes=classes, title=title, tiou=args.tiou, force=args.force)
    for one in shown:
        if not one.described['found']:
            print(f'{one.name}: nothing was found', file=sys.stderr)
    size = out.stat().st_size / 1e6
    left_out = f', the worst of {count}' if count > len(shown) else ''
    print(f'{len(shown)} recordings{left_out} in {out} ({size:.1f} MB)')
    if size > LARGE:
        print(f'pages over {LARGE} MB load slowly; show fewer with --limit', file=sys.stderr)
    return 0


def _worst(entries: Iterator[entry.Entry], limit: int) -> tuple[list[entry.Entry], int]:
    """Returns the `limit` recordings of largest error, then those without truth; counts all."""
    kept, count = [], 0
    for made in entries:
        count += 1
        kept = sorted([*kept, made], key=lambda e: 1.0 if e.error is None else -e.error)[:limit]
    return kept, count


def _of_predictions(args) -> tuple[tuple[str, ...], Iterator[entry.Entry]]:
    read = predictions.read(args.predictions)
    classes = predictions.classes_of(read)
    truths = predictions.truths(args.truth, read, classes) if args.truth else {}

    def make(prediction):
        recording, own = predictions.recording(
            prediction,
            classes,
            folder=args.recordings,
            data_dir=args.data_dir,
            options=raw.options(args),
        )
        return entry.make(
            recording,
            predictions.segments(prediction, classes),
            classes=classes,
            truth=truths.get(prediction.name, own),
            probabilities=predictions.probabilities(prediction, classes),
            tiou=args.tiou,
        )

    return classes, map(make, read)


def _of_run(args) -> tuple[tuple[str, ...], Iterator[entry.Entry]]:
    from skeljax.data.corpus import Corpus
    from skeljax.inference import predictor

    model = predictor.of_run(
        args.workdir, args.protocol, min_score=args.min_score, note=model_args.note
    )
    data = model.run.config.data
    corpus = Corpus(args.data_dir or data.data_dir, data.corpus, args.split, keep=False)

    made = (
        scored_entry.of_recording(model, recording, corpus.classes, tiou=args.tiou)
        for recording in corpus
    )
    return model.classes, made


def _title(args) -> str:
    if args.workdir:
        return f'{Path(args.workdir).name}, {args.split}'
    first = Path(args.predictions[0])
    return first.resolve().name if first.is_dir() else first.stem
