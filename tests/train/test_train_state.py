"""States and the items of their checkpoints, which keep the names of version 0.1.0."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from skeljax.train import train_state
from skeljax.train.train_state import FinetuneState, PretrainState


def _pretraining() -> PretrainState:
    heads = {'method': {'w': jnp.ones(2)}, 'snippet': {'w': jnp.zeros(3)}}
    params = {'joint': {'backbone': {'w': jnp.arange(4.0)}, **heads}}
    return PretrainState(
        step=jnp.int32(3),
        backbone={'joint': {'params': {'backbone': params['joint']['backbone']}}},
        heads={'joint': {'params': heads}},
        target_params={'joint': {'params': params['joint']}},
        queues={'joint': {'method': {'pointer': jnp.int32(1)}}},
        opt_state=optax.adam(0.1).init(params),
    )


def test_items_have_the_names_of_old_checkpoints_and_give_the_state_back():
    state = _pretraining()
    items = train_state.to_items(state)
    assert items.keys() == {'step', 'backbone', 'heads', 'key', 'queues', 'opt_state'}
    assert items['heads']['joint']['params'].keys() == {'host', 'snippet'}
    assert items['queues']['joint'].keys() == {'host'}
    assert items['opt_state'][0].mu['joint'].keys() == {'backbone', 'host', 'snippet'}
    back = train_state.from_items(items, state)
    assert isinstance(back, PretrainState)
    assert jax.tree.structure(back) == jax.tree.structure(state)
    jax.tree.map(np.testing.assert_array_equal, back, state)


def test_items_of_fine_tuning_are_its_fields_and_a_dict_is_its_own_items():
    state = FinetuneState(jnp.int32(0), {'params': {}}, {'params': {}}, optax.sgd(0.1).init({}))
    items = train_state.to_items(state)
    assert list(items) == ['step', 'backbone', 'decoder', 'opt_state']
    assert jax.tree.structure(train_state.from_items(items, state)) == jax.tree.structure(state)
    plain = {'weights': {'host': 1}}
    assert train_state.to_items(plain) is plain
    assert train_state.from_items(plain, plain) is plain
