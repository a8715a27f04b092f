"""The defaults of the config's model block are those of the backbones."""

import dataclasses
import importlib

import jax.numpy as jnp
from ml_collections import ConfigDict
import pytest

from skeljax.configs import default
from skeljax.models import remat

BACKBONES = [
    name for name, value in default.get_config().model.items() if isinstance(value, ConfigDict)
]


@pytest.mark.parametrize('name', BACKBONES)
def test_the_model_block_has_the_defaults_of_the_module(name):
    module = importlib.import_module(f'skeljax.models.{name}')
    fields = {field.name: field.default for field in dataclasses.fields(module.Backbone)}
    model = default.get_config(f'backbone={name}').model
    assert model.name == name
    for option in ('base_channels', 'dropout', 'remat'):
        assert model[option] == fields[option], option
    assert jnp.dtype(model.dtype) == jnp.dtype(fields['dtype'])
    own = dict(model[name])
    assert own and own == {option: fields[option] for option in own}
    assert fields['remat'] in remat.POLICIES


def test_every_backbone_is_in_the_model_block():
    assert set(BACKBONES) == {'agcn', 'stgcn', 'ctrgcn', 'gru', 'transformer'}
