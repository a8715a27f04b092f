"""Joint-temporal transformer on tokens (frame, joint), at the resolution of frames.

Attention is divided: each block relates the joints of a frame, then the frames of a
joint. That division is ST-TR's (arXiv 2012.06399) and DSTA-Net's (arXiv 2007.03263); here
the two follow one another within a block, instead of in two streams as in ST-TR. Plain
pre-norm blocks on linearly embedded coordinates are those of masked skeleton pretraining
(MAMP, arXiv 2308.09975), whose tokens however span four frames: to find where an action
starts, here each frame has its own. None of the three is repeated in its sizes.
"""

from typing import ClassVar

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from skeljax.errors import InputError
from skeljax.models import layers, pooling, remat

_xavier = nn.initializers.xavier_uniform()


def attend(query, key, value, mask, heads: int):
    """Scaled dot-product attention over the middle axis, heads side by side in the last.

    With `jax.nn.dot_product_attention` a whole training step took 10 to 35 % longer on CPU.

    Args:
        query: float[N, L, C]; also key and value.
        mask: which tokens are attended to, bool[N, L], or None for all. Where none is,
            the result is finite and means nothing.
        heads: of which C is a multiple.

    Returns:
        float[N, L, C].
    """
    n, length, channels = query.shape
    split = lambda x: x.reshape(n, length, heads, channels // heads)
    query = split(query * (channels // heads) ** -0.5)
    scores = jnp.einsum(
        'nqhc,nkhc->nhqk', query, split(key), preferred_element_type=jnp.float32
    )
    if mask is not None:
        scores = jnp.where(mask[:, None, None], scores, -1e30)
    weights = jax.nn.softmax(scores).astype(value.dtype)
    return jnp.einsum('nhqk,nkhc->nqhc', weights, split(value)).reshape(n, length, channels)


def time_encoding(frames: int, channels: int):
    """Sines and cosines of wavelengths from 2 pi to 20,000 pi frames, float32[T, C]."""
    half = -(-channels // 2)
    rate = 10_000.0 ** (-jnp.arange(half, dtype=jnp.float32) / half)
    angle = jnp.arange(frames, dtype=jnp.float32)[:, None] * rate
    return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], axis=-1)[:, :channels]


def normalise(x, name: str):
    """Layer norm over the last axis, in float32; call inside a compact method."""
    return nn.LayerNorm(param_dtype=jnp.float32, name=name)(x.astype(jnp.float32)).astype(x.dtype)


class Block(nn.Module):
    """Attention over joints, attention over frames, MLP; each normalised first, then added.

    Attributes:
        heads: of either attention.
        expand: hidden width of the MLP as a multiple.
        dropout: of what is added.
        axis_name: mapped axis that videos are spread over, or None.
        dtype: of the computation.
    """

    heads: int
    expand: int
    dropout: float
    axis_name: str | None
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Takes float[N, T, V, C] and bool[N, T]; returns float[N, T, V, C]."""
        for name, part in (
            ('joints', self.over_joints),
            ('frames', lambda y: self.over_frames(y, mask)),
            ('mlp', self.widened),
        ):
            y = part(normalise(x, f'{name}_norm'))
            y = layers.Dropout(self.dropout, self.axis_name)(y, train=train)
            x = layers.stored(x + y)
        return x

    def over_joints(self, x):
        """Relates the joints of each frame: float[N, T, V, C]."""
        n, t, v, c = x.shape
        projected = self.linear(3 * c, 'joints_in', x).reshape(n * t, v, 3 * c)
        mixed = attend(*jnp.split(projected, 3, axis=-1), None, self.heads)
        return self.linear(c, 'joints_out', mixed).reshape(x.shape)

    def over_frames(self, x, mask):
        """Relates the valid frames of each joint: float[N, T, V, C].

        One joint after the other, computed anew for the gradient: a joint's T x T weights
        are all that is held at a time. On CPU that was not slower than all at once.
        """
        c = x.shape[-1]
        projected = self.linear(3 * c, 'frames_in', x.transpose(2, 0, 1, 3))
        related = jax.checkpoint(
            lambda y: attend(*jnp.split(y, 3, axis=-1), mask, self.heads)
        )
        return self.linear(c, 'frames_out', lax.map(related, projected)).transpose(1, 2, 0, 3)

    def widened(self, x):
        """Works on each token alone: float[N, T, V, C]."""
        hidden = nn.gelu(self.linear(self.expand * x.shape[-1], 'mlp_in', x))
        return self.linear(x.shape[-1], 'mlp_out', hidden)

    def linear(self, features, name, x):
        return layers.Linear(features, kernel_init=_xavier, dtype=self.dtype, name=name)(x)


class Backbone(nn.Module):
    """The encoder.

    Every tapped block's output is normalised once more, by a layer norm of its own.
    Taps are of frame resolution, averaged over time (`pooling.frame_features`).
    Attention that learnt among few frames loses itself among many, at places it never
    saw: longer recordings are to be scored in windows (`heads.Localizer.span`).

    Attributes:
        layout: name of the joint layout; only how many joints it has matters.
        width: channels of a token, a multiple of `heads`.
        depth: blocks.
        heads: of every attention.
        expand: hidden width of the MLPs as a multiple of `width`.
        faithful: no published quirk is known here.
        dropout: after each attention and MLP.
        axis_name: mapped axis that videos are spread over, or None; only dropout asks.
        dtype: of the computation; parameters are float32.
        remat: what blocks keep for the gradient, of `remat.POLICIES`.
        any_length: whether it works on more frames than it learnt from.
    """

    layout: str = 'ntu25'
    width: int = 64
    depth: int = 4
    heads: int = 4
    expand: int = 4
    faithful: tuple[str, ...] = ()
    dropout: float = 0.0
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32
    remat: str = 'none'
    any_length: ClassVar[bool] = False

    @nn.compact
    def __call__(self, x, mask, *, train: bool) -> pooling.Features:
        """Encodes joints float[B, T, M, V, 3] with mask bool[B, T, M].

        Raises:
            InputError: the width cannot be divided among the heads.
        """
        if self.width % self.heads:
            raise InputError(f'width {self.width} is no multiple of {self.heads} attention heads')
        b, t, m, v, c = x.shape
        mask = mask.swapaxes(1, 2).reshape(b * m, t)
        x = x.swapaxes(1, 2).reshape(b * m, t, v, c)
        x = jnp.where(mask[..., None, None], x, 0)  # garbage may not be finite
        x = layers.Linear(
            self.width, kernel_init=nn.initializers.lecun_normal(), dtype=self.dtype, name='embed'
        )(x)
        joint = self.param('joint', nn.initializers.normal(0.02), (v, self.width), jnp.float32)
        time = time_encoding(t, self.width)[:, None]
        x = x + (joint + time).astype(self.dtype)
        tapped, outputs = pooling.tapped(self.depth).values(), {}
        for number in range(1, self.depth + 1):
            block = Block(
                self.heads, self.expand, self.dropout, self.axis_name, self.dtype,
                name=f'block{number}',
            )
            x = remat.call(self.remat, block, x, mask, train=train)
            if number in tapped:
                outputs[number] = normalise(x, f'norm{number}').swapaxes(1, 2)
        return pooling.frame_features(outputs, mask, m)
