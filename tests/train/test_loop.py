import json
import os
import signal
import subprocess
import sys
import textwrap

import jax
from jax import lax
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.train import checkpoint, loop, parallel


def _step(state, batch, rng):
    noise = jax.random.normal(jax.random.fold_in(rng, state['step']), ())
    delta = lax.pmean(batch['x'].mean() + noise, parallel.AXIS)
    following = {'weights': {'w': state['weights']['w'] + delta}, 'step': state['step'] + 1}
    return following, {'loss': delta}


class _Batches:
    def iterate(self, start):
        while True:
            yield {'x': np.random.default_rng((0, start)).normal(size=(16, 2)).astype('f')}
            start += 1


def _state():
    return {'weights': {'w': np.zeros(3, 'f')}, 'step': np.zeros((), 'i4')}


def _train(workdir, num_steps, **options):
    plan = loop.Plan(
        num_steps=num_steps, batch=16, checkpoint_every=2, log_every=1, validate_every=2
    )
    workdir.mkdir(exist_ok=True)
    return loop.train(_step, _state(), _Batches(), plan, workdir, quiet=True, **options)


def _steps(workdir):
    lines = (workdir / 'metrics.jsonl').read_text().splitlines()
    return [json.loads(line)['step'] for line in lines]


def test_resumed_equals_uninterrupted(tmp_path):
    whole = _train(tmp_path / 'whole', 7)
    _train(tmp_path / 'parts', 3)
    parts = _train(tmp_path / 'parts', 7)
    assert parts['step'] == 7
    jax.tree.map(np.testing.assert_array_equal, whole, parts)
    assert _steps(tmp_path / 'parts') == list(range(1, 8)) == _steps(tmp_path / 'whole')


def test_a_finished_run_is_taken_as_it_is(tmp_path):
    first = _train(tmp_path / 'run', 3)
    jax.tree.map(np.testing.assert_array_equal, first, _train(tmp_path / 'run', 3))


def test_the_best_state_is_kept(tmp_path):
    scores = iter([0.2, 0.5, 0.4])
    _train(tmp_path / 'run', 6, validate=lambda state: {'selection': next(scores)})
    with checkpoint.manager(tmp_path / 'run' / 'best') as best:
        assert best.latest_step() == 4
        assert checkpoint.metrics(best, 4) == {'selection': 0.5}
        assert checkpoint.restore(best, {'step': np.zeros((), 'i4')})['step'] == 4


def test_another_architecture_is_named(tmp_path):
    _train(tmp_path / 'run', 2)
    other = {'weights': {'w': np.zeros(5, 'f')}, 'step': np.zeros((), 'i4')}
    with checkpoint.manager(tmp_path / 'run' / 'checkpoints') as mngr:
        with pytest.raises(InputError, match=r'weights/w is \(3,\).*\(5,\).*another architecture'):
            checkpoint.restore(mngr, other)
        with pytest.raises(InputError, match="no item 'backbone'"):
            checkpoint.restore(mngr, {'backbone': other['weights']})


def test_an_item_without_arrays_is_no_obstacle(tmp_path):
    """Such as the momentum encoder and the queues of a host that has none."""
    state = {**_state(), 'key': {}, 'queues': {'joint': {}}}
    with checkpoint.manager(tmp_path) as mngr:
        checkpoint.save(mngr, 1, state)
        mngr.wait_until_finished()
        found = checkpoint.restore(mngr, state)
        jax.tree.map(np.testing.assert_array_equal, found, state)
        more = {**state, 'key': {'joint': np.zeros(2)}}
        with pytest.raises(InputError, match="no item 'key'"):
            checkpoint.restore(mngr, more)


def test_no_checkpoint_is_named(tmp_path):
    with checkpoint.manager(tmp_path / 'none') as mngr:
        with pytest.raises(InputError, match='no checkpoint here'):
            checkpoint.restore(mngr, _state())


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    def step(state, batch, rng):
        state, metrics = _step(state, batch, rng)
        return state, {'loss': metrics['loss'] / 0}

    plan = loop.Plan(num_steps=4, batch=16, checkpoint_every=1, log_every=1)
    with pytest.raises(InputError, match='step 1: the loss is'):
        loop.train(step, _state(), _Batches(), plan, tmp_path, quiet=True)


def test_a_torn_last_line_of_metrics_is_dropped(tmp_path):
    _train(tmp_path / 'run', 3)
    with (tmp_path / 'run' / 'metrics.jsonl').open('a') as file:
        file.write('{"step": 4, "lo')
    _train(tmp_path / 'run', 5)
    assert _steps(tmp_path / 'run') == [1, 2, 3, 4, 5]


_SLOW_RUN = textwrap.dedent('''
    import pathlib, sys, time
    sys.path.insert(0, sys.argv[1])
    import test_loop
    from skeljax.cli import training
    class Slow(test_loop._Batches):
        def iterate(self, start):
            for batch in super().iterate(start):
                time.sleep(0.05)
                print('batch', flush=True)
                yield batch
    test_loop._Batches = Slow
    sys.exit(training.report_stop(lambda: test_loop._train(pathlib.Path(sys.argv[2]), 200)))
''')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_the_same_command_goes_on(tmp_path, number):
    run = subprocess.Popen(
        [sys.executable, '-c', _SLOW_RUN, os.path.dirname(__file__), str(tmp_path / 'run')],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    for _ in range(12):
        run.stdout.readline()
    run.send_signal(number)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 128 + number, errors
    with checkpoint.manager(tmp_path / 'run' / 'checkpoints') as mngr:
        stopped = mngr.latest_step()
    assert 5 < stopped < 200 and f'after step {stopped}' in errors
    resumed = _train(tmp_path / 'run', stopped + 3)
    jax.tree.map(np.testing.assert_array_equal, resumed, _train(tmp_path / 'whole', stopped + 3))
