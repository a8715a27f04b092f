"""Names of this library, of modules of others, and of entry points."""

import sys

import pytest

from skeljax import plugins
from skeljax.cli import config_args
from skeljax.errors import InputError
from skeljax.inference import model_io, predictor, run_loader
from skeljax.localize import decoder_config
from skeljax.models import fusers, gru
from skeljax.train import build
from skeljax.train.named_classes import FUSERS

METHODS = 'skeljax.contrast.methods'
MINE = '''
from skeljax.contrast.methods import skeletonclr
from skeljax.models import fusers, gru

class Method(skeletonclr.Method):
    extra: float = 0.0

    def __init__(self, *args, extra=0.0, **options):
        super().__init__(*args, **options)
        object.__setattr__(self, 'extra', extra)

class Backbone(gru.Backbone):
    pass

class Fuser(fusers.Fuser):
    pass
'''


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module in the working directory, and an installed package with an entry point."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'path', [p for p in sys.path if p not in ('', str(tmp_path))])
    (tmp_path / 'my_library.py').write_text(MINE)
    yield tmp_path
    sys.modules.pop('my_library', None)
    plugins.found.cache_clear()
    plugins.load.cache_clear()


def _install(folder, monkeypatch, points: str):
    """Puts a package with entry points on the path."""
    made = folder / 'site' / 'my_library-1.0.dist-info'
    made.mkdir(parents=True)
    (made / 'METADATA').write_text('Metadata-Version: 2.1\nName: my-library\nVersion: 1.0\n')
    (made / 'entry_points.txt').write_text(points)
    (folder / 'site' / 'my_library.py').write_text(MINE)
    monkeypatch.syspath_prepend(folder / 'site')
    plugins.found.cache_clear()
    plugins.load.cache_clear()


def test_a_bare_name_is_a_module_of_the_package():
    assert plugins.resolve('gru', 'skeljax.models', 'Backbone') is gru.Backbone
    assert plugins.resolve('u', 'skeljax.models.fusers', 'Fuser', FUSERS) is fusers.Fuser


def test_a_path_is_imported_from_the_working_directory(mine):
    found = plugins.resolve('my_library:Backbone', 'skeljax.models', 'Backbone')
    assert found.__module__ == 'my_library' and issubclass(found, gru.Backbone)


def test_an_entry_point_is_found_and_listed(mine, monkeypatch):
    _install(mine, monkeypatch, f'[{METHODS}]\nmine = my_library:Method\n')
    assert plugins.resolve('mine', METHODS, 'Method').__name__ == 'Method'
    assert 'mine' in plugins.known(METHODS, 'Method')


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError) as error:
        plugins.resolve('vgg', 'skeljax.models', 'Backbone')
    assert str(error.value) == (
        "unknown 'vgg', known: agcn, ctrgcn, gru, stgcn, transformer, or module.path:Backbone"
    )
    with pytest.raises(InputError, match="unknown 'v', known: pyramid, u, or module.path:Fuser"):
        plugins.resolve('v', 'skeljax.models.fusers', 'Fuser', FUSERS)
    with pytest.raises(InputError, match="unknown '../x', known: agcn"):
        plugins.resolve('../x', 'skeljax.models', 'Backbone')


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('no_such_library:Backbone', "No module named 'no_such_library'"),
        ('math:Backbone', "module 'math' has no attribute 'Backbone'"),
        (':Backbone', 'Empty module name'),
    ],
)
def test_what_cannot_be_imported_is_an_error_of_one_line(name, said):
    with pytest.raises(InputError, match=said) as error:
        plugins.resolve(name, 'skeljax.models', 'Backbone')
    assert '\n' not in str(error.value)


def test_a_config_file_uses_a_method_a_backbone_and_a_fuser_of_another_library(mine):
    path = mine / 'own.py'
    path.write_text(
        'from skeljax.configs import default\n\n\n'
        'def get_config(arg=""):\n'
        '    config = default.get_config(arg)\n'
        '    config.pretrain.method = "my_library:Method"\n'
        '    config.model.name = "my_library:Backbone"\n'
        '    config.finetune.fuser_kind = "my_library:Fuser"\n'
        '    with config.unlocked():\n'
        '        config.pretrain.Method = dict(extra=0.5)\n'
        '        config.model.Backbone = dict(num_layers=1)\n'
        '    return config\n'
    )
    config = config_args.load(str(path))
    build.check(config)
    assert build.method(config, 'ntu25').extra == 0.5
    network = build.localizer(config, 'ntu25', 3)
    assert network.backbone.num_layers == 1
    assert [type(part).__module__ for part in (network.backbone, network.fuser)] == [
        'my_library'
    ] * 2
    assert '--config.model.Backbone.num_layers=1' in build.architecture_options(config)


def test_a_backbone_must_be_a_class_of_flax_modules():
    config = config_args.load('default', ['--config.model.name=os:getcwd'])
    with pytest.raises(InputError, match="config.model.name is 'os:getcwd', which is no class"):
        build.check(config)


def test_a_stored_model_runs_no_code_that_it_names(mine, tmp_path):
    config = config_args.load('default:backbone=gru', ['--config.finetune.fuser=False'])
    trained = run_loader.Run(None, {}, config, ('a',), 'ntu25', 30.0, step=0)
    folder = model_io.write(
        tmp_path / 'm', predictor.Model(trained, decoder_config.make('pkummd'), {})
    )
    stored = (folder / 'model.json').read_text()
    (folder / 'model.json').write_text(stored.replace('"name": "gru"', '"name": "my_library:X"'))
    with pytest.raises(InputError, match="names code, 'my_library:X'; expected the name of an"):
        model_io.load(folder)
    assert 'my_library' not in sys.modules
