"""The systems of skeljax."""

from jax import lax
import jax.numpy as jnp
import pytest

from benchmarks import skeljax_systems
from skeljax.cli import config_args
from skeljax.train import parallel


def _step(state, batch, rng):
    del rng
    loss = lax.pmean(batch['joints'].mean(), parallel.AXIS) + state['count']
    return {'count': state['count'] + 1}, {'loss': loss}


@pytest.mark.parametrize('form', parallel.FORMS)
def test_a_step_is_mapped_in_the_form_of_the_config(form, monkeypatch):
    used = []
    for name, mapped in list(parallel.FORMS.items()):
        record = lambda *given, name=name, mapped=mapped: used.append(name) or mapped(*given)
        monkeypatch.setitem(parallel.FORMS, name, record)
    built = _step, {'count': jnp.zeros((), jnp.float32)}
    monkeypatch.setattr(skeljax_systems.build, 'pretraining', lambda *_: built)
    changes = ['--config.pretrain.batch_size=16', f'--config.parallel={form}']
    config = config_args.load('bench:agcn64', changes)
    system = skeljax_systems.make(config.to_dict(), what='step', stage='pretrain')
    assert used == [form]
    assert system.time() > 0 and system.time() > 0
    figures = system.figures()
    assert figures['first_step_seconds'] > figures['compile_seconds'] > 0
    assert figures['loss'] == pytest.approx(1, abs=0.1)  # of the second step


@pytest.mark.parametrize('what', ['resident', 'cut', 'constant'])
def test_steps_are_fed_as_training_feeds_them(what, monkeypatch):
    built = _step, {'count': jnp.zeros((), jnp.float32)}
    monkeypatch.setattr(skeljax_systems.build, 'pretraining', lambda *_: built)
    sizes = {'batch_size': 16, 'window': 20, 'crop.length': 20}
    small = [f'--config.pretrain.{name}={value}' for name, value in sizes.items()]
    config = config_args.load('bench:resident', small)
    system = skeljax_systems.make(config.to_dict(), what=what, stage='pretrain')
    assert system.time() > 0 and system.time() > 0
    figures = system.figures()
    assert figures['compilations_after_the_first_step'] == 0
    before = 0 if what == 'constant' else 1
    assert figures['loss'] == pytest.approx(2 * skeljax_systems.STEPS + before - 1, abs=0.1)
