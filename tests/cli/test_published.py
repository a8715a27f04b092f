"""The hosts' own settings, against the specification's figures."""

import pytest

from skeljax.cli import configured
from skeljax.contrast import aimclr, cmd, crossclr, hiclr, rvtclr, skeletonclr, vicreg
from skeljax.errors import InputError
from skeljax.train import assemble, schedule

HOSTS = dict(
    skeletonclr=skeletonclr, crossclr=crossclr, aimclr=aimclr, hiclr=hiclr, rvtclr=rvtclr, cmd=cmd,
    vicreg=vicreg,
)


def _load(name, *more):
    config = configured.load(f'published:host={name}', more)
    assemble.check(config)
    return config


@pytest.mark.parametrize('name', HOSTS)
def test_a_host_is_sound_and_without_the_snippet_term(name):
    config = _load(name)
    host = assemble.host(config, 'ntu25')
    assert host == HOSTS[name].Host(faithful=('',))  # a host's own defaults are the published ones
    assert assemble.encoder(config, 'ntu25', host).snippet is None
    settings = assemble.pretrain_settings(config, host, 'ntu25')
    assert settings.crop['length'] <= config.pretrain.window
    with_it = _load(name, '--config.pretrain.snippet.weight=1.5')
    assert assemble.encoder(with_it, 'ntu25', assemble.host(with_it, 'ntu25')).snippet is not None


@pytest.mark.parametrize(
    ('name', 'backbone', 'length', 'batch', 'steps', 'rates', 'falls'),
    [
        # 313 whole batches of 128 an epoch, 626 of 64, 112 of 356.
        *((name, 'stgcn', 50, 128, 313 * 300, (0.1, 0.01), 313 * 250)
          for name in ('skeletonclr', 'crossclr', 'aimclr', 'hiclr')),
        ('rvtclr', 'stgcn', 100, 128, 313 * 300, (0.1, 0.01), 313 * 250),
        ('cmd', 'gru', 64, 64, 626 * 451, (0.01, 0.001), 626 * 351),
        ('vicreg', 'transformer', 64, 356, 112 * 451, (5e-4, 5e-5), 112 * 351),
    ],
)
def test_lengths_batches_and_learning_rates(name, backbone, length, batch, steps, rates, falls):
    config = _load(name)
    assert config.model.name == backbone and config.pretrain.crop.length == length
    assert (config.pretrain.batch, config.pretrain.num_steps) == (batch, steps)
    rate = schedule.rate(config.pretrain.optimiser, steps)
    for step, expected in ((0, 0), (1, 0), (falls - 1, 0), (falls + 1, 1), (steps - 1, 1)):
        assert float(rate(step)) == pytest.approx(rates[expected]), step


def test_the_views_of_a_host_are_as_strong_as_its_own():
    views = {name: _load(name).pretrain.views for name in HOSTS}
    strong = lambda name: {view for view, chosen in views[name].items() if chosen.axis_mask}
    assert strong('skeletonclr') == strong('crossclr') == set()
    assert strong('rvtclr') == {'query'} and strong('aimclr') == {'extreme'}
    assert strong('hiclr') == {'extreme', 'masked'}


def test_a_backbone_or_corpus_may_be_another():
    config = configured.load('published:host=cmd,backbone=agcn,corpus=babel/all')
    assert (config.model.name, config.data.corpus) == ('agcn', 'babel/all')
    assert (config.model.width, config.pretrain.queue_size) == (64, 16_384)
    with pytest.raises(InputError, match="unknown host 'moco'"):
        configured.load('published:host=moco')
