"""The PyTorch baselines do the same work: from equal weights and inputs, equal losses."""

import functools
import importlib

import jax
import numpy as np
import pytest

from benchmarks import random_inputs
from skeljax.cli import config_args
from skeljax.errors import InputError
from skeljax.inference import scoring
from skeljax.models import imported
from skeljax.models.imported import translate
from skeljax.train import build, parallel, views

torch = pytest.importorskip('torch', reason='PyTorch baselines need the extra skeljax[bench]')
systems = importlib.import_module('benchmarks.torch_baselines.systems')
pretraining = importlib.import_module('benchmarks.torch_baselines.pretraining')
rvtclr = importlib.import_module('benchmarks.torch_baselines.rvtclr')
frame_classifier = importlib.import_module('benchmarks.torch_baselines.frame_classifier')
randomize = importlib.import_module('tests.torch_weights').randomize

SMALL = [
    '--config.model.base_channels=4',
    '--config.model.stgcn.out_channels=16',
    '--config.model.dropout=0.0',
    '--config.bench.classes=5',
]
PRETRAIN = [
    '--config.pretrain.batch_size=8',
    '--config.pretrain.window=16',
    '--config.pretrain.crop.length=16',
    '--config.pretrain.queue_size=32',
    '--config.pretrain.embed_dim=8',
    '--config.pretrain.momentum=0.9',
    '--config.pretrain.optimizer.peak_lr=0.01',
]


@pytest.fixture(autouse=True)
def as_users_run_it():
    with jax.numpy_dtype_promotion('standard'), jax.default_matmul_precision('float32'):
        yield


def _numbers(module) -> dict:
    return {name: x.detach().numpy().copy() for name, x in module.state_dict().items()}


def _dense(linear) -> dict:
    return {'kernel': linear.weight.detach().flatten(1).numpy().T.copy(),
            'bias': linear.bias.detach().numpy().copy()}


def _backbone(network, config, like) -> dict:
    """Translates a network's tensors as `skeljax import` does."""
    encoder = imported.find(_numbers(network), config.model.name)
    flat, tree = jax.tree_util.tree_flatten_with_path(like)
    paths = [jax.tree_util.keystr(path, simple=True, separator='/') for path, _ in flat]
    shapes = {p.replace('/backbone/', '/', 1): x.shape for p, (_, x) in zip(paths, flat)}
    found = translate.translate(encoder, shapes, encoder.tensors)
    assert not found.missing
    return jax.tree.unflatten(tree, [found.arrays[path] for path in shapes])


def _head(layers) -> dict:
    return {'hidden': _dense(layers[0]), 'project': _dense(layers[2])}


def _parts(branch) -> dict:
    found = {name: _dense(getattr(branch, name)) for name in ('theta', 'phi', 'value', 'join')}
    found |= {
        name: {'kernel': getattr(branch, name).weight.detach().flatten(1).numpy().T.copy()}
        for name in ('narrow', 'widen')
    }
    norm = {'scale': _numbers(branch.norm)['weight'], 'bias': _numbers(branch.norm)['bias']}
    return {**found, 'norm': norm, 'head': _head(branch.head)}


def _contrast(row, *more):
    config = config_args.load(row, [*SMALL, *PRETRAIN, *more])
    torch.manual_seed(0)
    model = systems.contrast(config)
    randomize(model.query.backbone)
    if config.pretrain.method == 'rvtclr':
        torch.nn.init.uniform_(model.query.parts.norm.weight, 0.5, 1.5)  # 0 would hide the input
    model.key.load_state_dict(model.query.state_dict())
    model.train()
    step, state = build.pretraining(config, 'ntu25', config.bench.persons)
    item = state.backbone['joint']
    item = _backbone(model.query.backbone, config, item)
    if config.pretrain.method == 'skeletonclr':
        method = {'video': _head(model.query.video)}
    else:
        heads = {name: getattr(model.query, name) for name in ('video', 'tempo')}
        method = {name: {'project': _dense(head)} for name, head in heads.items()}
        method['parts'] = _parts(model.query.parts)
    params = {'method': method}
    queues = {'method': model.queue}
    if model.weight:
        params['snippet'] = _head(model.query.dense)
        queues['snippet'] = model.snippets
    assert jax.tree.structure(params) == jax.tree.structure(state.heads['joint']['params'])
    heads = {**state.heads['joint'], 'params': params}
    both = {name: {**item.get(name, {}), **heads.get(name, {})} for name in item}
    state = state.replace(
        backbone={'joint': item}, heads={'joint': heads}, target_params={'joint': both}
    )
    for name, queue in queues.items():
        state.queues['joint'][name]['vectors'] = queue.vectors.numpy().copy()
    return config, model, step, state


