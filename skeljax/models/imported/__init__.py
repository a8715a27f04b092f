"""Published PyTorch weights become those of the backbones in `skeljax.models`.

One module an architecture, named as the backbone: which of its parameters is which
published tensor, and what the tensors tell about the network.
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
        architecture: of `ARCHITECTURES`.
        prefix: what the checkpoint puts before the names of its tensors.
        tensors: of the network and its heads, without the prefix.
        others: prefixes of further networks of the kind in the checkpoint.
    """

    architecture: str
    prefix: str
    tensors: dict[str, np.ndarray]
    others: tuple[str, ...]


class Network(NamedTuple):
    """What the tensors tell about the network.

    Attributes:
        width: channels of its first block.
        options: what else its backbone is told, by name.
        faithful: quirks that the weights need.
    """

    width: int
    options: dict
    faithful: tuple[str, ...] = ()


def of(architecture: str):
    """Finds the module of an architecture."""
    return importlib.import_module(f'skeljax.models.imported.{architecture}')


def find(
    tensors: dict[str, np.ndarray], architecture: str, prefix: str | None = None
) -> Encoder:
    """Finds the encoder: the one with the prefix, the only one, or the query encoder.

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
    """Reads off the tensors what network they make, for joints of a layout.

    Raises:
        InputError: a tensor that tells is missing, or they do not fit the layout.
    """
    known, module = skeleton.get(layout), of(encoder.architecture)
    for name in module.TELLING:
        if name not in encoder.tensors:
            raise InputError(f'no tensor {encoder.prefix}{name}')
    try:
        joints = encoder.tensors[module.TELLING[0]].shape[-1]
        network = module.describe(encoder.tensors, known) if joints == known.num_joints else None
    except (IndexError, TypeError):
        told = [f'{name} {encoder.tensors[name].shape}' for name in module.TELLING]
        raise InputError(f'no {encoder.architecture} has {" and ".join(told)}') from None
    if network is None:
        raise InputError(
            f'{encoder.prefix}{module.TELLING[0]} is of {joints} joints, '
            f'layout {layout} has {known.num_joints}'
        )
    if network.width < 4:
        raise InputError(f'{network.width} channels in the first block, expected 4 or more')
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
