"""Builds the step, the initial state and the batches of a config on its corpora."""

from ml_collections import ConfigDict

from skeljax.cli import finetune, pretrain


def build(config: ConfigDict, stage: str) -> tuple:
    """Returns the step of one device, the initial state, and the batches.

    Args:
        config: the whole config.
        stage: 'pretrain' or 'finetune'.

    Raises:
        InputError: a corpus is missing or does not fit.
    """
    if stage == 'pretrain':
        return pretrain.prepare(config, pretrain.open_unlabelled(config))
    return finetune.prepare(config, finetune.open_split(config, 'train'))[:3]