@pytest.mark.slow
@pytest.mark.parametrize('row', ['bench:stgcn16', 'bench:agcn64'])
def test_losses_of_three_steps_are_equal(row):
    """The second and third depend on the updates of weights, momentum encoder and queues."""
    config, model, step, state = _contrast(row)
    batch = random_inputs.batch(config, 'pretrain')
    x = systems.to_tensor(batch['joints'], 'cpu')
    updates = systems.optimizer(config, 'pretrain', model.query.parameters())
    devices = jax.local_devices()[:1]
    state, batch = parallel.replicate(state, devices), parallel.shard(batch, devices)
    step, rng = parallel.data_parallel(step, devices), jax.random.key(0)
    for _ in range(3):
        state, metrics = step(state, batch, rng)
        expected = pretraining.pretraining_step(model, updates, model, (x, x)).item()
        assert float(metrics['loss']) == pytest.approx(expected, rel=1e-4)


def _views(config, batch, number) -> list:
    """Computes the views of RVTCLR in step `number` of skeljax."""
    method = build.method(config, 'ntu25')
    settings = build.pretrain_settings(config, method, 'ntu25')
    rng = jax.random.fold_in(jax.random.key(0), number)
    seen = views.draw(rng, batch, method.views, settings)
    return [
        systems.to_tensor(np.array(seen[name].streams['joint']), 'cpu')
        for name in ('query', 'parts', 'key', 'other')
    ]


@pytest.mark.slow
def test_relative_tempo_has_equal_losses_and_gradients():
    frames = ['--config.pretrain.window=32', '--config.pretrain.crop.length=32']
    plain = ['--config.model.dtype=float32', '--config.pretrain.optimizer.weight_decay=0.0']
    # With a gradient norm of 54, rounding errors of larger steps would change the next loss.
    slow = ['--config.pretrain.optimizer.peak_lr=0.0001']
    config, model, step, state = _contrast('bench:rvtclr', *frames, *plain, *slow)
    batch = random_inputs.batch(config, 'pretrain')
    updates = systems.optimizer(config, 'pretrain', model.query.parameters())
    devices = jax.local_devices()[:1]
    before = {name: state.heads['joint']['params']['method'][name] for name in ('video', 'parts')}
    state, given = parallel.replicate(state, devices), parallel.shard(batch, devices)
    step, rng = parallel.data_parallel(step, devices), jax.random.key(0)
    for number in range(3):
        state, metrics = step(state, given, rng)
        shown = _views(config, batch, number)
        expected = pretraining.pretraining_step(model, updates, model, shown).item()
        assert float(metrics['loss']) == pytest.approx(expected, rel=1e-4)
        gradients = [x.grad for x in model.query.parameters() if x.grad is not None]
        norm = float(torch.nn.utils.get_total_norm(gradients))
        assert float(metrics['gradient_norm']) == pytest.approx(norm, rel=1e-4)
        if number == 0:  # the first step of SGD is the gradient
            after = jax.device_get(state.heads['joint']['params']['method'])
            video = {'project': _dense(model.query.video)}
            expected = {'video': video, 'parts': _parts(model.query.parts)}
            _same_steps(before, {name: after[name] for name in expected}, expected)


