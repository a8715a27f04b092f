import json
from pathlib import Path
import subprocess
import sys
from types import SimpleNamespace

import pytest

from skeljax.cli import config_args
from skeljax.errors import InputError
from skeljax.train import build, run_dir as workdirs, run_lock
from skeljax.train.frame_loss import FrameLoss

ROOT = Path(__file__).resolve().parents[2]
CORPUS = SimpleNamespace(name='x/y', classes=('a',), layout='ntu25', fps=30.0)


def _described(stage='finetune', *overrides, folder='nowhere'):
    return workdirs.check(folder, stage, config_args.load('ui_prmd', list(overrides)), CORPUS)


def _save(folder, step=1):
    """Leaves what counts as a checkpoint."""
    (folder / 'checkpoints' / str(step)).mkdir(parents=True)


def test_a_run_tells_what_it_takes_to_repeat_it(tmp_path):
    words = [
        'skeljax',
        'finetune',
        '--config',
        'ui_prmd',
        '--config.finetune.feature_strides=(1, 8)',
    ]
    workdirs.create_run_dir(tmp_path, _described('finetune', '--config.seed=5'), words)
    run = workdirs.read(tmp_path)
    assert run['config']['seed'] == 5 and run['config']['finetune']['label_seed'] == 4
    assert (
        run['command']
        == "skeljax finetune --config ui_prmd '--config.finetune.feature_strides=(1, 8)'"
    )
    assert run['versions']['python'] == '.'.join(map(str, sys.version_info[:3]))
    assert {'skeljax', 'jax', 'jaxlib', 'flax', 'numpy'} < run['versions'].keys()
    assert str(ROOT) not in json.dumps(run)
    # A claimed folder is left as it is.
    workdirs.create_run_dir(tmp_path, _described('finetune', '--config.seed=5'), ['other'])
    assert workdirs.read(tmp_path) == run


def test_a_run_with_another_order_of_examples_continues_with_a_note(tmp_path, capsys):
    before = _described('pretrain')
    assert before.pop('sampling') == 2
    workdirs.create_run_dir(tmp_path, before)
    described = _described('pretrain', folder=tmp_path)
    assert not capsys.readouterr().err
    workdirs.create_run_dir(
        tmp_path, described
    )  # of which nothing is saved: it starts with the new order
    assert workdirs.read(tmp_path)['sampling'] == 2
    (tmp_path / 'run.json').write_text(json.dumps(before))
    _save(tmp_path)
    _described('pretrain', folder=tmp_path)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f'skeljax: {tmp_path}: begun by another version, which ordered examples')


def test_a_run_from_before_a_field_came_goes_on_with_what_held_before(tmp_path):
    before = _described('pretrain')
    del before['config']['data']['device_dataset_dtype']
    workdirs.create_run_dir(tmp_path, before)
    _save(tmp_path)
    _described('pretrain', folder=tmp_path)
    with pytest.raises(
        InputError, match='config.data.device_dataset_dtype was float32, now it is float16'
    ):
        _described('pretrain', '--config.data.device_dataset_dtype=float16', folder=tmp_path)


def test_a_run_from_before_the_loss_had_options_is_one_with_all_of_them_off(tmp_path):
    before = _described()
    del before['config']['finetune']['loss']
    workdirs.create_run_dir(tmp_path, before)
    _save(tmp_path)
    _described(folder=tmp_path)
    with pytest.raises(InputError, match='config.finetune.loss.focal_gamma was 0.0, now it is 2.0'):
        _described('finetune', '--config.finetune.loss.focal_gamma=2', folder=tmp_path)
    config = workdirs.config_of(workdirs.read(tmp_path), config_args.load('ui_prmd'))
    assert build.frame_loss(config) == FrameLoss()


def test_the_command_of_this_process_serves_where_no_other_is_given(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['/somewhere/__main__.py', 'demo', '--out', 'a b'])
    workdirs.create_run_dir(tmp_path, _described())
    assert workdirs.read(tmp_path)['command'] == "skeljax demo --out 'a b'"


