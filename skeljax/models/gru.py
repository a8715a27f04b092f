"""Bidirectional recurrent backbone of CMD, PCM3 and SSD: three layers of GRUs.

Section 1.4 of the specification of baselines. Two things differ from the published
code. It feeds frames one at a time to both directions, so that the backward one also
runs forward: here it runs backward, unless `faithful` names 'causal'. It flattens two
persons into one vector; here each person is encoded alone, by the same weights, and the
taps average over present persons, so that there may be any number.
"""

import math

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from skeljax.models import layers, norms, pooling, remat

_xavier = nn.initializers.variance_scaling(1.0, 'fan_avg', 'uniform', batch_axis=0)


def cell(hidden, given, kernel, bias):
    """One step of PyTorch's GRU, in both directions D at once.

    Flax's cell lacks the biases of the hidden reset and update gates, which published
    weights have.

    Args:
        hidden: float[D, N, H].
        given: the projected input, gates reset, update, new side by side, float[D, N, 3 H].
        kernel: of the hidden state, float[D, H, 3 H].
        bias: float[D, 3 H].

    Returns:
        float[D, N, H].
    """
    own = jnp.einsum('dnh,dhg->dng', hidden, kernel) + bias[:, None]
    size = 2 * hidden.shape[-1]
    gates = nn.sigmoid(given[..., :size] + own[..., :size])
    reset, update = jnp.split(gates, 2, axis=-1)
    new = jnp.tanh(given[..., size:] + reset * own[..., size:])
    return (1 - update) * new + update * hidden


class Layer(nn.Module):
    """A GRU in two directions, in one scan; parameters are stacked, forward first.

    Frames outside the mask are left out: the state passes them unchanged, so that the
    backward direction starts at the last valid frame.

    Attributes:
        features: hidden size of each direction.
        causal: lets both directions run forward.
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
        given = jnp.einsum('nc,dcg->dng', x.reshape(t * n, c), weights['input_kernel'])
        given = given + weights['input_bias'][:, None]
        given = self.turned(given.reshape(2, t, n, 3 * size))
        seen = self.turned(jnp.broadcast_to(mask, (2, t, n, 1)))

        def step(hidden, frame):
            there, projected = frame
            new = cell(hidden, projected, weights['hidden_kernel'], weights['hidden_bias'])
            hidden = jnp.where(there, new, hidden)
            return hidden, hidden

        start = jnp.zeros((2, n, size), self.dtype)
        states = lax.scan(step, start, (seen.swapaxes(0, 1), given.swapaxes(0, 1)))[1]
        forward, backward = self.turned(states.swapaxes(0, 1))
        return jnp.concatenate([forward, backward], axis=-1)

    def turned(self, x):
        """Reverses time of the second direction: [2, T, ...]."""
        return x if self.causal else jnp.stack([x[0], x[1, ::-1]])


class Backbone(nn.Module):
    """The encoder.

    A step has 2 `width` channels. Its map has one joint, as joints are not kept apart.
    Taps are of frame resolution, averaged over time (`pooling.frame_features`); the
    published methods take the last frame's features for those of a video, here the
    heads average.

    Attributes:
        layout: name of the joint layout; only how many joints it has matters.
        width: hidden size of each direction; published: 1024.
        depth: layers.
        faithful: 'causal' lets both directions run forward in time.
        dropout: between layers; the published code has none.
        axis_name: mapped axis that batch statistics are taken over, or None.
        dtype: of the computation; parameters and statistics are float32.
        remat: what layers keep for the gradient, of `remat.POLICIES`.
    """

    layout: str = 'ntu25'
    width: int = 1024
    depth: int = 3
    faithful: tuple[str, ...] = ()
    dropout: float = 0.0
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32
    remat: str = 'none'

    @nn.compact
    def __call__(self, x, mask, *, train: bool) -> pooling.Features:
        """Encodes joints float[B, T, M, V, 3] with mask bool[B, T, M]."""
        b, t, m, v, c = x.shape
        x = x.transpose(1, 0, 2, 3, 4).reshape(t, b * m, v * c).astype(self.dtype)
        seen = mask.transpose(1, 0, 2).reshape(t, b * m, 1)
        x = jnp.where(seen, x, 0)  # garbage may not be finite
        norm = norms.MaskedBatchNorm(self.axis_name, two_pass=True, name='input_norm')
        x = norm(x, seen, train=train)
        tapped, outputs = pooling.tapped(self.depth).values(), {}
        for number in range(1, self.depth + 1):
            if number > 1:
                x = layers.Dropout(self.dropout, self.axis_name, rows=1)(x, train=train)
            layer = Layer(
                self.width, 'causal' in self.faithful, self.dtype, name=f'layer{number}'
            )
            x = remat.call(self.remat, layer, x, seen)
            if number in tapped:
                outputs[number] = x.swapaxes(0, 1)[:, None]
        return pooling.frame_features(outputs, seen[..., 0].T, m)
