"""Several processes that train as one: what they agree on, and how they fail."""

import json
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
import textwrap

import jax
import numpy as np
import pytest

from skeljax.cli import main
from skeljax.errors import InputError
from skeljax.train import checkpoint, cluster, run_dir

TRAINING = ['pretrain', '--config', 'ui_prmd', '--workdir', 'unused']


def _port() -> int:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


def _start(code, *arguments, index, count, port, devices=1):
    """Starts a process that has joined `count` when it comes to `code`."""
    joined = f'cluster.join("127.0.0.1:{port}", {count}, {index}, timeout=60)'
    text = f'import sys\nfrom skeljax.train import cluster\n{joined}\n{textwrap.dedent(code)}'
    environment = {**os.environ, 'JAX_NUM_CPU_DEVICES': str(devices), 'PYTHONUNBUFFERED': '1'}
    return subprocess.Popen(
        [sys.executable, '-c', text, os.path.dirname(__file__), *map(str, arguments)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )


def _all(code, *arguments, count=2, **options):
    """Runs `code` on every process; returns (status, output, errors) of each."""
    port = _port()
    started = [
        _start(code, *arguments, index=i, count=count, port=port, **options) for i in range(count)
    ]
    told = [process.communicate(timeout=120) for process in started]
    return [(process.returncode, *text) for process, text in zip(started, told, strict=True)]


def test_one_process_agrees_with_itself():
    assert cluster.is_first()
    cluster.agree({'seed': 1})
    assert cluster.gather({'a': 2}) == [{'a': 2}]
    assert not cluster.stops(3, []) and cluster.stops(3, [signal.SIGINT])
    with pytest.raises(InputError, match='^bad$'), cluster.together():
        raise InputError('bad')


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        (('here', 2, 0), "--coordinator is 'here', expected HOST:PORT"),
        (('', 2, 0), "--coordinator is ''"),
        (('here:port', 2, 0), "--coordinator is 'here:port'"),
        (('here:80', 2, 2), '--process is 2 of --num-processes 2, expected 0 to 1'),
        (('here:80', 2, -1), '--process is -1 of --num-processes 2'),
        (('here:80', 0, 0), '--process is 0 of --num-processes 0'),
    ],
)
def test_a_place_that_cannot_be_is_told(given, said):
    with pytest.raises(InputError) as raised:
        cluster.join(*given)
    assert said in str(raised.value)


def test_options_of_several_processes_go_together(capsys, monkeypatch):
    assert main.main([*TRAINING, '--process', '1']) == 2
    assert capsys.readouterr().err == 'skeljax pretrain: --process goes with --distributed\n'
    monkeypatch.setenv('JAX_NUM_PROCESSES', 'two')
    assert main.main([*TRAINING, '--distributed']) == 2
    told = "--num-processes (or $JAX_NUM_PROCESSES) is 'two', no number"
    assert capsys.readouterr().err == f'skeljax pretrain: {told}\n'


def test_an_evaluation_takes_the_options_too_and_files_need_no_processes(capsys):
    assert main.main(['evaluate', '--workdir', 'unused', '--num-processes', '2']) == 2
    assert capsys.readouterr().err == 'skeljax evaluate: --num-processes goes with --distributed\n'
    given = ['--predictions', 'found.json', '--truth', 'labels.json', '--distributed']
    assert main.main(['evaluate', *given]) == 2
    told = '--distributed has no meaning with --predictions'
    assert capsys.readouterr().err == f'skeljax evaluate: {told}\n'


def test_options_come_before_the_environment(monkeypatch):
    joined = []
    monkeypatch.setattr(cluster, 'join', lambda *a, **k: joined.append(k))
    monkeypatch.setattr('skeljax.train.run.pretrain', lambda *a, **k: None)
    monkeypatch.setenv('JAX_COORDINATOR_ADDRESS', 'there:1')
    monkeypatch.setenv('JAX_NUM_PROCESSES', '4')
    monkeypatch.setenv('JAX_PROCESS_ID', '0')
    options = ['--distributed', '--process', '3', '--join-timeout', '7']
    assert main.main([*TRAINING, *options]) == 0
    assert joined == [{'coordinator': 'there:1', 'count': 4, 'index': 3, 'timeout': 7.0}]
    assert main.main(TRAINING) == 0 and len(joined) == 1


