"""Options of verbs that use a model: which one, how it scores, how scores become segments."""

from __future__ import annotations

from pathlib import Path
import sys
from typing import TYPE_CHECKING

from skeljax.inference import windowing

if TYPE_CHECKING:
    from skeljax.inference.predictor import Model


def add_model(parser):
    """Adds `--model` and `--workdir`, one of which is required."""
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
    """Prints a line for the user on standard error."""
    print(f'skeljax: {text}', file=sys.stderr)


def add_window(parser, default: windowing.Window | None = None):
    """Adds `--window`, `--hop` and `--ahead`, with the defaults of a window or without any."""
    group = parser.add_argument_group(
        'sliding windows, in frames at the rate of the model'
        + ('' if default else '; default: whole recordings')
    )
    usual = default or windowing.WINDOW
    for name, what, value in (
        ('window', 'in a window', usual.length),
        ('hop', 'between the starts of two windows', usual.hop),
        ('ahead', 'of context after the frames that a window scores', usual.ahead),
    ):
        group.add_argument(
            f'--{name}', type=int, metavar='FRAMES', help=f'{what} (default: {value})'
            if default else f'{what} (default: {value} if another one of the three is given)',
        )


def window(args) -> windowing.Window | None:
    """Returns the window that the options describe, None if none of them is given.

    Raises:
        InputError: it gives no frame, or more than it has.
    """
    given = [args.window, args.hop, args.ahead]
    if given == [None] * 3:
        return None
    pairs = zip(given, windowing.WINDOW, strict=True)
    numbers = [usual if own is None else own for own, usual in pairs]
    return windowing.check(windowing.Window(*numbers))


def open_model(args) -> tuple[Model, dict]:
    """Loads the model that the options name; returns it and its description for JSON."""
    from skeljax.inference import model_io, predictor

    options = dict(thresholds=args.threshold, min_score=args.min_score)
    if args.workdir:
        model = predictor.of_run(args.workdir, args.protocol, args.decoder, **options, note=note)
    else:
        model = model_io.load(args.model, note)
        model = predictor.with_decoder(model, args.protocol, args.decoder, **options)
    folder, kind = (args.model, 'folder') if args.model else (args.workdir, 'workdir')
    name = Path(folder).resolve().name
    return model, {'name': name, kind: folder, 'step': model.run.step}


def add_decoding(parser):
    """Adds the options that choose how scores become segments."""
    group = parser.add_argument_group(
        'how scores become segments, instead of the decoder of the model'
    )
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
