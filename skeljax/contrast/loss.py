"""InfoNCE against a queue of negatives."""

import jax
from jax import lax
import jax.numpy as jnp


def info_nce(query, positive, negatives, *, temperature: float, counts=None):
    """Contrasts each query with its positive and with negatives shared by all.

    `-log(exp(q·p/t) / (exp(q·p/t) + sum_n exp(q·n/t)))`, van den Oord et al.,
    arXiv 1807.03748, in the form of MoCo (arXiv 1911.05722). Positives and
    negatives come from the momentum encoder: no gradient flows into them.

    Args:
        query: unit vectors, float[..., D].
        positive: unit vectors, float[..., D].
        negatives: unit vectors, float[N, D].
        temperature: softmax temperature.
        counts: which negatives each query is contrasted with, bool, broadcast to
            [..., N]; all of them by default.

    Returns:
        The loss of every query, float32[...].
    """
    positive, negatives = lax.stop_gradient((positive, negatives))
    f32 = jnp.float32
    near = jnp.einsum('...d,...d->...', query, positive, preferred_element_type=f32) / temperature
    far = jnp.einsum('...d,nd->...n', query, negatives, preferred_element_type=f32) / temperature
    if counts is not None:
        far = jnp.where(counts, far, -jnp.inf)
    return jax.nn.softplus(jax.nn.logsumexp(far, axis=-1) - near)
