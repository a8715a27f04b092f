"""Find segments in a stream: reads frames, writes a line of JSON for each complete segment.

    camera | skeljax stream --model model/ --fps 30
    cat frames.f32 | skeljax stream --model model/ --fps 30 --format float32 --layout h36m17
    skeljax stream --model model/ --fps 30 --listen 127.0.0.1:7000 --stall 60
    skeljax stream --workdir runs/tuned --fps 25 --window 128 --hop 8 --ahead 16
    skeljax stream --model model/ --fps 30 --lag 5
    skeljax stream --model model/ --fps 30 --decoder hysteresis --threshold 0.6

Frames are read from standard input or, with --listen, from up to --at-once clients at a time;
each client receives its segments (or {"error": ...}) on its connection. json has one line for each
frame: [[x, y, z], ... of every joint], or a list of up to --persons such persons, with null for
missing values. float32 has persons x joints x 3 little-endian numbers for each frame, with nan for
missing values.

A window of --window frames moves by --hop frames; scores are final --ahead frames behind the last
frame. The sequence decoder finds segments in the scores, as in `skeljax predict`, and writes a
segment --lag seconds after its end; written segments are final. --decoder hysteresis needs no lag.
`skeljax predict` with the same window options gives the same scores. The frame rate is that of the
model. See docs/streaming.md; `python -m benchmarks stream` measures the latency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import json
import math
import os
import select
import socket
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from skeljax import localize
from skeljax.cli import model_args, raw, stream_server
from skeljax.errors import InputError
from skeljax.formats import options, vertical, wanted, wire
from skeljax.inference import windowing
from skeljax.localize import decoder_spec, decoders
from skeljax.localize.segments import Segments
from skeljax.skeletons import skeleton

if TYPE_CHECKING:
    from skeljax.inference import predictor, streaming

_CHUNK = 1 << 16  # bytes


def add_arguments(parser):
    model_args.add_model(parser)
    parser.add_argument(
        '--format', choices=wire.KINDS, default='json', help='format of frames (default: json)'
    )
    parser.add_argument(
        '--persons', type=int, default=1, metavar='M', help='most persons in a frame (default: 1)'
    )
    parser.add_argument(
        '--listen', metavar='HOST:PORT', help='read frames from clients instead; HOST is optional '
        '(default: 127.0.0.1)',
    )
    parser.add_argument(
        '--clients', type=int, metavar='N', help='end after N clients (default: never)'
    )
    parser.add_argument(
        '--at-once', type=int, default=8, metavar='N',
        help='most clients at a time; further ones are refused (default: 8)',
    )
    parser.add_argument(
        '--stall', type=float, default=10.0, metavar='SECONDS',
        help='longest time between frames before a stream fails (default: 10)',
    )
    parser.add_argument('--quiet', action='store_true', help='print only segments and errors')
    raw.add_arguments(parser)
    model_args.add_window(parser, windowing.WINDOW)
    add_decoding(parser)


def add_decoding(parser):
    """Adds the options that choose how scores become segments."""
    group = parser.add_argument_group('decoding of scores to segments')
    group.add_argument(
        '--decoder', choices=('sequence', 'hysteresis'),
        type=lambda name: decoder_spec.FORMER_NAMES.get(name, name),
        help='decoder (default: sequence; hysteresis for a model exported with another decoder)',
    )
    group.add_argument(
        '--lag', type=float, metavar='SECONDS', help='of the sequence decoder: time from the end '
        'of a segment until it is final (default: three mean durations of a movement, 2 to 15)',
    )
    group.add_argument(
        '--threshold', type=float, metavar='P', help='of hysteresis: probability that begins a '
        'segment; 0 for runs of the most probable class (default: 0.5)',
    )
    group.add_argument(
        '--keep', type=float, metavar='SHARE',
        help='of hysteresis: share of the threshold below which a segment ends (default: 0.7)',
    )
    group.add_argument(
        '--min-frames', type=int, metavar='N', help='of hysteresis: shortest segment (default: 3)'
    )
    group.add_argument(
        '--min-score', type=float, help='smallest score of a segment (default: the rule of the '
        'sequence decoder; hysteresis: 0)',
    )


def run(args) -> int:
    from skeljax.inference import streaming

    if args.fps is None:
        raise InputError('--fps is missing, expected the frame rate of the stream')
    for option in ('stall', 'persons', 'at_once', 'clients'):
        _positive(option, getattr(args, option))
    address = None if args.listen is None else _address(args.listen)
    model = _load(args)
    runs = _runs(model, args)
    layout = wanted.parse(args.layout).text if args.layout else model.layout
    scale, up = options.scale(raw.options(args)['unit']), vertical.check(args.up or 'y')
    shape = args.persons, skeleton.get(layout).num_joints
    report = (lambda _: None) if args.quiet else _report

    def begin(note=lambda _: None) -> tuple[streaming.Stream, wire.Lines | wire.Floats]:
        stream = streaming.Stream(
            model, model_args.window(args) or windowing.WINDOW,
            fps=options.rate('--fps', args.fps), layout=layout, persons=args.persons,
            runs=runs, lag=args.lag, min_score=args.min_score, note=note,
        )
        return stream, wire.KINDS[args.format](*shape, scale, up)

    begun = begin(lambda text: report(text.removeprefix('stream: ')))
    report(_latency(model, model_args.window(args) or windowing.WINDOW, begun[0], runs))
    to_json = lambda found: localize.to_json_dict(found, classes=model.classes, fps=args.fps)
    if address is None:
        follow(*begun, sys.stdin.fileno(), args.stall, lambda found: _print(to_json(found)))
        return 0
    attend = lambda connection: _attend(connection, begin, to_json, args.stall)
    stream_server.serve(
        address, attend, report, stall=args.stall, most=args.at_once, clients=args.clients
    )
    return 0


def _report(text: str):
    print(f'skeljax stream: {text}', file=sys.stderr)


def follow(
    stream: streaming.Stream, parser, file: int, stall: float, write: Callable[[Segments], object]
):
    """Reads frames until the end of the file, and writes segments when they are complete.

    Segments found before an error or an interrupt are written, too.

    Args:
        stream: a stream without frames.
        parser: a parser without bytes.
        file: descriptor to read from.
        stall: longest time between frames, in seconds.
        write: called with new segments.

    Raises:
        InputError: a malformed frame, or no frame for `stall` seconds.
    """
    try:
        for frame in frames(parser, file, stall):
            found = stream.push(frame)
            if len(found):
                write(found)
    except (InputError, KeyboardInterrupt):
        write(stream.finish())
        raise
    write(stream.finish())


def frames(parser, file: int, stall: float) -> Iterator[np.ndarray]:
    """Yields the frames read from a descriptor, float[M, V, 3] each; see `follow`."""
    last = time.monotonic()
    while True:
        left = last + stall - time.monotonic()
        if left <= 0 or not select.select([file], [], [], left)[0]:
            raise InputError(f'no frame for {stall:g} seconds, after {parser.count} of them')
        data, before = os.read(file, _CHUNK), parser.count
        yield from parser.push(data) if data else parser.finish()
        if not data:
            return
        if parser.count > before:
            last = time.monotonic()  # after the yield: scoring time is not counted


def _attend(connection: socket.socket, begin: Callable, to_json: Callable, stall: float):
    """Serves one client: reads frames, writes segments and, at the end, the error if any."""

    def send(items):
        for item in items:
            connection.sendall(_line(item))

    try:
        stream, parser = begin()
        follow(stream, parser, connection.fileno(), stall, lambda found: send(to_json(found)))
    except InputError as error:
        with contextlib.suppress(OSError):  # the client may have disconnected
            send([{'error': str(error)}])
        raise


def _print(items: list[dict]):
    try:
        for item in items:
            sys.stdout.buffer.write(_line(item))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise InputError('standard output: closed by its reader') from None


def _line(item: dict) -> bytes:
    return json.dumps(item).encode() + b'\n'


def _load(args) -> predictor.Model:
    """Loads the model with the chosen decoder."""
    from skeljax.inference import model_io, predictor

    note = (lambda _: None) if args.quiet else model_args.note
    if args.workdir:
        return predictor.of_run(args.workdir, decoder=args.decoder, note=note)
    model = model_io.load(args.model, note)
    return predictor.with_decoder(model, decoder=args.decoder) if args.decoder else model


def _runs(model: predictor.Model, args) -> decoders.HysteresisDecoder | None:
    """Returns the decoder `hysteresis`, or None if the sequence decoder is chosen.

    Raises:
        InputError: an option of the other decoder is given.
    """
    from skeljax.inference import streaming

    names = ('threshold', 'keep', 'min_frames')
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if model.decoding.sequence is None:
        if args.lag is not None:
            raise InputError('--lag needs --decoder sequence, found hysteresis')
        runs = streaming.stream_decoder(model)
        assert isinstance(runs, decoders.HysteresisDecoder)
        return dataclasses.replace(runs, **given)
    if given:
        option = next(iter(given)).replace('_', '-')
        raise InputError(f'--{option} needs --decoder hysteresis, found sequence')
    return None


def _latency(model, window: windowing.Window, stream: streaming.Stream, runs) -> str:
    """Describes the time from the end of a segment until it is written."""
    late = window.hop + window.ahead
    if runs:
        seconds = late / model.fps
        described = f'a segment is written {late} frames ({seconds:.2f} s) after its end, or sooner'
    else:
        described = (
            f'a segment is written {stream.delay:.2f} s after its end: {late} frames '
            f'({late / model.fps:.2f} s) of the window, then the lag'
        )
    if windowing.is_exact(model.run.model, window):
        described += '; scores equal those of the whole recording, except for normalization'
    return described


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(':')
    if not port.isdecimal() or int(port) > 65_535:
        raise InputError(f'--listen {text}: expected HOST:PORT, or a port')
    return host.strip('[]') or '127.0.0.1', int(port)


def _positive(option: str, number: float | None):
    if number is not None and not 0 < number < math.inf:
        raise InputError(f'--{option.replace("_", "-")} {number:g}: expected a number above 0')
