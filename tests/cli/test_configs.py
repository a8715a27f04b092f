"""Every config that comes with skeljax loads, is checked, and every field has a reader."""

import json
from types import SimpleNamespace

from ml_collections import ConfigDict
import numpy as np
import pytest

from skeljax.cli import config_args, knn
from skeljax.configs import default
from skeljax.data import corpus as splits, device_pack
from skeljax.errors import InputError
from skeljax.inference import knn as neighbors, scoring
from skeljax.train import build, corpora, loop, quirks, run as training, run_dir as workdirs

CONFIGS = [
    'default',
    'default:synthetic/tiny',
    'ui_prmd',
    'ui_prmd:composed10',
    'default:corpus=synthetic/tiny,method=skeletonclr',
    'ui_prmd:composed20',
    'demo',
    'demo:synthetic',
    'demo:ui_prmd',
    'own',
    'own:mine',
    'babel',
    'pku_mmd',
    'open_corpora',
    'open_corpora:precog/fold2',
]
# Small enough for the tiny corpus and two cores.
SMALL = [
    '--config.data.corpus=synthetic/tiny',
    "--config.data.unlabeled=('synthetic/tiny',)",
    '--config.model.base_channels=4',
    '--config.pretrain.batch_size=8',
    '--config.pretrain.queue_size=16',
    '--config.pretrain.window=64',
    '--config.pretrain.crop.length=32',
    '--config.pretrain.snippet.num_snippets=2',
    '--config.finetune.batch_size=8',
    '--config.finetune.window=64',
    '--config.finetune.crop.length=64',
]


class Recorder:
    """Hands out a config's values and notes which fields were asked for."""

    def __init__(self, config, seen: set, path: str = ''):
        self._config, self._seen, self._path = config, seen, path

    def __getattr__(self, name):
        return self[name]

    def __getitem__(self, name):
        path = f'{self._path}.{name}' if self._path else name
        value = self._config[name]
        if isinstance(value, ConfigDict):
            return Recorder(value, self._seen, path)
        self._seen.add(path)
        return value

    def keys(self):
        return self._config.keys()

    def __iter__(self):
        return iter(self._config.keys())

    def __contains__(self, name):
        return name in self._config

    def to_dict(self):
        return self._config.to_dict()

    def copy_and_resolve_references(self):
        return Recorder(self._config.copy_and_resolve_references(), self._seen)


def _fields(config, path='') -> set[str]:
    fields = set()
    for name, value in config.items():
        inner = f'{path}.{name}' if path else name
        fields |= _fields(value, inner) if isinstance(value, ConfigDict) else {inner}
    return fields


@pytest.mark.parametrize('name', CONFIGS)
def test_a_config_loads_and_is_sound(name):
    config = config_args.load(name)
    build.check(config)
    method = build.method(config, 'ntu25')
    encoder = build.encoder(config, 'ntu25', method)
    assert encoder.backbone.base_channels == config.model.base_channels
    assert encoder.snippet is not None
    cuts = {view.shares_crop_with or name for name, view in method.views.items()}
    assert set(build.pretrain_settings(config, method, 'ntu25').views) == cuts
    assert build.localizer(config, 'ntu25', 4).head.num_outputs == 5
    for stage in ('pretrain', 'finetune'):
        build.make_optimizer(config, stage)


def test_every_field_of_a_config_has_a_reader(tiny, tmp_path, monkeypatch):
    options = [*SMALL, '--config.data.device_dataset=True', f'--config.data.data_dir={tiny}']
    config = config_args.load('default', options)
    seen: set[str] = set()
    recorder = Recorder(config, seen)

    def instead(step, state, batches, plan, workdir, *, validate=None, corpus, **_):
        assert (
            isinstance(batches, device_pack.PlaceBatches) and corpus['joints'].dtype == np.float32
        )
        return validate and validate(state)

    monkeypatch.setattr(loop, 'train', instead)
    monkeypatch.setattr(scoring, 'evaluate', lambda *_: SimpleNamespace(mean=0.0))
    training.pretrain(recorder, tmp_path / 'a')
    training.finetune(recorder, tmp_path / 'b')
    empty = {'backbone': {}, 'decoder': {}}
    monkeypatch.setattr(training, 'prepare_finetuning', lambda *_: (None, empty, None, None))
    monkeypatch.setattr(neighbors, 'collect', lambda *_: None)
    monkeypatch.setattr(neighbors, 'probabilities', lambda *_, **__: None)
    knn.scored(recorder)
    for name in ('stgcn', 'ctrgcn', 'gru', 'transformer'):
        config.model.name = name
        build.backbone(recorder, 'ntu25')
    # Read when an evaluation asks whether a run is to be taken up, or a key only then.
    assert _fields(config) - seen == {'finetune.init_from'} - seen


