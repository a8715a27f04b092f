"""The options `--config FILE:ARG` and `--config.KEY=VALUE` of a verb."""

from skeljax.train.config_file import load as load


def add_config(parser, *, default: str | None = None):
    """Adds `--config`; `--config.KEY=VALUE` are left to `parse`."""
    parser.add_argument(
        '--config',
        default=default,
        required=default is None,
        metavar='FILE[:ARG]',
        help='a config, here or one that comes with skeljax; change it by --config.key=value'
        + (f' (default: {default})' if default else ''),
    )


def parse(args, rest: list[str], parser) -> None:
    """Sets `args.config_file`, and `args.overrides` to the words `--config.KEY=VALUE`.

    Exits by `parser.error` at another word.
    """
    strange = [word for word in rest if not word.startswith('--config.')]
    # `--config.key value` is one option in two words.
    after_key = lambda word: rest[rest.index(word) - 1].startswith('--config.')
    strange = [word for word in strange if '=' in word or not after_key(word)]
    if strange or (rest and not rest[0].startswith('--config.')):
        parser.error(f'unknown arguments: {" ".join(strange or rest)}')
    args.overrides, args.config_file = rest, args.config
