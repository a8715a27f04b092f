"""Heads on a backbone's taps (multiscale features): frame scores, video and snippet embeddings."""

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
    """Returns x scaled to length 1 along the last axis, float32."""
    x = x.astype(jnp.float32)
    return x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-6)


def _project(hidden, embed_dim, x, dtype):
    """Applies linear, or linear-ReLU-linear with `hidden` channels; for a compact method."""
    if hidden:
        x = nn.relu(nn.Dense(hidden, dtype=dtype, name='hidden')(x))
    return nn.Dense(embed_dim, dtype=dtype, name='project')(x)


class GlobalHead(nn.Module):
    """Embeds a whole video: mean over time of the deepest tap, projected.

    Attributes:
        hidden: channels of the layer before the last; None for a single layer.
        embed_dim: size of the embedding.
    """

    hidden: int | None = None
    embed_dim: int = 128

    @nn.compact
    def __call__(self, taps):
        """Returns unit vectors, float32[B, D]."""
        features, mask = taps[max(taps)]
        pooled = pooling.masked_mean(features, mask[..., None], 1)
        return unit(_project(self.hidden, self.embed_dim, pooled, features.dtype))


class SnippetFeatures(NamedTuple):
    """The snippets of a batch of videos.

    Attributes:
        features: pooled backbone features, not normalized, float[B, S, C].
        embeddings: unit vectors, float32[B, S, D].
        video: unit vector of the mean of a video's projected snippets, float32[B, D].
        valid: snippets with any valid frame, bool[B, S].
    """

    features: jax.Array
    embeddings: jax.Array
    video: jax.Array
    valid: jax.Array