def test_corpora_of_several_layouts_or_persons_need_a_word_in_the_config(monkeypatch):
    def corpus(name, layout, persons):
        recording = SimpleNamespace(joints=np.zeros((9, persons, 25, 3)))
        return type('', (list,), {'name': name, 'layout': layout})([recording])

    kinds = {'a': ('ntu25', 2), 'b': ('cmu31', 2), 'c': ('ntu25', 1)}
    ours = {name: corpus(name, *kind) for name, kind in kinds.items()}
    monkeypatch.setattr(corpora, 'open_corpus', lambda config, name, split: ours[name])
    unlabeled = lambda *names: SimpleNamespace(data=SimpleNamespace(unlabeled=names))
    with pytest.raises(InputError, match='b has layout cmu31, a ntu25; set config.data.layout'):
        corpora.open_unlabeled(unlabeled('a', 'b'))
    with pytest.raises(InputError, match="c has 1 persons a recording, a 2; put 'order_persons:2'"):
        corpora.open_unlabeled(unlabeled('a', 'c'))
    assert corpora.open_unlabeled(unlabeled('a', 'a')) == [ours['a'], ours['a']]


def test_the_release_is_one_config_away():
    config = config_args.load('default', [f'--config.faithful={quirks.QUIRKS}'])
    build.check(config)
    method = build.method(config, 'ntu25')
    settings = build.pretrain_settings(config, method, 'ntu25')
    assert not settings.snippet_queue_advances
    assert all(view['faithful'] for view in settings.views.values())
    assert 'input_norm' in build.backbone(config, 'ntu25').faithful


@pytest.mark.parametrize(
    ('override', 'named'),
    [
        ('--config.pretrain.stepz=3', 'stepz'),
        ('--config.pretrain.batch_size=many', 'many'),
        ('--config.nothing.at.all=1', 'nothing'),
    ],
)
def test_an_unknown_key_or_a_value_of_another_type_is_named(override, named):
    with pytest.raises(InputError, match=named) as raised:
        config_args.load('ui_prmd', [override])
    assert '\n' not in str(raised.value)


def test_an_unknown_config_lists_those_there_are():
    with pytest.raises(InputError, match='nowhere.*default.*demo.*ui_prmd'):
        config_args.load('nowhere')


@pytest.mark.parametrize(
    ('override', 'named'),
    [
        ('--config.faithful=("warmup",)', 'warmup'),
        ('--config.parallel=threads', "parallel is 'threads', known: pmap, shard_map"),
        ('--config.steps_per_call=0', 'steps_per_call is 0'),
        ('--config.data.device_dataset_dtype=int8', "'int8', known: float32, float16, bfloat16"),
        ('--config.model.remat=some', "'some', known: none, blocks, everything_saveable"),
        ('--config.model.sync_bn=some', 'sync_bn'),
        ('--config.finetune.loss.pool_radius=-1', 'finetune.loss.pool_radius is -1, expected'),
        ('--config.pretrain.snippet.match=luck', 'luck'),
        ('--config.pretrain.crop.length=4000', 'crop.length is 4000'),
    ],
)
def test_a_value_that_nothing_knows_is_named(override, named):
    with pytest.raises(InputError, match=named):
        build.check(config_args.load('default', [override]))


@pytest.mark.parametrize(
    ('override', 'make'),
    [
        ('--config.model.name=perceptron', lambda c: build.backbone(c, 'ntu25')),
        ('--config.model.name=heads', lambda c: build.backbone(c, 'ntu25')),
        ('--config.pretrain.method=moco', lambda c: build.method(c, 'ntu25')),
    ],
)
def test_a_name_is_a_module_or_an_error(override, make):
    with pytest.raises(InputError, match=r"unknown '(perceptron|heads|moco)', known: "):
        make(config_args.load('default', [override]))


def test_a_run_from_before_a_field_came_has_the_fields_default():
    config = config_args.load('default', ['--config.model.base_channels=8', '--config.seed=5'])
    run = {'config': json.loads(json.dumps(config.to_dict()))}
    del run['config']['data']['layout'], run['config']['finetune']
    again = workdirs.config_of(run, config_args.load('default'))
    assert again.to_dict() == config.to_dict()


def test_an_own_config_file_may_build_on_those_that_ship(tmp_path):
    own = tmp_path / 'own.py'
    own.write_text(
        'from skeljax.configs import ui_prmd\n\n'
        'def get_config(arg=""):\n'
        '    config = ui_prmd.get_config(arg)\n    config.model.base_channels = 8\n'
        '    return config\n'
    )
    config = config_args.load(f'{own}:composed20', ['--config.seed=3'])
    assert (config.model.base_channels, config.seed, config.data.corpus) == (
        8,
        3,
        'ui_prmd/composed20',
    )