def _same_steps(before, found, expected):
    """Compares updates; entries differ by float32 rounding, up to 2e-4 of the largest."""
    steps = [jax.tree.map(lambda new, old: new - old, tree, before) for tree in (found, expected)]
    largest = max(np.abs(x).max() for x in jax.tree.leaves(steps[1]))
    same = lambda one, other: np.testing.assert_allclose(one, other, rtol=0, atol=5e-4 * largest)
    jax.tree.map(same, *steps)


def test_views_of_another_tempo_are_half_or_every_other_frame():
    x = torch.arange(6.0).reshape(1, 1, 6, 1, 1).expand(2, 3, 6, 1, 1)
    found = rvtclr.change_tempo(x, torch.tensor([False, True]))
    assert found[:, 0, :, 0, 0].tolist() == [[0, 1, 2], [0, 2, 4]]


def _localizer(row, *more):
    config = config_args.load(row, [*SMALL, '--config.finetune.batch_size=3', *more])
    torch.manual_seed(0)
    model = systems.classifier(config)
    randomize(model.backbone)
    step, state, _ = build.finetuning(config, 'ntu25', config.bench.persons, 5)
    backbone = _backbone(model.backbone, config, state.backbone)
    params = {'head': {'score': _dense(model.score)}}
    if model.fuser:
        params['fuser'] = {'join': _dense(model.fuser.join)}
        for number in ('01', '11', '02'):
            unit = getattr(model.fuser, f'unit{number}')
            kernel = unit.conv.weight.detach().numpy().transpose(2, 1, 0).copy()
            norm = {'scale': _numbers(unit.norm)['weight'], 'bias': _numbers(unit.norm)['bias']}
            params['fuser'][f'unit{number}'] = {
                'conv': {'kernel': kernel, 'bias': _numbers(unit.conv)['bias']}, 'norm': norm,
            }
    assert jax.tree.structure(params) == jax.tree.structure(state.decoder['params'])
    state = state.replace(backbone=backbone, decoder={**state.decoder, 'params': params})
    return config, model, step, state


@pytest.mark.slow
def test_losses_of_fine_tuning_are_equal():
    lengths = ['--config.finetune.window=32', '--config.finetune.crop.length=32']
    config, model, step, state = _localizer(
        'bench:finetune', *lengths, '--config.model.dtype=float32'
    )
    model.train()
    batch = random_inputs.batch(config, 'finetune')
    x, labels = systems.to_tensor(batch['joints'], 'cpu'), torch.from_numpy(batch['labels']).long()
    updates = systems.optimizer(config, 'finetune', model.parameters())
    devices = jax.local_devices()[:1]
    state, batch = parallel.replicate(state, devices), parallel.shard(batch, devices)
    step, rng = parallel.data_parallel(step, devices), jax.random.key(0)
    loss_fn = functools.partial(frame_classifier.loss, model)
    for _ in range(3):
        state, metrics = step(state, batch, rng)
        expected = frame_classifier.step(updates, loss_fn, x, labels).item()
        assert float(metrics['loss']) == pytest.approx(expected, rel=1e-4)


def test_scores_of_clips_are_equal():
    sizes = ['--config.bench.clips=3', '--config.bench.frames=16']
    config, model, _, state = _localizer('bench:evaluation', *sizes)
    joints = random_inputs.clips(config)
    with torch.inference_mode():
        expected = model.eval()(systems.to_tensor(joints, 'cpu')).softmax(-1).numpy()
    given = build.localizer(config, 'ntu25', 5), scoring.variables(state)
    found = scoring.clip_probabilities(*given, joints, np.ones(joints.shape[:3], bool))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(('change', 'message'), [
    ('--config.pretrain.snippet.match=time', "snippet.match is 'time', the PyTorch baseline"),
    ('--config.pretrain.method=aimclr', "'aimclr', the PyTorch baseline supports 'skeletonclr or"),
    ('--config.model.name=ctrgcn', 'not ctrgcn'), ('--config.data.layout=cmu31', 'ntu25, not'),
])
def test_unsupported_settings_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        systems.contrast(config_args.load('bench:agcn64', [change]))
