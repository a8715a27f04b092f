"""Translation of published PyTorch weights to the backbones in `skeljax.models`.

There is one module for each architecture, named as the backbone: the published tensor of each
parameter, and the options of the network, which follow from the tensors.
"""

import importlib
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.skeletons import skeleton

ARCHITECTURES = ('stgcn', 'agcn', 'ctrgcn')


class Encoder(NamedTuple):
    """The network of one architecture within a checkpoint.

    Attributes:
        architecture: one of `ARCHITECTURES`.
        prefix: prefix of the names of its tensors in the checkpoint.
        tensors: of the network and its heads, without the prefix.
        others: prefixes of further networks of the kind in the checkpoint.
    """

    architecture: str
    prefix: str
    tensors: dict[str, np.ndarray]
    others: tuple[str, ...]


class Network(NamedTuple):
    """Options of the network that follow from the tensors.

    Attributes:
        base_channels: channels of its first block.
        options: further options of its backbone, by name.
        faithful: quirks that the weights require.
    """

    base_channels: int
    options: dict
    faithful: tuple[str, ...] = ()


def of(architecture: str):
    """Returns the module of an architecture."""
    return importlib.import_module(f'skeljax.models.imported.{architecture}')


def find(
    tensors: dict[str, np.ndarray], architecture: str, prefix: str | None = None
) -> Encoder:
    """Returns the encoder with the prefix; without a prefix the only one, or the query encoder.

    Raises:
        InputError: there is none, or there are several to choose from.
    """
    found = _prefixes(tensors, architecture)
    if not found:
        raise InputError(f'no {architecture}: {_instead(tensors, architecture)}')
    start = 'encoder_q.' if prefix is None else f'{prefix.rstrip(".")}.'.removeprefix('.')
    chosen = [place for place in found if place.startswith(start)]
    chosen = [start] if start in chosen else chosen
    if prefix is None and len(found) == 1:
        chosen = found
    if len(chosen) != 1:
        known = ', '.join(f'--prefix={place!r}' for place in found)
        raise InputError(f'{len(chosen)} encoders begin with {start!r}, there are {known}')
    (start,) = chosen
    others = tuple(place for place in found if place != start)
    within = tuple(place for place in others if place.startswith(start))
    inner = {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start) and not name.startswith(within)
    }
    return Encoder(architecture, start, inner, others)


def describe(encoder: Encoder, layout: str) -> Network:
    """Returns the options of the network of the tensors, for joints of a layout.

    Raises:
        InputError: a tensor that determines them is missing, or they do not fit the layout.
    """
    known, module = skeleton.get(layout), of(encoder.architecture)
    for name in module.KEY_TENSORS:
        if name not in encoder.tensors:
            raise InputError(f'no tensor {encoder.prefix}{name}')
    try:
        joints = encoder.tensors[module.KEY_TENSORS[0]].shape[-1]
        network = module.describe(encoder.tensors, known) if joints == known.num_joints else None
    except (IndexError, TypeError):
        shown = [f'{name} {encoder.tensors[name].shape}' for name in module.KEY_TENSORS]
        raise InputError(f'no {encoder.architecture} has {" and ".join(shown)}') from None
    if network is None:
        raise InputError(
            f'{encoder.prefix}{module.KEY_TENSORS[0]} is of {joints} joints, '
            f'layout {layout} has {known.num_joints}'
        )
    if network.base_channels < 4:
        raise InputError(f'{network.base_channels} channels in the first block, expected 4 or more')
    return network


def _prefixes(tensors, architecture: str) -> list[str]:
    sign = of(architecture).SIGN
    ends = [name for name in tensors if f'.{name}'.endswith(f'.{sign}')]
    return sorted(name.removesuffix(sign) for name in ends)


def _instead(tensors, architecture: str) -> str:
    for other in ARCHITECTURES:
        if other != architecture and _prefixes(tensors, other):
            return f'this is a checkpoint of {other} (--as {other})'
    some = ', '.join(list(tensors)[:3])
    return f'no tensor {of(architecture).SIGN}, found {len(tensors)} others as {some}'
