"""What the system or the user refuses is one line, from any verb, and leaves nothing behind."""

import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from skeljax import signals
from skeljax.cli import config_args, main
from skeljax.data import unfinished
from skeljax.viz import table


def _told(capsys, *words, status=2) -> str:
    assert main.main(list(words)) == status
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize(
    'content', ['hello', '{', '\x00', 'import nothing_there', 'raise SystemError', '']
)
def test_a_config_that_is_none_is_told_and_claims_no_folder(tmp_path, capsys, content):
    path = tmp_path / 'text.txt'
    path.write_text(content)
    config_args.load('default')  # whose functions do not become those of the next file
    told = _told(capsys, 'pretrain', '--config', str(path), '--workdir', str(tmp_path / 'run'))
    assert re.match(rf'skeljax pretrain: {re.escape(str(path))}(, line 1)?: ', told)
    assert not (tmp_path / 'run').exists()


def test_a_place_that_cannot_be_is_told(tmp_path, capsys):
    joints = np.random.default_rng(0).normal(size=(40, 1, 25, 3)).astype(np.float32)
    np.savez(tmp_path / 'a.npz', joints=joints, fps=30.0, layout='ntu25')
    place = tmp_path / 'a.npz' / 'x.png'
    told = _told(
        capsys, 'inspect', str(tmp_path / 'a.npz'), '--out', str(place), '--processes', '1'
    )
    assert told == f'skeljax inspect: {tmp_path}/a.npz: File exists'


def test_what_is_no_number_is_told(capsys):
    for words in (['--diagnose', 'nan'], ['--fps', 'nan'], ['--diagnose-above', 'nan']):
        told = _told(capsys, 'evaluate', '--predictions', 'p', '--truth', 't', *words)
        assert told == f'skeljax evaluate: {words[0]} is nan, expected a number'
    told = _told(capsys, 'predict', 'a', '--model', 'm', '--threshold', '0.5', 'nan')
    assert told == 'skeljax predict: --threshold is nan, expected a number'


@pytest.mark.parametrize(
    'error, told',
    [
        (MemoryError(), 'not enough memory'),
        (MemoryError('Unable to allocate 3 TiB'), 'not enough memory: Unable to allocate 3 TiB'),
        (
            RuntimeError('RESOURCE_EXHAUSTED: Out of memory\nmore'),
            'not enough memory: RESOURCE_EXHAUSTED',
        ),
        (PermissionError(13, 'Permission denied', 'a\nb'), r'a\nb: Permission denied'),
        (OSError(28, 'No space left on device'), 'No space left on device'),
    ],
)
def test_what_the_system_refuses_is_told(capsys, monkeypatch, error, told):
    from skeljax.cli import runs

    def fails(args):
        raise error

    monkeypatch.setattr(runs, 'run', fails)
    assert _told(capsys, 'runs', '.').startswith(f'skeljax runs: {told}')
    with pytest.raises(type(error)):
        main.main(['runs', '.', '--debug'])


def test_a_fault_of_the_program_is_not_hidden(monkeypatch):
    from skeljax.cli import runs

    monkeypatch.setattr(runs, 'run', lambda args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main.main(['runs', '.'])


def test_names_of_files_do_not_reach_the_terminal(tmp_path, capsys):
    (tmp_path / 'labels.csv').write_text(
        'recording,start,end,label\nx,0,1,"\x1b[2Jred\nskeljax: done"\n'
    )
    assert main.main(['inspect', str(tmp_path)]) == 2
    assert '\x1b' not in capsys.readouterr().err
    shown = table.text(['a\x1b[2J', 'b\nc'], ['\x07d'], [[1.0], [2.0]])
    assert '\x1b' not in shown and '\x07' not in shown and len(shown.splitlines()) == 4


def test_names_in_markdown_are_what_they_are():
    made = table.markdown(['<img src=x>', '[a](javascript:b)', 'c|d`e`'], ['f\ng'], [[1.0]] * 3)
    assert len(made.splitlines()) == 5
    assert r'\<img src=x\>' in made and r'\[a\](javascript:b)' in made and r'c\|d\`e\`' in made
    assert r'f\\ng' in made


def _start(*words):
    return subprocess.Popen(
        [sys.executable, '-m', 'skeljax', *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _await(found, process):
    while not found():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_a_preparation_that_is_ended_leaves_nothing(tmp_path, number):
    process = _start(
        'prepare', 'synthetic/default', '--data-dir', str(tmp_path), '--processes', '2'
    )
    left = lambda: list(tmp_path.glob('.preparing-*/*/*'))
    _await(left, process)
    workers = lambda: subprocess.run(
        ['pgrep', '-P', str(process.pid)], capture_output=True, text=True
    ).stdout.split()
    children = workers()
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    if number == signal.SIGTERM:
        assert process.returncode == 143, said
        assert 'skeljax prepare: ended by SIGTERM' in said.splitlines(), said
        assert 'Traceback' not in said
    else:
        assert left()
        with unfinished.folder(tmp_path):  # of the next command
            assert len(list(tmp_path.glob('.preparing-*'))) == 1
    assert not list(tmp_path.iterdir())
    deadline = time.monotonic() + 30
    while any(os.path.exists(f'/proc/{child}') for child in children):
        assert time.monotonic() < deadline, 'workers outlive the command'
        time.sleep(0.05)


def test_a_folder_in_use_is_left_alone(tmp_path):
    with unfinished.folder(tmp_path) as one, unfinished.folder(tmp_path) as other:
        assert os.path.isdir(one) and os.path.isdir(other) and one != other
    young = tmp_path / '.preparing-young'
    young.mkdir()
    with unfinished.folder(tmp_path):
        assert young.exists()
    os.utime(young, (0, 0))
    with unfinished.folder(tmp_path):
        assert not young.exists()


def test_a_command_that_is_ended_while_it_starts_says_so():
    process = _start(
        'finetune',
        '--config',
        'ui_prmd',
        '--workdir',
        '/nowhere/at/all',
        '--config.data.data_dir=/none',
    )
    status = Path(f'/proc/{process.pid}/status')
    caught = lambda: status.read_text().partition('SigCgt:')[2].split()[0]
    _await(lambda: int(caught(), 16) >> (signal.SIGTERM - 1) & 1, process)  # its handler is set
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (143, 'skeljax finetune: ended by SIGTERM\n')


def test_the_handler_of_before_comes_back():
    before = signal.getsignal(signal.SIGTERM)
    with signals.terminated('x'):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
