"""A wrong field is named with its line and the nearest field there is."""

import traceback

import pytest

from skeljax.cli import main
from skeljax.configs import default
from skeljax.errors import InputError
from skeljax.train import config_file

HEAD = 'from skeljax.configs import default\n\n\ndef get_config(arg=""):\n'


def _file(folder, *lines: str) -> str:
    """Writes a config file: its own lines begin with the sixth."""
    path = folder / 'own.py'
    body = ''.join(f'    {line}\n' for line in ('config = default.get_config()', *lines))
    path.write_text(f'{HEAD}{body}    return config\n')
    return str(path)


@pytest.mark.parametrize(
    ('line', 'said'),
    [
        (
            'config.finetune.steps = 5',
            'no field config.finetune.steps; the nearest is config.finetune.num_steps',
        ),
        (
            'print(config.finetune.stepz)',
            'no field config.finetune.stepz; the nearest is config.finetune.num_steps',
        ),
        (
            'config.pretrain.update(dict(windw=5))',
            'no field config.pretrain.windw; the nearest is config.pretrain.window',
        ),
        (
            'config.update(dict(pretrain=dict(optimizer=dict(warm_up=0.1))))',
            'no field config.pretrain.optimizer.warm_up; '
            'the nearest is config.pretrain.optimizer.warmup',
        ),
        ('config.xyzzy = 5', 'no field config.xyzzy; see configs/default.py for all'),
        (
            'config.finetune.batch = 5',
            'config.finetune.batch has another name now: config.finetune.batch_size',
        ),
        (
            'config.data["normalisation"] = ()',
            'config.data.normalisation has another name now: config.data.normalization',
        ),
        (
            'config.pretrain.optimiser.peak = 0.1',
            'config.pretrain.optimiser has another name now: config.pretrain.optimizer',
        ),
        ('1 / 0', 'ZeroDivisionError: division by zero'),
        ('default.choose("corpsu=x")', "unknown 'corpsu' in 'corpsu=x', known: corpus"),
        ('config.seed = "a"', "TypeError: Could not override field 'seed'"),
        ('config = = 1', 'SyntaxError: invalid syntax'),
    ],
)
def test_an_error_in_a_config_file_has_its_line(tmp_path, line, said):
    path = _file(tmp_path, line)
    with pytest.raises(InputError) as error:
        config_file.load(path)
    assert str(error.value).startswith(f'{path}, line 6: {said}')
    assert '\n' not in str(error.value)


def test_the_line_is_that_of_the_file_not_of_what_it_calls(tmp_path):
    path = _file(tmp_path, 'pass', 'default.get_config("method=none")')
    with pytest.raises(InputError, match=r'own.py, line 7: unknown method'):
        config_file.load(path)


def test_debug_shows_the_file(tmp_path, capsys):
    path = _file(tmp_path, 'config.finetune.steps = 5')
    words = ['finetune', '--config', path, '--workdir', str(tmp_path / 'run')]
    assert main.main(words) == 2
    assert capsys.readouterr().err == (
        f'skeljax finetune: {path}, line 6: no field config.finetune.steps; '
        'the nearest is config.finetune.num_steps\n'
    )
    with pytest.raises(InputError) as error:
        main.main([*words, '--debug'])
    shown = ''.join(traceback.format_exception(error.value))
    assert f'File "{path}", line 6, in get_config\n    config.finetune.steps = 5' in shown


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--config.finetune.stepz=3'], 'the nearest is config.finetune.num_steps'),
        (['--config.finetune.stepz', '3'], 'the nearest is config.finetune.num_steps'),
        (['--config.pretrain.optimiser.peak=3'], 'now: config.pretrain.optimizer.peak_lr'),
        (['--config.batch_size=3'], 'the nearest is config.finetune.batch_size'),
        (['--config.seed.x=3'], 'no field config.seed.x'),
    ],
)
def test_an_unknown_option_names_the_nearest(words, said):
    with pytest.raises(InputError, match='^(no field )?config[.]') as error:
        config_file.load('default', words)
    assert said in str(error.value)


def test_an_edited_file_is_read_anew(tmp_path):
    path = _file(tmp_path, 'config.seed = 1')
    assert config_file.load(path).seed == 1
    _file(tmp_path, 'config.seed = 2')
    assert config_file.load(path).seed == 2
    assert [found.name for found in tmp_path.iterdir()] == ['own.py']


def test_elements_of_a_tuple_and_several_words_are_options():
    config = config_file.load('default', ['--config.seed', '7', '--config.data.fps=15'])
    assert (config.seed, config.data.fps) == (7, 15.0)


def test_what_is_no_config_is_refused(tmp_path):
    path = tmp_path / 'own.py'
    path.write_text('def get_config():\n    return {}\n')
    with pytest.raises(InputError, match='get_config returned dict, expected a ConfigDict'):
        config_file.load(str(path))
    path.write_text('')
    with pytest.raises(InputError, match="own.py: AttributeError: .* no attribute 'get_config'"):
        config_file.load(str(path))


def test_another_library_adds_settings_of_its_method(tmp_path):
    path = _file(
        tmp_path, 'with config.unlocked():', '    config.pretrain["mine:Method"] = dict(weight=2.0)'
    )
    assert config_file.load(path).pretrain['mine:Method'].weight == 2.0
    assert default.get_config().is_locked
