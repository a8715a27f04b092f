"""Windows of long recordings: that their scores are those of the whole where they are to be."""

import itertools
import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.configs import default
from skeljax.data import batches, records
from skeljax.errors import InputError
from skeljax.formats.motion import Motion
from skeljax.inference import scoring, windowing
from skeljax.train import build, finetune

V = 25


def network(backbone='stgcn', **changes):
    """Makes a small network, and what gives it its first weights."""
    config = default.get_config(f'corpus=folder/mine,backbone={backbone}')
    config.model.base_channels, config.model.stgcn.out_channels = 4, 8
    config.model.gru.num_layers = 1
    config.model.transformer.num_layers = config.model.transformer.num_heads = 1
    config.model.sync_bn = False
    config.finetune.update(changes)
    model = build.localizer(config, 'ntu25', 3)
    init = lambda rng: finetune.variables(model, rng, jnp.zeros((1, 64, 1, V, 3)))
    return model, lambda: jax.jit(init)(jax.random.key(0))


def probe(backbone='stgcn', **changes):
    """Makes a small network of equal positive weights, in which a change never cancels.

    Its layers are the plain ones: rounding in a Fourier transform changes all frames.
    """
    model, init = network(backbone, **changes)
    model = model.clone(backbone=model.backbone.clone(implementation='plain'))
    return model, jax.tree.map(lambda x: jnp.full(x.shape, 0.1, x.dtype), jax.eval_shape(init))


