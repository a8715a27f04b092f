"""Bidirectional recurrent backbone of CMD, PCM3 and SSD: three layers of GRUs.

It differs from the published code in two respects. That code feeds one frame at a time to both
directions, so that its backward direction also runs forward; here it runs backward, unless
`faithful` contains 'causal'. That code concatenates the coordinates of two persons; here each
person is encoded alone by the same weights, and the taps are averages over the present persons,
so that the number of persons is not fixed.
"""

import math

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from skeljax.models import implementation as implementations, layers, norms, pooling, remat

_xavier = nn.initializers.variance_scaling(1.0, 'fan_avg', 'uniform', batch_axis=0)


def cell(hidden, inputs, kernel, bias):
    """Returns the next hidden state of PyTorch's GRU, for both directions D.

    Flax's cell lacks the biases of the hidden reset and update gates, which published weights
    contain.

    Args:
        hidden: float[D, N, H].
        inputs: the projected input for the gates reset, update and new, float[D, N, 3 H].
        kernel: of the hidden state, float[D, H, 3 H].
        bias: float[D, 3 H].

    Returns:
        float[D, N, H].
    """
    projected = jnp.einsum('dnh,dhg->dng', hidden, kernel) + bias[:, None]
    size = 2 * hidden.shape[-1]
    gates = nn.sigmoid(inputs[..., :size] + projected[..., :size])
    reset, update = jnp.split(gates, 2, axis=-1)
    new = jnp.tanh(inputs[..., size:] + reset * projected[..., size:])
    return (1 - update) * new + update * hidden


class Layer(nn.Module):
    """A GRU in two directions, in one scan; parameters are stacked, the forward ones first.

    Frames outside the mask do not change the state, so that the backward direction starts at the
    last valid frame.

    Attributes:
        features: hidden size of each direction.
        causal: both directions run forward.
        dtype: of the computation.
    """

    features: int
    causal: bool
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x, mask):
        """Maps float[T, N, C] with mask bool[T, N, 1] to float[T, N, 2 features]."""
        size, (t, n, c) = self.features, x.shape
        uniform = lambda key, shape, dtype: jax.random.uniform(
            key, shape, dtype, -1 / math.sqrt(size), 1 / math.sqrt(size)
        )
        shapes = {
            'input_kernel': (_xavier, (2, c, 3 * size)),
            'input_bias': (uniform, (2, 3 * size)),
            'hidden_kernel': (_xavier, (2, size, 3 * size)),
            'hidden_bias': (uniform, (2, 3 * size)),
        }
        weights = {
            name: self.param(name, init, shape, jnp.float32).astype(self.dtype)
            for name, (init, shape) in shapes.items()
        }
        # All frames at once, before the recurrence.
        inputs = jnp.einsum('nc,dcg->dng', x.reshape(t * n, c), weights['input_kernel'])
        inputs = inputs + weights['input_bias'][:, None]
        inputs = self.reversed_backward(inputs.reshape(2, t, n, 3 * size))
        valid = self.reversed_backward(jnp.broadcast_to(mask, (2, t, n, 1)))

        def step(hidden, frame):
            is_valid, projected = frame
            new = cell(hidden, projected, weights['hidden_kernel'], weights['hidden_bias'])
            hidden = jnp.where(is_valid, new, hidden)
            return hidden, hidden

        start = jnp.zeros((2, n, size), self.dtype)
        states = lax.scan(step, start, (valid.swapaxes(0, 1), inputs.swapaxes(0, 1)))[1]
        forward, backward = self.reversed_backward(states.swapaxes(0, 1))
        return jnp.concatenate([forward, backward], axis=-1)

    def reversed_backward(self, x):
        """Reverses time of the backward direction of [2, T, ...], unless it is causal."""
        return x if self.causal else jnp.stack([x[0], x[1, ::-1]])


class Backbone(nn.Module):
    """The recurrent encoder.

    A step has 2 `base_channels` channels. The feature map has one joint, because a frame's joints
    are encoded together. The taps are averages of frame features over time
    (`pooling.frame_features`). The published methods represent a video by the features of the
    last frame; here the heads average.

    Attributes:
        layout: name of the joint layout; only its number of joints is used.
        base_channels: hidden size of each direction; published as 1024.
        num_layers: number of layers.
        faithful: with 'causal' both directions run forward in time.
        dropout: rate between layers; the published code has none.
        axis_name: mapped axis that batch statistics are computed over, or None.
        dtype: of the computation; parameters and statistics are float32.
        remat: which intermediates of a layer are stored, one of `remat.POLICIES`.
        implementation: 'plain' or 'cpu', see `models.implementation`.
    """

    layout: str = 'ntu25'
    base_channels: int = 1024
    num_layers: int = 3
    faithful: tuple[str, ...] = ()
    dropout: float = 0.0
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32
    remat: str = 'none'
    implementation: str = implementations.field()

    @nn.compact
    def __call__(self, x, mask, *, train: bool) -> pooling.Features:
        """Encodes joints float[B, T, M, V, 3], meters, with mask bool[B, T, M]."""
        b, t, m, v, c = x.shape
        x = x.transpose(1, 0, 2, 3, 4).reshape(t, b * m, v * c).astype(self.dtype)
        mask = mask.transpose(1, 0, 2).reshape(t, b * m, 1)
        x = jnp.where(mask, x, 0)  # values outside the mask may not be finite
        norm = norms.MaskedBatchNorm(
            self.axis_name, two_pass=True, implementation=self.implementation, name='input_norm'
        )
        x = norm(x, mask, train=train)
        tapped, outputs = pooling.tapped_layers(self.num_layers).values(), {}
        for number in range(1, self.num_layers + 1):
            if number > 1:
                x = layers.Dropout(self.dropout, self.axis_name, rows=1)(x, train=train)
            layer = Layer(
                self.base_channels, 'causal' in self.faithful, self.dtype, name=f'layer{number}'
            )
            x = remat.call(self.remat, layer, x, mask)
            if number in tapped:
                outputs[number] = x.swapaxes(0, 1)[:, None]
        return pooling.frame_features(outputs, mask[..., 0].T, m)
