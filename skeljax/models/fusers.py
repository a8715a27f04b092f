"""U-shaped temporal fuser over a backbone's taps (U-Net++ in one dimension).

Section 2 of the specification of arXiv 2512.16504: the nodes of the triangle
X00, X10, X20 -> X01, X11 -> X02, with every node of the finest level joined.
"""

from flax import linen as nn
import jax.numpy as jnp

from skeljax.errors import InputError
from skeljax.models import norms


class Unit(nn.Module):
    """Convolution of three frames, batch norm, ReLU; padding stays zero."""

    axis_name: str | None
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Maps float[B, T, C] -> float[B, T, C]."""
        x = nn.Conv(x.shape[-1], (3,), padding=1, dtype=self.dtype, name='conv')(x)
        x = norms.MaskedBatchNorm(axis_name=self.axis_name, name='norm')(
            x, mask[..., None], train=train
        )
        return jnp.where(mask[..., None], nn.relu(x), 0)


def upsample(x, ratio: int, length: int):
    """Repeats every step `ratio` times and cuts to `length`: float[B, length, C].

    Step i of a tap is centred on frame i · ratio. PyTorch's nearest
    interpolation, which the release uses, gives the same where `ratio` divides
    the length and otherwise stretches a little, by an amount that would depend
    on the padding.
    """
    return jnp.repeat(x, ratio, axis=1)[:, :length]


def raised(reach: int, stride: int, coarser: int) -> int:
    """Tells how far a step of `stride` looks that repeats one `coarser`, which looks so far."""
    return reach + coarser - stride


def check_levels(levels: tuple[int, ...], taps) -> tuple[int, ...]:
    """Returns the levels; raises InputError where there is no tap of one of them."""
    if set(levels) - set(taps):
        found = sorted(taps)
        raise InputError(f'the fuser wants taps of strides {levels}, the backbone has {found}')
    return levels


class Fuser(nn.Module):
    """Joins taps of rising temporal stride into features of every frame.

    Attributes:
        levels: temporal strides of the taps, finest first; by default the finest and the
            two coarsest, which are the release's 1, 4 and 8 where there are 1, 2, 4 and 8.
        features: channels of the result; eight times the finest tap's by default.
        axis_name: mapped axis that batch statistics are taken over, or None.
        dtype: of the computation.
    """

    levels: tuple[int, ...] = ()
    features: int | None = None
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32

    @nn.nowrap
    def chosen(self, taps) -> tuple[int, ...]:
        """Chooses the levels among the strides of taps; see `check_levels`."""
        strides = sorted(taps)
        usual = tuple(sorted({strides[0], *strides[-2:]}))
        return check_levels(self.levels or usual, taps)

    @nn.nowrap
    def reach(self, taps: dict[int, int]) -> int:
        """Tells how many frames on either side a result depends on, of taps that look so far."""
        levels = self.chosen(taps)
        column = [taps[stride] for stride in levels]
        finest = column[0]
        while len(column) > 1:
            column = [
                max(own, raised(below, stride, coarser)) + stride  # the unit sees a step beside it
                for own, below, stride, coarser in zip(
                    column, column[1:], levels, levels[1:], strict=False
                )
            ]
            finest = max(finest, column[0])
        return finest

    @nn.compact
    def __call__(self, taps, *, train: bool):
        """Fuses taps into float[B, T, features] and the frame mask bool[B, T].

        Raises:
            InputError: there is no tap of one of the levels.
        """
        levels = self.chosen(taps)
        nodes = {(row, 0): taps[s][0].astype(self.dtype) for row, s in enumerate(levels)}
        masks = [taps[stride][1] for stride in levels]
        depth = len(levels)
        for column in range(1, depth):
            for row in range(depth - column):
                below = nodes[row + 1, column - 1]
                ratio = levels[row + 1] // levels[row]
                raised = upsample(below, ratio, masks[row].shape[1])
                raised = jnp.where(masks[row][..., None], raised, 0)
                joined = [nodes[row, i] for i in range(column)] + [raised]
                unit = Unit(self.axis_name, self.dtype, name=f'unit{row}{column}')
                nodes[row, column] = unit(
                    jnp.concatenate(joined, axis=-1), masks[row], train=train
                )
        finest = jnp.concatenate([nodes[0, column] for column in range(depth)], axis=-1)
        features = self.features or 8 * nodes[0, 0].shape[-1]
        return nn.Dense(features, dtype=self.dtype, name='join')(finest), masks[0]
