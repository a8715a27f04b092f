"""Every method has the interface of `methods.ContrastiveMethod`; configs have its options."""

import dataclasses
import importlib

import pytest

from skeljax.configs import default
from skeljax.contrast.methods import ContrastiveMethod
from skeljax.contrast.snippet import SnippetLoss
from skeljax.errors import InputError

SHARED = {'temperature', 'faithful'}


def _method(name):
    return importlib.import_module(f'skeljax.contrast.methods.{name}').Method


def _options(kind) -> dict:
    return {field.name: field.default for field in dataclasses.fields(kind)}


@pytest.mark.parametrize('name', default.METHODS)
def test_a_method_has_the_whole_interface(name):
    members = {member for member in vars(ContrastiveMethod) if not member.startswith('_')}
    members |= {'uses_queue', 'gathers_batch', 'needs_logits', 'min_streams'}
    made = _method(name)()
    assert {member for member in members if not hasattr(made, member)} == set()
    assert {view.encoder for view in made.views.values()} <= {'query', 'key'}


@pytest.mark.parametrize('name', default.METHODS)
def test_default_py_has_the_options_of_the_method_with_their_defaults(name):
    found = default.get_config(f'method={name}').pretrain[name].to_dict()
    options = _options(_method(name))
    assert found == {key: value for key, value in options.items() if key not in SHARED}
    assert default.get_config().pretrain.temperature == options['temperature']


def test_default_py_has_the_options_of_the_snippet_loss_with_their_defaults():
    assert default.get_config().pretrain.snippet.to_dict() == _options(SnippetLoss)


@pytest.mark.parametrize(
    ('name', 'option', 'value'),
    [
        ('skeletonclr', 'temperature', 0.0), ('aimclr', 'keep_rate', 1.1),
        ('hiclr', 'mining_start', -0.1), ('rvtclr', 'mining_start', 2.0),
        ('crossclr', 'cross_start', float('nan')), ('cmd', 'teacher_temperature', 0.0),
        ('vicreg', 'hidden_dim', 0), ('vicreg', 'variance_weight', -1.0),
    ],
)
def test_an_option_out_of_range_is_named(name, option, value):
    field = 'temperature' if option == 'temperature' else f'{name}.{option}'
    with pytest.raises(InputError, match=f'config.pretrain.{field} is {value}, expected '):
        _method(name)(**{option: value})
