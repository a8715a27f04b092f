"""Finds methods, backbones and fusers by name, those of other libraries too."""

from collections.abc import Mapping
import importlib
from importlib import metadata
import os
import pkgutil
import sys
from types import ModuleType

from skeljax.errors import InputError


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
    for point in metadata.entry_points(group=package, name=name):
        return _imported(point.value)
    names = ', '.join(known(package, attribute, builtin))
    raise InputError(f'unknown {name!r:.60}, known: {names}, or module.path:{attribute}')


def known(
    package: str, attribute: str, builtin: Mapping[str, object] | None = None
) -> list[str]:
    """Returns the names that `resolve` finds without a module path, sorted."""
    names = {*(builtin or ()), *(point.name for point in metadata.entry_points(group=package))}
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
        found = importlib.import_module(path)
        for attribute in attributes.split('.'):
            found = getattr(found, attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f'{name!r:.100} cannot be imported: {error}') from error
    return found
