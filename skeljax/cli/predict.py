"""Find the segments of recordings: files of any known format, or folders of such files.

    skeljax predict walk.bvh monday/ --model model/ --out predictions/
    skeljax predict walk.bvh --workdir runs/tuned --out predictions/
    skeljax predict clips/ --model model/ --format csv --format eaf --out predictions/

RECORDING is a file, a folder (all recordings below it), or CORPUS:SPLIT:NAME for one of a
prepared corpus. --fps, --layout, --unit and --up give properties that a file does not state.
A recording of another joint layout or frame rate is mapped and resampled to those of the model;
guessed properties are printed. A recording that cannot be read is reported, the others are
processed, and the exit status is 2.

--format may be repeated: json (NAME.json in seconds and frames, with NAME.scores.npz of
every frame; `skeljax view` shows them), png (a picture), eaf (ELAN), vtt (captions), nwb
(ndx-ethogram), scores (the .npz alone), and of all recordings together activitynet
(activitynet.json), csv (segments.csv) and boris (segments.boris). docs/predicting.md describes
their contents.

With --window, --hop and --ahead the scores are those of `skeljax stream` with the same options.
"""

from __future__ import annotations

from collections.abc import Sequence
import functools
from pathlib import Path
import sys
from typing import TYPE_CHECKING

import tqdm

from skeljax.cli import model_args, raw, results
from skeljax.errors import InputError, shown

if TYPE_CHECKING:
    from skeljax.cli import sources
    from skeljax.inference import predictor


def add_arguments(parser):
    parser.add_argument(
        'recordings', nargs='+', metavar='RECORDING', help='file, folder or CORPUS:SPLIT:NAME'
    )
    model_args.add_model(parser)
    parser.add_argument('--out', default='.', help='folder for the results (default: here)')
    parser.add_argument(
        '--format', action='append', choices=results.FORMATS, dest='formats',
        help=f'form of the results; may be repeated (default: {" and ".join(results.USUAL)})',
    )
    parser.add_argument('--force', action='store_true', help='replace other files')
    parser.add_argument('--quiet', action='store_true', help='show no progress bar')
    parser.add_argument('--data-dir', help='of the prepared corpus (default: that of training)')
    model_args.add_window(parser)
    model_args.add_decoding(parser)
    raw.add_arguments(parser)


def run(args) -> int:
    from skeljax.cli import sources

    model, named = model_args.open_model(args)
    out, chosen = Path(args.out), tuple(args.formats or results.USUAL)
    note = lambda text: tqdm.tqdm.write(shown(text), file=sys.stderr)
    data_dir = args.data_dir or model.run.config.data.data_dir
    found = sources.find(args.recordings, out, note)
    results.check(out, found, chosen, force=args.force)
    try:
        counts, failed = _predict(args, model, named, found, out, chosen, data_dir, note)
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
    chosen: Sequence[str], data_dir, note,
) -> tuple[dict[str, int], list[InputError]]:
    """Predicts recordings one by one; returns the number of segments of each, and the errors."""
    from skeljax.cli import sources
    from skeljax.inference import adapt, streaming

    options, segments, rates, failed = raw.options(args), {}, {}, []
    score = functools.partial(adapt.frame_scores, model.run, note=note)
    if given := model_args.window(args):
        score = functools.partial(streaming.frame_scores, model.run, window=given, note=note)
    # None: tqdm shows no bar if standard error is not a terminal.
    hidden = True if args.quiet or len(found) == 1 else None
    for source in tqdm.tqdm(found, desc='predict', unit='recording', disable=hidden):
        try:
            recording, truth = sources.read(source, data_dir, options, note)
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
