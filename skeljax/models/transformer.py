"""Spatial-temporal transformer on tokens (frame, joint), at the resolution of frames.

Attention is factorized: each block has attention over the joints of a frame, then attention over
the frames of a joint. ST-TR (arXiv 2012.06399) and DSTA-Net (arXiv 2007.03263) factorize the same
way; ST-TR in two streams, here within a block. Pre-norm blocks on linearly embedded coordinates
are those of masked skeleton pretraining (MAMP, arXiv 2308.09975). Its tokens span four frames;
here each frame has its own, because the start of an action is a frame. The sizes are not those of
any of the three.
"""

from typing import ClassVar

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from skeljax.errors import InputError
from skeljax.models import implementation as implementations, layers, pooling, remat

_xavier = nn.initializers.xavier_uniform()


def attend(query, key, value, mask, heads: int):
    """Returns scaled dot-product attention over the middle axis; the last axis holds the heads.

    With `jax.nn.dot_product_attention` a training step takes 10 to 35 % longer on CPU.

    Args:
        query: float[N, L, C].
        key: float[N, L, C].
        value: float[N, L, C].
        mask: valid keys, bool[N, L], or None for all. For an example without any, the result is
            finite and meaningless.
        heads: number of heads; C is a multiple of it.

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
    """Returns sines and cosines of wavelengths from 2 pi to 20,000 pi frames, float32[T, C]."""
    half = -(-channels // 2)
    rate = 10_000.0 ** (-jnp.arange(half, dtype=jnp.float32) / half)
    angle = jnp.arange(frames, dtype=jnp.float32)[:, None] * rate[None]
    return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], axis=-1)[:, :channels]


def layer_norm(x, name: str):
    """Applies layer norm over the last axis, in float32; for use in a compact method."""
    return nn.LayerNorm(param_dtype=jnp.float32, name=name)(x.astype(jnp.float32)).astype(x.dtype)


class Block(nn.Module):
    """Attention over joints, attention over frames and MLP, each pre-norm with a residual.

    Attributes:
        num_heads: of either attention.
        mlp_ratio: hidden channels of the MLP, as a multiple of the token's.
        dropout: rate, before the residual is added.
        axis_name: mapped axis over which videos are distributed, or None.
        dtype: of the computation.
        implementation: 'plain' or 'cpu'.
    """

    num_heads: int
    mlp_ratio: int
    dropout: float
    axis_name: str | None
    dtype: jnp.dtype
    implementation: str = implementations.field()

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Maps float[N, T, V, C] with mask bool[N, T] to float[N, T, V, C]."""
        for name, part in (
            ('joints', self.joint_attention),
            ('frames', lambda y: self.frame_attention(y, mask)),
            ('mlp', self.mlp),
        ):
            y = part(layer_norm(x, f'{name}_norm'))
            y = layers.Dropout(self.dropout, self.axis_name)(y, train=train)
            x = implementations.materialize(x + y, self.implementation)
        return x

    def joint_attention(self, x):
        """Applies attention over the joints of each frame of float[N, T, V, C]."""
        n, t, v, c = x.shape
        projected = self.linear(3 * c, 'joints_in', x).reshape(n * t, v, 3 * c)
        mixed = attend(*jnp.split(projected, 3, axis=-1), None, self.num_heads)
        return self.linear(c, 'joints_out', mixed).reshape(x.shape)

    def frame_attention(self, x, mask):
        """Applies attention over the valid frames of each joint of float[N, T, V, C].

        The joints are computed one after the other and again for the gradient, so that the T x T
        weights of only one joint are in memory. On CPU this is as fast as all joints together.
        """
        c = x.shape[-1]
        projected = self.linear(3 * c, 'frames_in', x.transpose(2, 0, 1, 3))
        of_joint = jax.checkpoint(
            lambda y: attend(*jnp.split(y, 3, axis=-1), mask, self.num_heads)
        )
        return self.linear(c, 'frames_out', lax.map(of_joint, projected)).transpose(1, 2, 0, 3)

    def mlp(self, x):
        """Applies an MLP to each token of float[N, T, V, C]."""
        hidden = nn.gelu(self.linear(self.mlp_ratio * x.shape[-1], 'mlp_in', x))
        return self.linear(x.shape[-1], 'mlp_out', hidden)

    def linear(self, features, name, x):
        return layers.Linear(features, kernel_init=_xavier, dtype=self.dtype, name=name)(x)


class Backbone(nn.Module):
    """The transformer encoder.

    The output of every tapped block has a layer norm of its own. The taps are averages of frame
    features over time (`pooling.frame_features`). Attention does not generalize to sequences
    longer than those of training: longer recordings are scored in windows
    (`heads.FrameClassifier.max_length`).

    Attributes:
        layout: name of the joint layout; only its number of joints is used.
        base_channels: channels of a token, a multiple of `num_heads`.
        num_layers: number of blocks.
        num_heads: of every attention.
        mlp_ratio: hidden channels of the MLPs, as a multiple of `base_channels`.
        faithful: ignored; no quirk of a release concerns this backbone.
        dropout: rate after each attention and MLP.
        axis_name: mapped axis over which videos are distributed, or None; for dropout.
        dtype: of the computation; parameters are float32.
        remat: which intermediates of a block are stored, one of `remat.POLICIES`.
        implementation: 'plain' or 'cpu', see `models.implementation`.
        any_length: whether sequences may be longer than those of training.
    """

    layout: str = 'ntu25'
    base_channels: int = 256
    num_layers: int = 4
    num_heads: int = 4
    mlp_ratio: int = 4
    faithful: tuple[str, ...] = ()
    dropout: float = 0.0
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32
    remat: str = 'none'
    implementation: str = implementations.field()
    any_length: ClassVar[bool] = False

    @nn.compact
    def __call__(self, x, mask, *, train: bool) -> pooling.Features:
        """Encodes joints float[B, T, M, V, 3], meters, with mask bool[B, T, M].

        Raises:
            InputError: `base_channels` is no multiple of the number of heads.
        """
        channels = self.base_channels
        if channels % self.num_heads:
            raise InputError(
                f'base_channels is {channels}, expected a multiple of num_heads {self.num_heads}'
            )
        b, t, m, v, c = x.shape
        mask = mask.swapaxes(1, 2).reshape(b * m, t)
        x = x.swapaxes(1, 2).reshape(b * m, t, v, c)
        x = jnp.where(mask[..., None, None], x, 0)  # values outside the mask may not be finite
        x = layers.Linear(
            channels, kernel_init=nn.initializers.lecun_normal(), dtype=self.dtype, name='embed'
        )(x)
        joint = self.param('joint', nn.initializers.normal(0.02), (v, channels), jnp.float32)
        time = time_encoding(t, channels)[:, None]
        x = x + (joint[None] + time).astype(self.dtype)[None]
        tapped, outputs = pooling.tapped_layers(self.num_layers).values(), {}
        for number in range(1, self.num_layers + 1):
            block = Block(
                self.num_heads, self.mlp_ratio, self.dropout, self.axis_name, self.dtype,
                self.implementation, name=f'block{number}',
            )
            x = remat.call(self.remat, block, x, mask, train=train)
            if number in tapped:
                outputs[number] = layer_norm(x, f'norm{number}').swapaxes(1, 2)
        return pooling.frame_features(outputs, mask, m)
