"""The rows of configs/bench.py."""

import pytest

from benchmarks import random_inputs
from skeljax.cli import config_args
from skeljax.configs import bench
from skeljax.data import batches
from skeljax.errors import InputError
from skeljax.train import build


@pytest.mark.parametrize('name', bench.ROWS)
def test_a_row_is_valid(name):
    config = config_args.load(f'bench:{name}')
    build.check(config)
    method = build.method(config, 'ntu25')
    assert (
        build.encoder(config, 'ntu25', method).backbone.base_channels == config.model.base_channels
    )
    assert build.localizer(config, 'ntu25', config.bench.classes)
    assert (config.bench.what == 'infer') == bool(config.bench.frames)
    if config.bench.frames:
        return
    stage = config.bench.stage
    batch = random_inputs.batch(config, stage)
    assert batch['joints'].shape[:2] == (config[stage].batch_size, config[stage].crop.length)
    assert batch['joints'].shape[2] == config.bench.persons and batch['mask'].all()
    if stage == 'pretrain':
        settings = build.pretrain_settings(config, method, 'ntu25')
        augmented = any(value for view in settings.views.values() for value in view.values())
        assert augmented == (config.bench.what == 'augment')
        pad = 6 if augmented else 0
        assert settings.crop == {'length': config.pretrain.window, 'pad_ratio': pad, 'tempo': 0.0}


def test_clips_have_the_shape_of_the_row():
    config = config_args.load('bench:evaluation')
    assert random_inputs.clips(config).shape == (64, 64, 2, 25, 3)


def test_an_unknown_row_is_named_with_those_there_are():
    with pytest.raises(InputError, match="unknown row 'fast', known: stgcn16, agcn64"):
        config_args.load('bench:fast')


def test_a_pair_is_of_any_host_and_backbone():
    config = config_args.load('bench:pair,method=rvtclr,backbone=gru')
    names = config.pretrain.method, config.model.name, config.bench.against
    assert names == ('rvtclr', 'gru', 'video')
    usual = config_args.load('bench:pair').pretrain.crop.length
    assert config.pretrain.crop.length == 2 * usual
    with pytest.raises(InputError, match="unknown method 'moco', known: aimclr, cmd"):
        config_args.load('bench:pair,method=moco')
    for strange in ('agcn64,method=cmd', 'pair,setting=linear', 'pair,aimclr'):
        with pytest.raises(InputError, match='only the row pair takes more, method= and backbone='):
            config_args.load(f'bench:{strange}')


def test_recordings_are_long_enough_and_windows_are_cut_from_them():
    changes = ['--config.pretrain.batch_size=4', '--config.pretrain.window=30']
    config = config_args.load('bench:resident', changes + ['--config.pretrain.crop.length=30'])
    corpus = random_inputs.Recordings(config, 'pretrain')
    lengths = [len(corpus[number].joints) for number in range(4)]
    assert len(corpus) == 4 and lengths == list(corpus.lengths)
    assert 30 <= min(lengths) and max(lengths) < 120
    batch = batches.Batches([corpus], length=30, batch=4, seed=0, labeled=True)(0)
    assert batch['joints'].shape == (4, 30, 1, 25, 3) and batch['mask'].all()
    assert batch['labels'].shape == (4, 30)
