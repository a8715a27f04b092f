"""Weights for the networks in PyTorch that results are compared with."""

import torch


def randomize(network, seed=0):
    """Draws weights and statistics anew, so that none hides another, features staying near 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, x in network.state_dict().items():
            if name == 'A' or not x.is_floating_point():
                continue
            noise = torch.randn(x.shape, generator=generator)
            if name.endswith(('running_mean', 'bias')):
                x.copy_(0.2 * noise)
            elif name.endswith('running_var'):
                x.copy_(1 + 0.5 * noise.abs())
            elif name.endswith('weight') and x.ndim > 1:
                x.copy_(noise / x[0].numel() ** 0.5)
            else:
                x.add_(0.1 * noise)
    return network.eval()
