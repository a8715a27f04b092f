"""Measures speed and memory; see docs/benchmarks.md.

    python -m benchmarks COMMAND --help

A command prints a table; --json FILE writes its figures.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
import importlib
import json
import os
from pathlib import Path
import sys
from types import ModuleType

from skeljax.cli import compiler, config_args, main as skeljax_main
from skeljax.errors import InputError

# Name of a module in `commands` -> summary. A module has `add_arguments(parser)` and
# `run(args) -> (figures, text)`.
COMMANDS = {
    'step': 'time a training step',
    'infer': 'time the scoring of recordings or clips',
    'augment': 'time the computation of the views of a batch',
    'resident': 'time steps on a corpus that is stored on the devices',
    'rows': 'compare all rows of a platform with their baselines',
    'pairs': 'compare steps with and without the snippet term, for all methods and backbones',
    'input': 'time the loading of batches',
    'prepare': 'time the conversion of a corpus',
    'read': 'time the readers of raw files',
    'score': 'time evaluators and decoders',
    'stream': 'time each frame of a stream',
    'negatives': "determine the memory of the contrast with a batch's negatives",
    'collectives': 'count the bytes that devices exchange in a step',
}


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns 0, or 2 after bad input, which is reported in one line."""
    compiler.prepare(os.environ)
    args = parse(sys.argv[1:] if argv is None else argv)
    skeljax_main.quiet_libraries(debug=args.debug)
    try:
        if getattr(args, 'steps', 1) < 1:
            raise InputError(f'--steps {args.steps}: expected 1 or more')
        figures, text = module(args.command).run(args)
        print(text)
        if args.json:
            content = json.dumps({'command': args.command, **figures}, indent=1)
            Path(args.json).write_text(content + '\n')
    except (InputError, OSError) as error:
        if args.debug:
            raise
        print(f'benchmarks {args.command}: {error}', file=sys.stderr)
        return 2
    return 0


def parse(argv: list[str]) -> Namespace:
    """Parses the words of a command; `--config.key=value` are in `overrides`."""
    parser, _ = parsers([word for word in argv if word in COMMANDS][:1])
    args, rest = parser.parse_known_args(argv)
    if hasattr(args, 'config'):
        config_args.parse(args, rest, parser)
    elif rest:
        parser.error(f'unknown arguments: {" ".join(rest)}')
    return args


def parsers(complete) -> tuple[ArgumentParser, dict[str, ArgumentParser]]:
    """Builds the parser, and those of the commands.

    Args:
        complete: commands that get their arguments; the modules of others are not imported.
    """
    parser = ArgumentParser(
        prog='python -m benchmarks', description=__doc__, allow_abbrev=False,
        formatter_class=RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    found = {}
    for name, summary in COMMANDS.items():
        sub = subparsers.add_parser(
            name, help=summary, allow_abbrev=False, formatter_class=RawDescriptionHelpFormatter
        )
        sub.add_argument('--json', metavar='FILE', help='write the figures to this file')
        sub.add_argument('--debug', action='store_true', help='show the traceback of bad input')
        if name in complete:
            sub.description = module(name).__doc__
            module(name).add_arguments(sub)
        found[name] = sub
    return parser, found


def module(name: str) -> ModuleType:
    """Imports the module of a command."""
    return importlib.import_module(f'benchmarks.commands.{name}')


if __name__ == '__main__':
    sys.exit(main())
