"""Tests parallel execution with a program that creates the files of the real verbs."""

import os
import signal
import sys
import threading
import time

import pytest

from skeljax.errors import InputError
from skeljax.sweep import execute, resources
from skeljax.sweep.plan import Run

STAND_IN = """
import os, pathlib, signal, sys, time
verb, words = sys.argv[1], sys.argv[2:]
folder = pathlib.Path(words[words.index('--workdir') + 1])
with open(folder.parent / 'calls', 'a') as calls:
    calls.write(f'{verb} {folder.name}\\n')
def stop(number, _):
    (folder / 'checkpoints' / '1').mkdir(parents=True)
    sys.exit(143)
if 'bad' in folder.name:
    sys.exit('the loss is nan')
folder.mkdir(exist_ok=True)
if 'slow' in folder.name:
    signal.signal(signal.SIGTERM, stop)
    (folder / 'started').touch()
    time.sleep(30)
if verb == 'evaluate':
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else []
    (folder / 'evaluate-test.json').write_text(f'{{"cores": {cores}}}')
else:
    (folder / 'checkpoints' / '2').mkdir(parents=True)
"""


@pytest.fixture
def work(tmp_path):
    """Returns a function that executes runs with the stand-in program."""
    script = tmp_path / 'stand_in.py'
    script.write_text(STAND_IN)
    (tmp_path / 'runs').mkdir()

    def work(runs, jobs=2):
        said = []
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else []
        outcome = execute.execute(
            runs, resources.make(jobs, cores, [], False), tmp_path,
            command=(sys.executable, '-S', str(script)), report=said.append,
        )
        calls = tmp_path / 'runs' / 'calls'
        return outcome, calls.read_text().splitlines() if calls.exists() else [], said

    return work


def _runs(tmp_path, *names):
    make = lambda stage, name, source=None: Run(
        stage, tmp_path / 'runs' / name, 'base', (), 2, source
    )
    source = make('pretrain', names[0])
    return [source, *(make('finetune', name, source) for name in names[1:])]


def test_a_pretraining_is_run_once_and_first_and_a_second_call_skips_all(tmp_path, work):
    runs = _runs(tmp_path, 'p', 'a', 'b')
    assert [run.state() for run in runs] == ['new'] * 3
    outcome, calls, said = work(runs)
    assert outcome == ([], [], 0)
    assert calls[0] == 'pretrain p' and sorted(calls[1:]) == [
        'evaluate a', 'evaluate b', 'finetune a', 'finetune b'
    ]
    assert said[0].startswith('[1/3] p took') and '2 left, about' in said[0]
    assert said[-1].startswith('[3/3]') and said[-1].endswith('; 0 left')
    assert [run.state() for run in runs] == ['done'] * 3
    assert work(runs)[1:] == (calls, [])


def test_a_failed_run_stops_no_other_and_is_told_with_its_log(tmp_path, work):
    runs = _runs(tmp_path, 'p', 'bad', 'b')
    outcome, calls, said = work(runs, jobs=1)
    ((run, log, line),) = outcome.failed
    assert run is runs[1] and line == 'the loss is nan'
    assert log.read_text().strip() == line and log.name == 'bad.log'
    assert 'evaluate b' in calls and 'evaluate bad' not in calls
    assert any('bad FAILED' in line for line in said)
    # The next call tries it again, and nothing else.
    assert work(runs)[1][len(calls):] == ['finetune bad']


def test_what_needs_a_failed_pretraining_is_left(tmp_path, work):
    runs = _runs(tmp_path, 'bad', 'a')
    outcome, calls, _ = work(runs)
    assert [f[0] for f in outcome.failed] == runs[:1] and outcome.left == runs[1:]
    assert calls == ['pretrain bad']


def test_a_run_that_is_trained_but_not_measured_is_taken_up(tmp_path, work):
    runs = _runs(tmp_path, 'p', 'a')
    for run in runs:
        (run.folder / 'checkpoints' / '2').mkdir(parents=True)
    (runs[1].folder / 'checkpoints' / '7.orbax-checkpoint-tmp').mkdir()
    (runs[1].folder / 'evaluate-test.json').write_text('{"half"')
    assert [run.state() for run in runs] == ['done', 'not evaluated']
    runs[1].folder.joinpath('checkpoints', '2').rmdir()
    assert work(runs)[1] == ['finetune a', 'evaluate a']


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_every_run_save_and_starts_no_other(tmp_path, work, number):
    runs = _runs(tmp_path, 'slow', 'a') + _runs(tmp_path, 'slow2', 'b')
    started = [run.folder / 'started' for run in (runs[0], runs[2])]

    def interrupt():
        until = time.monotonic() + 20
        while not all(path.exists() for path in started) and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    thread = threading.Thread(target=interrupt)
    thread.start()
    outcome, calls, _ = work(runs)
    thread.join()
    assert outcome.signal == number and not outcome.failed
    assert {run.folder.name for run in outcome.left} == {'slow', 'slow2', 'a', 'b'}
    assert sorted(calls) == ['pretrain slow', 'pretrain slow2']
    assert [run.state() for run in runs[::2]] == ['step 1 of 2'] * 2
    assert signal.getsignal(number) is before


@pytest.mark.skipif(not hasattr(os, 'sched_setaffinity'), reason='cores cannot be chosen here')
def test_a_job_is_kept_on_its_cores(tmp_path, work):
    cores, runs = sorted(os.sched_getaffinity(0)), _runs(tmp_path, 'p', 'a')
    work(runs, jobs=len(cores))
    told = (runs[1].folder / 'evaluate-test.json').read_text()
    assert told in [f'{{"cores": [{core}]}}' for core in cores]
    assert sorted(os.sched_getaffinity(0)) == cores


def test_one_ablation_at_a_time_works_in_a_folder(tmp_path, work):
    with execute.lock(tmp_path):
        with pytest.raises(InputError, match='another ablation is running in this folder'):
            work(_runs(tmp_path, 'p'))
    assert work(_runs(tmp_path, 'p'))[1] == ['pretrain p']
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='cannot be written'):
        with execute.lock(tmp_path / 'file'):
            pass


def test_time_left_is_from_the_mean_of_each_stage():
    runs = [Run('finetune', None, '', (), 1), Run('finetune', None, '', (), 1)]
    assert execute._remaining({}, runs, 2) == '; 2 left'
    assert execute._remaining({'finetune': [10, 30]}, runs, 1) == '; 2 left, about 40 s'
    assert execute._remaining({'finetune': [100]}, runs * 3, 2) == '; 6 left, about 5 min'
    assert execute._remaining({'pretrain': [7200.0]}, runs, 2) == '; 2 left, about 2.0 h'
