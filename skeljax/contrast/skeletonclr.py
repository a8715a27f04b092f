"""SkeletonCLR: MoCo v2 on skeleton videos (Li et al., CrosSCLR, arXiv 2104.14466).

A host method is a module with these names; it knows nothing of snippets,
devices or checkpoints.
"""

from flax import linen as nn

from skeljax.contrast import loss
from skeljax.models import heads

# View -> the encoder that sees it.
VIEWS = {'query': 'query', 'key': 'key'}


class Heads(nn.Module):
    """Projects the features of any view for the losses of this method."""

    embed: int = 128

    @nn.compact
    def __call__(self, features):
        deepest = max(features.taps)
        channels = features.taps[deepest][0].shape[-1]
        return heads.GlobalHead(hidden=channels, embed=self.embed, name='video')(features.taps)


def terms(outputs: dict, negatives, *, temperature: float, counts=None) -> dict:
    """Computes the named losses of each video.

    Args:
        outputs: view -> what `Heads` returned for it, float[B, D] unit vectors.
        negatives: float[N, D].
        temperature: softmax temperature.
        counts: which negatives each video is contrasted with, bool[B, N].

    Returns:
        name -> float32[B].
    """
    query, key = outputs['query'], outputs['key']
    losses = loss.info_nce(query, key, negatives, temperature=temperature, counts=counts)
    return {'video': losses}


def enqueued(outputs: dict):
    """Picks the keys that become negatives of later steps, float[B, D]."""
    return outputs['key']
