"""The sides of skeljax."""

from jax import lax
import jax.numpy as jnp
import pytest

from skeljax.bench import ours
from skeljax.cli import config_args
from skeljax.train import parallel


def _step(state, batch, rng):
    del rng
    loss = lax.pmean(batch['joints'].mean(), parallel.AXIS) + state['count']
    return {'count': state['count'] + 1}, {'loss': loss}


@pytest.mark.parametrize('form', parallel.FORMS)
def test_a_step_is_mapped_as_the_config_tells(form, monkeypatch):
    used = []
    for name, mapped in list(parallel.FORMS.items()):
        noted = lambda *given, name=name, mapped=mapped: used.append(name) or mapped(*given)
        monkeypatch.setitem(parallel.FORMS, name, noted)
    made = _step, {'count': jnp.zeros((), jnp.float32)}
    monkeypatch.setattr(ours.build, 'pretraining', lambda *_: made)
    config = config_args.load('bench:agcn64', ['--config.pretrain.batch_size=16', f'--config.parallel={form}'])
    side = ours.make(config.to_dict(), what='step', stage='pretrain')
    assert used == [form]
    assert side.time() > 0 and side.time() > 0
    told = side.figures()
    assert told['first_step_seconds'] > told['compile_seconds'] > 0
    assert told['loss'] == pytest.approx(1, abs=0.1)  # of the second step


@pytest.mark.parametrize('what', ['resident', 'cut', 'constant'])
def test_steps_are_fed_as_training_feeds_them(what, monkeypatch):
    made = _step, {'count': jnp.zeros((), jnp.float32)}
    monkeypatch.setattr(ours.build, 'pretraining', lambda *_: made)
    sizes = {'batch_size': 16, 'window': 20, 'crop.length': 20}
    small = [f'--config.pretrain.{name}={value}' for name, value in sizes.items()]
    config = config_args.load('bench:resident', small)
    side = ours.make(config.to_dict(), what=what, stage='pretrain')
    assert side.time() > 0 and side.time() > 0
    told = side.figures()
    assert told['compilations_after_the_first_step'] == 0
    before = 0 if what == 'constant' else 1
    assert told['loss'] == pytest.approx(2 * ours.STEPS + before - 1, abs=0.1)