def test_the_commit_is_that_of_the_checkout(tmp_path, monkeypatch):
    git = lambda *words: subprocess.run(
        ['git', '-C', str(tmp_path), '-c', 'user.name=a', '-c', 'user.email=a@b', *words],
        check=True, capture_output=True, text=True,
    ).stdout.strip()
    source = tmp_path / 'skeljax' / 'train' / 'workdir.py'
    source.parent.mkdir(parents=True)
    source.touch()
    monkeypatch.setattr(workdirs, '__file__', str(source))
    assert workdirs._git() is None  # installed without its repository
    git('init', '-q')
    assert workdirs._git() is None  # no commit yet
    git('add', '.')
    git('commit', '-qm', 'first')
    assert workdirs._git() == {'commit': git('rev-parse', 'HEAD'), 'dirty': False}
    source.write_text('changed')
    assert workdirs._git()['dirty']
    monkeypatch.setenv('PATH', '')
    assert workdirs._git() is None


def test_a_run_may_be_taken_up_with_another_value_of_what_it_does_not_read(tmp_path):
    workdirs.create_run_dir(tmp_path, _described('pretrain'))
    _save(tmp_path)
    other = ['--config.data.corpus=ui_prmd/composed20', '--config.pretrain.log_every=1']
    _described('pretrain', *other, folder=tmp_path)
    with pytest.raises(InputError, match='config.data.unlabeled was'):
        _described('pretrain', '--config.data.unlabeled=("a/b",)', folder=tmp_path)


@pytest.mark.parametrize(
    ('stage', 'override', 'another'),
    [
        ('pretrain', 'pretrain.batch_size=8', True),
        ('pretrain', 'seed=3', True),
        ('pretrain', 'data.unlabeled=("a/b",)', True),
        ('pretrain', 'data.corpus=a/b', False),
        ('pretrain', 'finetune.batch_size=2', False),
        ('pretrain', 'pretrain.checkpoint_every=2', False),
        ('pretrain', 'data.device_dataset=True', False),
        ('pretrain', 'steps_per_call=8', False),
        ('pretrain', 'model.remat=blocks', False),
        ('pretrain', 'data.device_dataset_dtype=float16', True),
        ('finetune', 'data.corpus=a/b', True),
        ('finetune', 'evaluate.tious=(0.5,)', True),
        ('finetune', 'finetune.label_seed=0', True),
        ('finetune', 'data.unlabeled=("a/b",)', False),
        ('finetune', 'data.data_dir=elsewhere', False),
        ('finetune', 'finetune.init_from=elsewhere', False),  # told by `source`
    ],
)
def test_a_run_is_what_its_stage_reads(stage, override, another):
    same = workdirs.identity(config_args.load('ui_prmd'), stage)
    other = workdirs.identity(config_args.load('ui_prmd', [f'--config.{override}']), stage)
    assert (same != other) is another
    assert len(same) == 10 and workdirs.identity(config_args.load('ui_prmd'), stage, 'p') != same


def test_a_run_of_which_nothing_is_saved_gives_way(tmp_path):
    """It failed at its config, or was killed while it started."""
    workdirs.create_run_dir(tmp_path, _described('finetune', '--config.seed=5'))
    (tmp_path / 'checkpoints' / '1.orbax-checkpoint-tmp-0').mkdir(parents=True)
    (tmp_path / 'not_finite.json').write_text('{"step": 3}')
    workdirs.create_run_dir(tmp_path, _described('finetune', '--config.seed=6', folder=tmp_path))
    assert workdirs.read(tmp_path)['config']['seed'] == 6
    assert not (tmp_path / 'not_finite.json').exists()
    (tmp_path / 'run.json').write_text('garbage')
    workdirs.create_run_dir(tmp_path, _described('finetune', '--config.seed=7', folder=tmp_path))
    (tmp_path / 'checkpoints' / '1.damaged').mkdir()
    with pytest.raises(InputError, match='holds another run: config.seed was 7, now it is 8'):
        _described('finetune', '--config.seed=8', folder=tmp_path)


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    described = _described('finetune')
    other = _described('finetune', '--config.seed=5')
    for _ in range(2):  # and one after the other they may
        with run_lock.create_locked(tmp_path / 'run', described):
            for told in (described, other):
                with pytest.raises(InputError, match='another process is training here'):
                    with run_lock.create_locked(tmp_path / 'run', told):
                        pass
            assert workdirs.read(tmp_path / 'run')['config']['seed'] == 0
    with run_lock.create_locked(tmp_path / 'run', other):
        assert workdirs.read(tmp_path / 'run')['config']['seed'] == 5


def test_checkpoints_of_nobody_knows_what_are_left_alone(tmp_path):
    (tmp_path / 'checkpoints' / '7').mkdir(parents=True)
    with pytest.raises(InputError, match='holds checkpoints but no run.json; choose another'):
        _described(folder=tmp_path)
    assert [path.name for path in tmp_path.rglob('*')] == ['checkpoints', '7']
