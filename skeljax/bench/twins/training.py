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
        self.video = projection(channels, embed)
        self.dense = projection(channels, embed) if snippets else None

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

    Other methods have another `encoder`, and a `forward` of their views.

    Args:
        backbone: the network.
        channels: of its last block.
        chosen: `config.pretrain`.
        autocast: a dtype to compute in, or None.
    """

    encoder = Encoder

    def __init__(self, backbone, channels: int, chosen, *, autocast=None):
        super().__init__()
        self.weight, self.temperature = chosen.snippet.weight, chosen.temperature
        self.momentum, self.autocast = chosen.momentum, autocast
        self.query = self.encoder(backbone, channels, chosen.embed_dim, bool(self.weight))
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.queue = Queue(chosen.queue_size, chosen.embed_dim)
        if self.weight:
            self.snippets = Queue(chosen.snippet.queue_size or chosen.queue_size, chosen.embed_dim)

    def forward(self, query, key):
        """Returns the loss and what is to be enqueued."""
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
    """Takes one step on the views float[B, 3, T, V, M]; returns the loss.

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


def projection(channels: int, embed: int):
    return nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, embed))


def snippets(query, key, negatives, temperature: float):
    """Computes the snippet term: each contrasted with the other view's that looks most alike.

    Args:
        query, key: features [B, S, C], embeddings [B, S, D] and their mean [B, D].
        negatives: [N, D].
        temperature: that cosines are divided by.
    """
    partner = (query[0].detach() @ key[0].mT).argmax(-1)
    positive = key[1].gather(1, partner[..., None].expand_as(query[1]))
    return info_nce(query[1].flatten(0, 1), positive.flatten(0, 1), negatives, temperature)


def info_nce(query, positive, negatives, temperature: float):
    """Cross-entropy of the positive among the negatives, the mean over queries [N, D]."""
    compared = logits(query, positive, negatives, temperature)
    return functional.cross_entropy(compared, compared.new_zeros(len(query), dtype=torch.long))


def logits(query, positive, negatives, temperature: float):
    """Compares queries [N, D] with their positives, which come first, and with all negatives."""
    near = (query * positive).sum(-1, keepdim=True)
    return torch.cat([near, query @ negatives.T], 1) / temperature
