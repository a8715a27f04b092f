"""The PyTorch ST-GCN with skeljax's formulations: results and gradients of the plain one."""

import importlib

import pytest

torch = pytest.importorskip('torch', reason='PyTorch baselines need the extra skeljax[bench]')
backbones = importlib.import_module('benchmarks.torch_baselines.backbones')
stgcn_fast = importlib.import_module('benchmarks.torch_baselines.stgcn_fast')
randomize = importlib.import_module('tests.torch_weights').randomize


@pytest.mark.parametrize('frames', [8, 21])
def test_results_and_gradients_equal_those_of_the_plain_network(frames):
    plain = backbones.Stgcn(4, 16, dropout=0.0)
    randomize(plain).double().train()
    other = stgcn_fast.FastStgcn(4, 16, dropout=0.0).double().train()
    other.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, frames, 25, 2, dtype=torch.float64)
    found = []
    for network in (plain, other):
        *_, y = network.blocks(network.normalize(x))
        weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
        (y * weights).sum().backward()
        gradients = {n: p.grad for n, p in network.named_parameters() if p.grad is not None}
        found.append((y.detach(), gradients))
    (y, gradients), (other_y, other_gradients) = found
    torch.testing.assert_close(other_y, y)
    assert gradients.keys() == other_gradients.keys() and len(gradients) > 80
    edges = (backbones.spatial() > 0).double()
    for name, value in gradients.items():
        if name.startswith('edge_importance'):  # only edges are trained
            value = value * edges
        # A bias before a batch norm has no effect: both gradients are rounding errors.
        torch.testing.assert_close(other_gradients[name], value, rtol=1e-6, atol=1e-7, msg=name)


def test_dropout_leaves_as_many_as_it_should_and_keeps_the_mean():
    dropout = torch.nn.Dropout(0.25)
    y = stgcn_fast._byte_dropout(torch.ones(1000, 333), dropout)
    assert (y == 0).double().mean().item() == pytest.approx(0.25, abs=0.005)
    assert y.mean().item() == pytest.approx(1, abs=0.01)
    assert stgcn_fast._byte_dropout(torch.ones(3), dropout.eval()).tolist() == [1, 1, 1]
