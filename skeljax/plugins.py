"""Finds objects of other packages: by dotted name, or by entry point.

`resolve` finds methods, backbones, fusers and protocols by the names that configs use. Readers of
file formats and joint layouts are found by entry points alone, so that the command line, worker
processes and Beam have them too. In the `pyproject.toml` of the other package:

    [project.entry-points."skeljax.contrast.methods"]
    mine = "clinic.loss:Method"         # config.pretrain.method='mine'

    [project.entry-points."skeljax.readers"]
    ".gait" = "clinic.gait"             # ending of file names = module or object with `read`

    [project.entry-points."skeljax.layouts"]
    clinic17 = "clinic.gait:CLINIC17"   # name = a `skeljax.skeletons.skeleton.Layout`
"""

from collections.abc import Mapping
import functools
import importlib
import importlib.metadata
import os
import pkgutil
import sys
from types import ModuleType

from skeljax.errors import InputError

READERS, LAYOUTS = 'skeljax.readers', 'skeljax.layouts'


@functools.cache
def found(group: str) -> dict[str, importlib.metadata.EntryPoint]:
    """Returns the entry points of a group by their names, without importing what they refer to.

    Raises:
        InputError: two packages use one name.
    """
    points: dict[str, importlib.metadata.EntryPoint] = {}
    for point in importlib.metadata.entry_points(group=group):
        other = points.setdefault(point.name, point)
        if other.value != point.value:
            raise InputError(
                f'entry point {point.name!r} of {group}: provided by {_package(other)} and by '
                f'{_package(point)}; uninstall one'
            )
    return points


@functools.cache
def load(group: str, name: str):
    """Imports what an entry point refers to.

    Raises:
        InputError: it cannot be imported; names the package and the reason.
    """
    point = found(group)[name]
    try:
        return point.load()
    except Exception as error:
        reason = f'{type(error).__name__}: {error}'
        raise InputError(
            f'entry point {name!r} of {group} in {_package(point)}: {point.value} cannot be '
            f'imported: {reason}'
        ) from error


def resolve(
    name: str, package: str, attribute: str, builtin: Mapping[str, object] | None = None
) -> object:
    """Returns the object that a name stands for.

    Args:
        name: one of
            - `agcn`: `attribute` of the module `package.agcn`, or an element of `builtin`;
            - `module.path:Object`: of any module that can be imported; the working directory is
              searched last;
            - the name of an entry point of the group `package`, which an installed library
              declares, in its pyproject.toml:
              `[project.entry-points."skeljax.contrast.methods"]`, `mine = "module.path:Object"`.
        package: name of the package, and of the group of entry points.
        attribute: name of the object in modules of the package.
        builtin: objects of skeljax that have names of their own.

    Raises:
        InputError: there is none; the message lists the known names.
    """
    if ':' in name:
        return _imported(name)
    if builtin and name in builtin:
        return builtin[name]
    if module := _submodule(package, name):
        if hasattr(module, attribute):
            return getattr(module, attribute)
    if name in found(package):
        return load(package, name)
    names = ', '.join(known(package, attribute, builtin))
    raise InputError(f'unknown {name!r:.60}, known: {names}, or module.path:{attribute}')


def known(
    package: str, attribute: str, builtin: Mapping[str, object] | None = None
) -> list[str]:
    """Returns the names that `resolve` finds without a module path, sorted."""
    names = {*(builtin or ()), *found(package)}
    for module in pkgutil.iter_modules(getattr(importlib.import_module(package), '__path__', ())):
        if not module.ispkg and hasattr(_submodule(package, module.name), attribute):
            names.add(module.name)
    return sorted(names)


def option_group(name: str) -> str:
    """Returns the name of the config group with the options of an object: `mine` of `a.b:mine`.

    A config file adds the group, for example for a method `my_library.methods:Mine`:

        with config.unlocked():
            config.pretrain.Mine = dict(weight=0.5)
    """
    return name.rpartition(':')[2].rpartition('.')[2]


def search_working_directory():
    """Makes modules of the working directory importable, after all others."""
    if not {'', os.getcwd()} & set(sys.path):
        sys.path.append(os.getcwd())


def _submodule(package: str, name: str) -> ModuleType | None:
    path = f'{package}.{name}'
    if not name.isidentifier() or not hasattr(importlib.import_module(package), '__path__'):
        return None
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name != path:
            raise
        return None


def _imported(name: str) -> object:
    path, _, attributes = name.partition(':')
    search_working_directory()
    try:
        value = importlib.import_module(path)
        for attribute in attributes.split('.'):
            value = getattr(value, attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f'{name!r:.100} cannot be imported: {error}') from error
    return value


def _package(point: importlib.metadata.EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