def recording(frames, persons=1, seed=0, gaps=False):
    rng = np.random.default_rng(seed)
    joints = rng.normal(0, 0.5, (frames, persons, V, 3)).astype(np.float32)
    valid = np.ones((frames, persons), bool)
    if gaps:
        valid[frames // 3 : frames // 3 + 9] = False
        valid[: frames // 5, -1] = False
        valid[-3:] = False
        joints[~valid] = 0
    return records.from_motion(Motion(joints, 30.0, 'ntu25', valid), name='a')


@pytest.fixture(scope='module')
def bounded():
    """A network whose scores differ between frames: batch statistics are those of its input."""
    model, init = network()
    variables = init()
    x, mask = recording(256).joints[None], jnp.ones((1, 256, 1), bool)

    def look(variables, rng):
        _, seen = model.apply(
            variables, x, mask, train=True, mutable='batch_stats', rngs={'dropout': rng}
        )
        return {**variables, **seen}, None

    keys = jax.random.split(jax.random.key(1), 40)
    variables = jax.jit(lambda v: jax.lax.scan(look, v, keys)[0])(variables)
    kernel = variables['params']['head']['score']['kernel']
    return model, {**variables, 'params': {**variables['params'], 'head': {'score': {
        **variables['params']['head']['score'], 'kernel': 3 * kernel}}}}


def at_once(model, variables, of):
    """Scores all frames in one piece, padded to few lengths."""
    padded = batches.window(of, 0, -(-len(of.joints) // 640) * 640)
    joints, mask = (jnp.asarray(padded[name][None]) for name in ('joints', 'mask'))
    scores = scoring.clip_probabilities(model, variables, joints, mask)
    return np.asarray(scores[0, : len(of.joints)])


@pytest.mark.parametrize(
    'changes', [{}, {'fuser_kind': 'pyramid'}, {'stream': 'motion'}, {'feature_strides': (1, 2)}]
)
def test_the_reach_is_how_far_a_frame_makes_itself_felt(changes):
    model, variables = probe(**changes)
    reach, stride = model.receptive_field()
    apply = jax.jit(lambda x: model.apply(variables, x, mask, train=False)[0])
    mask = jnp.ones((1, 320, 1), bool)
    joints = np.ones((1, 320, 1, V, 3), np.float32)
    usual, felt = np.asarray(apply(joints)), 0
    for frame, sign in itertools.product(range(160, 160 + stride), (1, -1)):
        changed = joints.copy()
        changed[0, frame] = sign * 1e20  # far above the rounding of the others, at any distance
        where = np.flatnonzero((apply(changed) != usual).any(-1))
        felt = max(felt, *np.abs(where - frame))
    # Motion needs one more frame on one side only, where the network needs less than on the other.
    one_sided = changes.get('stream') == 'motion'
    assert felt == reach - one_sided and stride == 4


@pytest.mark.parametrize('backbone', ['agcn', 'ctrgcn', 'gru', 'transformer'])
def test_who_looks_at_everything_says_so_and_does(backbone):
    model, variables = probe(backbone)
    assert model.receptive_field() is None
    assert not windowing.is_exact(model, windowing.Window(256, 8, 120))
    joints = np.ones((1, 96, 1, V, 3), np.float32)
    joints[0, 0] = np.nan
    found = jax.jit(lambda x, mask: model.apply(variables, x, mask, train=False))(
        joints, np.ones((1, 96, 1), bool)
    )
    assert np.isnan(found[0, -1]).all()


def test_the_plain_head_stretches_over_everything():
    assert network(fuser=False)[0].receptive_field() is None


@pytest.mark.parametrize('frames, persons, gaps', [
    (1, 1, False), (95, 1, False), (300, 2, True), (603, 1, True),
])
def test_windows_score_as_the_whole_does(bounded, frames, persons, gaps):
    model, variables = bounded
    of = recording(frames, persons, gaps=gaps)
    window = windowing.Window(24 + 2 * 84, 24, 84)
    assert windowing.is_exact(model, window)
    found = scoring.windowed_probabilities(model, variables, of, window)
    np.testing.assert_allclose(found, at_once(model, variables, of), atol=1e-5)


def test_windows_score_as_the_whole_does_with_a_boundary_head(bounded):
    plain, variables = bounded
    model, _ = network(loss=dict(boundary_weight=0.1, pool_radius=9, pool_strength=2.0))
    reach, stride = model.receptive_field()
    assert reach == plain.receptive_field()[0] + 9
    kernel = variables['params']['head']['score']['kernel'][:, :1]
    head = {'score': {'kernel': kernel, 'bias': jnp.zeros(1)}}
    headed = {**variables, 'params': {**variables['params'], 'boundary': head}}
    of = recording(400, gaps=True)
    halo = -(-reach // stride) * stride
    window = windowing.Window(24 + 2 * halo, 24, halo)
    assert windowing.is_exact(model, window)
    assert not windowing.is_exact(model, windowing.Window(24 + 168, 24, 84))
    whole = at_once(model, headed, of)
    assert np.abs(whole - at_once(plain, variables, of)).max() > 1e-2
    scores = scoring.windowed_probabilities(model, headed, of, window)
    np.testing.assert_allclose(scores, whole, atol=1e-5)


def test_windows_that_see_too_little_are_told_apart(bounded):
    model, variables = bounded
    of = recording(400)
    whole = at_once(model, variables, of)
    assert np.ptp(whole, axis=0).max() > 0.1
    for window in (windowing.Window(60, 24, 12), windowing.Window(25 + 84 + 84, 25, 84)):
        assert not windowing.is_exact(model, window)
        scores = scoring.windowed_probabilities(model, variables, of, window)
        assert np.abs(scores - whole).max() > 1e-3


def test_long_recordings_go_by_windows_which_are_exact_where_any_are(bounded, monkeypatch):
    model, variables = bounded
    window = windowing.default_window(model)
    assert windowing.is_exact(model, window) and window.ahead == window.behind == 84
    assert windowing.default_window(network('gru')[0]) == (16_384, 16_384 - 2048, 1024)
    monkeypatch.setattr(windowing, 'MAX_FRAMES', 512)
    monkeypatch.setattr(windowing, 'CORE', 64)
    of = recording(1100)
    found = scoring.probabilities(model, variables, of)
    np.testing.assert_allclose(found, at_once(model, variables, of), atol=1e-5)


def test_who_learnt_among_few_frames_sees_as_many_at_once():
    model, init = network('transformer', crop=dict(length=32))
    window = windowing.Window(32, 16, 8)
    assert windowing.max_length(model) == 32 and windowing.default_window(model) == window
    variables = init()
    for frames, tiled in ((32, False), (33, True), (100, True)):
        of = recording(frames)
        found = scoring.probabilities(model, variables, of)
        apart = np.abs(found - at_once(model, variables, of)).max()
        assert (apart > 1e-3) == tiled and found.shape == (frames, 4)
        if tiled:
            expected = scoring.windowed_probabilities(model, variables, of, window)
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('changes', [dict(backbone='gru'), dict(fuser=False, clip_level=True)])
def test_others_see_a_recording_as_a_whole(changes):
    given = {'backbone': 'transformer', **changes}
    model, _ = network(**given, crop=dict(length=32))
    assert model.max_length is None and windowing.max_length(model) == windowing.MAX_FRAMES


@pytest.mark.parametrize('frames', [1, 29, 30, 31, 50, 110, 200])
@pytest.mark.parametrize('together', [30, 64, 1000])
def test_each_frame_comes_from_one_window(frames, together, monkeypatch):
    """The stand-in tells which frame it scores, and how far it is from what the window sees."""
    monkeypatch.setattr(windowing, 'MAX_FRAMES', together)
    shapes = set()

    def scores(model, variables, joints, mask):
        shapes.add(joints.shape)
        place = np.arange(joints.shape[1])
        last = np.asarray(mask[..., 0]).sum(1, keepdims=True) - 1
        edge = np.minimum(place + np.zeros_like(last), last - place)
        return np.stack([np.asarray(joints[:, :, 0, 0, 0]), edge], -1)

    monkeypatch.setattr(scoring, 'clip_probabilities', scores)
    of = recording(frames)
    of.joints[:, 0, 0, 0] = np.arange(frames)
    window = windowing.check(windowing.Window(30, 12, 8))
    found = scoring.windowed_probabilities(None, None, of, window)
    assert found[:, 0].tolist() == list(range(frames))
    assert (found[10:-8, 1] >= 8).all() and (found[:, 1] >= 0).all()
    (shape,) = shapes
    assert shape[1] == 30 and shape[0] * 30 <= max(together, 30)


@pytest.mark.parametrize('window', [(30, 0, 8), (30, 25, 8), (30, 12, -1), (20_000, 12, 8)])
def test_a_window_that_cannot_be_is_told(window):
    with pytest.raises(InputError, match='a window of .* frames that moves by'):
        windowing.check(windowing.Window(*window))


def test_memory_does_not_grow_with_the_recording(monkeypatch):
    """Two hours at 30 frames a second, less scores and what is read: by a stand-in."""
    fake = lambda model, variables, joints, mask: np.zeros((*joints.shape[:2], 4), np.float32)
    monkeypatch.setattr(scoring, 'clip_probabilities', fake)

    class Bounded:
        max_length, receptive_field = None, staticmethod(lambda: (82, 4))

    of = recording(2 * 3600 * 30)
    tracemalloc.start()
    found = scoring.probabilities(Bounded, None, of)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 2 * 3600 * 30
    assert peak < 3 * found.nbytes + 6 * windowing.MAX_FRAMES * V * 3 * 4
