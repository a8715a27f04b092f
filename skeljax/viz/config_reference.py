"""Generates the reference of all config fields from `configs/default.py` and its comments."""

import ast
from collections.abc import Iterator
import inspect
import io
import tokenize

import skeljax.configs.default as default
from skeljax.train import run_dir as workdirs

_HEAD = """# Configuration

All config fields with their defaults, which are those of the reference implementation where it
specifies them. Set a field by `--config.KEY=VALUE`, e.g. `--config.pretrain.snippet.weight=0`; an
unknown key is an error. Tuples are written as in Python:
`--config.data.normalization="('center','size')"`.

This page is generated from `configs/default.py`; the other configs in `configs/` start from it and
change some fields.
"""


def fields() -> Iterator[tuple[str, object, str]]:
    """Yields dotted path, default and meaning of every field, then of the methods' options."""
    meanings = comments(inspect.getsource(default))
    for path, value in workdirs.flat(default.get_config().to_dict()):
        yield path, value, _meaning(meanings, path)
    for method, options in default._OPTIONS.items():
        for name, value in options.items():
            yield f'pretrain.{method}.{name}', value, f'option of the method {method}'


def markdown() -> str:
    """Returns the reference as Markdown: one table per group of fields."""
    config = default.get_config()
    meanings = comments(inspect.getsource(default))
    groups: dict[str, list[str]] = {}
    for path, value in workdirs.flat(config.to_dict()):
        group, _, _ = path.rpartition('.')
        groups.setdefault(group, []).append(_row(path, value, meanings))
    parts = [_HEAD]
    for group, rows in sorted(groups.items()):
        parts.append(f'## {group or "Both stages"}\n')
        if text := _meaning(meanings, group):
            parts.append(f'{text}\n')
        parts.append('\n'.join(['| field | default | meaning |', '|---|---|---|', *rows]) + '\n')
    return '\n'.join([*parts, _method_options()])


def comments(source: str) -> dict[str, str]:
    """Returns the comments of config fields.

    A comment belongs to the field on the same line, or to the field on the line below it.

    Args:
        source: source code of a module with `get_config`, which builds the config from
            `dict(name=value, ...)` and calls of functions of the module.

    Returns:
        Dotted path -> text; a part '*' stands for any name (of a view).
    """
    tree = ast.parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    lines = _Comments(source)
    meanings: dict[str, str] = {}
    used: set[int] = set()
    for path, first, last in _fields(functions['get_config'], '', functions):
        texts = [] if first in used else lines.above(first)
        texts += lines.behind(last) if last else []
        used.add(first)
        if texts:
            meanings.setdefault(path, ' '.join(texts))
    return meanings


class _Comments:
    """Comments of a source file by line: on a line of their own, or behind code."""

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

    def behind(self, line: int) -> list[str]:
        return [self._behind[line]] if line in self._behind else []


def _fields(node, path: str, functions) -> Iterator[tuple[str, int, int]]:
    """Yields path, first and last line of the fields that an expression or function defines.

    The last line of a group of fields is 0: a comment there belongs to the group's last field.
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


def _meaning(meanings: dict[str, str], path: str) -> str:
    """Returns the text of a field; '*' matches the second last part of its path."""
    parts = path.split('.')
    anywhere = '.'.join([*parts[:-2], '*', parts[-1]])
    return meanings.get(path) or meanings.get(anywhere, '')


def _row(path: str, value, meanings) -> str:
    cells = (f'`{path}`', f'`{value!r}`', _meaning(meanings, path))
    return '| ' + ' | '.join(cell.replace('|', r'\|') for cell in cells) + ' |'


def _method_options() -> str:
    """Returns a table of the options of each contrastive method."""
    rows = [
        f'| `{method}` | {", ".join(f"`{name}={value!r}`" for name, value in options.items())} |'
        for method, options in default._OPTIONS.items()
    ]
    head = [
        '## pretrain.METHOD',
        '',
        'Each contrastive method has its own options, described in',
        '`skeljax/contrast/methods/METHOD.py` (`method=METHOD` in the argument of a config):',
        '',
        '| method | options, as `config.pretrain.METHOD.KEY` |',
        '|---|---|',
    ]
    return '\n'.join([*head, *rows]) + '\n'
