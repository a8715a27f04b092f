import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.models import agcn, fusers, heads


def _taps(b=2, t=12, c=4, valid=(12, 7)):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(b, t, c)).astype(np.float32)
    return {8: (jnp.array(x), jnp.array(np.arange(t) < np.array(valid)[:, None]))}


@pytest.mark.parametrize('length, count', [(12, 4), (19, 5), (7, 3), (5, 8)])
def test_adaptive_pool_cuts_as_pytorch_does(length, count):
    x = np.random.default_rng(0).normal(size=(2, length, 3)).astype(np.float32)
    starts = [i * length // count for i in range(count)]
    ends = [-(-(i + 1) * length // count) for i in range(count)]
    expected = np.stack([x[:, s:e].mean(1) for s, e in zip(starts, ends)], 1)
    pooled, valid = heads.adaptive_pool(jnp.array(x), jnp.ones((2, length), bool), count)
    np.testing.assert_allclose(pooled, expected, rtol=1e-5, atol=1e-6)
    assert valid.all()


def test_adaptive_pool_leaves_padding_out():
    x = jnp.arange(8, dtype=jnp.float32)[None, :, None]
    pooled, valid = heads.adaptive_pool(x, jnp.arange(8)[None] < 5, 4)
    np.testing.assert_allclose(pooled[0, :, 0], [0.5, 2.5, 4.0, 0.0])
    np.testing.assert_array_equal(valid[0], [True, True, True, False])


def test_snippets_are_unit_vectors_and_features_are_not():
    head = heads.SnippetHead(num_snippets=6, embed_dim=5)
    out, variables = head.init_with_output(jax.random.key(0), _taps())
    assert out.features.shape == (2, 6, 4) and out.embeddings.shape == (2, 6, 5)
    lengths = np.linalg.norm(out.embeddings, axis=-1)
    np.testing.assert_allclose(lengths[np.asarray(out.valid)], 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(out.video, axis=-1), 1, rtol=1e-5)
    pooled, _ = heads.adaptive_pool(*_taps()[8], 6)
    np.testing.assert_allclose(out.features, pooled, rtol=1e-6)
    np.testing.assert_array_equal(out.valid, [[True] * 6, [True] * 4 + [False] * 2])
    # The video's vector is the mean of projections before they are made unit vectors.
    p = jax.device_get(variables['params'])
    hidden = np.maximum(np.asarray(out.features) @ p['hidden']['kernel'] + p['hidden']['bias'], 0)
    projected = hidden @ p['project']['kernel'] + p['project']['bias']
    mean = np.asarray(projected)[1, :4].mean(0)
    np.testing.assert_allclose(out.video[1], mean / np.linalg.norm(mean), rtol=1e-4)


def test_every_step_is_a_snippet_by_default():
    out, _ = heads.SnippetHead(embed_dim=5).init_with_output(jax.random.key(0), _taps())
    assert out.embeddings.shape == (2, 12, 5)
    np.testing.assert_array_equal(out.valid, _taps()[8][1])


def test_global_head_ignores_padding():
    head = heads.GlobalHead(hidden=4, embed_dim=5)
    taps = _taps()
    out, variables = head.init_with_output(jax.random.key(0), taps)
    garbage = {8: (jnp.where(taps[8][1][..., None], taps[8][0], 99.0), taps[8][1])}
    np.testing.assert_allclose(head.apply(variables, garbage), out, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(out, axis=-1), 1, rtol=1e-5)


def test_interpolation_hits_both_ends_of_each_example():
    logits = jnp.arange(4, dtype=jnp.float32)[None, :, None].repeat(2, 0)  # steps 0..3
    mask = jnp.arange(30)[None] < jnp.array([[30], [13]])
    out = np.asarray(heads.interpolate(logits, mask, 8))[..., 0]
    np.testing.assert_allclose(out[0], np.linspace(0, 3, 30), rtol=1e-5, atol=1e-6)
    # 13 frames are two steps: 0 and 1.
    np.testing.assert_allclose(out[1, :13], np.linspace(0, 1, 13), rtol=1e-5, atol=1e-6)


def test_upsampling_centres_steps_on_their_frames():
    x = jnp.arange(3, dtype=jnp.float32)[None, :, None]
    np.testing.assert_array_equal(
        fusers.upsample(x, 4, 10)[0, :, 0], [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    )


def _localizer(**options):
    backbone = agcn.Backbone(base_channels=4, channel_multipliers=(1, 2), down_stages=(2,))
    return heads.FrameClassifier(backbone, None, heads.FrameHead(3), **options)


def _clip(seed=0):
    rng = np.random.default_rng(seed)
    mask = jnp.array((np.arange(16) < np.array([[16], [9]]))[..., None])
    return jnp.array(rng.normal(size=(2, 16, 1, 25, 3)).astype(np.float32)), mask


def test_a_frozen_backbone_keeps_weights_and_statistics():
    clip = _clip()
    for frozen in (True, False):
        model = _localizer(frozen=frozen)
        variables = model.init(jax.random.key(0), *clip, train=True)

        def total(params, model=model, variables=variables):
            logits, updated = model.apply(
                {**variables, 'params': params}, *clip, train=True, mutable=['batch_stats']
            )
            return logits.sum(), updated['batch_stats']['backbone']

        grads, after = jax.grad(total, has_aux=True)(variables['params'])
        leaves = jax.tree.leaves(grads['backbone'])
        assert all((leaf == 0).all() for leaf in leaves) == frozen
        assert (grads['head']['score']['kernel'] != 0).all()
        same = jax.tree.map(np.array_equal, after, variables['batch_stats']['backbone'])
        assert all(jax.tree.leaves(same)) == frozen


def test_a_recording_as_a_whole_is_scored_by_the_mean_of_its_steps():
    clip = _clip()
    model = _localizer(clip_level=True)
    variables = model.init(jax.random.key(0), *clip, train=True)
    logits = np.asarray(model.apply(variables, *clip, train=False))
    features, valid = model.apply(variables, *clip, method='taps')[2]
    assert logits.shape == (2, 16, 3) and (logits == logits[:, :1]).all()
    weights = variables['params']['head']['score']
    for video in range(2):
        mean = np.asarray(features[video])[np.asarray(valid[video])].mean(0)
        expected = mean @ weights['kernel'] + weights['bias']
        np.testing.assert_allclose(logits[video, 0], expected, rtol=1e-4, atol=1e-5)
