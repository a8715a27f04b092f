"""The demo: small enough for two CPU cores in a few minutes.

    skeljax demo --corpus synthetic
"""

from ml_collections import ConfigDict

from skeljax.configs import default, ui_prmd


def get_config(arg: str = '') -> ConfigDict:
    """Returns the demo.

    Args:
        arg: 'synthetic' (the default) or 'ui_prmd' and what `default.get_config` takes.
    """
    chosen = {**default.choose(arg), 'corpus': 'composed10'}
    config = ui_prmd.get_config(default.describe(chosen))
    on_real = default.choose(arg).get('corpus') == 'ui_prmd'
    corpus = config.data.corpus if on_real else 'synthetic/default'
    config.data.corpus = corpus
    config.data.unlabeled = default.unlabeled(chosen, corpus)
    config.pretrain.update(dict(num_steps=120, batch_size=32, log_every=10, checkpoint_every=60))
    config.finetune.update(dict(num_steps=120, validate_every=40))
    return config
