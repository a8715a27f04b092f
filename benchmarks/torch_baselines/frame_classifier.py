"""The frame classifier in PyTorch: with the U-shaped fuser, or with one score per recording."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.torch_baselines import backbones
from benchmarks.torch_baselines.pretraining import mean_over_joints


class ConvNormReLU(nn.Module):
    """A convolution over three frames, batch norm and ReLU."""

    def __init__(self, channels):
        super().__init__()
        self.conv, self.norm = nn.Conv1d(channels, channels, 3, padding=1), nn.BatchNorm1d(channels)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


class Fuser(nn.Module):
    """Maps multiscale features [B, C, T] of `channels`, the finest first, to [B, features, T]."""

    def __init__(self, channels, features):
        super().__init__()
        fine, middle, coarse = channels
        self.unit01, self.unit11 = ConvNormReLU(fine + middle), ConvNormReLU(middle + coarse)
        self.unit02 = ConvNormReLU(fine + (fine + middle) + (middle + coarse))
        total = fine + (fine + middle) + self.unit02.conv.out_channels
        self.join = nn.Conv1d(total, features, 1)

    def forward(self, taps):
        fine, middle, coarse = taps
        upsample = lambda x, like: functional.interpolate(x, size=like.shape[-1])
        first = self.unit01(torch.cat([fine, upsample(middle, fine)], 1))
        second = self.unit11(torch.cat([middle, upsample(coarse, middle)], 1))
        third = self.unit02(torch.cat([fine, first, upsample(second, fine)], 1))
        return self.join(torch.cat([fine, first, third], 1))


class FrameClassifier(nn.Module):
    """Scores every frame with the fuser; without it all frames of a recording are equal.

    Args:
        backbone: the backbone.
        channels: of its last block.
        width: channels of its first block.
        outputs: number of classes plus background.
        fused: use the fuser, on features of the finest and the two coarsest resolutions.
        autocast: dtype of the computation, or None.
    """

    def __init__(self, backbone: backbones.Backbone, channels, width, outputs, *, fused, autocast):
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
        for y in self.backbone.blocks(self.backbone.normalize(x)):
            taps[y.shape[2]] = y
        if self.fuser is None:
            return mean_over_joints(y, x.shape[-1]).mean(1)
        # The last block of each resolution; the finest and the two coarsest.
        lengths = [max(taps), *sorted(taps, reverse=True)[-2:]]
        inputs = [mean_over_joints(taps[length], x.shape[-1]).transpose(1, 2) for length in lengths]
        return self.fuser(inputs).transpose(1, 2)


def loss(model, x, labels):
    """Computes the cross-entropy, the mean over all frames."""
    return functional.cross_entropy(model(x).flatten(0, 1), labels.flatten())


def step(optimizer, loss_fn, x, labels):
    """Performs one fine-tuning step; returns the loss."""
    value = loss_fn(x, labels)
    optimizer.zero_grad(set_to_none=True)
    value.backward()
    optimizer.step()
    return value.detach()
