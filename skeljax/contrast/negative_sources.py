"""Where the negatives of a training step come from: a queue, the batch, or videos of one person."""

from jax import lax
import jax.numpy as jnp

from skeljax.contrast.sharded import RingNegatives, Rows, TiledNegatives
from skeljax.errors import InputError

# 'queue': earlier videos. 'batch': the other videos of the step. 'subject': those of them that
# show the same person (Cheng et al., arXiv 2007.04871), which are not solved by who it is.
SOURCES = ('queue', 'batch', 'subject')

# 'gather': every device holds the keys of the global batch. 'ring': see `sharded.RingNegatives`.
# Both give the same loss.
IMPLS = ('gather', 'ring')


def check(sources: tuple[str, ...], impl: str):
    """Raises InputError if a name is unknown or there is no source; names the config field."""
    if not sources or set(sources) - set(SOURCES):
        known = ', '.join(SOURCES)
        raise InputError(f'config.pretrain.negatives is {sources}, name some of: {known}')
    if impl not in IMPLS:
        known = ', '.join(IMPLS)
        raise InputError(f'config.pretrain.negatives_impl is {impl!r}, known: {known}')


def check_ring(sources: tuple[str, ...], method: str, *, needs_logits: bool, mines: bool):
    """Checks that the implementation 'ring' can compute a loss.

    Args:
        sources: some of `SOURCES`.
        method: name of the method, for the message.
        needs_logits: whether the method needs single logits.
        mines: whether the snippet loss mines negatives.

    Raises:
        InputError: no keys of the batch are negatives, or single logits are needed.
    """
    ring, otherwise = "config.pretrain.negatives_impl 'ring'", "use 'gather'"
    if sources == ('queue',):
        raise InputError(
            f"{ring} moves the batch's keys, but config.pretrain.negatives is ('queue',): "
            f"add 'batch' or 'subject', or {otherwise}"
        )
    if needs_logits:
        raise InputError(
            f'{ring} has sums over negatives, but config.pretrain.method {method!r} needs '
            f'single logits; {otherwise}'
        )
    if mines:
        raise InputError(
            f'{ring} has sums over negatives, but config.pretrain.snippet.num_mined needs single '
            f'logits; set config.pretrain.snippet.mining_start=1.0 or {otherwise}'
        )


def collect(
    queue: dict, keys, subjects, sources: tuple[str, ...], impl: str = 'gather', *, axis_name: str
) -> TiledNegatives | RingNegatives:
    """Collects the negatives of this device's videos.

    A key of the batch is never a negative of its own video.

    Args:
        queue: as from `queue.create`; empty without 'queue' among the sources.
        keys: of this device's videos, float[B · n, D], those of a video adjacent.
        subjects: person of each video, int32[B].
        sources: some of `SOURCES`.
        impl: of `IMPLS`.
        axis_name: mapped axis of the devices.
    """
    if sources == ('queue',):
        return TiledNegatives(queue['vectors'])
    videos = len(subjects)
    index = lax.axis_index(axis_name) * videos + jnp.arange(videos)
    if impl == 'ring':
        each = len(keys) // videos
        group = jnp.zeros_like(subjects) if 'batch' in sources else subjects
        return RingNegatives(
            Rows(keys, jnp.repeat(index, each), jnp.repeat(group, each)),
            owner=index,
            group=group,
            axis_name=axis_name,
            queued=queue['vectors'] if 'queue' in sources else None,
        )
    gather = lambda x: lax.all_gather(x, axis_name, tiled=True)
    in_batch = gather(lax.stop_gradient(keys))
    owner = jnp.arange(len(in_batch)) // (len(keys) // videos)
    mask = index[:, None] != owner[None]
    if 'batch' not in sources:
        mask &= (subjects[:, None] == gather(subjects)[None])[:, owner]
    if 'queue' not in sources:
        return TiledNegatives(in_batch, mask)
    queued = jnp.ones((videos, len(queue['vectors'])), bool)
    vectors = jnp.concatenate([in_batch, queue['vectors']])
    return TiledNegatives(vectors, jnp.concatenate([mask, queued], axis=1))
