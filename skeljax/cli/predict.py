"""Find the segments of recordings: files, folders of them, of any known format.

    skeljax predict walk.bvh monday/ --model model/ --out predictions/
    skeljax predict walk.bvh --workdir runs/tuned --out predictions/
    skeljax predict clips/ --model model/ --format csv --format eaf --out predictions/

RECORDING is a file, a folder (all recordings below it), or CORPUS:SPLIT:NAME for one of a
prepared corpus. What a file does not tell itself is told by --fps, --layout, --unit, --up.
Of another joint layout or frame rate than the model's, it is mapped and resampled to
these, and what had to be guessed is told. A recording that cannot be read is told, the
others go on, and the exit status is 2.

--format may be repeated: json (NAME.json in seconds and frames, with NAME.scores.npz of
every frame; `skeljax view` shows them), png (a picture), eaf (ELAN), vtt (captions), nwb
(ndx-ethogram), scores (the .npz alone), and of all recordings together activitynet
(activitynet.json), csv (segments.csv) and boris (segments.boris). docs/predicting.md tells
what is in them.

--window, --hop and --ahead give the scores that `skeljax stream` gives with the same.
"""

from collections.abc import Sequence
import functools
from pathlib import Path
import sys

import tqdm

from skeljax.cli import raw, results, sources
from skeljax.errors import InputError, shown
from skeljax.inference import adapt, model_io, predictor, streaming, windowing


def add_arguments(parser):
    parser.add_argument(
        'recordings', nargs='+', metavar='RECORDING', help='file, folder or CORPUS:SPLIT:NAME'
    )
    add_model(parser)
    parser.add_argument('--out', default='.', help='folder for the results (default: here)')
    parser.add_argument(
        '--format', action='append', choices=results.FORMATS, dest='formats',
        help=f'may be repeated (default: {" and ".join(results.USUAL)})',
    )
    parser.add_argument('--force', action='store_true', help='replace results that are not these')
    parser.add_argument('--quiet', action='store_true', help='no progress bar')
    parser.add_argument('--data-dir', help='of a prepared corpus, if not the one trained on')
    add_window(parser)
    add_decoding(parser)
    raw.add_arguments(parser)


def add_model(parser):
    """Adds `--model` and `--workdir`, one of which is to be given."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument('--model', metavar='DIR', help='a model, as `skeljax export` makes it')
    group.add_argument('--workdir', help='folder of a fine-tuning run')


def load(args) -> predictor.Model:
    """Loads the model that `--model` or `--workdir` names, with its own decoder."""
    if args.workdir:
        return predictor.of_run(args.workdir, note=note)
    return model_io.load(args.model, note)


def note(text: str):
    """Prints a line for the user who watches."""
    print(f'skeljax: {text}', file=sys.stderr)


def add_window(parser, default: windowing.Window | None = None):
    """Adds `--window`, `--hop` and `--ahead`, all of which have a default or none has."""
    group = parser.add_argument_group(
        'windows that move over the frames, at the rate of the model'
        + ('' if default else '; by default all is seen at once')
    )
    told = default or streaming.WINDOW
    for name, what, value in (
        ('window', 'that are seen at once', told.length),
        ('hop', 'by which the window moves on', told.hop),
        ('ahead', 'that are seen after those that get their scores', told.ahead),
    ):
        group.add_argument(
            f'--{name}', type=int, metavar='FRAMES', help=f'{what} (default: {value})'
            if default else f'{what} ({value} where only another one is given)',
        )


def window(args) -> windowing.Window | None:
    """Returns the window that is told, None where none of its options is.

    Raises:
        InputError: one that cannot be.
    """
    given = [args.window, args.hop, args.ahead]
    if given == [None] * 3:
        return None
    pairs = zip(given, streaming.WINDOW, strict=True)
    return windowing.check(windowing.Window(*(own if own is not None else usual for own, usual in pairs)))


def open_model(args) -> tuple[predictor.Model, dict]:
    """Loads the model that is told by the options; returns it, and what JSON tells of it."""
    told = dict(thresholds=args.threshold, min_score=args.min_score)
    if args.workdir:
        model = predictor.of_run(args.workdir, args.protocol, args.decoder, **told, note=note)
    else:
        model = model_io.load(args.model, note)
        model = predictor.with_decoder(model, args.protocol, args.decoder, **told)
    folder, kind = (args.model, 'folder') if args.model else (args.workdir, 'workdir')
    name = Path(folder).resolve().name
    return model, {'name': name, kind: folder, 'step': model.run.step}


def add_decoding(parser):
    """Adds the options that choose how scores become segments."""
    group = parser.add_argument_group('how scores become segments, if not as the model tells')
    group.add_argument('--protocol', help='whose decoding to use')
    group.add_argument(
        '--decoder', metavar='STEPS', help='another one, or steps, as gaussian:3,watershed,refine'
    )
    group.add_argument(
        '--threshold', type=float, nargs='+', default=[], metavar='P', help='of the decoder'
    )
    group.add_argument(
        '--min-score', type=float,
        help='leave out weaker segments (default: 0.1; of the sequence decoder, its own rule)',
    )


def run(args) -> int:
    model, named = open_model(args)
    out, chosen = Path(args.out), tuple(args.formats or results.USUAL)
    told = lambda text: tqdm.tqdm.write(shown(text), file=sys.stderr)
    data_dir = args.data_dir or model.run.config.data.data_dir
    found = sources.find(args.recordings, out, told)
    results.check(out, found, chosen, force=args.force)
    try:
        counts, failed = _predict(args, model, named, found, out, chosen, data_dir, told)
    except OSError as error:
        raise InputError(f'{error.filename or out}: cannot be written: {error.strerror}') from None
    for error in failed:
        print(f'skeljax predict: {error}', file=sys.stderr)
    if counts:
        total = f'{sum(counts.values())} segments in {len(counts)} recordings, in {out}'
        print(f'{total}; {len(failed)} recordings failed' if failed else total)
    return 2 if failed else 0


def _predict(
    args, model: predictor.Model, named: dict, found: Sequence[sources.Source], out: Path,
    chosen: Sequence[str], data_dir, told,
) -> tuple[dict[str, int], list[InputError]]:
    """Predicts recordings one by one: how many segments each has, and what went wrong."""
    options, segments, rates, failed = raw.options(args), {}, {}, []
    score = functools.partial(adapt.frame_scores, model.run, note=told)
    if given := window(args):
        score = functools.partial(streaming.frame_scores, model.run, window=given, note=told)
    # Of one recording, and where nobody looks, there is no bar.
    hidden = True if args.quiet or len(found) == 1 else None
    for source in tqdm.tqdm(found, desc='predict', unit='recording', disable=hidden):
        try:
            recording, truth = sources.read(source, data_dir, options, told)
            scores = score(recording)
        except InputError as error:
            if args.debug:
                raise
            failed.append(error)
            continue
        segments[source.name] = model.decode(scores, recording.fps)
        rates[source.name] = recording.fps
        place = (out / source.name).parent
        one = results.Found(
            segments[source.name], scores, recording.fps, model.classes,
            named, source.described(options, data_dir, place), truth,
        )
        results.write(out, source.name, one, chosen)
    if segments:
        results.write_together(out, segments, rates, model.classes, chosen)
    return {name: len(some) for name, some in segments.items()}, failed