@pytest.mark.parametrize('setting', sorted(default.SETTINGS))
@pytest.mark.parametrize(
    'name', ['default', 'ui_prmd', 'own', 'demo', 'babel', 'pku_mmd', 'published', 'open_corpora']
)
def test_a_setting_holds_in_every_config(name, setting):
    """No config puts back what a setting chose."""
    config = config_args.load(f'{name}:setting={setting}')
    build.check(config)
    wanted = default.SETTINGS[setting]
    for key in set(wanted) - {'optimizer'}:
        assert config.finetune[key] == wanted[key], key
    model = build.localizer(config, 'ntu25', 4)
    assert model.frozen == (setting in ('linear', 'recognition'))
    assert model.clip_level == (setting == 'recognition')
    assert (model.fuser is None) == (setting in ('linear', 'plain', 'recognition'))


def test_open_corpora_share_the_settings_of_ui_prmd():
    config = config_args.load('open_corpora:precog/default')
    assert (config.finetune.window, config.finetune.crop.length) == (192, 128)  # they are short
    assert config.data.corpus == 'precog/default' and config.data.unlabeled == ('precog/default',)
    assert config_args.load('open_corpora').data.corpus == 'kinder_gator/composed58'
    other = config_args.load('open_corpora:precog/fold1,unlabeled=kinder_gator/trials')
    assert other.data.unlabeled == ('kinder_gator/trials',)
    base, config = config_args.load('ui_prmd'), config_args.load('open_corpora')
    changed = {
        f'{stage}.{key}': config[stage][key]
        for stage in ('model', 'pretrain', 'finetune')
        for key in base[stage]
        if config[stage][key] != base[stage][key] and key != 'loss'
    }
    assert changed == {
        'pretrain.num_steps': 3000, 'pretrain.batch_size': 32, 'pretrain.checkpoint_every': 500,
        'finetune.num_steps': 1200, 'finetune.label_fraction': 0.25,
        'finetune.checkpoint_every': 400, 'finetune.validate_every': 200,
    }
    assert {**base.finetune.loss, 'class_balance': 0.5} == {**config.finetune.loss}
    assert config.finetune.backbone_lr_scale == 1.0


def test_published_rates_belong_to_the_settings():
    peaks = {
        s: config_args.load(f'babel:setting={s}').finetune.optimizer.peak_lr
        for s in ('plain', 'fuser')
    }
    assert peaks == {'plain': 1e-3, 'fuser': 1e-4}
    linear = config_args.load('published:setting=recognition').finetune
    assert (linear.optimizer.name, linear.optimizer.peak_lr, linear.num_epochs) == ('sgd', 3.0, 100)


def test_corpora_and_layout_are_chosen_by_name():
    config = config_args.load('pku_mmd:part2_xview,unlabeled=ntu_rgbd/xsub60+babel/all')
    assert config.data.corpus == 'pku_mmd/part2_xview' and config.data.layout == 'ntu25'
    assert config.data.unlabeled == ('ntu_rgbd/xsub60', 'babel/all')
    assert config_args.load('pku_mmd').data.unlabeled == ('pku_mmd/part1_xsub',)
    assert config_args.load('babel:subset2,setting=semi20').data.unlabeled == ('babel/all',)
    assert (
        config_args.load('ui_prmd:unlabeled=cmu_mocap/routines,layout=ntu25').data.layout == 'ntu25'
    )


@pytest.mark.parametrize(
    ('name', 'told'),
    [
        ('default:setting=probe', "unknown setting 'probe', known: fuser, linear"),
        ('babel:subset4', "unknown subset 'subset4', known: subset1, subset2, subset3"),
        ('ui_prmd:color=red', "unknown 'color'"),
    ],
)
def test_an_unknown_choice_is_told(name, told):
    with pytest.raises(InputError, match=told):
        config_args.load(name)


def test_epochs_are_told_in_steps():
    config = config_args.load('babel')
    assert corpora.in_steps(config, 'finetune', lambda: 7).finetune.num_steps == 280
    assert config.finetune.num_steps == 4000
    steps = config_args.load('default')
    assert corpora.in_steps(steps, 'finetune', lambda: pytest.fail('asked')) is steps
    with pytest.raises(InputError, match='num_epochs is -1'):
        corpora.in_steps(
            config_args.load('default', ['--config.pretrain.num_epochs=-1']), 'pretrain', int
        )


def test_a_fuser_does_not_score_recordings_as_a_whole():
    config = config_args.load('default:setting=fuser', ['--config.finetune.clip_level=True'])
    with pytest.raises(InputError, match='a fuser scores frames'):
        build.localizer(config, 'ntu25', 4)


def test_few_labels_can_be_drawn_so_that_every_class_is_shown(tiny):
    choice = ['--config.finetune.label_fraction=0.25', '--config.finetune.label_stratified=True']
    config = config_args.load('default:synthetic/tiny', [*choice, f'--config.data.data_dir={tiny}'])
    corpus = corpora.open_labeled(config, 'train')
    chosen = corpora.labeled_recordings(config, corpus)
    np.testing.assert_array_equal(chosen, splits.stratified(splits.classes_shown(corpus), 0.25, 4))