def test_a_laptop_is_no_cluster():
    clusters = ('SLURM', 'OMPI', 'TPU')
    environment = {k: v for k, v in os.environ.items() if not k.startswith(clusters)}
    done = subprocess.run(
        [sys.executable, '-m', 'skeljax', *TRAINING, '--distributed'],
        env=environment, capture_output=True, text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith('skeljax pretrain: --distributed: no cluster found')
    assert done.stderr.count('\n') == 1


@pytest.mark.parametrize('index', [0, 1])
def test_a_process_that_never_joins_is_one_line(index):
    place = f'127.0.0.1:{_port()}'
    options = ['--coordinator', place, '--num-processes', '2', '--process', str(index)]
    done = subprocess.run(
        [sys.executable, '-m', 'skeljax', *TRAINING, '--distributed', *options,
         '--join-timeout', '1'],
        capture_output=True, text=True, timeout=300,
    )
    assert done.returncode == cluster.NEVER_JOINED
    assert done.stderr.startswith(f'skeljax: not all processes joined at {place} within 1 s')
    assert done.stderr.count('\n') == 1


def test_a_workdir_that_is_not_shared_is_told(tmp_path):
    with pytest.raises(InputError, match='on a file system that all processes share'):
        run_dir.await_run_dir(tmp_path, seconds=0.1)
    (tmp_path / 'run.json').touch()
    run_dir.await_run_dir(tmp_path, seconds=0)


_AGREE = """
    from skeljax.errors import InputError
    index = 0 if cluster.is_first() else 1

    def told(facts=None, error=''):
        try:
            if facts:
                cluster.agree(facts)
            else:
                with cluster.together():
                    if error:
                        raise InputError(error)
            return 'agreed'
        except InputError as caught:
            return f'{type(caught).__name__}: {caught}'

    print(told({'seed': 1, 'batch': 8}))
    print(told({'seed': 1, 'batch': (8, 6)[index]}))
    print(told({'seed': 1, **({'more': 2} if index else {})}))
    print(told(error='disk full' if index else ''))
    print(told(error='' if index else 'no corpus'))
    print(told())
    print([value.tolist() for value in cluster.gather(__import__('numpy').arange(index + 1))])
"""


@pytest.mark.slow
def test_processes_tell_what_differs():
    first, second = _all(_AGREE)
    assert first[0] == second[0] == 0, (first, second)
    lines = [[x for x in text.splitlines() if '[Gloo]' not in x] for _, text, _ in (first, second)]
    told = f'InputError: process 1: on {socket.gethostname()}'
    assert lines[0] == [
        'agreed',
        f'{told} batch is 6, but 8 for process 0; all must be started alike',
        f'{told} more is 2, but None for process 0; all must be started alike',
        'InputError: process 1: disk full',
        'InputError: no corpus',
        'agreed',
        '[[0], [0, 1]]',
    ]
    quiet = [line.split(':')[0] for line in lines[1]]
    assert quiet == ['agreed', *['ToldByFirst'] * 4, 'agreed', '[[0], [0, 1]]']


_COMPILED = """
    sys.path.insert(0, sys.argv[1])
    import jax, test_loop
    from skeljax.train import compilations, parallel
    run = parallel.data_parallel(test_loop._step)
    state, rng = parallel.replicate(test_loop._state()), jax.device_put(jax.random.key(0))
    batch = parallel.shard(next(test_loop._Batches().iterate(0)))
    with compilations.counted() as before:
        cluster.compile_first(run, state, batch, rng)
    with compilations.counted() as after:
        jax.block_until_ready(run(state, batch, rng))
    print(len(before), len(after))
"""


@pytest.mark.slow
def test_a_step_compiled_before_all_begin_is_not_compiled_again():
    for status, text, errors in _all(_COMPILED, devices=2):
        assert status == 0, errors
        assert text.splitlines()[-1] == '1 0'


_RUN = """
    import pathlib, time
    sys.path.insert(0, sys.argv[1])
    from tests.train import test_loop
    from skeljax.cli import training

    class Slow(test_loop._Batches):
        def iterate(self, start):
            for batch in super().iterate(start):
                if len(sys.argv) > 4:
                    time.sleep(0.05)
                    print('batch', flush=True)
                half = slice(0, 8) if cluster.is_first() else slice(8, 16)
                yield {name: value[half] for name, value in batch.items()}

    test_loop._Batches = Slow
    train = lambda: test_loop._train(pathlib.Path(sys.argv[2]), int(sys.argv[3]))
    sys.exit(training.report_stop(train))
"""


@pytest.mark.slow
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_one_process_stops_all_after_the_same_step(tmp_path, number):
    port, folder = _port(), tmp_path / 'run'
    folder.mkdir()
    started = [
        _start(_RUN, folder, 400, 'slow', index=i, count=2, port=port, devices=2) for i in (0, 1)
    ]
    for _ in range(20):
        started[1].stdout.readline()
    started[1].send_signal(number)
    told = [process.communicate(timeout=120)[1] for process in started]
    # The one that was asked tells its signal, the other that of a preemption.
    status = [process.returncode for process in started]
    assert status == [128 + signal.SIGTERM, 128 + number], told
    with checkpoint.manager(folder / 'checkpoints') as mngr:
        stopped = mngr.latest_step()
    assert 5 < stopped < 400
    assert f'after step {stopped}, saved; the same command goes on' in told[0]
    assert 'stopped' not in told[1]

    assert [status for status, *_ in _all(_RUN, folder, stopped + 3, devices=2)] == [0, 0]
    lines = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
    assert [line['step'] for line in lines] == list(range(1, stopped + 4))
    from tests.train import test_loop

    whole = test_loop._train(tmp_path / 'whole', stopped + 3)
    with checkpoint.manager(folder / 'checkpoints') as mngr:
        found = checkpoint.restore(mngr, test_loop._state())
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), found, whole)


_RESIDENT = """
    import pathlib
    sys.path.insert(0, sys.argv[1])
    import jax, test_resident
    windows = test_resident._windows
    test_resident._windows = lambda: windows(process=(jax.process_index(), 2))
    for form in ('pmap', 'shard_map'):
        folder = pathlib.Path(sys.argv[2]) / form
        folder.mkdir(exist_ok=True)
        print(test_resident._run(folder, 5, form=form, steps_per_call=2)['sum']['x'])
"""


@pytest.mark.slow
def test_a_corpus_on_the_devices_of_two_processes_several_steps_a_call(tmp_path):
    """Nothing moves unasked between them and their devices either."""
    from tests.train import test_resident

    found = _all(_RESIDENT, tmp_path, devices=2)
    expected = test_resident._run(tmp_path / 'one', 5, held=False)['sum']['x']
    for status, text, errors in found:
        assert status == 0, errors
        sums = [float(line) for line in text.splitlines() if 'Gloo' not in line]
        np.testing.assert_allclose(sums, [expected] * 2, rtol=1e-5)


def test_the_launcher_knows_the_status_of_a_process_that_never_joined():
    text = (Path(__file__).resolve().parents[2] / 'docs' / 'clusters.md').read_text()
    assert f'| {cluster.NEVER_JOINED} |' in text
