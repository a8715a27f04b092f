"""The twin of ST-GCN given skeljax's formulations: the same network, computed as ours is on CPU.

What a user of PyTorch could have too: time leading and channels last, the convolution over time
as a bilinear form, joints mixed along edges, dropout by a random byte an element. It tells how much of a
ratio is the formulation's and how much the framework's.
"""

import functools

import torch
from torch.nn import functional

from skeljax.bench.twins import networks


class Stgcn(networks.Stgcn):
    """As `networks.Stgcn`, parameters and results."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        subsets = networks.spatial() > 0
        self._there = [_parts(edges) for edges in subsets]
        self._back = [_parts(edges.T) for edges in subsets]

    def blocks(self, x):
        x = x.permute(2, 0, 3, 1).contiguous()
        for block, importance in zip(self.st_gcn_networks, self.edges(), strict=True):
            x = self._block(block, x, self.A * importance)
            yield x.permute(1, 3, 0, 2)

    def _block(self, block, x, adjacency):
        """Maps float[T, N, V, C] -> float[T', N, V, D]."""
        first, _, conv, second, dropout = block.tcn
        stride = conv.stride[0]
        y = torch.relu(_normalised(first, self._graph(block.gcn.conv, x, adjacency)))
        y = _dropped(_normalised(second, _over_time(conv, y)), dropout)
        if block.plain:
            y = y + x
        elif hasattr(block, 'residual'):
            linear, norm = block.residual
            y = y + _normalised(norm, functional.linear(
                x[::stride], linear.weight[..., 0, 0], linear.bias
            ))
        return torch.relu(y)

    def _graph(self, conv, x, adjacency):
        """Mixes joints, then the channels of all subsets in one product."""
        count, channels = len(adjacency), x.shape[-1]
        mixed = torch.cat([
            _Mix.apply(x, matrix, *parts)
            for matrix, *parts in zip(adjacency, self._there, self._back, strict=True)
        ], -1)
        kernel = conv.weight.view(count, -1, channels).transpose(0, 1).flatten(1)
        bias = torch.einsum('kvw,kd->wd', adjacency, conv.bias.view(count, -1))
        return functional.linear(mixed, kernel) + bias


class _Mix(torch.autograd.Function):
    """Sums float[T, N, V, C] over source joints by a matrix float[V, V] with known edges."""

    @staticmethod
    def forward(ctx, x, matrix, there, back):
        ctx.save_for_backward(x, matrix)
        ctx.parts = there, back
        return _mix(x, matrix, there)

    @staticmethod
    def backward(ctx, slope):
        x, matrix = ctx.saved_tensors
        there, back = ctx.parts
        of_matrix = torch.zeros_like(matrix)
        for sources, targets in there:
            related = (x[:, :, sources] * slope[:, :, targets]).sum((0, 1, 3))
            of_matrix[sources, targets] = related
        return _mix(slope, matrix.T, back), of_matrix, None, None


def _parts(edges):
    """Divides edges bool[V, V] into lists of sources and targets, no target twice in one."""
    place, found = edges.cumsum(0) * edges, []
    for number in range(1, int(place.max()) + 1):
        sources, targets = (place == number).nonzero(as_tuple=True)
        order = targets.argsort()
        found.append((sources[order], targets[order]))
    return found


def _mix(x, matrix, parts):
    total = None
    for sources, targets in parts:
        added = matrix[sources, targets][:, None] * x[:, :, sources]
        if len(targets) == x.shape[2]:
            total = added if total is None else total + added
        else:
            total = torch.zeros_like(x) if total is None else total
            total = total.index_add(2, targets, added)
    return total


def _normalised(norm, x):
    statistics = norm.running_mean, norm.running_var, norm.weight, norm.bias
    y = functional.batch_norm(x.flatten(0, -2), *statistics, norm.training, norm.momentum, norm.eps)
    return y.view(x.shape)


def _dropped(x, dropout):
    """Zeroes elements by a random byte each, eight from a word."""
    dropped = round(dropout.p * 256)
    if not dropout.training or not dropped:
        return x
    words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device)
    drawn = words.random_(-(2**63), None).view(torch.uint8)[: x.numel()].view(x.shape)
    return x * (drawn >= dropped) * (256 / (256 - dropped))


def _over_time(conv, x):
    """Convolves float[T, N, V, C] over time: `Q((D x)(G w))`, see skeljax/models/cpu/convolve.py."""
    kernel = conv.weight[..., 0].permute(2, 1, 0)
    matrices = _matrices(len(x), len(kernel), conv.stride[0])
    there, taps, back = (m.to(x.device, x.dtype) for m in matrices)
    products = (there @ x.flatten(1)).view(len(there), -1, x.shape[-1])
    products = products @ (taps @ kernel.flatten(1)).view(len(taps), *kernel.shape[1:])
    y = (back @ products.flatten(1)).view(len(back), *x.shape[1:-1], -1)
    return y + conv.bias


@functools.cache
def _matrices(frames: int, taps: int, stride: int):
    """Makes D [P, frames], G [P, taps] and Q [ceil(frames / stride), P] for zeros beyond both ends.

    Three rows for a frequency, as a complex product is three real ones: of a + ib and c + id
    they are (a + b) c, a (d - c) and b (c + d).
    """
    period, half = frames + taps // 2, taps // 2
    time, tap = torch.arange(frames).double(), half - torch.arange(taps).double()
    rows = [], [], []
    for frequency in range(period // 2 + 1):
        turn = 2 * torch.pi * frequency / period
        a, b = torch.cos(turn * time), -torch.sin(turn * time)
        c, d = torch.cos(turn * tap), -torch.sin(turn * tap)
        real, imaginary = a[::stride] / period, -b[::stride] / period
        if 2 * frequency in (0, period):
            made = [a], [c], [real]
        else:
            made = (
                [a + b, a, b], [c, d - c, c + d],
                [2 * (real - imaginary), -2 * imaginary, -2 * real],
            )
        for found, more in zip(rows, made, strict=True):
            found.extend(more)
    there, kernel, back = map(torch.stack, rows)
    return there, kernel, back.T.contiguous()
