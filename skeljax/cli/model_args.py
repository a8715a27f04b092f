"""Options of verbs that use a model: which one, how it scores, how scores become segments."""

from __future__ import annotations

from pathlib import Path
import sys
from typing import TYPE_CHECKING

from skeljax.inference import windowing

if TYPE_CHECKING:
    from skeljax.inference.predictor import Model


def add_model(parser):
    """Adds `--model` and `--workdir`, one of which is to be given."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument('--model', metavar='DIR', help='a model, as `skeljax export` makes it')
    group.add_argument('--workdir', help='folder of a fine-tuning run')


def load(args) -> Model:
    """Loads the model that `--model` or `--workdir` names, with its own decoder."""
    from skeljax.inference import model_io, predictor

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
    told = default or windowing.WINDOW
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
    pairs = zip(given, windowing.WINDOW, strict=True)
    return windowing.check(windowing.Window(*(own if own is not None else usual for own, usual in pairs)))


def open_model(args) -> tuple[Model, dict]:
    """Loads the model that is told by the options; returns it, and what JSON tells of it."""
    from skeljax.inference import model_io, predictor

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
