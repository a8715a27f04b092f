"""A pretraining step of SkeletonCLR with the snippet term, in usual PyTorch style."""

import copy

import torch
from torch import nn
from torch.nn import functional

from benchmarks.torch_baselines import backbones


class Encoder(nn.Module):
    """A backbone with the heads of SkeletonCLR and of the snippet term (None without it)."""

    def __init__(self, backbone: backbones.Backbone, channels: int, embed: int, snippets: bool):
        super().__init__()
        self.backbone = backbone
        self.video = projection(channels, embed)
        self.dense = projection(channels, embed) if snippets else None

    def forward(self, x):
        """Maps float[B, 3, T, V, M] to the video embedding [B, D], and for snippets to features
        [B, T', C], embeddings [B, T', D] and mean embedding [B, D]."""
        features = encode(self.backbone, x)
        video = normalize(self.video(features.mean(1)))
        if self.dense is None:
            return video, None
        projected = self.dense(features)
        return video, (features, normalize(projected), normalize(projected.mean(1)))


class Queue(nn.Module):
    """Negatives, replaced in the order of their arrival."""

    def __init__(self, size: int, embed: int):
        super().__init__()
        self.register_buffer('vectors', normalize(torch.randn(size, embed)))
        self.position = 0

    def push(self, keys):
        self.vectors[self.position : self.position + len(keys)] = keys
        self.position = (self.position + len(keys)) % len(self.vectors)


class Contrast(nn.Module):
    """SkeletonCLR, with the snippet term if its weight is not 0.

    Other methods override `encoder` and `forward`.

    Args:
        backbone: of the query encoder.
        channels: of its last block.
        cfg: `config.pretrain`.
        autocast: dtype of the computation, or None.
    """

    encoder = Encoder

    def __init__(self, backbone, channels: int, cfg, *, autocast=None):
        super().__init__()
        self.weight, self.temperature = cfg.snippet.weight, cfg.temperature
        self.momentum, self.autocast = cfg.momentum, autocast
        self.query = self.encoder(backbone, channels, cfg.embed_dim, bool(self.weight))
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.queue = Queue(cfg.queue_size, cfg.embed_dim)
        if self.weight:
            self.snippets = Queue(cfg.snippet.queue_size or cfg.queue_size, cfg.embed_dim)

    def forward(self, query, key):
        """Returns the loss and the keys for the queues."""
        with torch.autocast(query.device.type, self.autocast, enabled=self.autocast is not None):
            video, dense = self.query(query)
            with torch.no_grad():
                key_video, key_dense = self.key(key)
        loss = info_nce(video, key_video, self.queue.vectors, self.temperature)
        if dense is None:
            return loss, (key_video,)
        term = snippets(dense, key_dense, self.snippets.vectors, self.temperature)
        return loss + self.weight * term, (key_video, key_dense[2])

    @torch.no_grad()
    def ema_update(self):
        """Updates the parameters of the momentum encoder."""
        targets = list(self.key.parameters())
        torch._foreach_lerp_(targets, list(self.query.parameters()), 1 - self.momentum)

    @torch.no_grad()
    def enqueue(self, keys):
        """Pushes keys into the queues."""
        self.queue.push(keys[0])
        if self.weight:
            self.snippets.push(keys[1])


def pretraining_step(model: Contrast, optimizer, loss_fn, views):
    """Performs one step; returns the loss.

    Args:
        model: its state is updated.
        optimizer: of its query encoder.
        loss_fn: the model, or the compiled model.
        views: float[B, 3, T, V, M] each.
    """
    model.ema_update()
    loss, keys = loss_fn(*views)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    model.enqueue(keys)
    return loss.detach()


def encode(backbone: backbones.Backbone, x):
    """Maps float[B, 3, T, V, M] to the last block's mean over joints and persons, [B, T', C]."""
    *_, y = backbone.blocks(backbone.normalize(x))
    return mean_over_joints(y, x.shape[-1])


def mean_over_joints(y, persons: int):
    """Averages features [B M, C, T, V] over joints and persons: [B, T, C]."""
    return y.mean(3).unflatten(0, (-1, persons)).mean(1).transpose(1, 2)


def normalize(x):
    """Scales vectors [..., D] to length 1, in float32."""
    return functional.normalize(x.float(), dim=-1, eps=1e-6)


def projection(channels: int, embed: int):
    """Builds a projection head of two layers."""
    return nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, embed))


def snippets(query, key, negatives, temperature: float):
    """Computes the snippet term: the positive is the most similar snippet of the other view.

    Args:
        query, key: features [B, S, C], embeddings [B, S, D] and their mean [B, D].
        negatives: [N, D].
        temperature: divisor of the cosines.
    """
    match = (query[0].detach() @ key[0].mT).argmax(-1)
    positive = key[1].gather(1, match[..., None].expand_as(query[1]))
    return info_nce(query[1].flatten(0, 1), positive.flatten(0, 1), negatives, temperature)


def info_nce(query, positive, negatives, temperature: float):
    """Computes InfoNCE, the mean over queries [N, D]."""
    found = logits(query, positive, negatives, temperature)
    return functional.cross_entropy(found, found.new_zeros(len(query), dtype=torch.long))


def logits(query, positive, negatives, temperature: float):
    """Returns the logits of queries [N, D]: first of their positives, then of all negatives."""
    positive_logit = (query * positive).sum(-1, keepdim=True)
    return torch.cat([positive_logit, query @ negatives.T], 1) / temperature
