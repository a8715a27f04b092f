"""Stored configs of version 0.1.0 are read under today's names."""

import pytest

from skeljax.train import renamed_fields


def test_a_field_in_a_renamed_group_has_both_parts_renamed():
    assert renamed_fields.new_name('pretrain.optimiser.peak') == 'pretrain.optimizer.peak_lr'
    assert renamed_fields.new_name('finetune.optimiser.decay') == 'finetune.optimizer.decay'
    assert renamed_fields.new_name('pretrain.views.extreme.turn') == 'pretrain.views.extreme.yaw'
    assert renamed_fields.new_name('pretrain.window') == 'pretrain.window'


def test_names_and_values_of_a_stored_config_are_converted():
    stored = {
        'seed': 3,
        'data': {'normalisation': ['centre', 'turn_each', 'centre_each'], 'resident': True},
        'finetune': {'batch': 8, 'optimiser': {'peak': 0.1, 'decay': 'steps'}, 'levels': [1, 4]},
    }
    assert renamed_fields.convert(stored) == {
        'seed': 3,
        'data': {
            'normalization': ['center', 'turn_each', 'center_each'], 'device_dataset': True,
        },
        'finetune': {
            'batch_size': 8, 'optimizer': {'peak_lr': 0.1, 'decay': 'steps'},
            'feature_strides': [1, 4],
        },
    }


def test_a_converted_config_stays_as_it_is():
    once = renamed_fields.convert({'data': {'normalisation': ['centre']}, 'finetune': {'batch': 8}})
    assert renamed_fields.convert(once) == once


def test_a_new_name_is_not_overwritten_by_an_old_one():
    both = {'finetune': {'batch': 8, 'batch_size': 4}}
    assert renamed_fields.convert(both) == both


@pytest.mark.parametrize('value', [5, None, [1], 'centre', {}])
def test_a_damaged_value_is_left_to_its_reader(value):
    converted = renamed_fields.convert({'data': {'normalisation': value}, 'pretrain': value})
    assert converted == {'data': {'normalization': value}, 'pretrain': value}
