"""Below `skeljax.` there is the package and nothing else, each module under one name."""

import importlib
import importlib.util
from pathlib import Path
import pkgutil

import pytest

import skeljax

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize('name', ['tests', 'skeljax', 'docs', 'launch', 'benchmarks'])
def test_other_folders_of_the_checkout_cannot_be_imported_below_it(name):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f'skeljax.{name}')


def _files(package) -> list[tuple[str, str]]:
    """Lists (name, file) of all modules below a package, without importing other than packages."""
    found = []
    for info in pkgutil.walk_packages(package.__path__, f'{package.__name__}.'):
        spec = importlib.util.find_spec(info.name)
        found.append((info.name, spec.origin))
    return found


def test_no_file_has_two_names():
    found = _files(skeljax)
    names, files = zip(*found, strict=True)
    assert len(set(names)) == len(names) > 100
    assert len(set(files)) == len(files)
    assert {'skeljax.configs.ablations.backbone', 'skeljax.configs.default',
            'skeljax.tfds_builders.synthetic.synthetic_dataset_builder'} <= {*names}


def test_a_checkout_finds_configs_and_builders_beside_the_package():
    from skeljax import configs, tfds_builders
    from skeljax.configs import default
    from skeljax.tfds_builders.ui_prmd import ui_prmd_dataset_builder

    assert [*configs.__path__] == [str(ROOT / 'configs')]
    assert [*tfds_builders.__path__] == [str(ROOT / 'tfds_builders')]
    assert default.__file__ == str(ROOT / 'configs' / 'default.py')
    folder = ROOT / 'tfds_builders' / 'ui_prmd'
    assert Path(ui_prmd_dataset_builder.Builder.pkg_dir_path) == folder
