"""Where the negatives of a step come from."""

from jax import lax
import jax.numpy as jnp

from skeljax.contrast.info_nce import Negatives
from skeljax.train import parallel, ring

# Earlier videos, the other videos of the same step, or only those others that show the same
# person (Cheng et al., arXiv 2007.04871), which who it is does not solve.
SOURCES = ('queue', 'batch', 'subject')

# Every device holds the keys of the step's videos, or they pass round; the loss is the same.
FORMS = ('gather', 'ring')


def collect(waiting: dict, keys, subjects, sources: tuple[str, ...], form: str = 'gather'):
    """Collects negatives and which of them each of this device's videos meets.

    Videos of the batch meet the keys of others, on every device, not their own.

    Args:
        waiting: the queue.
        keys: of this device's videos, float[B · n, D], those of a video next to each other.
        subjects: int32[B].
        sources: some of `SOURCES`.
        form: of `FORMS`.

    Returns:
        `Negatives`, or a `ring.Ring` of the same.
    """
    if sources == ('queue',):
        return Negatives(waiting['vectors'])
    videos = len(subjects)
    place = lax.axis_index(parallel.AXIS) * videos + jnp.arange(videos)
    if form == 'ring':
        return _ring(waiting, keys, place, subjects, sources)
    every = parallel.gather(lax.stop_gradient(keys))
    owner = jnp.arange(len(every)) // (len(keys) // videos)
    counts = place[:, None] != owner
    if 'batch' not in sources:
        counts &= (subjects[:, None] == parallel.gather(subjects))[:, owner]
    if 'queue' not in sources:
        return Negatives(every, counts)
    older = jnp.ones((videos, len(waiting['vectors'])), bool)
    vectors = jnp.concatenate([every, waiting['vectors']])
    return Negatives(vectors, jnp.concatenate([counts, older], axis=1))


def _ring(waiting, keys, place, subjects, sources) -> ring.Ring:
    each = len(keys) // len(subjects)
    group = jnp.zeros_like(subjects) if 'batch' in sources else subjects
    return ring.Ring(
        ring.Rows(keys, jnp.repeat(place, each), jnp.repeat(group, each)),
        owner=place,
        group=group,
        older=waiting['vectors'] if 'queue' in sources else None,
    )
