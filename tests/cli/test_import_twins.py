"""Published weights mean the same here: compared with twins of the networks in PyTorch."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.cli import config_args, import_, main
from skeljax.train import build, checkpoint, finetune as train, run as training

torch = pytest.importorskip('torch', reason='twins of networks need the extra skeljax[compare]')
twins = importlib.import_module('benchmarks.torch_baselines.backbones')
randomize = importlib.import_module('tests.torch_weights').randomize

# Most of the time goes into compiling what then runs for milliseconds.
QUICK = {'xla_backend_optimization_level': 0, 'xla_llvm_disable_expensive_passes': True}


@functools.cache
def _apply(model):
    return jax.jit(functools.partial(model.apply, train=False), compiler_options=QUICK)


def _restored(folder) -> dict:
    with checkpoint.manager(folder / 'checkpoints') as mngr:
        found = mngr.restore(mngr.latest_step())['backbone']['joint']
    return {name: tree['backbone'] for name, tree in found.items()}


def _agrees(network, architecture, tmp_path, prefix='', absent=False, **extra):
    """Saves, imports, and compares features of all resolutions and logits on a random clip."""
    tensors = {f'{prefix}{name}': x for name, x in network.state_dict().items()}
    torch.save({'state_dict': tensors | extra, 'epoch': 3}, tmp_path / 'best.pt')
    translation, config = import_.convert(tmp_path / 'best.pt', architecture, tmp_path / 'out')
    assert not translation.missing
    joints = np.random.default_rng(0).normal(size=(2, 19, 2, 25, 3)).astype(np.float32)
    with torch.no_grad():
        features, logits = network(torch.from_numpy(joints).permute(0, 4, 1, 3, 2))
    persons = 1 if absent else 2
    means = [y[:, :persons].mean((1, 4)).transpose(1, 2).numpy() for y in features]
    mask = np.broadcast_to(np.arange(2) < persons, joints.shape[:3])
    found = _apply(build.backbone(config, 'ntu25'))(_restored(tmp_path / 'out'), joints, mask)
    # The last block of each length is tapped.
    expected = {19: None} | {mean.shape[1]: mean for mean in means}
    assert {tap.shape[1] for tap, _ in found.taps.values()} == set(expected)
    for tap, valid in found.taps.values():
        assert valid.all()
        wanted = expected[tap.shape[1]]
        assert np.abs(tap - wanted).max() < 1e-4 * np.abs(wanted).max()
    if not absent:
        fc = {name: x.numpy() for name, x in network.fc.state_dict().items()}
        scores = np.asarray(found.map).mean((1, 2, 3)) @ fc['weight'].T + fc['bias']
        assert np.abs(scores - logits.numpy()).max() < 1e-4 * np.abs(logits.numpy()).max()
    return translation, config


def test_stgcn_agrees(tmp_path):
    network = randomize(twins.Stgcn(8, 24))
    key, queue = {'encoder_k.A': network.A}, {'queue': network.A[0]}
    keys = {f'encoder_k.{name}': x for name, x in network.state_dict().items()}
    found, config = _agrees(network, 'stgcn', tmp_path, 'encoder_q.', **keys | key | queue)
    assert config.model.name == 'stgcn' and config.faithful == ('partition',)
    assert (config.model.base_channels, config.model.stgcn.out_channels) == (8, 24)
    reasons = {why: name for name, why in found.unused.items()}
    assert reasons['another encoder'].startswith('encoder_k.')
    assert found.unused['queue'] == 'not of the encoder'
    assert found.unused['encoder_q.fc.bias'] == 'a head or similar'
    assert 'encoder_q.A' in found.unused


def test_stgcn_of_hiclr_in_parallel_training_agrees(tmp_path):
    network = randomize(twins.Stgcn(8, 24, importance='edge_importance{}'))
    found, config = _agrees(network, 'stgcn', tmp_path, 'module.encoder_q.')
    assert found.used['encoder_q.edge_importance10'] == 'params/block10/graph/importance'


def test_agcn_agrees(tmp_path):
    network = randomize(twins.Agcn(8))
    found, config = _agrees(network, 'agcn', tmp_path)
    assert config.model.agcn.down_stages == (5, 8) and config.faithful == ('',)
    assert found.persons == 1


def test_agcn_of_the_release_agrees(tmp_path):
    network = twins.Agcn(8, (2, 5, 8), use_data_bn=False)
    untouched = {f'data_bn.{name}': x.clone() for name, x in network.data_bn.state_dict().items()}
    randomize(network)
    network.load_state_dict({**network.state_dict(), **untouched})
    found, config = _agrees(network, 'agcn', tmp_path, 'encoder_q.agcn.')
    assert config.model.agcn.down_stages == (2, 5, 8) and config.faithful == ('input_norm',)
    never = found.unused['encoder_q.agcn.data_bn.weight']
    assert never == 'its normalization was never called'


def test_ctrgcn_agrees(tmp_path):
    _agrees(randomize(twins.Ctrgcn(8)), 'ctrgcn', tmp_path)


@pytest.mark.parametrize(('name', 'network'), [('agcn', 'Agcn'), ('ctrgcn', 'Ctrgcn')])
def test_of_persons_normalised_together_the_first_agrees(tmp_path, name, network):
    network = randomize(getattr(twins, network)(8, persons=2))
    found, config = _agrees(network, name, tmp_path, absent=True)
    assert found.persons == 2
    note = 'note: its data_bn has separate parameters for each of 2 persons'
    assert note in import_.describe(found, config, 'x')


def test_fine_tuning_starts_from_it_by_the_options_it_tells(tmp_path, capsys):
    network = randomize(twins.Stgcn(4, 8))
    torch.save(network.state_dict(), tmp_path / 'best.pt')
    out = tmp_path / 'out'
    assert main.main(['import', str(tmp_path / 'best.pt'), '--as', 'stgcn', '--out', str(out)]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    options = [word.replace('"', '') for word in told.split() if word.startswith('--config.')]
    config = config_args.load('ui_prmd', options)
    model = build.localizer(config, 'ntu25', 3)
    init = functools.partial(train.variables, model, example=jnp.zeros((1, 64, 1, 25, 3)))
    like = train.split(jax.eval_shape(init, jax.random.key(0)))['backbone']
    found = training.pretrained_encoder(config.finetune.init_from, like, config, 'ntu25')
    weight = network.st_gcn_networks[9].tcn[2].weight[..., 0].permute(2, 1, 0).detach()
    kernel = found['params']['backbone']['block10']['temporal']['kernel']
    np.testing.assert_array_equal(kernel, weight)
