"""Heads on a backbone's taps: frame scores, video embeddings, snippet embeddings."""

from typing import NamedTuple

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from skeljax.models import pooling
from skeljax.models.boundary import BoundaryHead
from skeljax.skeletons import streams


def unit(x):
    """Scales to length 1 along the last axis, float32."""
    x = x.astype(jnp.float32)
    return x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-6)


def _projection(hidden, embed, x, dtype):
    """Linear, or linear-ReLU-linear where `hidden` is given; call inside a compact method."""
    if hidden:
        x = nn.relu(nn.Dense(hidden, dtype=dtype, name='hidden')(x))
    return nn.Dense(embed, dtype=dtype, name='project')(x)


class GlobalHead(nn.Module):
    """Embeds a whole video: mean over time of the deepest tap, projected.

    Attributes:
        hidden: width of the layer before the last; None for a single layer.
        embed: size of the embedding.
    """

    hidden: int | None = None
    embed: int = 128

    @nn.compact
    def __call__(self, taps):
        """Returns unit vectors, float32[B, D]."""
        features, mask = taps[max(taps)]
        pooled = pooling.masked_mean(features, mask[..., None], 1)
        return unit(_projection(self.hidden, self.embed, pooled, features.dtype))


class Snippets(NamedTuple):
    """The snippets of a batch of videos.

    Attributes:
        features: pooled backbone features, not normalised, float[B, S, C].
        embeddings: unit vectors, float32[B, S, D].
        video: unit vector of the mean of a video's projected snippets, float32[B, D].
        valid: snippets that hold any valid frame, bool[B, S].
    """

    features: jax.Array
    embeddings: jax.Array
    video: jax.Array
    valid: jax.Array


