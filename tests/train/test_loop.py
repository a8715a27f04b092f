import json
import os
import signal
import subprocess
import sys
import textwrap

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.train import checkpoint, loop, parallel, step_runner
from skeljax.train.log import Log


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

    def places(self, number):
        return [{'batch': number, 'row': row} for row in range(16)]


def _state():
    return {'weights': {'w': np.zeros(3, 'f')}, 'step': np.zeros((), 'i4')}


def _train(workdir, num_steps, **options):
    plan = loop.LoopConfig(
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


@pytest.mark.parametrize('form', parallel.FORMS)
def test_several_steps_a_call_give_what_one_a_call_gives(tmp_path, monkeypatch, form):
    took, shard_batches = [], parallel.shard_batches
    monkeypatch.setattr(
        parallel, 'shard_batches', lambda x, *rest: took.append(len(x)) or shard_batches(x, *rest)
    )
    seen = {}

    def train(name, num_steps, **options):
        plan = loop.LoopConfig(
            num_steps, 16, checkpoint_every=8, log_every=4, validate_every=6, **options
        )
        validate = lambda state: (
            seen.setdefault(name, []).append(int(state['step'])) or {'selection': 0.0}
        )
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return loop.train(
            _step, _state(), _Batches(), plan, folder, quiet=True, validate=validate, form=form
        )

    one = train('one', 23)
    assert not took
    train('three', 10, steps_per_call=3)
    three = train('three', 23, steps_per_call=3)
    # 1-3 4 | 5 6 | 7 8 | 9 10 -- 11 12 | 13-15 16 | 17 18 | 19 20 | 21-23
    assert took == [3, 3, 3]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), three, one)
    assert seen['one'] == [6, 12, 18, 23] and seen['three'] == [6, 10, 12, 18, 23]
    assert [s for s in _steps(tmp_path / 'three') if s != 10] == _steps(tmp_path / 'one')
    losses = [_losses(tmp_path / name) for name in ('one', 'three')]
    assert {s: losses[1][s] for s in losses[0]} == pytest.approx(losses[0], rel=1e-6)


def _losses(workdir):
    lines = [json.loads(line) for line in (workdir / 'metrics.jsonl').read_text().splitlines()]
    return {line['step']: line['loss'] for line in lines if 'loss' in line}


def test_the_step_within_a_call_whose_loss_is_not_finite_is_named(tmp_path):
    plan = loop.LoopConfig(
        num_steps=20, batch=16, checkpoint_every=10, log_every=10, steps_per_call=5
    )
    with pytest.raises(InputError, match='step 7: the loss is inf'):
        loop.train(_spoilt(7, 'loss'), _state(), _Batches(), plan, tmp_path, quiet=True)
    assert json.loads((tmp_path / 'not_finite.json').read_text())['batch'][0] == {
        'batch': 6,
        'row': 0,
    }


@pytest.mark.parametrize('several', [1, 4])
def test_no_array_moves_unasked_in_a_call(tmp_path, monkeypatch, several):
    plan = loop.LoopConfig(
        num_steps=8, batch=16, checkpoint_every=8, log_every=8, steps_per_call=several
    )
    run = lambda folder: loop.train(_step, _state(), _Batches(), plan, folder, quiet=True)
    (tmp_path / 'guarded').mkdir()
    run(tmp_path / 'guarded')
    # A batch left on the host, which a call would have to copy.
    for name in ('shard', 'shard_batches'):
        placed = getattr(parallel, name)
        monkeypatch.setattr(
            parallel, name, lambda *given, placed=placed: jax.device_get(placed(*given))
        )
    with pytest.raises(jax.errors.JaxRuntimeError, match='Disallowed host-to-device transfer'):
        run(tmp_path / 'left')


def test_two_calls_under_way_give_what_one_at_a_time_gives():
    """As on an accelerator; with one device, as a CPU's devices share its cores."""
    ends = []
    for most in (1, 2):
        run, stream = (
            step_runner.StepRunner(_step, 0, devices=jax.devices()[:1]),
            _Batches().iterate(0),
        )
        run._max_running, state = most, parallel.replicate(_state(), jax.devices()[:1])
        for number in range(1, 8):
            state, _ = run(number, state, [next(stream)])
            assert len(run._running) == min(number, most)
        ends.append(jax.device_get(state))
    jax.tree.map(np.testing.assert_array_equal, *ends)


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


