"""Print a script that lets a shell complete verbs, options and files.

    skeljax completion bash
    skeljax completion bash > ~/.local/share/bash-completion/completions/skeljax
    skeljax completion zsh > ~/.zfunc/_skeljax
    skeljax completion fish > ~/.config/fish/completions/skeljax.fish

New shells have it then; of zsh, ~/.zfunc must be in fpath before compinit runs. The script is
made from the verbs of this version: print it again after an update. It needs shtab
(pip install skeljax[completion]); the script does not.
"""

from skeljax.cli import main
from skeljax.errors import InputError

SHELLS = ('bash', 'zsh', 'fish')


def add_arguments(parser):
    parser.add_argument('shell', choices=SHELLS, help='that the script is for')


def run(args) -> int:
    print(script(args.shell))
    return 0


def script(shell: str) -> str:
    """Writes the script for a shell.

    Raises:
        InputError: shtab is not installed.
    """
    try:
        import shtab
    except ImportError:
        raise InputError('needs shtab: pip install skeljax[completion]') from None
    parser, verbs = main.parsers(main.VERBS)
    for verb in verbs.values():
        for action in verb._actions:  # argparse lists them nowhere else
            if not (action.nargs == 0 or action.choices or action.type):
                action.complete = shtab.FILE  # such words are names of files and folders, mostly
    return shtab.complete(parser, shell)
