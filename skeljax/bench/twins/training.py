"""Pretraining and fine-tuning steps in PyTorch, as its users write them."""

import copy

import torch
from torch import nn
from torch.nn import functional

from skeljax.bench.twins import networks


class Encoder(nn.Module):
    """A network with the heads of SkeletonCLR and of the snippet term (None without it)."""

    def __init__(self, backbone: networks.Network, channels: int, embed: int, snippets: bool):
        super().__init__()
        self.backbone = backbone
        project = lambda: nn.Sequential(
            nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, embed)
        )
        self.video, self.dense = project(), project() if snippets else None

    def forward(self, x):
        """Maps float[B, 3, T, V, M] to embeddings [B, D]; snippets' features, embeddings, mean."""
        features = last(self.backbone, x)
        video = unit(self.video(features.mean(1)))
        if self.dense is None:
            return video, None
        projected = self.dense(features)
        return video, (features, unit(projected), unit(projected.mean(1)))


class Queue(nn.Module):
    """Negatives, first in, first out."""

    def __init__(self, size: int, embed: int):
        super().__init__()
        self.register_buffer('vectors', unit(torch.randn(size, embed)))
        self.place = 0

    def push(self, keys):
        self.vectors[self.place : self.place + len(keys)] = keys
        self.place = (self.place + len(keys)) % len(self.vectors)


class Contrast(nn.Module):
    """SkeletonCLR, with the snippet term where its weight is not 0.

    Args:
        backbone: the network.
        channels: of its last block.
        chosen: `config.pretrain`.
        autocast: a dtype to compute in, or None.
    """

    def __init__(self, backbone, channels: int, chosen, *, autocast=None):
        super().__init__()
        self.weight, self.temperature = chosen.snippet.weight, chosen.temperature
        self.momentum, self.autocast = chosen.momentum, autocast
        self.query = Encoder(backbone, channels, chosen.embed, bool(self.weight))
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.queue = Queue(chosen.queue_size, chosen.embed)
        if self.weight:
            self.snippets = Queue(chosen.snippet.queue_size or chosen.queue_size, chosen.embed)

    def forward(self, query, key):
        """Returns the loss and what is to be enqueued."""
        with torch.autocast(query.device.type, self.autocast, enabled=self.autocast is not None):
            video, dense = self.query(query)
            with torch.no_grad():
                key_video, key_dense = self.key(key)
        loss = info_nce(video, key_video, self.queue.vectors, self.temperature)
        if dense is None:
            return loss, (key_video,)
        features, embeddings, _ = dense
        key_features, key_embeddings, average = key_dense
        partner = (features.detach() @ key_features.mT).argmax(-1)
        positive = key_embeddings.gather(1, partner[..., None].expand_as(embeddings))
        flat = embeddings.flatten(0, 1), positive.flatten(0, 1)
        term = info_nce(*flat, self.snippets.vectors, self.temperature)
        return loss + self.weight * term, (key_video, average)

    @torch.no_grad()
    def follow(self):
        """Moves the momentum encoder's parameters towards the trained ones."""
        targets = list(self.key.parameters())
        torch._foreach_lerp_(targets, list(self.query.parameters()), 1 - self.momentum)

    @torch.no_grad()
    def enqueue(self, keys):
        self.queue.push(keys[0])
        if self.weight:
            self.snippets.push(keys[1])


def pretraining_step(model: Contrast, optimiser, loss_of, shown):
    """Takes one step on the two views float[B, 3, T, V, M]; returns the loss.

    Args:
        model: whose state changes.
        optimiser: of its query encoder.
        loss_of: the model itself, or it compiled.
        shown: the views.
    """
    model.follow()
    loss, keys = loss_of(*shown)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    model.enqueue(keys)
    return loss.detach()


def last(backbone: networks.Network, x):
    """Encodes float[B, 3, T, V, M]: the last block's mean over joints and persons, [B, T', C]."""
    *_, y = backbone.blocks(backbone.normalised(x))
    return over_persons(y, x.shape[-1])


def over_persons(y, persons: int):
    """Averages features [B M, C, T, V] over joints and persons: [B, T, C]."""
    return y.mean(3).unflatten(0, (-1, persons)).mean(1).transpose(1, 2)


def unit(x):
    return functional.normalize(x.float(), dim=-1, eps=1e-6)


def info_nce(query, positive, negatives, temperature: float):
    """Cross-entropy of the positive among the negatives, the mean over queries [N, D]."""
    near = (query * positive).sum(-1, keepdim=True)
    logits = torch.cat([near, query @ negatives.T], 1) / temperature
    return functional.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long))
