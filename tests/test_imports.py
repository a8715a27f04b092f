"""Who may import whom: three worlds, one way (numpy, pure JAX, effects)."""

import ast
import importlib
import keyword
from pathlib import Path
import subprocess
import sys

import pytest

from skeljax.cli import main

ROOT = Path(__file__).resolve().parents[1]
NUMPY = (
    'skeljax.documents',
    'skeljax.plugins',
    'skeljax.signals',
    'skeljax.skeletons.skeleton',
    'skeljax.skeletons.layouts',
    'skeljax.skeletons.image_layouts',
    'skeljax.skeletons.anatomy',
    'skeljax.skeletons.naming',
    'skeljax.skeletons.remap',
    'skeljax.skeletons.graph',
    'skeljax.formats',
    'skeljax.data',
    'skeljax.models.imported',
    'skeljax.localize',
    'skeljax.tfds_builders',
)
PURE = ('skeljax.augment', 'skeljax.skeletons.streams', 'skeljax.models', 'skeljax.contrast',
        'skeljax.train.pretrain', 'skeljax.train.finetune', 'skeljax.train.frame_loss',
        'skeljax.train.frame_targets', 'skeljax.train.views', 'skeljax.train.pretrain_losses',
        'skeljax.train.train_state', 'skeljax.train.optimizer')
WITH_RECORDS = ('skeljax.data', 'skeljax.tfds_builders')


def _modules(*folders):
    files = [path for folder in folders for path in (ROOT / folder).rglob('*.py')]
    names = {}
    for path in files:
        parts = path.relative_to(ROOT).with_suffix('').parts
        parts = parts if parts[0] != 'tfds_builders' else ('skeljax', *parts)
        names['.'.join(parts).removesuffix('.__init__')] = path
    return names


LIBRARY = _modules('skeljax', 'tfds_builders')
BENCHMARKS = _modules('benchmarks')
MODULES = LIBRARY | BENCHMARKS
# They need PyTorch, which is an extra.
TORCH = [name for name in BENCHMARKS if name.startswith('benchmarks.torch_baselines.')]


def _imports(name) -> set[str]:
    """Lists the modules that `name` imports, at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f'{name}: a relative import'
            for alias in node.names:
                whole = f'{node.module}.{alias.name}'
                found.add(whole if whole in MODULES else node.module)
    return found


def _in(module, places) -> bool:
    return any(module == place or module.startswith(f'{place}.') for place in places)


def test_the_walk_sees_imports_of_every_form():
    assert {'jax', 'skeljax.train.parallel', 'optax'} <= _imports('skeljax.train.pretrain')
    assert len(MODULES) > 50


@pytest.mark.parametrize('name', sorted(m for m in MODULES if _in(m, NUMPY)))
def test_the_numpy_world_knows_no_jax(name):
    for imported in _imports(name):
        assert imported.split('.')[0] not in ('jax', 'flax', 'optax', 'orbax'), imported
        if imported.split('.')[0] in ('tensorflow_datasets', 'grain', 'etils'):
            assert _in(name, WITH_RECORDS), imported
        if imported.startswith('skeljax'):
            assert _in(imported, (*NUMPY, 'skeljax.errors')), imported


@pytest.mark.parametrize('name', sorted(m for m in MODULES if _in(m, PURE) and not _in(m, NUMPY)))
def test_the_pure_world_has_no_effects(name):
    allowed = {'jax', 'flax', 'optax', 'numpy', 'ml_collections', 'functools', 'typing', 'math',
               'collections', 'dataclasses', 'itertools'}
    for imported in _imports(name):
        if not imported.startswith('skeljax'):
            assert imported.split('.')[0] in allowed, imported
            continue
        steps = ('skeljax.train.parallel',) if _in(name, ('skeljax.train',)) else ()
        assert _in(
            imported,
            (
                *PURE,
                'skeljax.skeletons.skeleton',
                'skeljax.skeletons.graph',
                'skeljax.errors',
                *steps,
            ),
        )


@pytest.mark.parametrize('name', sorted(m for m in LIBRARY if not _in(m, ('skeljax.cli',))))
def test_nobody_imports_the_command_line(name):
    allowed = name == 'skeljax.__main__'
    assert allowed or not any(_in(i, ('skeljax.cli',)) for i in _imports(name))


def test_one_module_maps_over_devices():
    users = [n for n, path in MODULES.items() if 'jax.pmap' in path.read_text()]
    assert users == ['skeljax.train.parallel']


@pytest.mark.parametrize('name', sorted(LIBRARY))
def test_the_library_is_independent_of_benchmarks(name):
    assert not any(_in(i, ('benchmarks', 'skeljax.benchmarks')) for i in _imports(name))


def test_benchmarks_are_not_importable_within_the_library():
    with pytest.raises(ImportError):
        importlib.import_module('skeljax.benchmarks')


def test_only_the_baselines_import_torch():
    users = [name for name in MODULES if any(i.split('.')[0] == 'torch' for i in _imports(name))]
    assert users and all(name in TORCH for name in users)


def test_no_module_imports_tensorflow():
    listed = ', '.join(sorted(LIBRARY)[1:])
    code = f"""
import importlib, sys
for name in {sorted(m for m in LIBRARY if m != 'skeljax.__main__')!r}:
    importlib.import_module(name)
assert 'skeljax.cli.demo' in sys.modules
sys.exit('tensorflow' in sys.modules)
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, (listed, done.stderr)


# `bench` measures imports, and is to become a program of its own.
_VERBS = sorted(set(main.VERBS) - {'bench'})
VERBS = {f'skeljax.cli.{name}{"_" * keyword.iskeyword(name)}' for name in _VERBS}


@pytest.mark.parametrize('name', sorted(VERBS))
def test_a_verb_imports_no_other_verb(name):
    """What two verbs share is in another module."""
    assert not _imports(name) & (VERBS - {name})


def test_the_help_of_verbs_needs_no_jax():
    """JAX, Flax and Orbax take seconds to load; without them help takes less than one."""
    code = f"""
import contextlib, io, sys, time
from skeljax.cli import main
began = time.process_time()
for verb in {_VERBS}:
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        main.parse([verb, '--help'])
    assert f'usage: skeljax {{verb}}' in shown.getvalue()
    assert not {{'jax', 'flax', 'orbax'}} & sys.modules.keys(), verb
assert time.process_time() - began < 10
"""
    subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)
