"""The command `skeljax`: selects the verb, prints bad input as one line."""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Container
import contextlib
import importlib
import keyword
import logging
import math
import os
import signal
import sys
from types import ModuleType
import warnings

from skeljax import __version__, signals
from skeljax.cli import compiler
from skeljax.errors import InputError, shown

VERBS = {
    'prepare': 'convert a corpus into records',
    'inspect': 'print and draw the contents of a corpus or of raw recordings',
    'pretrain': 'learn an encoder without labels',
    'import': 'convert an encoder from a PyTorch checkpoint',
    'finetune': 'learn to label frames, from a pretrained encoder or from scratch',
    'evaluate': 'score a fine-tuned run on a split, or files of segments',
    'knn': 'score an encoder by its nearest labeled frames, without training',
    'ablate': 'run every variant of a sweep and compare them in one table',
    'runs': 'list runs and their progress',
    'report': 'write a report of runs: scores, curves, errors, embeddings',
    'predict': 'find the segments of recordings',
    'stream': 'find segments in a live stream of frames',
    'export': 'export a fine-tuned run as a self-contained folder',
    'view': 'write an HTML page of recordings: skeleton, timelines, errors',
    'completion': 'print a script that completes verbs, options and fields in a shell',
    'demo': 'run all stages on one corpus and compare',
}
# Verb of an earlier version -> the command that replaces it.
MOVED = {'bench': 'python -m benchmarks'}


def main(argv: list[str] | None = None) -> int:
    """Runs one verb; returns the exit status.

    0: done. 2: bad input, or an error of the system (a folder that cannot be written, memory), in
    one line. 130 or 143: ended by Ctrl-C or SIGTERM, training after a last checkpoint; the same
    command resumes it. 141: the reader of its output has closed it.
    """
    compiler.prepare(os.environ)
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in MOVED:
        words = ' '.join([MOVED[argv[0]], *argv[1:]])
        print(f'skeljax {argv[0]}: in a checkout, run: {words}', file=sys.stderr)
        return 2
    name, debug = next((word for word in argv if word in VERBS), ''), '--debug' in argv
    quiet_libraries(debug=debug)
    try:
        with signals.terminated(name):  # importing a verb takes seconds
            args, verb = parse(argv)
            _check_numbers(args)
            status = verb.run(args) or 0
            sys.stdout.flush()  # an error of the buffer is raised here, not at exit
            return status
    except KeyboardInterrupt as error:
        ended = isinstance(error, signals.Terminated)
        number = signal.SIGTERM if ended else signal.SIGINT
        print(signals.line(name, number), file=sys.stderr)
        return 128 + number
    except BrokenPipeError:
        _close_output()
        return 141  # the status of a program that SIGPIPE ended
    except Exception as error:
        reason = _refusal(error)
        if debug or not reason:
            raise
        print(f'skeljax {name}: {reason}', file=sys.stderr)
        return 2


def _refusal(error: Exception) -> str:
    """Returns the message of an error of the user or the system, '' of a bug of this program."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        names = [str(name) for name in (error.filename, error.filename2) if name is not None]
        return shown(f'{" and ".join(names)}: {error.strerror}' if names else error.strerror)
    # JAX raises a class of its own, and importing it takes seconds.
    if isinstance(error, MemoryError) or 'RESOURCE_EXHAUSTED' in str(error)[:100]:
        first = (str(error).splitlines() or [''])[0][:200]
        return shown(f'not enough memory: {first}' if first else 'not enough memory')
    return ''


def _check_numbers(args: Namespace):
    """Raises InputError if an option is nan, which passes every comparison."""
    for name, value in vars(args).items():
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, float) and math.isnan(number):
                raise InputError(f'--{name.replace("_", "-")} is nan, expected a number')


def quiet_libraries(*, debug: bool = False):
    """Silences libraries, so that an error is one line.

    Orbax logs every save, and a traceback of each of its threads if one fails; the exception
    itself is raised by the next save, or when checkpoints are closed.

    Args:
        debug: shows their tracebacks.
    """
    for library in ('absl', 'asyncio'):
        logging.getLogger(library).setLevel(logging.ERROR if debug else logging.CRITICAL)
    warnings.filterwarnings('ignore', module='orbax|grain|tensorflow_datasets')
    # A failed save leaves coroutines, and writes that end after their event loop, each of which
    # TensorStore reports by a traceback.
    warnings.filterwarnings('ignore', message="coroutine '.*' was never awaited")
    if not debug and not isinstance(sys.unraisablehook, _ButClosedLoops):
        sys.unraisablehook = _ButClosedLoops(sys.unraisablehook)


class _ButClosedLoops:
    """Reports exceptions that cannot be raised, except those of a closed event loop."""

    def __init__(self, report):
        self._report = report

    def __call__(self, failed):
        if failed.exc_type is not RuntimeError or str(failed.exc_value) != 'Event loop is closed':
            self._report(failed)


def _close_output():
    """Discards the rest of standard output, which nothing reads any more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def module(name: str) -> ModuleType:
    """Returns the module of a verb."""
    return importlib.import_module(f'skeljax.cli.{name}{"_" * keyword.iskeyword(name)}')


def parsers(whole: Container[str]) -> tuple[ArgumentParser, dict[str, ArgumentParser]]:
    """Returns the parser of the command and those of its verbs.

    Args:
        whole: verbs whose arguments are added; the modules of others are not imported.
    """
    parser = ArgumentParser(
        prog='skeljax',
        description='Find what someone does, and when, in long skeleton sequences.',
        epilog='skeljax VERB --help shows examples; skeljax demo runs all stages once.',
        allow_abbrev=False,
    )
    parser.add_argument('--version', action='version', version=f'skeljax {__version__}')
    commands = parser.add_subparsers(dest='verb', required=True, metavar='VERB')
    verbs = {}
    for name, summary in VERBS.items():
        sub = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        sub.add_argument('--debug', action='store_true', help='show the traceback of bad input')
        if name in whole:
            sub.description = module(name).__doc__
            sub.formatter_class = RawDescriptionHelpFormatter
            module(name).add_arguments(sub)
        verbs[name] = sub
    return parser, verbs


def parse(argv: list[str]) -> tuple[Namespace, ModuleType]:
    """Parses the words of a command; returns its arguments and the module of its verb."""
    named = [word for word in argv if not word.startswith('-')][:1]
    parser, _ = parsers(named)
    args, rest = parser.parse_known_args(argv)
    verb = module(args.verb)
    if hasattr(verb, 'parse_rest'):
        verb.parse_rest(args, rest, parser)
    elif rest:
        parser.error(f'unknown arguments: {" ".join(rest)}')
    return args, verb


if __name__ == '__main__':
    sys.exit(main())
