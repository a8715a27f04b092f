"""The two training steps: what they compute does not depend on where they run."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from skeljax.contrast import negative_sources
from skeljax.contrast.methods import skeletonclr
from skeljax.contrast.snippet import SnippetLoss
from skeljax.errors import InputError
from skeljax.models import agcn, fusers, heads
from skeljax.train import compilations, finetune, parallel, pretrain, pretrain_losses

B, W, V, CLASSES = 8, 40, 25, 3
CROP = dict(length=32, pad_ratio=6, tempo=0.2)
AUGMENT = dict(shear=0.3, noise=0.01, yaw=0.3)


def _batch(step):
    rng = np.random.default_rng(step)
    frames = np.arange(W) < rng.integers(20, W + 1, (B, 1))
    frames[-1] = True
    joints = rng.normal(size=(B, W, 1, V, 3)).astype(np.float32)
    return {
        'joints': joints * frames[:, :, None, None, None],
        'mask': frames[..., None],
        'labels': rng.integers(0, CLASSES + 1, (B, W)).astype(np.int32),
        'index': np.arange(B, dtype=np.int32),
        'subject': np.arange(B, dtype=np.int32) % 3,
    }


def _backbone(axis=parallel.AXIS):
    # Three of the ten blocks compile in a tenth of the time.
    return agcn.Backbone(
        base_channels=8, channel_multipliers=(1, 1, 2), down_stages=(2, 3), axis_name=axis
    )


def _pretraining(queue_size=32, snippet=None, **settings):
    method = skeletonclr.Method()
    encoder = pretrain.Encoder(
        _backbone(),
        method.heads(embed_dim=16, layout='ntu25', axis_name=parallel.AXIS),
        heads.SnippetHead(num_snippets=3, embed_dim=16),
    )
    tx = optax.sgd(0.05, momentum=0.9)
    example = jnp.zeros((2, 32, 1, V, 3))
    chosen = pretrain.Settings(
        layout='ntu25',
        views={'query': AUGMENT, 'key': AUGMENT},
        crop=CROP,
        num_steps=4,
        snippet=SnippetLoss(**{'num_mined': 0, **(snippet or {})}),
        **settings,
    )
    state = pretrain.init(
        jax.random.key(1), encoder, method, tx, example, chosen, queue_size=queue_size
    )
    step = functools.partial(pretrain.step, encoder=encoder, method=method, tx=tx, settings=chosen)
    return step, state


def _finetuning():
    model = heads.FrameClassifier(
        _backbone(),
        fusers.Fuser(feature_strides=(1, 2, 4), axis_name=parallel.AXIS),
        heads.FrameHead(CLASSES + 1),
    )
    tx = optax.sgd(0.05, momentum=0.9)
    state = finetune.init(jax.random.key(0), model, tx, jnp.zeros((2, 32, 1, V, 3)))
    chosen = finetune.Settings(layout='ntu25', augment=AUGMENT, crop={**CROP, 'pad_ratio': 0})
    return functools.partial(finetune.step, model=model, tx=tx, settings=chosen), state


@functools.cache
def _run(make, num_devices, steps=2, form='pmap'):
    devices = jax.devices()[:num_devices]
    step, state = make()
    step = parallel.data_parallel(step, devices, form)
    state = parallel.replicate(state, devices)
    rng = jax.random.key(1)
    history = []
    for number in range(steps):
        batch = parallel.shard(_batch(number), devices)
        with compilations.counted() as compiled:
            state, metrics = jax.block_until_ready(step(state, batch, rng))
        assert number == 0 or not compiled
        history.append(metrics)
    return jax.device_get((state, history))


def _against_the_batch():
    return _pretraining(snippet=dict(negatives='snippet'), negatives=('batch', 'queue'))


def _round_the_ring():
    """The ring of the same negatives, and moments of the same video."""
    return _pretraining(
        snippet=dict(negatives='snippet', min_gap=1),
        negatives=('batch', 'queue'),
        negatives_impl='ring',
    )


def _gathered():
    return _pretraining(snippet=dict(negatives='snippet', min_gap=1), negatives=('batch', 'queue'))


def _against_the_same_person():
    return _pretraining(snippet=dict(negatives='snippet'), negatives=('subject',))


def _two_streams():
    """Two encoders, and positives mined from the first step on.

    Not bones: the root's are 0, which untrained networks map to 0 or what rounding makes of it.
    """
    return _pretraining(streams=('joint', 'motion'), snippet=dict(num_mined=2, mining_start=0.0))


MADE = [_pretraining, _against_the_batch, _against_the_same_person, _two_streams, _finetuning]


# Quick: eight devices for what is trained by default, two for its variants.
QUICK = {(_pretraining, 8), (_finetuning, 8), (_against_the_batch, 2), (_two_streams, 2)}


@pytest.mark.parametrize(
    ('make', 'num_devices'),
    [
        pytest.param(make, n, marks=() if (make, n) in QUICK else pytest.mark.slow)
        for make in MADE
        for n in (2, 8)
    ],
)
def test_the_number_of_devices_changes_nothing(make, num_devices):
    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    jax.tree.map(close, _run(make, num_devices), _run(make, 1))


@pytest.mark.parametrize('make', [pytest.param(_pretraining, marks=pytest.mark.slow), _finetuning])
def test_both_ways_to_map_a_step_give_the_same_bits(make):
    jax.tree.map(np.testing.assert_array_equal, _run(make, 8, form='shard_map'), _run(make, 8))


def test_keys_that_pass_round_give_the_weights_of_keys_that_are_gathered():
    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    jax.tree.map(close, _run(_round_the_ring, 4), _run(_gathered, 1))


def test_pretraining_reports_every_loss_and_their_weighted_sum():
    _, history = _run(_pretraining, 1)
    for metrics in history:
        assert set(metrics) == {'video', 'snippet', 'loss', 'gradient_norm'}
        expected = metrics['video'] + 1.5 * metrics['snippet']
        np.testing.assert_allclose(metrics['loss'], expected, rtol=1e-6)
        assert metrics['snippet'] > 0 and metrics['gradient_norm'] > 0


def test_the_snippet_weight_is_of_the_snippet_loss_alone():
    """A method's loss may have any name that is not reserved; by hand: 2 + 3 + 1.5 * 4."""
    total = pretrain_losses.total_loss({'snippet_order': 2.0, 'video': 3.0}, {'snippet': 4.0}, 1.5)
    assert total == 11

    class Method(skeletonclr.Method):
        uses_queue, name = False, 'snippet_order'

        def losses(self, outputs, negatives, progress):
            return {self.name: outputs['query']['video'].sum(-1)}

    outputs = {'joint': {'query': ({'video': jnp.ones((2, 3))}, None)}}
    info = pretrain_losses.BatchInfo({}, None, None, jnp.float32(0))
    found = pretrain_losses.compute(outputs, {'joint': {}}, info, Method(), None)
    assert found == ({'snippet_order': 3}, {})
    Method.name = 'loss'
    with pytest.raises(InputError, match="Method: a loss is named 'loss', which is reserved"):
        pretrain_losses.compute(outputs, {'joint': {}}, info, Method(), None)


