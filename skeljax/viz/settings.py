"""The reference of every config field, made from `configs/default.py` and its comments."""

import ast
from collections.abc import Iterator
import inspect
import io
import tokenize

import skeljax.configs.default as default
from skeljax.train import run_dir as workdirs

_HEAD = """# Configuration

Every field of a config with its default, those of the release where it tells them. Change any by
`--config.KEY=VALUE`, for example `--config.pretrain.snippet.weight=0`; a key that does not exist is
an error. Tuples are written as in Python: `--config.data.normalisation="('centre','size')"`.

This page is made from `configs/default.py`; other configs (`configs/`) start from it and change some.
"""


def fields() -> Iterator[tuple[str, object, str]]:
    """Yields dotted path, default and meaning of every field, then of those of the options of methods."""
    told = comments(inspect.getsource(default))
    for path, value in workdirs.flat(default.get_config().to_dict()):
        yield path, value, _told(told, path)
    for method, own in default._OPTIONS.items():
        for name, value in own.items():
            yield f'pretrain.{method}.{name}', value, f'of the method {method}'


def markdown() -> str:
    """Writes the reference: a table of fields for each part of a config."""
    config = default.get_config()
    told = comments(inspect.getsource(default))
    groups: dict[str, list[str]] = {}
    for path, value in workdirs.flat(config.to_dict()):
        group, _, _ = path.rpartition('.')
        groups.setdefault(group, []).append(_row(path, value, told))
    parts = [_HEAD]
    for group, rows in sorted(groups.items()):
        parts.append(f'## {group or "Both stages"}\n')
        if text := _told(told, group):
            parts.append(f'{text}\n')
        parts.append('\n'.join(['| field | default | meaning |', '|---|---|---|', *rows]) + '\n')
    return '\n'.join([*parts, _methods()])


def comments(source: str) -> dict[str, str]:
    """Finds what comments say of fields.

    A comment belongs to the field at whose end it stands, or to the one below it.

    Args:
        source: of a module with `get_config`, whose settings are `dict(name=value, ...)` and
            calls of functions of its own.

    Returns:
        Dotted path -> text; a part '*' stands for any name (of a view).
    """
    tree = ast.parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    lines = _Comments(source)
    found: dict[str, str] = {}
    seen: set[int] = set()
    for path, first, last in _fields(functions['get_config'], '', functions):
        texts = [] if first in seen else lines.above(first)
        texts += lines.beside(last) if last else []
        seen.add(first)
        if texts:
            found.setdefault(path, ' '.join(texts))
    return found


class _Comments:
    """Comments by line: alone on it, or behind code."""

    def __init__(self, source: str):
        self._alone: dict[int, str] = {}
        self._behind: dict[int, str] = {}
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                alone = not token.line[: token.start[1]].strip()
                (self._alone if alone else self._behind)[token.start[0]] = token.string[1:].strip()

    def above(self, line: int) -> list[str]:
        texts: list[str] = []
        while (line := line - 1) in self._alone:
            texts.insert(0, self._alone[line])
        return texts

    def beside(self, line: int) -> list[str]:
        return [self._behind[line]] if line in self._behind else []


def _fields(node, path: str, functions) -> Iterator[tuple[str, int, int]]:
    """Yields path, first and last line of the fields that an expression or function makes.

    The last line of a group of fields is 0: what stands there is said of its last field.
    """
    if isinstance(node, ast.FunctionDef):
        for statement in node.body:
            value = statement.value if isinstance(statement, ast.Assign) else None
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if isinstance(target, ast.Attribute):  # config.seed = 0
                inside = list(_fields(value, target.attr, functions))
                yield target.attr, statement.lineno, 0 if inside else statement.end_lineno
                yield from inside
            elif isinstance(statement, ast.Assign | ast.Return):
                yield from _fields(statement.value, path, functions)
    elif isinstance(node, ast.DictComp):
        yield from _fields(node.value, f'{path}.*', functions)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in functions:
            yield from _fields(functions[node.func.id], path, functions)
        elif node.func.id == 'ConfigDict':
            for argument in node.args:
                yield from _fields(argument, path, functions)
        elif node.func.id == 'dict':
            for keyword in node.keywords:
                if keyword.arg:
                    inner = f'{path}.{keyword.arg}'
                    inside = list(_fields(keyword.value, inner, functions))
                    yield inner, keyword.lineno, 0 if inside else keyword.value.end_lineno
                    yield from inside


def _told(told: dict[str, str], path: str) -> str:
    """Finds the text of a field; '*' stands for the part before its last."""
    parts = path.split('.')
    anywhere = '.'.join([*parts[:-2], '*', parts[-1]])
    return told.get(path) or told.get(anywhere, '')


def _row(path: str, value, told) -> str:
    cells = (f'`{path}`', f'`{value!r}`', _told(told, path))
    return '| ' + ' | '.join(cell.replace('|', r'\|') for cell in cells) + ' |'


def _methods() -> str:
    """Lists the settings that a config has with another method."""
    rows = [
        f'| `{method}` | ' + ', '.join(f'`{name}={value!r}`' for name, value in own.items()) + ' |'
        for method, own in default._OPTIONS.items()
    ]
    head = ['## pretrain.METHOD', '', 'Each method has options of its own, described in its module',
            '`skeljax/contrast/methods/METHOD.py` (`method=METHOD` in the argument of a config):', '',
            '| method | options, as `config.pretrain.METHOD.KEY` |', '|---|---|']
    return '\n'.join([*head, *rows]) + '\n'
