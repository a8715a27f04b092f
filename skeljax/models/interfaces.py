"""What a backbone and a fuser must provide, for example those of another package."""

from typing import Protocol

import jax

from skeljax.models import pooling


class BackboneModule(Protocol):
    """A Flax module that encodes skeleton sequences of any length and number of persons.

    `skeljax.train.build.backbone` constructs it with the fields below by name and with the options
    of `config.model.<name>`. Results must not depend on padding, that is on joints outside the
    mask, which may hold any value.

    Attributes:
        layout: name of the joint layout, see `skeljax.skeletons.skeleton`.
        base_channels: channels of the first block.
        dropout: rate.
        faithful: quirks of releases to repeat; names that do not concern the backbone are ignored.
        axis_name: mapped axis that batch statistics are computed over, or None.
        dtype: of the computation; parameters and statistics are float32.
        remat: which intermediates of a block are stored, one of `remat.POLICIES`.

    Optional members: `any_length`, False if sequences may not be longer than those of training;
    `implementation`, see `models.implementation`; and `receptive_field() -> dict[int, int]`,
    temporal stride of a tap -> frames on either side that a step depends on, for a backbone whose
    features depend on a limited number of frames.
    """

    layout: str
    base_channels: int
    dropout: float
    faithful: tuple[str, ...]
    axis_name: str | None
    dtype: jax.typing.DTypeLike
    remat: str

    def __call__(self, x: jax.Array, mask: jax.Array, *, train: bool) -> pooling.Features:
        """Encodes joints float[B, T, M, V, 3], meters, with mask bool[B, T, M].

        Returns:
            The last feature map and the taps (multiscale features) by temporal stride.
        """
        ...


class FuserModule(Protocol):
    """A Flax module that fuses taps of several temporal strides to features of every frame.

    Attributes:
        feature_strides: temporal strides of the taps to fuse, finest first; () for the default.
        axis_name: mapped axis that batch statistics are computed over, or None.
        dtype: of the computation.
    """

    feature_strides: tuple[int, ...]
    axis_name: str | None
    dtype: jax.typing.DTypeLike

    def __call__(
        self, taps: dict[int, tuple[jax.Array, jax.Array]], *, train: bool
    ) -> tuple[jax.Array, jax.Array]:
        """Fuses temporal stride -> features float[B, T_l, C_l] and valid steps bool[B, T_l].

        Returns:
            Features float[B, T, C] and valid frames bool[B, T], of the finest stride.
        """
        ...

    def receptive_field(self, taps: dict[int, int]) -> int:
        """Returns the frames on either side that a result depends on.

        Args:
            taps: temporal stride of a tap -> frames on either side that its steps depend on.
        """
        ...
