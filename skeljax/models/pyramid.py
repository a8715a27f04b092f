"""Feature pyramid over a backbone's taps, in one dimension: one way down, by sums.

After Lin et al. (arXiv 1612.03144), as the field uses it over time (ActionFormer, arXiv
2202.07925, without its attention): each tap is brought to one width, the coarser sum is
stretched and added to the finer one, and a convolution of three frames smooths the finest.
The U-shaped fuser (`models.fuser`) joins by concatenation and has a unit at every node.
"""

from flax import linen as nn
import jax.numpy as jnp

from skeljax.models import fusers


class Pyramid(nn.Module):
    """Joins taps of rising temporal stride into features of every frame.

    Attributes:
        levels: temporal strides of the taps, finest first; by default all of them.
        features: channels of the result; those of the coarsest tap by default.
        axis_name: mapped axis that batch statistics are taken over, or None.
        dtype: of the computation.
    """

    levels: tuple[int, ...] = ()
    features: int | None = None
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32

    @nn.nowrap
    def chosen(self, taps) -> tuple[int, ...]:
        """Chooses the levels among the strides of taps; see `fuser.check_levels`."""
        return fusers.check_levels(self.levels or tuple(sorted(taps)), taps)

    @nn.nowrap
    def reach(self, taps: dict[int, int]) -> int:
        """Tells how many frames on either side a result depends on, of taps that look so far."""
        levels = self.chosen(taps)
        finest = levels[0]
        return max(fusers.raised(taps[level], finest, level) for level in levels) + finest

    @nn.compact
    def __call__(self, taps, *, train: bool):
        """Fuses taps into float[B, T, features] and the frame mask bool[B, T].

        Raises:
            InputError: there is no tap of one of the levels.
        """
        levels = self.chosen(taps)
        width = self.features or taps[levels[-1]][0].shape[-1]
        total, above = None, None
        for level in reversed(levels):
            features, mask = taps[level]
            lateral = nn.Dense(width, dtype=self.dtype, name=f'lateral{level}')
            here = lateral(features.astype(self.dtype))
            if total is not None:
                here = here + fusers.upsample(total, above // level, mask.shape[1])
            total, above = jnp.where(mask[..., None], here, 0), level
        smooth = fusers.Unit(self.axis_name, self.dtype, name='smooth')
        return smooth(total, mask, train=train), mask