def adaptive_pool(x, mask, count: int):
    """Averages x over `count` intervals of time, those of PyTorch's AdaptiveAvgPool1d.

    Args:
        x: float[B, T, C].
        mask: bool[B, T].
        count: number of intervals; the i-th is [floor(i T / count), ceil((i + 1) T / count)).

    Returns:
        Means over valid steps float[B, count, C], and intervals with any bool[B, count].
    """
    length = x.shape[1]
    place = np.arange(count)[:, None]
    step = np.arange(length)
    inside = (step >= place * length // count) & (step < -(-(place + 1) * length // count))
    weights = (jnp.array(inside)[None] & mask[:, None]).astype(x.dtype)
    total = weights.sum(-1, keepdims=True)
    return jnp.einsum('bst,btc->bsc', weights, x) / jnp.maximum(total, 1), total[..., 0] > 0


def snippet_times(times, mask, count: int):
    """Returns the times of the snippets of a view, the means over their valid frames.

    Args:
        times: of frames, in frames of the recording, int[B, T].
        mask: presence of persons, bool[B, T, M].
        count: number of snippets of a video.

    Returns:
        float32[B, count].
    """
    return adaptive_pool(times[..., None].astype(jnp.float32), mask.any(-1), count)[0][..., 0]


class SnippetHead(nn.Module):
    """Divides the deepest tap into snippets and embeds each (dense projection).

    Attributes:
        num_snippets: S; None: every step of the encoder is a snippet.
        embed_dim: size of an embedding.
    """

    num_snippets: int | None = None
    embed_dim: int = 128

    @nn.compact
    def __call__(self, taps) -> SnippetFeatures:
        """Maps temporal stride -> float[B, T_l, C_l] and bool[B, T_l] to the embedded snippets."""
        features, valid = taps[max(taps)]
        if self.num_snippets:
            features, valid = adaptive_pool(features, valid, self.num_snippets)
        projected = _project(features.shape[-1], self.embed_dim, features, features.dtype)
        video = pooling.masked_mean(projected, valid[..., None], 1)
        return SnippetFeatures(features, unit(projected), unit(video), valid)


class FrameHead(nn.Module):
    """Scores every step: one linear layer, logits in float32."""

    num_outputs: int

    @nn.compact
    def __call__(self, x):
        """Maps float[..., C] to float32[..., num_outputs]."""
        return nn.Dense(self.num_outputs, dtype=jnp.float32, name='score')(x.astype(jnp.float32))


def interpolate(logits, mask, stride: int):
    """Interpolates logits of every `stride`-th frame linearly at all valid frames.

    In each example the first and last valid step are at the first and last valid frame
    (`align_corners`), so that padding has no effect.

    Args:
        logits: float[B, ceil(T / stride), L].
        mask: valid frames (a prefix), bool[B, T].
        stride: frames per step.

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
    """Results of a `FrameClassifier` from which losses are computed.

    Attributes:
        logits: of classes, background last, before boundary pooling, float32[B, T, L + 1].
        boundaries: logits of a label change near a frame, float32[B, T]; None without that head.
    """

    logits: jax.Array
    boundaries: jax.Array | None


class FrameClassifier(nn.Module):
    """Scores every frame of a recording.

    Attributes:
        backbone: an `interfaces.BackboneModule`.
        fuser: an `interfaces.FuserModule`; None scores the deepest tap and interpolates (the plain
            head).
        head: a `FrameHead` with one output for each class and one for background.
        stream: input stream of the backbone, one of `streams.STREAMS`.
        frozen: the backbone is not trained, and its batch statistics do not change.
        clip_level: all frames have the score of the mean of the deepest tap, for recordings of
            one action (recognition).
        max_length: most frames of an input, those of training; None for any number.
        boundary: detects label changes, between which the scores of frames are averaged; None
            averages nothing.
        multi_label: a frame may have several classes: each has a probability of its own.
    """

    backbone: nn.Module
    fuser: nn.Module | None
    head: nn.Module
    stream: str = 'joint'
    frozen: bool = False
    clip_level: bool = False
    max_length: int | None = None
    boundary: BoundaryHead | None = None
    multi_label: bool = False

    def __call__(self, joints, mask, *, train: bool):
        """Maps joints float[B, T, M, V, 3] and bool[B, T, M] to logits float32[B, T, L + 1]."""
        logits, boundaries = self.outputs(joints, mask, train=train)
        if boundaries is None:
            return logits
        return self.boundary.pool(logits, boundaries, mask.any(-1))

    def outputs(self, joints, mask, *, train: bool) -> Outputs:
        """Maps joints float[B, T, M, V, 3] and bool[B, T, M] to the inputs of losses."""
        taps = self.taps(joints, mask, train=train)
        if self.fuser is not None:
            features = self.fuser(taps, train=train)[0]
            boundaries = None if self.boundary is None else self.boundary(features)
            return Outputs(self.head(features), boundaries)
        stride = max(taps)
        features, valid = taps[stride]
        if self.clip_level:
            logits = self.head(pooling.masked_mean(features, valid[..., None], 1))
            return Outputs(jnp.repeat(logits[:, None], mask.shape[1], axis=1), None)
        frames = mask.any(-1)
        logits = interpolate(self.head(features), frames, stride)
        if self.boundary is None:
            return Outputs(logits, None)
        boundaries = interpolate(self.boundary(features)[..., None], frames, stride)
        return Outputs(logits, boundaries[..., 0])

    @nn.nowrap
    def probabilities(self, logits):
        """Maps logits float[..., L + 1] to probabilities: softmax, or sigmoid if `multi_label`."""
        return nn.sigmoid(logits) if self.multi_label else jax.nn.softmax(logits, axis=-1)

    @nn.nowrap
    def receptive_field(self) -> tuple[int, int] | None:
        """Returns the part of a recording that the score of a frame depends on.

        Returns:
            Frames on either side of the frame, and the stride at a multiple of which a window
            must start to have the scores of the whole recording; None if the score depends on
            all frames, as with backbones without `receptive_field`, which average over time,
            attend or recur, and with the plain head, which interpolates over the whole length.
        """
        if self.fuser is None or not hasattr(self.backbone, 'receptive_field'):
            return None
        taps = self.backbone.receptive_field()
        pooled = 0 if self.boundary is None else self.boundary.receptive_field
        fused = self.fuser.receptive_field(taps)
        return fused + (self.stream == 'motion') + pooled, max(taps)

    def taps(self, joints, mask, *, train: bool = False):
        """Encodes: temporal stride -> features float[B, T_l, C_l] and valid steps bool[B, T_l]."""
        joints = streams.derive(joints, mask, self.stream, self.backbone.layout)
        taps = self.backbone(joints, mask, train=train and not self.frozen).taps
        return lax.stop_gradient(taps) if self.frozen else taps
