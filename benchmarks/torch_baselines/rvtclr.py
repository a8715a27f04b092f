"""RVTCLR (relative visual tempo, ICCV 2023) with the snippet term (arXiv 2512.16504) in PyTorch."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.torch_baselines import pretraining
from benchmarks.torch_baselines.pretraining import normalize

# Joints of NTU RGB+D, counted from 0: trunk, arms, legs.
PARTS = (
    (0, 1, 2, 3, 20), (4, 5, 6, 7, 21, 22), (8, 9, 10, 11, 23, 24), (12, 13, 14, 15),
    (16, 17, 18, 19),
)


class PartBranch(nn.Module):
    """Attention over time on the features of body parts, and a head."""

    def __init__(self, channels: int, embed: int):
        super().__init__()
        inner = channels // 2
        self.narrow = nn.Conv2d(channels, inner, 1, bias=False)
        self.widen = nn.Conv2d(inner, channels, 1, bias=False)
        self.theta, self.phi = nn.Conv1d(channels, inner, 1), nn.Conv1d(channels, inner, 1)
        self.value, self.join = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)
        self.head = pretraining.projection(channels, embed)

    def forward(self, x, persons: int):
        """Maps features float[B M, C, T, V] to unit vectors [B, D]."""
        x = torch.stack([x[..., joints].mean(-1) for joints in PARTS], -1)
        x = self.widen(torch.relu(self.narrow(x)))
        mean = x.mean(-1)
        weights = torch.softmax((self.theta(mean).mT @ self.phi(mean)).float(), -1).to(x.dtype)
        value = self.value(x)
        attended = torch.einsum('nts,ncsp->nctp', weights, value)
        x = x + self.norm(self.join(attended))
        return normalize(self.head(pretraining.mean_over_joints(x, persons).mean(1)))


class Encoder(nn.Module):
    """A backbone with the heads of RVTCLR and of the snippet term (None without it)."""

    def __init__(self, backbone, channels: int, embed: int, snippets: bool):
        super().__init__()
        self.backbone = backbone
        self.video, self.tempo = nn.Linear(channels, embed), nn.Linear(channels, embed)
        self.parts = PartBranch(channels, embed)
        self.dense = pretraining.projection(channels, embed) if snippets else None

    def forward(self, x, view: str):
        """Maps float[B, 3, T, V, M] to the embeddings that the losses need from a view.

        Args:
            x: the view.
            view: its name, 'query', 'parts', 'key' or 'other'.
        """
        *_, y = self.backbone.blocks(self.backbone.normalize(x))
        if view == 'parts':
            return self.parts(y, x.shape[-1])
        features = pretraining.mean_over_joints(y, x.shape[-1])
        mean, dense = features.mean(1), None
        if self.dense is not None and view != 'key':
            projected = self.dense(features)
            dense = features, normalize(projected), normalize(projected.mean(1))
        return normalize(self.video(mean)), normalize(self.tempo(mean)), dense


class Rvtclr(pretraining.Contrast):
    """RVTCLR before it mines positives, with the snippet term if its weight is not 0."""

    encoder = Encoder

    def __init__(self, backbone, channels: int, cfg, *, autocast=None):
        super().__init__(backbone, channels, cfg, autocast=autocast)
        self.margin = cfg.rvtclr.margin

    def forward(self, query, parts, key, other):
        """Returns the loss and the keys for the queues.

        Args:
            query, key: views at the tempo of the clip, float[B, 3, T, V, M].
            parts: the view that is embedded by body parts.
            other: the key view at the other tempo.
        """
        with torch.autocast(query.device.type, self.autocast, enabled=self.autocast is not None):
            video, tempo, dense = self.query(query, 'query')
            by_parts = self.query(parts, 'parts')
            with torch.no_grad():
                key_video, key_tempo, _ = self.key(key, 'key')
                other_video, other_tempo, other_dense = self.key(other, 'other')
        same, slower, of_parts = (
            pretraining.logits(*pair, self.queue.vectors, self.temperature)
            for pair in ((video, key_video), (video, other_video), (by_parts, key_video))
        )
        first = same.new_zeros(len(same), dtype=torch.long)
        difference = (tempo * (key_tempo - other_tempo)).sum(-1) / self.temperature
        loss = functional.cross_entropy(same, first) + functional.cross_entropy(slower, first)
        loss = loss + torch.relu(self.margin - difference).mean()
        loss = loss + functional.cross_entropy(of_parts, same.detach().softmax(-1))
        if dense is None:
            return loss, (other_video,)
        term = pretraining.snippets(dense, other_dense, self.snippets.vectors, self.temperature)
        return loss + self.weight * term, (other_video, other_dense[2])


def change_tempo(x, fast):
    """Returns the first half of clips, or every other frame of them (twice the tempo).

    Args:
        x: float[B, 3, T, V, M].
        fast: which clips are sped up, bool[B].
    """
    half = x.shape[2] // 2
    return torch.where(fast[:, None, None, None, None], x[:, :, : 2 * half : 2], x[:, :, :half])
