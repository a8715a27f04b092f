import pytest

from skeljax.cli import ablate as verb
from skeljax.errors import InputError
from skeljax.sweep import Sweep, Variant, definition as sweeps, plan

BASE = 'ui_prmd:composed20'


def _plan(variants, overrides=(), workdir='W', **options):
    made = {name: v if isinstance(v, Variant) else Variant(v) for name, v in variants.items()}
    usual = {'base': BASE, 'reference': next(iter(made)), 'seeds': (0,)}
    return plan.make(Sweep(**usual | options, variants=made), workdir, verb.load, overrides)


def _one(variant, **options):
    return _plan({'a': variant}, **options)['a', 0]


def test_a_shared_pretraining_is_one_run():
    scratch = Variant(pretrain=False)
    runs = _plan({'plain': {'finetune.fuser': False}, 'fuser': {}, 'scratch': scratch})
    plain, fused, scratch = runs.values()
    assert plain.source is fused.source and scratch.source is None
    assert [run.stage for run in plan.needed(runs)] == ['pretrain'] + ['finetune'] * 3
    assert f'--config.finetune.init_from={plain.source.folder}' in plain.overrides
    assert not any('init_from' in word for word in scratch.overrides)


def test_one_pretraining_may_serve_every_seed():
    runs = _plan({'a': {}}, seeds=(0, 1), pretrain_seed=1)
    own = _plan({'a': {}}, seeds=(0, 1))
    assert runs['a', 0].source is runs['a', 1].source is not None
    assert runs['a', 0].source.folder == own['a', 1].source.folder
    assert runs['a', 1].folder == own['a', 1].folder and runs['a', 0].folder != own['a', 0].folder
    words = runs['a', 0].source.commands()[0]
    assert [word for word in words if word.startswith('--config.seed=')] == ['--config.seed=1']
    assert '--config.seed=0' in runs['a', 0].commands()[0]


def test_a_change_of_the_config_is_another_run_and_no_other():
    same = _one({})
    assert same.folder == _one({'finetune.batch_size': 8}).folder  # as it is in the base
    tuned = _one({'finetune.batch_size': 4})
    assert tuned.folder != same.folder and tuned.source.folder == same.source.folder
    other = _one({'pretrain.snippet.weight': 0.5})
    assert other.source.folder != same.source.folder and other.folder != same.folder
    seeded = _one({}, seeds=(0, 1))
    assert seeded.folder == same.folder


def test_what_a_stage_does_not_read_makes_no_other_run():
    same = _one({})
    free = ['--config.data.data_dir=elsewhere', '--config.pretrain.log_every=1']
    moved = _one({}, overrides=free)
    assert (moved.folder, moved.source.folder) == (same.folder, same.source.folder)
    on_ten = _one(Variant(base='ui_prmd:composed10'))
    assert on_ten.source.folder == same.source.folder and on_ten.folder != same.folder
    scratch = lambda **more: _one(Variant({'pretrain.batch_size': 128, **more}, pretrain=False))
    assert scratch().folder == _one(Variant(pretrain=False)).folder != same.folder
    unlabeled = scratch(**{'data.unlabeled': ('x/y',)})
    assert unlabeled.folder == scratch().folder


def test_a_folder_is_named_by_what_can_be_read_and_does_not_move_with_the_workdir():
    here, there = _one({}), _one({}, workdir='elsewhere')
    assert here.folder.name.startswith('finetune-ui_prmd-composed20-agcn-s0-')
    assert here.source.folder.name.startswith('pretrain-skeletonclr-agcn-s0-')
    assert here.folder.name == there.folder.name
    imported = _one(Variant({'finetune.init_from': 'runs/imported'}, pretrain=False))
    assert imported.folder.name != _one(Variant(pretrain=False)).folder.name