def adaptive_pool(x, mask, count: int):
    """Averages x over `count` stretches of time, as PyTorch's AdaptiveAvgPool1d cuts them.

    Args:
        x: float[B, T, C].
        mask: bool[B, T].
        count: stretches; the i-th is [floor(i T / count), ceil((i + 1) T / count)).

    Returns:
        Means over valid steps float[B, count, C] and whether there were any, bool[B, count].
    """
    length = x.shape[1]
    place = np.arange(count)[:, None]
    step = np.arange(length)
    inside = (step >= place * length // count) & (step < -(-(place + 1) * length // count))
    weights = (jnp.array(inside) & mask[:, None]).astype(x.dtype)
    total = weights.sum(-1, keepdims=True)
    return jnp.einsum('bst,btc->bsc', weights, x) / jnp.maximum(total, 1), total[..., 0] > 0


def snippet_times(times, mask, count: int):
    """Tells when the snippets of a view are: the mean of their valid frames' times.

    Args:
        times: of frames, in those of the recording, int[B, T].
        mask: who is there when, bool[B, T, M].
        count: snippets of a video.

    Returns:
        float32[B, count].
    """
    return adaptive_pool(times[..., None].astype(jnp.float32), mask.any(-1), count)[0][..., 0]


class SnippetHead(nn.Module):
    """Cuts the deepest tap into snippets and embeds each (dense projection).

    Attributes:
        num_snippets: S; None makes every step of the encoder a snippet.
        embed: size of an embedding.
    """

    num_snippets: int | None = None
    embed: int = 128

    @nn.compact
    def __call__(self, taps) -> Snippets:
        features, valid = taps[max(taps)]
        if self.num_snippets:
            features, valid = adaptive_pool(features, valid, self.num_snippets)
        projected = _projection(features.shape[-1], self.embed, features, features.dtype)
        video = pooling.masked_mean(projected, valid[..., None], 1)
        return Snippets(features, unit(projected), unit(video), valid)


class FrameHead(nn.Module):
    """Scores every step: one linear layer, logits in float32."""

    num_outputs: int

    @nn.compact
    def __call__(self, x):
        return nn.Dense(self.num_outputs, dtype=jnp.float32, name='score')(x.astype(jnp.float32))


def interpolate(logits, mask, stride: int):
    """Stretches logits of every `stride`-th frame linearly over all valid frames.

    The first and last valid step fall on the first and last valid frame
    (`align_corners`), example by example, so that padding changes nothing.

    Args:
        logits: float[B, ceil(T / stride), L].
        mask: valid frames (a prefix), bool[B, T].
        stride: frames a step.

    Returns:
        float[B, T, L].
    """
    frames = mask.shape[1] - jnp.argmax(mask[:, ::-1], axis=1)
    frames = jnp.where(mask.any(1), frames, 0)[:, None]
    steps = -(-frames // stride)
    place = jnp.arange(mask.shape[1], dtype=jnp.float32)[None]
    ratio = jnp.maximum(steps - 1, 0) / jnp.maximum(frames - 1, 1)
    place = jnp.clip(place * ratio.astype(place.dtype), 0, logits.shape[1] - 1)
    low = jnp.floor(place).astype(jnp.int32)
    high = jnp.minimum(low + 1, logits.shape[1] - 1)
    share = (place - low.astype(place.dtype))[..., None]
    take = jax.vmap(lambda x, i: x[i])
    return take(logits, low) * (1 - share) + take(logits, high) * share


class Outputs(NamedTuple):
    """What a `Localizer` is trained on.

    Attributes:
        logits: of classes, background last, not yet pooled, float32[B, T, L + 1].
        boundaries: logits of a label change near a frame, float32[B, T]; None without the head.
    """

    logits: jax.Array
    boundaries: jax.Array | None


class Localizer(nn.Module):
    """Scores every frame of a recording.

    Attributes:
        backbone: gives the taps.
        fuser: joins them at full resolution; None scores the deepest tap and
            interpolates (the plain head).
        head: a `FrameHead` with one output a class and one for background.
        stream: of the skeleton that the backbone sees, of `streams.STREAMS`.
        frozen: the backbone stays as it is, its batch statistics too.
        whole: gives all frames the score of the mean of the deepest tap, as where a
            recording shows one action (recognition).
        span: frames that it is to see at once, as many as it learnt from; None for any number.
        boundary: finds label changes, between which the scores of frames are averaged; None
            scores each frame for itself.
        multi_label: a frame may show several classes: each has a probability of its own.
    """

    backbone: nn.Module
    fuser: nn.Module | None
    head: nn.Module
    stream: str = 'joint'
    frozen: bool = False
    whole: bool = False
    span: int | None = None
    boundary: BoundaryHead | None = None
    multi_label: bool = False

    def __call__(self, joints, mask, *, train: bool):
        """Maps float[B, T, M, V, 3] and bool[B, T, M] to logits float32[B, T, L + 1]."""
        logits, boundaries = self.outputs(joints, mask, train=train)
        if boundaries is None:
            return logits
        return self.boundary.pool(logits, boundaries, mask.any(-1))

    def outputs(self, joints, mask, *, train: bool) -> Outputs:
        """Maps float[B, T, M, V, 3] and bool[B, T, M] to what losses are computed of."""
        taps = self.taps(joints, mask, train=train)
        if self.fuser is not None:
            features = self.fuser(taps, train=train)[0]
            found = None if self.boundary is None else self.boundary(features)
            return Outputs(self.head(features), found)
        stride = max(taps)
        features, valid = taps[stride]
        if self.whole:
            logits = self.head(pooling.masked_mean(features, valid[..., None], 1))
            return Outputs(jnp.repeat(logits[:, None], mask.shape[1], axis=1), None)
        frames = mask.any(-1)
        logits = interpolate(self.head(features), frames, stride)
        if self.boundary is None:
            return Outputs(logits, None)
        found = interpolate(self.boundary(features)[..., None], frames, stride)
        return Outputs(logits, found[..., 0])

    @nn.nowrap
    def probabilities(self, logits):
        """Turns logits float[..., L + 1] into probabilities: of one class, or of each."""
        return nn.sigmoid(logits) if self.multi_label else jax.nn.softmax(logits, axis=-1)

    @nn.nowrap
    def reach(self) -> tuple[int, int] | None:
        """Tells on how much of a recording the score of a frame depends.

        Returns:
            Frames on either side of it, and the stride that a piece must start at a multiple
            of to be scored as the whole; None where the score depends on all frames: every
            backbone but ST-GCN averages, attends or remembers, and the plain head stretches
            its steps over the whole length.
        """
        if self.fuser is None or not hasattr(self.backbone, 'reach'):
            return None
        taps = self.backbone.reach()
        pooled = 0 if self.boundary is None else self.boundary.reach
        return self.fuser.reach(taps) + (self.stream == 'motion') + pooled, max(taps)

    def taps(self, joints, mask, *, train: bool = False):
        """Encodes: temporal stride -> float[B, T_l, C_l], bool[B, T_l]."""
        joints = streams.derive(joints, mask, self.stream, self.backbone.layout)
        taps = self.backbone(joints, mask, train=train and not self.frozen).taps
        return lax.stop_gradient(taps) if self.frozen else taps
