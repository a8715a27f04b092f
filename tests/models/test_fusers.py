import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.models import fusers


def _taps(frames, valid, strides=(1, 2, 4), widths=(3, 4, 6), fill=0.0):
    taps = {}
    for stride, width in zip(strides, widths, strict=True):
        steps = -(-frames // stride)
        x = np.random.default_rng(stride).normal(size=(2, 16, width))[:, :steps]
        mask = np.arange(steps) < -(-np.array(valid)[:, None] // stride)
        x = np.where(mask[..., None], x, fill).astype(np.float32)
        taps[stride] = jnp.array(x), jnp.array(mask)
    return taps


def test_taps_are_summed_from_the_coarsest_down():
    """With identity laterals the finest sum is every tap, stretched."""
    taps = _taps(5, (5, 5), widths=(2, 2, 2))
    model = fusers.Pyramid()
    variables = model.init(jax.random.key(0), taps, train=False)
    params = variables['params']
    for stride in taps:
        params[f'lateral{stride}'] = {'kernel': jnp.eye(2), 'bias': jnp.zeros(2)}
    # The unit passes its middle frame on: ReLU of (x - 0) / sqrt(1 + epsilon).
    middle = jnp.zeros((3, 2, 2)).at[1].set(jnp.eye(2))
    params['smooth']['conv'] = {'kernel': middle, 'bias': jnp.zeros(2)}
    out, mask = model.apply(variables, taps, train=False)
    total = sum(np.repeat(np.asarray(x), s, axis=1)[:, :5] for s, (x, _) in taps.items())
    np.testing.assert_allclose(out, np.maximum(total, 0), rtol=1e-4, atol=1e-5)
    assert mask.all() and out.shape == (2, 5, 2)


@pytest.mark.parametrize('train', [False, True])
def test_padding_changes_nothing_and_stays_zero(train):
    model = fusers.Pyramid()
    variables = model.init(jax.random.key(0), _taps(8, (8, 6)), train=False)
    apply = lambda taps: model.apply(variables, taps, train=train, mutable=['batch_stats'])
    (short, _), stats = apply(_taps(8, (8, 6)))
    (long, mask), more = apply(_taps(16, (8, 6), fill=99.0))
    np.testing.assert_allclose(long[:, :8], short, rtol=1e-4, atol=1e-5)
    assert not np.asarray(long)[~np.asarray(mask)].any()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), stats, more)


def test_levels_and_width_are_chosen():
    taps = _taps(8, (8, 8))
    model = fusers.Pyramid(feature_strides=(1, 4), features=5)
    (out, _), variables = model.init_with_output(jax.random.key(0), taps, train=False)
    assert out.shape == (2, 8, 5) and 'lateral2' not in variables['params']
    out, _ = fusers.Pyramid().init_with_output(jax.random.key(0), taps, train=False)[0]
    assert out.shape == (2, 8, 6)
    with pytest.raises(InputError, match=r'\(1, 3\), expected some of the backbone: \[1, 2, 4\]'):
        fusers.Pyramid(feature_strides=(1, 3)).init(jax.random.key(0), taps, train=False)
