"""Contrastive methods, one file each, and the interface that all of them have.

A method of another package is used by `config.pretrain.method='my_package.my_loss:MyMethod'`.
"""

from typing import Any, ClassVar, NamedTuple, Protocol

from flax import linen as nn


class View(NamedTuple):
    """How one view of a recording is made, and which encoder embeds it.

    Attributes:
        encoder: 'query' (the trained encoder) or 'key' (the momentum encoder).
        shares_crop_with: the view whose crop and augmentation this one has, draw for draw; '' for
            its own.
        tempo: '' for the whole crop; 'same' and 'other' for relative tempo (RVTCLR): one is half of
            the crop at its full rate and the other all of it at half the rate, drawn per video.
        num_masked_joints: joints of every frame that are zeroed in all streams.
    """

    encoder: str
    shares_crop_with: str = ''
    tempo: str = ''
    num_masked_joints: int = 0


class ContrastiveMethod(Protocol):
    """A contrastive method, made as `Method(temperature=, faithful=, **config.pretrain.<method>)`.

    Methods here are frozen dataclasses whose fields are the config keys, with their defaults, and
    which check them in `__post_init__`. Methods know neither snippets nor devices nor
    checkpoints: the step draws `views`, embeds each by an encoder and `heads`, and calls `losses`
    per stream (an encoder for joints, one for bones, ...) and `cross_stream_losses` once. Names of
    losses are those in the log; the total is their sum.
    """

    uses_queue: ClassVar[bool]  # has negatives (of the queue or the batch); else `losses` gets None
    gathers_batch: ClassVar[bool]  # outputs are those of all devices, not of this one alone
    needs_logits: ClassVar[bool]  # reads single logits of negatives (to mine, to distill)
    min_streams: ClassVar[int]

    @property
    def views(self) -> dict[str, View]:
        """Returns the views of a recording by their names."""

    def check_layout(self, layout: str) -> None:
        """Raises InputError where the joint layout lacks what the method needs."""

    def heads(self, *, embed_dim: int, layout: str, axis_name: str | None) -> nn.Module:
        """Builds the module that maps `(pooling.Features, view name, train=)` to outputs.

        Outputs are a dict of arrays with the batch axis first, unit vectors for InfoNCE.

        Args:
            embed_dim: length of an embedding.
            layout: name of the joint layout.
            axis_name: mapped axis of batch statistics; None for those of each device.
        """

    def losses(self, outputs: dict, negatives: Any, progress) -> dict:
        """Computes the losses of one stream.

        Args:
            outputs: view -> outputs of `heads`.
            negatives: `sharded.TiledNegatives`; may be `sharded.RingNegatives` where
                `needs_logits` is False; None where `uses_queue` is False.
            progress: share of the run so far, float32[].

        Returns:
            name -> float32[B], or float32[] with `gathers_batch`.
        """

    def cross_stream_losses(self, outputs: dict, negatives: dict, progress) -> dict:
        """Computes losses between streams, name -> float32[B]; arguments by stream."""

    def queue_keys(self, outputs: dict):
        """Selects the keys that become negatives of later steps, float[B, D]."""

    def momentum_scale(self, stream: str, progress):
        """Returns the factor of `1 - momentum` in the EMA update of a stream's encoder."""
