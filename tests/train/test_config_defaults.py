"""A field of a config has one default: that of configs/default.py, or an equal one in the code."""

import dataclasses

import pytest

from skeljax.configs import default
from skeljax.train import frame_loss, optimizer

CLASSES = {
    'finetune.loss': frame_loss.FrameLoss,
    'finetune.optimizer': optimizer.OptimizerConfig,
    'pretrain.optimizer': optimizer.OptimizerConfig,
}


@pytest.mark.parametrize('group', CLASSES)
def test_a_group_has_the_fields_and_defaults_of_the_class_that_it_configures(group):
    config = default.get_config()
    for part in group.split('.'):
        config = config[part]
    fields = {field.name: field.default for field in dataclasses.fields(CLASSES[group])}
    assert fields.keys() == set(config)
    defaults = {name: v for name, v in fields.items() if v is not dataclasses.MISSING}
    assert defaults == {name: config[name] for name in defaults}
