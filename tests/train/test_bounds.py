"""Every field of a config with every kind of value that cannot be: refused by name, in one line."""

import pytest

from skeljax.cli import config_args, main
from skeljax.configs import default
from skeljax.errors import InputError
from skeljax.train import build, run_dir

METHODS = [f'synthetic/tiny,method={method}' for method in default.METHODS]
BAD = {
    float: [float('nan'), float('inf'), float('-inf'), -1.0, 1e30, 'x', None],
    int: [-1, 10**12, 10**400, float('nan'), 'x', None],
    str: ['nonsense', 7],
    tuple: [('nonsense',), (float('nan'),), (-1,), (10**400,)],
    bool: ['x'],
}
# Texts that name what is anywhere: folders, corpora, projects.
FREE = ('wandb', 'data.data_dir', 'data.corpus', 'data.unlabeled', 'finetune.init_from')
ZERO = (  # numbers that may not be 0
    'steps_per_call',
    'base_channels',
    'down_stages',
    'out_channels',
    'num_layers',
    'num_heads',
    'mlp_ratio',
    'num_steps',
    'batch_size',
    'window',
    'length',
    'embed_dim',
    'temperature',
    'num_neighbors',
    'label_fraction',
    'top_k',
    'num_views',
    'hidden_dim',
    'num_masked_joints',
    'tious',
)


def _set(config, name, value):
    *folders, last = name.split('.')
    inner = config
    for folder in folders:
        inner = inner[folder]
    with config.unlocked(), config.ignore_type():
        inner[last] = value
    return config


def _fields(arg):
    return list(run_dir.flat(default.get_config(arg).to_dict()))


def _cases():
    for arg in METHODS:
        own = arg.rpartition('=')[2]
        for name, value in _fields(arg):
            if arg == METHODS[0] or f'.{own}.' in name:
                for bad in BAD[type(value)]:
                    if type(value) is not str or not isinstance(bad, str) or name not in FREE:
                        if not (isinstance(bad, tuple) and name in FREE):
                            yield arg, name, bad
                if name.rpartition('.')[2] in ZERO:
                    yield arg, name, (0,) if isinstance(value, tuple) else 0


def test_every_config_that_is_shipped_is_sound():
    for arg in METHODS:
        build.check(default.get_config(arg))


def test_no_value_that_cannot_be_is_let_through():
    """One test, as there are more than five hundred cases; lists those that were let through."""
    cases, through = list(_cases()), []
    for arg, name, bad in cases:
        config = _set(default.get_config(arg), name, bad)
        try:
            build.check(config)
        except InputError as error:
            assert '\n' not in str(error) and name.rpartition('.')[2] in str(error), (
                name,
                bad,
                error,
            )
            assert len(str(error)) < 400
        else:
            through.append((name, bad))
    # A margin may be negative.
    assert through == [('pretrain.rvtclr.margin', -1.0)]
    print(f'{len(cases) - len(through)} of {len(cases)} values refused')


@pytest.mark.parametrize('stage', ['pretrain', 'finetune'])
@pytest.mark.parametrize(
    'override',
    [
        'batch_size=0',
        'batch_size=-8',
        'window=0',
        'optimizer.peak_lr=nan',
        'num_steps=0',
        'crop.tempo=-1',
        'optimizer.warmup=2',
        'batch_size=many',
        'optimizer.name=lion',
        'crop.length=1000000',
        'nothing=1',
    ],
)
def test_the_command_refuses_before_data_are_read(tmp_path, capsys, stage, override):
    words = [stage, '--config', 'ui_prmd', '--workdir', str(tmp_path / 'run')]
    words += [f'--config.{stage}.{override}', f'--config.data.data_dir={tmp_path}/none']
    assert main.main(words) == 2
    told = capsys.readouterr().err
    assert told.startswith(f'skeljax {stage}: ') and told.count('\n') == 1
    assert override.partition('=')[0].rpartition('.')[2] in told and 'prepared' not in told
    assert not (tmp_path / 'run').exists()


def test_a_config_that_is_stored_is_checked_for_kinds(tmp_path):
    config = config_args.load('ui_prmd')
    told = run_dir._plain(config, 'finetune')
    for name, value in (
        ('model', 3),
        ('model', {'base_channels': 'wide'}),
        ('seed', []),
        ('finetune', None),
    ):
        with pytest.raises(InputError, match=f'config.{name}'):
            run_dir.config_of({'config': {**told, name: value}}, default.get_config())
