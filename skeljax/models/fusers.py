"""Temporal fusers: they turn the taps of a backbone into features of every frame.

A tap is a multiscale feature, of one temporal stride. `Fuser` is U-shaped (U-Net++ in one
dimension, as in arXiv 2512.16504): nodes are fused by concatenation, each with a convolution.
`Pyramid` is a feature pyramid (arXiv 1612.03144, over time as in ActionFormer, arXiv 2202.07925,
without its attention): levels are fused by sums, with one convolution at the end.
"""

from flax import linen as nn
import jax.numpy as jnp

from skeljax.errors import InputError
from skeljax.models import implementation as implementations, norms


class Fuser(nn.Module):
    """U-shaped fuser: a triangle of nodes, X00, X10, X20 -> X01, X11 -> X02.

    Node (row, column) receives all nodes to the left in its row and, upsampled, the left one of
    the next coarser row. All nodes of the finest row are concatenated and projected.

    Attributes:
        feature_strides: temporal strides of the taps, finest first; by default the finest and the
            two coarsest: 1, 4 and 8, as in the release, of 1, 2, 4 and 8.
        features: channels of the result; by default eight times those of the finest tap.
        axis_name: mapped axis that batch statistics are computed over, or None.
        dtype: of the computation.
        implementation: 'plain' or 'cpu', see `models.implementation`.
    """

    feature_strides: tuple[int, ...] = ()
    features: int | None = None
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32
    implementation: str = implementations.field()

    @nn.compact
    def __call__(self, taps, *, train: bool):
        """Fuses taps to float[B, T, features] and the frame mask bool[B, T].

        Raises:
            InputError: one of the strides has no tap.
        """
        strides = self.used_strides(taps)
        nodes = {(row, 0): taps[s][0].astype(self.dtype) for row, s in enumerate(strides)}
        masks = [taps[stride][1] for stride in strides]
        depth = len(strides)
        for column in range(1, depth):
            for row in range(depth - column):
                coarser = nodes[row + 1, column - 1]
                ratio = strides[row + 1] // strides[row]
                coarser = upsample(coarser, ratio, masks[row].shape[1])
                coarser = jnp.where(masks[row][..., None], coarser, 0)
                inputs = [nodes[row, i] for i in range(column)] + [coarser]
                unit = ConvNormReLU(
                    self.axis_name, self.dtype, self.implementation, name=f'unit{row}{column}'
                )
                nodes[row, column] = unit(
                    jnp.concatenate(inputs, axis=-1), masks[row], train=train
                )
        finest = jnp.concatenate([nodes[0, column] for column in range(depth)], axis=-1)
        features = self.features or 8 * nodes[0, 0].shape[-1]
        return nn.Dense(features, dtype=self.dtype, name='join')(finest), masks[0]

    @nn.nowrap
    def used_strides(self, taps) -> tuple[int, ...]:
        """Returns the strides of the taps that are fused; see `check_strides`."""
        strides = sorted(taps)
        default = tuple(sorted({strides[0], *strides[-2:]}))
        return check_strides(self.feature_strides or default, taps)

    @nn.nowrap
    def receptive_field(self, taps: dict[int, int]) -> int:
        """Returns the frames on either side that a result depends on, given those of the taps."""
        strides = self.used_strides(taps)
        column = [taps[stride] for stride in strides]
        finest = column[0]
        while len(column) > 1:
            column = [
                max(own, upsampled_field(coarser, stride, next_stride)) + stride  # convolution
                for own, coarser, stride, next_stride in zip(
                    column, column[1:], strides, strides[1:], strict=False
                )
            ]
            finest = max(finest, column[0])
        return finest


class Pyramid(nn.Module):
    """Feature pyramid: each tap is projected and added to the upsampled sum of the coarser ones.

    Attributes:
        feature_strides: temporal strides of the taps, finest first; by default all of them.
        features: channels of the result; by default those of the coarsest tap.
        axis_name: mapped axis that batch statistics are computed over, or None.
        dtype: of the computation.
        implementation: 'plain' or 'cpu', see `models.implementation`.
    """

    feature_strides: tuple[int, ...] = ()
    features: int | None = None
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32
    implementation: str = implementations.field()

    @nn.compact
    def __call__(self, taps, *, train: bool):
        """Fuses taps to float[B, T, features] and the frame mask bool[B, T].

        Raises:
            InputError: one of the strides has no tap.
        """
        strides = self.used_strides(taps)
        channels = self.features or taps[strides[-1]][0].shape[-1]
        total, coarser = None, None
        for stride in reversed(strides):
            features, mask = taps[stride]
            lateral = nn.Dense(channels, dtype=self.dtype, name=f'lateral{stride}')
            level = lateral(features.astype(self.dtype))
            if total is not None:
                level = level + upsample(total, coarser // stride, mask.shape[1])
            total, coarser = jnp.where(mask[..., None], level, 0), stride
        smooth = ConvNormReLU(self.axis_name, self.dtype, self.implementation, name='smooth')
        return smooth(total, mask, train=train), mask

    @nn.nowrap
    def used_strides(self, taps) -> tuple[int, ...]:
        """Returns the strides of the taps that are fused; see `check_strides`."""
        return check_strides(self.feature_strides or tuple(sorted(taps)), taps)

    @nn.nowrap
    def receptive_field(self, taps: dict[int, int]) -> int:
        """Returns the frames on either side that a result depends on, given those of the taps."""
        strides = self.used_strides(taps)
        finest = strides[0]
        return max(upsampled_field(taps[s], finest, s) for s in strides) + finest


class ConvNormReLU(nn.Module):
    """Convolution of three frames, batch normalization, ReLU; padding stays zero."""

    axis_name: str | None
    dtype: jnp.dtype
    implementation: str = implementations.field()

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Maps float[B, T, C] with mask bool[B, T] to float[B, T, C]."""
        x = nn.Conv(x.shape[-1], (3,), padding=1, dtype=self.dtype, name='conv')(x)
        norm = norms.MaskedBatchNorm(
            axis_name=self.axis_name, implementation=self.implementation, name='norm'
        )
        x = norm(x, mask[..., None], train=train)
        return jnp.where(mask[..., None], nn.relu(x), 0)


def upsample(x, ratio: int, length: int):
    """Repeats every step `ratio` times and cuts the result to float[B, length, C].

    Step i of a tap is centered on frame i · ratio. The nearest-neighbor interpolation of PyTorch,
    which the release uses, has the same result if `ratio` divides the length; otherwise it
    stretches the steps by an amount that depends on the padding.
    """
    return jnp.repeat(x, ratio, axis=1)[:, :length]


def upsampled_field(field: int, stride: int, coarser: int) -> int:
    """Returns the receptive field, in frames on either side, of an upsampled step.

    Args:
        field: receptive field of the coarser step.
        stride: temporal stride after upsampling.
        coarser: temporal stride before.
    """
    return field + coarser - stride


def check_strides(strides: tuple[int, ...], taps) -> tuple[int, ...]:
    """Returns the strides; raises InputError if one of them has no tap."""
    if set(strides) - set(taps):
        found = sorted(taps)
        raise InputError(
            f'feature_strides of the fuser are {strides}, expected some of the backbone: {found}'
        )
    return strides