def test_both_queues_take_the_keys_of_the_whole_batch():
    state, _ = _run(_pretraining, 8)
    _, start = _pretraining()
    queues, first = state.queues['joint'], start.queues['joint']
    for name in ('method', 'snippet'):
        vectors, before = queues[name]['vectors'], first[name]['vectors']
        assert queues[name]['pointer'] == 2 * B
        np.testing.assert_array_equal(vectors[2 * B :], before[2 * B :])
        assert (np.abs(vectors[: 2 * B] - before[: 2 * B]).max(1) > 1e-3).all()
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    method, snippet = (queues[n]['vectors'][: 2 * B] for n in ('method', 'snippet'))
    assert not np.allclose(method, snippet)


def test_a_queue_of_snippets_holds_every_snippet_of_the_batch():
    state, _ = _run(_against_the_batch, 8)
    _, start = _against_the_batch()
    queue, first = (tree.queues['joint']['snippet'] for tree in (state, start))
    vectors, before = queue['vectors'], first['vectors']
    assert vectors.shape == (3 * 32, 16) and queue['pointer'] == 2 * 3 * B
    changed = np.abs(vectors - before).max(1) > 1e-6
    np.testing.assert_array_equal(changed, np.arange(3 * 32) < 2 * 3 * B)


def test_every_stream_has_its_encoder_queues_and_losses():
    state, history = _run(_two_streams, 1)
    names = {'video_joint', 'video_motion', 'snippet_joint', 'snippet_motion'}
    for metrics in history:
        assert set(metrics) == {*names, 'loss', 'gradient_norm'}
        weights = {name: 1.5 if name.startswith('snippet') else 1.0 for name in names}
        expected = sum(weights[name] * metrics[name] for name in names)
        np.testing.assert_allclose(metrics['loss'], expected, rtol=1e-6)
    for part in (state.backbone, state.heads, state.target_params, state.queues):
        assert set(part) == {'joint', 'motion'}
        flat = [np.concatenate([x.ravel() for x in jax.tree.leaves(t)]) for t in part.values()]
        assert flat[0].shape == flat[1].shape and not np.allclose(*flat)


