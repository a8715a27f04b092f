"""Evaluation of a batch in chunks whose activations fit into the processor's cache."""

from jax import lax

from skeljax.models import implementation as implementations

# Frames of persons whose activations, between two layers, stay in the cache of one core.
FRAMES_PER_CORE = 256


def map_in_chunks(function, joints, mask, cores: int, *, implementation: str):
    """Applies a function of independent examples, with the 'cpu' implementation in chunks.

    Args:
        function: maps such joints and mask to float[B, ...], each example alone.
        joints: float[B, T, M, V, C].
        mask: bool[B, T, M].
        cores: of the processor.
        implementation: of the network, 'plain' or 'cpu'.

    Returns:
        float[B, ...].
    """
    count = num_chunks(joints, cores, implementation=implementation)
    if count == 1:
        return function(joints, mask)
    split = [x.reshape(count, -1, *x.shape[1:]) for x in (joints, mask)]
    y = lax.map(lambda chunk: function(*chunk), split)
    return y.reshape(-1, *y.shape[2:])


def num_chunks(joints, cores: int, *, implementation: str) -> int:
    """Returns the number of equal chunks that `map_in_chunks` makes of float[B, T, M, V, C]."""
    if not implementations.is_cpu_form(implementation, joints):
        return 1
    examples, frames, persons = joints.shape[:3]
    largest = max(1, FRAMES_PER_CORE * cores // (frames * persons))
    return examples // max(n for n in range(1, largest + 1) if examples % n == 0)
