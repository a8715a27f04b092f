"""The command `skeljax`: picks the verb, turns bad input into one line."""

import argparse
import importlib
import keyword
import logging
import signal
import sys
import warnings

from skeljax import __version__
from skeljax.errors import InputError

VERBS = {
    'prepare': 'convert a corpus into records',
    'inspect': 'tell and show what a corpus or raw recordings hold',
    'pretrain': 'learn an encoder without labels',
    'import': 'take over an encoder from a PyTorch checkpoint',
    'finetune': 'learn to label frames, from a pretrained encoder or from scratch',
    'evaluate': 'measure a fine-tuned run on a split, or files of segments',
    'knn': 'measure an encoder by its nearest labelled frames, without training',
    'ablate': 'run every variant of a sweep and compare them in one table',
    'runs': 'list runs and how far they are',
    'predict': 'find the segments of recordings',
    'export': 'make a model of a fine-tuned run: a folder that needs nothing else',
    'view': 'make one HTML page of recordings: skeleton, timelines, mistakes',
    'bench': 'measure speed and memory',
    'demo': 'do the whole job on one corpus and compare',
}


def main(argv: list[str] | None = None) -> int:
    """Runs one verb; returns the exit status.

    0: done. 2: bad input, told in one line. 130 or 143: stopped by Ctrl-C or
    SIGTERM after a last checkpoint; the same command goes on.
    """
    argv = sys.argv[1:] if argv is None else argv
    args, verb = _parse(argv)
    logging.getLogger('absl').setLevel(logging.ERROR)  # Orbax tells of every save
    warnings.filterwarnings('ignore', module='orbax|grain|tensorflow_datasets')
    try:
        return verb.run(args) or 0
    except InputError as error:
        if args.debug:
            raise
        print(f'skeljax {args.verb}: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f'skeljax {args.verb}: interrupted', file=sys.stderr)
        return 128 + signal.SIGINT


def _parse(argv):
    """Builds the parser of the one verb named, so that others are not imported."""
    parser = argparse.ArgumentParser(
        prog='skeljax',
        description='Find what someone does, and when, in long skeleton sequences.',
        allow_abbrev=False,
    )
    parser.add_argument('--version', action='version', version=f'skeljax {__version__}')
    commands = parser.add_subparsers(dest='verb', required=True, metavar='VERB')
    named = next((word for word in argv if not word.startswith('-')), None)
    verb = None
    for name, summary in VERBS.items():
        sub = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        sub.add_argument('--debug', action='store_true', help='show the traceback of bad input')
        if name == named:
            verb = importlib.import_module(f'skeljax.cli.{name}{"_" * keyword.iskeyword(name)}')
            sub.description = verb.__doc__
            sub.formatter_class = argparse.RawDescriptionHelpFormatter
            verb.add_arguments(sub)
    args, rest = parser.parse_known_args(argv)
    if hasattr(verb, 'parse_rest'):
        verb.parse_rest(args, rest, parser)
    elif rest:
        parser.error(f'unknown arguments: {" ".join(rest)}')
    return args, verb


if __name__ == '__main__':
    sys.exit(main())
