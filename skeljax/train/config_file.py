"""Reads `FILE:ARG` and `--config.FIELD=VALUE` into a config; errors name the wrong field."""

from collections.abc import Iterator, Sequence
import difflib
from pathlib import Path
import sys
import traceback
from types import ModuleType

from absl import flags
from ml_collections import ConfigDict, config_flags

from skeljax import plugins
import skeljax.configs
from skeljax.configs import default
from skeljax.errors import InputError
from skeljax.train import renamed_fields


def load(text: str, overrides: Sequence[str] = ()) -> ConfigDict:
    """Runs a config file and applies overrides.

    Args:
        text: `FILE` or `FILE:ARG`, where FILE is a path, or the name of a config that comes with
            skeljax. Its `get_config(ARG)` returns a config, usually one of
            `skeljax.configs.default.get_config` with some fields set.
        overrides: words `--config.FIELD=VALUE`, or `--config.FIELD` and `VALUE`.

    Raises:
        InputError: no such file; it raises an exception or sets an unknown field, then the error
            has the line of the file; an unknown field or a value of another type in `overrides`.
    """
    name, colon, arg = text.partition(':')
    config = _run(_find(name), [arg] if colon else [])
    for word in overrides:
        if word.startswith('--config.'):
            _check_field(config, word.removeprefix('--config.').partition('=')[0])
    values = flags.FlagValues()
    words = ['skeljax', *overrides]
    config_flags.DEFINE_config_dict('config', config, flag_values=values, sys_argv=words)
    try:
        values(words)
    except Exception as error:  # absl and ml_collections raise several kinds
        raise InputError(_one_line(error)) from error
    return values.config


def _find(name: str) -> Path:
    path = Path(name)
    shipped = Path(skeljax.configs.__path__[0]) / path.name
    for candidate in (path, path.with_suffix('.py'), shipped, shipped.with_suffix('.py')):
        if candidate.is_file():
            return candidate
    known = ', '.join(sorted(p.stem for p in shipped.parent.glob('[a-z]*.py')))
    raise InputError(f'no config {name}; with skeljax come: {known}')


def _run(path: Path, args: list[str]) -> ConfigDict:
    """Calls `get_config` of a file.

    The file is compiled anew, without a cache, so that an edit within a second counts.
    """
    plugins.search_working_directory()
    module = ModuleType('skeljax_config')
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses of the file look it up
    try:
        exec(compile(path.read_text(), str(path), 'exec'), module.__dict__)  # noqa: S102
        config = module.get_config(*args)
    except Exception as error:  # a file that is no config fails as Python does
        raise InputError(f'{_place(path, error)}: {_reason(error)}') from error
    if not isinstance(config, ConfigDict):
        kind = type(config).__name__
        raise InputError(f'{path}: get_config returned {kind}, expected a ConfigDict')
    return config


def _place(path: Path, error: Exception) -> str:
    """Returns the file and the last of its lines that the error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines.append(error.lineno)
    return f'{path}, line {lines[-1]}' if lines else str(path)


def _reason(error: Exception) -> str:
    """Returns what was wrong; of an unknown field its full name and the nearest that is known."""
    group, field = _missing(error)
    if group is None:
        return _one_line(error)
    where = _name_of(group)
    return unknown(f'{where}.{field}' if where else field, _names(group, where))


def _one_line(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f'SyntaxError: {error.msg}'
    text = ' '.join(str(error).strip('"\' ' if isinstance(error, KeyError) else '').split())
    return text if isinstance(error, ValueError) and text else f'{type(error).__name__}: {text}'


def _missing(error: Exception) -> tuple[ConfigDict | None, str]:
    """Returns the group and the field that an access asked for in vain, (None, '') if none did."""
    found: tuple[ConfigDict | None, str] = None, ''
    frames = error.__traceback__ if isinstance(error, AttributeError | KeyError) else None
    while frames:
        values = frames.tb_frame.f_locals
        field = values.get('attribute', values.get('key'))
        if isinstance(values.get('self'), ConfigDict) and isinstance(field, str):
            found = values['self'], field
        frames = frames.tb_next
    return found


def _name_of(group: ConfigDict) -> str:
    """Returns the name of a group of the default config, by its fields and, if it can, values."""
    groups = list(_groups(default.get_config(), ''))
    alike = [name for name, other in groups if set(other) == set(group)]
    equal = [name for name, other in groups if other == group]
    return next(iter(equal + alike), '')


def _groups(config: ConfigDict, where: str) -> Iterator[tuple[str, ConfigDict]]:
    yield where, config
    for name, value in config.items():
        if isinstance(value, ConfigDict):
            yield from _groups(value, f'{where}.{name}' if where else name)


def _names(config: ConfigDict, where: str = '') -> list[str]:
    """Returns the names of all fields and groups below a group."""
    return [
        f'{inside}.{name}' if inside else name
        for inside, group in _groups(config, where)
        for name in group
    ]


def _check_field(config: ConfigDict, name: str):
    """Raises InputError if a config has no field of a dotted name; `streams[0]` is an element."""
    group: object = config
    for part in name.partition('[')[0].split('.'):
        if not isinstance(group, ConfigDict) or part not in group:
            raise InputError(unknown(name, _names(config)))
        group = group[part]


def unknown(name: str, known: Sequence[str]) -> str:
    """Returns the message for an unknown field: its new name, or the nearest field there is.

    Args:
        name: dotted name of the unknown field.
        known: dotted names of all fields of the group that is searched.
    """
    renamed = renamed_fields.new_name(name)
    if renamed != name:
        return f'config.{name} has another name now: config.{renamed}'
    likeness = {other: _likeness(name, other) for other in known}
    nearest = max(known, key=lambda other: likeness[other], default='')
    near = nearest and likeness[nearest] > 0.6
    advice = f'the nearest is config.{nearest}' if near else 'see configs/default.py for all'
    return f'no field config.{name}; {advice}'


def _likeness(name: str, other: str) -> float:
    """Returns how alike two fields are, more if they are of one group: 'steps' and 'num_steps'."""
    (group, _, last), (beside, _, end) = name.rpartition('.'), other.rpartition('.')
    ratios = [difflib.SequenceMatcher(None, last, word).ratio() for word in (*end.split('_'), end)]
    return max(0.95 * max(ratios[:-1]), ratios[-1]) + 0.1 * (group == beside)