def _spoilt(from_step, what):
    """A step whose loss or weights are no numbers from some step on."""

    def step(state, batch, rng):
        late = state['step'] + 1 >= from_step
        state, metrics = _step(state, batch, rng)
        if what == 'weights':
            w = jnp.where(late, jnp.nan, state['weights']['w'])
            return {**state, 'weights': {'w': w}}, metrics
        return state, {'loss': jnp.where(late, jnp.inf, metrics['loss'])}

    return step


@pytest.mark.parametrize(
    ('what', 'log_every', 'kept', 'told'),
    [
        ('loss', 1, 4, 'step 5: the loss is inf; its batch'),
        (
            'loss',
            100,
            4,
            'step 5: the loss is inf; its batch',
        ),  # found at step 6, before it is saved
        ('weights', 100, 4, 'step 6: the loss is .*, but the weights are not finite; its batch'),
    ],
)
def test_what_is_not_finite_stops_the_run_and_is_not_saved(tmp_path, what, log_every, kept, told):
    plan = loop.LoopConfig(num_steps=20, batch=16, checkpoint_every=2, log_every=log_every)
    with pytest.raises(InputError, match=told) as raised:
        loop.train(_spoilt(5, what), _state(), _Batches(), plan, tmp_path, quiet=True)
    assert '\n' not in str(raised.value)
    with checkpoint.manager(tmp_path / 'checkpoints') as mngr:
        assert mngr.latest_step() == kept
        assert np.isfinite(checkpoint.restore(mngr, _state())['weights']['w']).all()
    found = json.loads((tmp_path / 'not_finite.json').read_text())
    step = 5 if what == 'loss' else 6
    assert found['step'] == step and (found['loss'] == 'inf') == (what == 'loss')
    assert found['batch'] == [{'batch': step - 1, 'row': row} for row in range(16)]


def test_weights_that_are_not_finite_are_not_kept_as_the_best(tmp_path):
    plan = loop.LoopConfig(
        num_steps=9, batch=16, checkpoint_every=100, log_every=100, validate_every=2
    )
    seen = []
    validate = lambda state: seen.append(int(state['step'])) or {'selection': float(len(seen))}
    with pytest.raises(InputError, match='step 4: .* weights are not finite'):
        loop.train(
            _spoilt(3, 'weights'),
            _state(),
            _Batches(),
            plan,
            tmp_path,
            quiet=True,
            validate=validate,
        )
    assert seen == [2]


def test_a_full_disk_under_the_metrics_is_told_in_a_line(tmp_path):
    told = 'metrics.jsonl: cannot be written: No space left'
    with pytest.raises(InputError, match=told) as raised, Log(tmp_path, quiet=True) as log:
        log.write(1, {'loss': 1.0})
        log._file.close()
        log._file = open('/dev/full', 'a')  # takes nothing; only ever written here
        log.write(2, {'loss': 1.0})
    assert '\n' not in str(raised.value)
    assert _steps(tmp_path) == [1]


def test_a_workdir_that_cannot_be_written_is_told_in_a_line(tmp_path):
    (tmp_path / 'checkpoints').write_text('a file where a folder is wanted')
    with pytest.raises(InputError, match='checkpoints: cannot be written: ') as raised:
        _train(tmp_path, 6)
    assert '\n' not in str(raised.value)


def test_a_torn_last_line_of_metrics_is_dropped(tmp_path):
    _train(tmp_path / 'run', 3)
    with (tmp_path / 'run' / 'metrics.jsonl').open('a') as file:
        file.write('{"step": 4, "lo')
    _train(tmp_path / 'run', 5)
    assert _steps(tmp_path / 'run') == [1, 2, 3, 4, 5]


_SLOW_RUN = textwrap.dedent('''
    import pathlib, sys, time
    sys.path.insert(0, sys.argv[1])
    from tests.train import test_loop
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
