"""Builds the step, the initial state and the batches of a config on its corpora."""

from ml_collections import ConfigDict

from skeljax.train import corpora, run


def build(config: ConfigDict, stage: str) -> tuple:
    """Returns the step of one device, the initial state, and the batches.

    Args:
        config: the whole config.
        stage: 'pretrain' or 'finetune'.

    Raises:
        InputError: a corpus is missing or does not fit.
    """
    if stage == 'pretrain':
        return run.prepare_pretraining(config, corpora.open_unlabeled(config))
    return run.prepare_finetuning(config, corpora.open_labeled(config, 'train'))[:3]
