"""The network that scores frames in PyTorch: the U-shaped fuser, or a whole recording's score."""

import torch
from torch import nn
from torch.nn import functional

from skeljax.bench.twins import networks
from skeljax.bench.twins.training import over_persons


class Unit(nn.Module):
    """Convolution of three frames, batch norm, ReLU."""

    def __init__(self, channels):
        super().__init__()
        self.conv, self.norm = nn.Conv1d(channels, channels, 3, padding=1), nn.BatchNorm1d(channels)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


class Fuser(nn.Module):
    """Joins taps [B, C, T], finest first, of `channels`: [B, features, T]."""

    def __init__(self, channels, features):
        super().__init__()
        fine, middle, coarse = channels
        self.unit01, self.unit11 = Unit(fine + middle), Unit(middle + coarse)
        self.unit02 = Unit(fine + (fine + middle) + (middle + coarse))
        joined = fine + (fine + middle) + self.unit02.conv.out_channels
        self.join = nn.Conv1d(joined, features, 1)

    def forward(self, taps):
        fine, middle, coarse = taps
        raised = lambda x, like: functional.interpolate(x, size=like.shape[-1])
        first = self.unit01(torch.cat([fine, raised(middle, fine)], 1))
        second = self.unit11(torch.cat([middle, raised(coarse, middle)], 1))
        third = self.unit02(torch.cat([fine, first, raised(second, fine)], 1))
        return self.join(torch.cat([fine, first, third], 1))


class Localizer(nn.Module):
    """Scores every frame by the fuser, or all frames alike without it.

    Args:
        backbone: the network.
        channels: of its last block.
        width: channels of its first block.
        outputs: classes and background.
        fused: by the fuser, of taps at the finest and the two coarsest resolutions.
        autocast: a dtype to compute in, or None.
    """

    def __init__(self, backbone: networks.Network, channels, width, outputs, *, fused, autocast):
        super().__init__()
        self.backbone, self.autocast = backbone, autocast
        self.fuser = Fuser((width, 2 * width, channels), 8 * width) if fused else None
        self.score = nn.Linear(8 * width if fused else channels, outputs)

    def forward(self, x):
        """Maps float[B, 3, T, V, M] to logits float32[B, T, L + 1]."""
        with torch.autocast(x.device.type, self.autocast, enabled=self.autocast is not None):
            y = self._features(x)
        logits = self.score(y.float())
        return logits if self.fuser else logits[:, None].expand(-1, x.shape[2], -1)

    def _features(self, x):
        taps = {}
        for y in self.backbone.blocks(self.backbone.normalised(x)):
            taps[y.shape[2]] = y
        if self.fuser is None:
            return over_persons(y, x.shape[-1]).mean(1)
        # The last block of each resolution; the finest and the two coarsest.
        lengths = [max(taps), *sorted(taps, reverse=True)[-2:]]
        chosen = [over_persons(taps[length], x.shape[-1]).transpose(1, 2) for length in lengths]
        return self.fuser(chosen).transpose(1, 2)


def loss(model, x, labels):
    """Computes the cross-entropy of every frame, the mean."""
    return functional.cross_entropy(model(x).flatten(0, 1), labels.flatten())


def step(optimiser, loss_of, x, labels):
    """Takes one fine-tuning step; returns the loss."""
    value = loss_of(x, labels)
    optimiser.zero_grad(set_to_none=True)
    value.backward()
    optimiser.step()
    return value.detach()