def test_the_batch_as_negatives_leaves_ones_own_key_out():
    """With one other video, the loss is that of two classes: softplus(far - near)."""
    rng = np.random.default_rng(0)
    query, key = (heads.unit(rng.normal(size=(2, 4)).astype(np.float32)) for _ in range(2))
    queue = {'vectors': jnp.zeros((8, 4))}
    method = skeletonclr.Method(temperature=0.5)

    def one(query, key):
        far = negative_sources.collect(
            queue, key, jnp.zeros(len(key), int), ('batch',), axis_name=parallel.AXIS
        )
        outputs = {'query': {'video': query}, 'key': {'video': key}}
        return method.losses(outputs, far, jnp.float32(0))['video']

    every = jax.pmap(one, axis_name=parallel.AXIS, devices=jax.devices()[:2])
    losses = every(query[:, None], key[:, None])[:, 0]
    logits = np.asarray(query) @ np.asarray(key).T / 0.5
    expected = np.log1p(np.exp([logits[0, 1] - logits[0, 0], logits[1, 0] - logits[1, 1]]))
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


@pytest.mark.parametrize('devices', [1, 2])
def test_the_same_person_as_negative_leaves_others_out(devices):
    """Six videos of three persons, two snippets each: each video meets two snippets."""
    subjects = np.array([0, 1, 0, 2, 1, 2])
    keys = np.arange(12.0, dtype=np.float32)[:, None]

    def one(keys, subjects):
        return negative_sources.collect(
            {'vectors': keys}, keys, subjects, ('subject',), axis_name=parallel.AXIS
        )

    every = jax.pmap(one, axis_name=parallel.AXIS, devices=jax.devices()[:devices])
    far, counts = every(keys.reshape(devices, -1, 1), subjects.reshape(devices, -1))
    np.testing.assert_array_equal(far[-1], keys)
    met = [np.flatnonzero(row).tolist() for row in np.asarray(counts).reshape(6, 12)]
    assert met == [[4, 5], [8, 9], [0, 1], [10, 11], [2, 3], [6, 7]]


@pytest.mark.parametrize('momentum', [0.0, 1.0])
def test_momentum_encoder_follows_parameters_only(momentum):
    step, start = _pretraining(momentum=momentum)
    # Move the query encoder first, so that the two differ.
    backbone = start.backbone['joint']
    backbone['params'] = jax.tree.map(lambda x: x + 0.01, backbone['params'])
    start = jax.device_get(start)
    devices = jax.devices()[:1]
    run = parallel.data_parallel(step, devices)
    batch = parallel.shard(_batch(0), devices)
    state, _ = run(parallel.replicate(start, devices), batch, jax.random.key(0))
    target, source = (
        state.target_params['joint'],
        start.target_params if momentum else start.backbone,
    )
    jax.tree.map(
        np.testing.assert_array_equal,
        jax.device_get(target['params']['backbone']),
        source['joint']['params']['backbone'],
    )
    ours, theirs = state.backbone['joint']['batch_stats'], target['batch_stats']
    assert not np.allclose(
        ours['backbone']['input_norm']['mean'], theirs['backbone']['input_norm']['mean'], atol=1e-7
    )


def test_fine_tuning_learns_a_rule_of_the_pose():
    """A label that is a joint's height is learnt in a few steps."""
    step, state = _finetuning()
    devices = jax.devices()[:1]
    run, state = parallel.data_parallel(step, devices), parallel.replicate(state, devices)
    losses = []
    for number in range(25):
        batch = _batch(number)
        batch['joints'] = np.repeat(batch['joints'][:, ::8], 8, axis=1)
        batch['labels'] = (batch['joints'][:, :, 0, :5, 1].mean(-1) > 0).astype(np.int32)
        state, metrics = run(state, parallel.shard(batch, devices), jax.random.key(0))
        losses.append(float(metrics['loss']))
    assert np.mean(losses[-3:]) < 0.6 * losses[0], losses
