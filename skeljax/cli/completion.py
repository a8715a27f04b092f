"""Print a script that lets a shell complete verbs, options, fields of configs and files.

    skeljax completion bash
    skeljax completion bash > ~/.local/share/bash-completion/completions/skeljax
    skeljax completion zsh > ~/.zfunc/_skeljax
    skeljax completion fish > ~/.config/fish/completions/skeljax.fish

New shells load it; for zsh, ~/.zfunc must be in fpath before compinit runs. The script has the
verbs of this version: print it again after an update. Printing needs shtab
(pip install skeljax[completion]); the script does not.
"""

from argparse import ArgumentParser

from skeljax.cli import main
from skeljax.errors import InputError
from skeljax.viz import config_reference

SHELLS = ('bash', 'zsh', 'fish')
_FILES = ('data_dir', 'init_from')


def add_arguments(parser):
    parser.add_argument('shell', choices=SHELLS, help='that the script is for')


def run(args) -> int:
    print(script(args.shell))
    return 0


def script(shell: str) -> str:
    """Returns the script for a shell.

    Raises:
        InputError: shtab is not installed.
    """
    try:
        import shtab
    except ImportError:
        raise InputError('needs shtab: pip install skeljax[completion]') from None
    parser, verbs = main.parsers(main.VERBS)
    for name, verb in verbs.items():
        if hasattr(main.module(name), 'parse_rest'):
            _add_fields(verb)
        for action in verb._actions:  # argparse has no public list of them
            if not (action.nargs == 0 or action.choices or action.type):
                # Most of these words are names of files and folders.
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return shtab.complete(parser, shell)


def _add_fields(verb: ArgumentParser):
    """Adds `--config.FIELD` for every field; the verb itself does not define them."""
    for path, value, meaning in config_reference.fields():
        verb.add_argument(
            f'--config.{path}',
            choices=('True', 'False') if isinstance(value, bool) else None,
            type=None if path.endswith(_FILES) else str,
            help=(meaning or f'default: {value!r}').replace('%', '%%'),
        )