def test_the_commands_make_the_config_that_was_hashed():
    run = _one(
        {
            'finetune.feature_strides': (1, 8),
            'finetune.fuser': True,
            'pretrain.negatives': ('queue',),
            'finetune.batch_size': 4,
        },
        changes={'finetune.batch_size': 2},
        overrides=['--config.finetune.window=300'],
        scale=0.5,
    )
    train, measure = run.commands()
    assert train[:5] == ['finetune', '--config', BASE, '--workdir', str(run.folder)]
    assert measure == ['evaluate', '--workdir', str(run.folder), '--split', 'test']
    config = verb.load(BASE, [word for word in train if word.startswith('--config.')])
    chosen = config.finetune
    assert (chosen.feature_strides, chosen.batch_size, chosen.window) == ((1, 8), 4, 300)
    assert (config.seed, chosen.label_seed, chosen.num_steps, run.num_steps) == (0, 0, 125, 125)
    names = [word.partition('=')[0] for word in train]
    assert len(set(names)) == len(names)
    (pretrain,) = run.source.commands()
    config = verb.load(BASE, [word for word in pretrain if word.startswith('--config.')])
    assert (config.pretrain.negatives, config.pretrain.num_steps) == (('queue',), 150)
    assert not any('finetune.' in word for word in pretrain)


def test_a_scale_leaves_at_least_one_step():
    assert _one({}, scale=1e-9).num_steps == 1


@pytest.mark.parametrize(
    ('variants', 'named'),
    [
        ({'a': {}, 'b': {'finetune.fuser': True}}, "'a' and 'b' are identical"),
        ({'a': {'finetune.fusor': True}}, "variant 'a': .*fusor"),
        ({'a': {'pretrain.snippet.match': 'luck'}}, "variant 'a': .*luck"),
        ({'a': {}, 'b': Variant(base='ui_prmd:composed10')}, "'b' is on ui_prmd/composed10"),
    ],
)
def test_a_plan_that_cannot_work_is_named(variants, named):
    with pytest.raises(InputError, match=named):
        _plan(variants)


def _file(tmp_path, body):
    path = tmp_path / 'mine.py'
    path.write_text('from skeljax.sweep import Sweep, Variant\n' + body)
    return path


def test_an_own_sweep_file_is_read_with_its_argument(tmp_path):
    path = _file(tmp_path, 'def get_sweep(arg=""):\n    return Sweep("b", {arg: Variant()}, arg)\n')
    assert list(sweeps.load(f'{path}:x').variants) == ['x']
    again = sweeps.with_seeds(sweeps.load(f'{path}:x'), [4, 5, 4])
    assert again.seeds == (4, 5) and sweeps.with_seeds(again, None) is again


@pytest.mark.parametrize(
    ('body', 'named'),
    [
        ('get_sweep = lambda arg: 3', 'returned int, not a Sweep'),
        ('get_sweep = lambda arg: float("many")', 'ValueError: .*many'),
        ('get_sweep = lambda arg', 'SyntaxError'),
        ('x = 1', 'AttributeError: .*get_sweep'),
        (
            'get_sweep = lambda arg: Sweep("b", {"a": Variant()}, "c")',
            "with 'c', which is no variant",
        ),
        ('get_sweep = lambda arg: Sweep("b", {"a": {}}, "a")', "'a' is a dict, not a Variant"),
        ('get_sweep = lambda arg: Sweep("b", {}, "a")', "reference 'a' is not a variant"),
        (
            'get_sweep = lambda arg: Sweep("b", {"a": Variant()}, "a", seeds=(1, 1))',
            'expected one or more distinct seeds',
        ),
        (
            'get_sweep = lambda arg: Sweep("b", {"a": Variant()}, "a", scale=0)',
            'a scale above 0, found 0',
        ),
    ],
)
def test_a_sweep_that_is_none_is_named(tmp_path, body, named):
    with pytest.raises(InputError, match=named) as raised:
        sweeps.load(str(_file(tmp_path, body)))
    assert '\n' not in str(raised.value) and 'mine.py' in str(raised.value)


def test_an_unknown_sweep_lists_those_there_are():
    with pytest.raises(InputError, match='no sweep nowhere; .*augmentation, backbone.*taps'):
        sweeps.load('nowhere')
