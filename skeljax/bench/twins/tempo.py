"""RVTCLR with the snippet term in PyTorch (relative visual tempo, ICCV 2023; arXiv 2512.16504)."""

import torch
from torch import nn
from torch.nn import functional

from skeljax.bench.twins import training
from skeljax.bench.twins.training import unit

# Joints of NTU RGB+D, counted from 0: trunk, arms, legs.
PARTS = (
    (0, 1, 2, 3, 20), (4, 5, 6, 7, 21, 22), (8, 9, 10, 11, 23, 24), (12, 13, 14, 15),
    (16, 17, 18, 19),
)


class PartBranch(nn.Module):
    """Relates the parts of the body over time and embeds them."""

    def __init__(self, channels: int, embed: int):
        super().__init__()
        inner = channels // 2
        self.narrow = nn.Conv2d(channels, inner, 1, bias=False)
        self.widen = nn.Conv2d(inner, channels, 1, bias=False)
        self.theta, self.phi = nn.Conv1d(channels, inner, 1), nn.Conv1d(channels, inner, 1)
        self.value, self.join = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)
        self.head = training.projection(channels, embed)

    def forward(self, x, persons: int):
        """Maps features float[B M, C, T, V] to unit vectors [B, D]."""
        x = torch.stack([x[..., joints].mean(-1) for joints in PARTS], -1)
        x = self.widen(torch.relu(self.narrow(x)))
        mean = x.mean(-1)
        weights = torch.softmax((self.theta(mean).mT @ self.phi(mean)).float(), -1).to(x.dtype)
        value = self.value(x)
        related = torch.einsum('nts,ncsp->nctp', weights, value)
        x = x + self.norm(self.join(related))
        return unit(self.head(training.over_persons(x, persons).mean(1)))


class Encoder(nn.Module):
    """A network with the heads of RVTCLR and of the snippet term."""

    def __init__(self, backbone, channels: int, embed: int, snippets: bool):
        super().__init__()
        self.backbone = backbone
        self.video, self.tempo = nn.Linear(channels, embed), nn.Linear(channels, embed)
        self.parts = PartBranch(channels, embed)
        self.dense = training.projection(channels, embed) if snippets else None

    def forward(self, x, view: str):
        """Maps float[B, 3, T, V, M] to what the losses ask of a view."""
        *_, y = self.backbone.blocks(self.backbone.normalised(x))
        if view == 'parts':
            return self.parts(y, x.shape[-1])
        features = training.over_persons(y, x.shape[-1])
        mean, dense = features.mean(1), None
        if self.dense is not None and view != 'key':
            projected = self.dense(features)
            dense = features, unit(projected), unit(projected.mean(1))
        return unit(self.video(mean)), unit(self.tempo(mean)), dense


class Tempo(training.Contrast):
    """RVTCLR before it mines positives, with the snippet term where its weight is not 0."""

    encoder = Encoder

    def __init__(self, backbone, channels: int, chosen, *, autocast=None):
        super().__init__(backbone, channels, chosen, autocast=autocast)
        self.margin = chosen.rvtclr.margin

    def forward(self, query, parts, key, other):
        """Returns the loss and what is to be enqueued.

        Args:
            query, key: views at a clip's tempo, float[B, 3, T, V, M].
            parts: a view that is asked by the parts of the body.
            other: the key's at the other tempo.
        """
        with torch.autocast(query.device.type, self.autocast, enabled=self.autocast is not None):
            video, tempo, dense = self.query(query, 'query')
            by_parts = self.query(parts, 'parts')
            with torch.no_grad():
                key_video, key_tempo, _ = self.key(key, 'key')
                other_video, other_tempo, other_dense = self.key(other, 'other')
        same, slower, asked = (
            training.logits(*pair, self.queue.vectors, self.temperature)
            for pair in ((video, key_video), (video, other_video), (by_parts, key_video))
        )
        first = same.new_zeros(len(same), dtype=torch.long)
        nearer = (tempo * (key_tempo - other_tempo)).sum(-1) / self.temperature
        loss = functional.cross_entropy(same, first) + functional.cross_entropy(slower, first)
        loss = loss + torch.relu(self.margin - nearer).mean()
        loss = loss + functional.cross_entropy(asked, same.detach().softmax(-1))
        if dense is None:
            return loss, (other_video,)
        term = training.snippets(dense, other_dense, self.snippets.vectors, self.temperature)
        return loss + self.weight * term, (other_video, other_dense[2])


def paced(x, fast):
    """Makes of clips float[B, 3, T, V, M] half of each at its tempo, or all at twice that.

    Args:
        x: the clips.
        fast: which are all of it, bool[B].
    """
    half = x.shape[2] // 2
    return torch.where(fast[:, None, None, None, None], x[:, :, : 2 * half : 2], x[:, :, :half])
