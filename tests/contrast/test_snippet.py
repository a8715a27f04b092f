import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.contrast import info_nce, snippet
from skeljax.contrast.snippet import MatchContext, SnippetLoss
from skeljax.errors import InputError
from skeljax.models.heads import SnippetFeatures

TEMPERATURE = 0.5


def _snippets(features, embeddings, valid=None):
    features, embeddings = jnp.array(features), jnp.array(embeddings)
    valid = jnp.ones(features.shape[:2], bool) if valid is None else jnp.array(valid)
    video = embeddings.mean(1)
    return SnippetFeatures(features=features, embeddings=embeddings, video=video, valid=valid)


def _loss(query, key, negatives, *, temperature, context=None, num_mined=0, **options):
    """Computes the loss at the end of a run; mining is off unless `num_mined` is given."""
    loss = SnippetLoss(num_mined=num_mined, **options)
    return loss(query, key, negatives, temperature=temperature, context=context, progress=1.0)


def _case():
    # Feature similarity pairs query 0 with key 1, query 1 with key 0, query 2 with key 2.
    query = np.array([[[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]], np.float32)
    key = query[:, [1, 0, 2]] * np.array([5.0, 2.0, 1.0], np.float32)[:, None]
    return query, key


def test_matches_by_backbone_features_not_by_place():
    query, key = _case()
    valid = jnp.ones((1, 3), bool)
    np.testing.assert_array_equal(snippet.match_by_similarity(query, key, valid), [[1, 0, 2]])


def test_features_are_not_normalised():
    # A long feature vector at a larger angle beats a short one at a smaller angle.
    query = jnp.array([[[1.0, 0.0]]])
    key = jnp.array([[[1.0, 0.0], [3.0, 3.0]]])
    assert snippet.match_by_similarity(query, key, jnp.ones((1, 2), bool))[0, 0] == 1


def test_invalid_key_snippets_are_no_match():
    query, key = _case()
    valid = jnp.array([[True, False, True]])
    assert snippet.match_by_similarity(query, key, valid)[0, 0] != 1


def test_loss_by_hand():
    query, key = _case()
    units = np.eye(5, dtype=np.float32)
    embeddings = units[None, :3]
    matched = _snippets(key, embeddings[:, [1, 0, 2]])  # the match of snippet i embeds as i
    values, counts = _loss(
        _snippets(query, embeddings),
        matched,
        info_nce.Negatives(jnp.array(units[3:])),
        temperature=TEMPERATURE,
    )
    np.testing.assert_allclose(values, np.full((1, 3), np.log1p(2 * np.exp(-2))), rtol=1e-6)
    assert counts.all()
    values, _ = _loss(
        _snippets(query, embeddings), matched, info_nce.Negatives(jnp.array(units[3:])),
        temperature=TEMPERATURE, match='position',
    )
    # In place, snippets 0 and 1 meet each other's embedding (similarity 0).
    np.testing.assert_allclose(values[0, :2], np.log(3), rtol=1e-6)
    np.testing.assert_allclose(values[0, 2], np.log1p(2 * np.exp(-2)), rtol=1e-6)


def test_padded_snippets_do_not_count():
    query, key = _case()
    embeddings = np.eye(5, dtype=np.float32)[None, :3]
    ours = _snippets(query, embeddings, [[True, True, False]])
    negatives = info_nce.Negatives(jnp.eye(5)[3:])
    _, counts = _loss(ours, _snippets(key, embeddings), negatives, temperature=TEMPERATURE)
    np.testing.assert_array_equal(counts, [[True, True, False]])
    empty = _snippets(key, embeddings, [[False, False, False]])
    values, counts = _loss(ours, empty, negatives, temperature=TEMPERATURE)
    assert not counts.any() and np.isfinite(values).all()


def test_no_gradient_into_the_key():
    query, key = _case()
    embeddings = np.eye(5, dtype=np.float32)[None, :3]

    def total(ours, theirs):
        return _loss(ours, theirs, info_nce.Negatives(jnp.eye(5)[3:]), temperature=TEMPERATURE)[
            0
        ].sum()

    ours, theirs = _snippets(query, embeddings), _snippets(key, embeddings)
    grads = jax.grad(total, argnums=(0, 1), allow_int=True)(ours, theirs)
    assert np.abs(grads[0].embeddings).max() > 0
    assert not np.any(grads[1].embeddings) and not np.any(grads[1].features)


def test_negatives_are_averages_or_every_snippet():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(2, 3, 4)).astype(np.float32)
    key = _snippets(embeddings, embeddings, [[True] * 3, [True, False, True]])
    np.testing.assert_array_equal(SnippetLoss(negatives='average').queue_keys(key), key.video)
    every = np.asarray(SnippetLoss(negatives='snippet').queue_keys(key)).reshape(2, 3, 4)
    np.testing.assert_array_equal(every[0], embeddings[0])
    np.testing.assert_array_equal(every[1, [0, 2]], embeddings[1, [0, 2]])
    np.testing.assert_array_equal(every[1, 1], key.video[1])  # an empty one


def test_embeddings_that_cancel_over_time_escape_averages_but_not_snippets():
    """Two videos of the same two opposite snippets: alike, and told apart from averages only."""
    opposite = np.array([[[1.0, 0], [-1, 0]]] * 2, np.float32)
    key = _snippets(opposite, opposite)
    other = ~np.eye(2, dtype=bool)
    counts = {'average': other, 'snippet': np.repeat(other, 2, axis=1)}

    def loss_of(kind):
        negatives = info_nce.Negatives(SnippetLoss(negatives=kind).queue_keys(key), counts[kind])
        return _loss(key, key, negatives, temperature=0.1)[0]

    assert np.asarray(loss_of('average')).max() < 1e-4
    np.testing.assert_allclose(loss_of('snippet'), np.log(2), rtol=1e-4)


def test_mined_snippets_join_the_positive():
    """Query snippet i is the i-th unit vector; its nearest of the negatives is the like one."""
    query, key = _case()
    embeddings = np.eye(5, dtype=np.float32)[None, :3]
    negatives = info_nce.Negatives(jnp.eye(5)[jnp.array([1, 3, 0])])
    values, _ = _loss(
        _snippets(query, embeddings), _snippets(key, embeddings), negatives,
        temperature=TEMPERATURE, match='position', num_mined=1,
    )
    one, none = 1 / TEMPERATURE, 0.0
    total = np.log(2 * np.exp(one) + 2 * np.exp(none))  # own key, the like negative, two others
    np.testing.assert_allclose(values[0, :2], total - one, rtol=1e-6)
    # The third resembles no negative: all are as near, and ties count together.
    total = np.log(np.exp(one) + 3)
    assert np.isfinite(values[0, 2]) and values[0, 2] > total - one


def test_moments_that_all_look_alike_satisfy_the_term_unless_others_of_the_video_count():
    """One embedding a video, another for the next: nothing is told apart within either."""
    alike = np.repeat(np.eye(2, dtype=np.float32)[:, None], 4, axis=1)
    key = _snippets(alike, alike)
    others = np.repeat(~np.eye(2, dtype=bool), 4, axis=1)
    negatives = info_nce.Negatives(SnippetLoss(negatives='snippet').queue_keys(key), others)

    def loss_of(min_gap):
        return _loss(
            key, key, negatives, temperature=0.05, match='position', min_gap=min_gap
        )[0]

    assert np.asarray(loss_of(0)).max() < 1e-6
    # Of four steps, two or three lie at least one, one or two at least two from the match.
    np.testing.assert_allclose(loss_of(1), np.log(4), rtol=1e-4)
    np.testing.assert_allclose(loss_of(2)[0], np.log([3, 2, 2, 3]), rtol=1e-4)


def test_snippets_apart_are_measured_from_the_match_and_empty_ones_left_out():
    query, key = _case()  # matches: 1, 0, 2
    embeddings = np.eye(5, dtype=np.float32)[None, :3]
    theirs = _snippets(key, embeddings[:, [1, 0, 2]], [[True, True, False]])
    far = info_nce.Negatives(jnp.eye(5)[3:])
    values, _ = _loss(
        _snippets(query, embeddings), theirs, far, temperature=TEMPERATURE, min_gap=1
    )
    # Snippet 0 meets its like at step 1; the other one that is there is step 0.
    np.testing.assert_allclose(values[0, 0], np.log1p(3 * np.exp(-2)), rtol=1e-6)
    more, _ = _loss(
        _snippets(query, embeddings), theirs, far, temperature=TEMPERATURE, min_gap=2
    )
    np.testing.assert_allclose(more[0, 0], np.log1p(2 * np.exp(-2)), rtol=1e-6)


def test_own_snippets_are_negatives_and_never_mined():
    query, key = _case()
    embeddings = np.eye(5, dtype=np.float32)[None, :3]
    values, _ = _loss(
        _snippets(query, embeddings), _snippets(key, embeddings),
        info_nce.Negatives(jnp.eye(5)[jnp.array([1, 3])]), temperature=TEMPERATURE,
        match='position', min_gap=1, num_mined=1,
    )
    # Snippet 1: its own key and the mined like one; another negative, and two of its video.
    np.testing.assert_allclose(values[0, 1], np.log(2 * np.exp(2) + 3) - 2, rtol=1e-6)


def test_a_random_match_is_any_valid_snippet_of_the_same_video():
    valid = jnp.tile(jnp.array([[True, False, True, True]]), (300, 1))
    keys = jax.random.split(jax.random.key(0), 300)
    drawn = np.asarray(snippet.match_at_random(keys, valid))
    assert drawn.shape == (300, 4)
    shares = np.bincount(drawn.ravel(), minlength=4) / drawn.size
    assert shares[1] == 0
    np.testing.assert_allclose(shares[[0, 2, 3]], 1 / 3, atol=0.05)
    # SnippetFeatures of a video are drawn one by one, and an example's draw is its key's alone.
    assert len(set(map(tuple, drawn))) > 50
    np.testing.assert_array_equal(snippet.match_at_random(keys[5:6], valid[:1])[0], drawn[5])


def test_the_loss_of_a_random_match_is_that_of_what_was_drawn():
    query, key = _case()
    embeddings = np.eye(5, dtype=np.float32)[None, :3]
    far = info_nce.Negatives(jnp.eye(5)[3:])
    keys = jax.random.split(jax.random.key(3), 1)
    partner = np.asarray(snippet.match_at_random(keys, jnp.ones((1, 3), bool)))
    ours, theirs = _snippets(query, embeddings), _snippets(key, embeddings)
    values, _ = _loss(
        ours, theirs, far, temperature=TEMPERATURE, match='random',
        context=MatchContext(keys, (), 0.0),
    )
    same = partner == np.arange(3)
    expected = np.where(same, np.log1p(2 * np.exp(-2)), np.log(3))
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_the_same_moment_is_the_nearest_in_time_if_it_overlaps():
    times = jnp.array([[0.0, 10.0, 20.0, 50.0]])
    theirs = jnp.array([[22.0, 12.0, 2.0, 41.0]])  # in any order: mirrored ends run backwards
    valid = jnp.array([[True, False, True, True]])
    partner, found = snippet.match_by_time(times, theirs, valid, 10.0)
    np.testing.assert_array_equal(partner, [[2, 2, 0, 3]])
    np.testing.assert_array_equal(found, [[True, True, True, True]])
    _, found = snippet.match_by_time(times, theirs, valid, 8.0)
    np.testing.assert_array_equal(found, [[True, False, True, False]])
    _, none = snippet.match_by_time(times, theirs, jnp.zeros_like(valid), 8.0)
    assert not none.any()


def test_only_snippets_of_a_common_moment_count_when_matched_by_time():
    query, key = _case()
    embeddings = np.eye(5, dtype=np.float32)[None, :3]
    times = jnp.array([[0.0, 8.0, 16.0]]), jnp.array([[8.0, 16.0, 24.0]])
    values, counts = _loss(
        _snippets(query, embeddings),
        _snippets(key, embeddings),
        info_nce.Negatives(jnp.eye(5)[3:]),
        temperature=TEMPERATURE,
        match='time',
        context=MatchContext(None, times, 8.0),
    )
    np.testing.assert_array_equal(counts, [[False, True, True]])
    np.testing.assert_allclose(values[0, 1:], np.log(3), rtol=1e-6)  # the next one's embedding


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(match='place'), "match is 'place', expected one of similarity, time, position, ran"),
        (dict(negatives='all'), "negatives is 'all', expected one of average, snippet"),
        (dict(num_mined=-1), 'num_mined is -1, expected 0 or more'),
        (dict(weight=float('nan')), 'weight is nan, expected 0 or more'),
        (dict(mining_start=1.5), 'mining_start is 1.5, expected 0 to 1'),
        (dict(views=('query',)), r"views is \('query',\), expected two names"),
    ],
)
def test_an_option_out_of_range_is_named(options, message):
    with pytest.raises(InputError, match=f'config.pretrain.snippet.{message}'):
        SnippetLoss(**options)


def test_mining_begins_at_its_share_of_the_run():
    query, key = _case()
    embeddings = np.eye(5, dtype=np.float32)[None, :3]
    loss = SnippetLoss(match='position', num_mined=1, mining_start=0.5)
    arguments = (
        _snippets(query, embeddings), _snippets(key, embeddings),
        info_nce.Negatives(jnp.eye(5)[jnp.array([1, 3, 0])]),
    )
    early, late = (
        loss(*arguments, temperature=TEMPERATURE, progress=jnp.float32(progress))[0]
        for progress in (0.49, 0.5)
    )
    never = SnippetLoss(match='position', num_mined=1, mining_start=1.0)
    expected = never(*arguments, temperature=TEMPERATURE, progress=jnp.float32(1))[0]
    np.testing.assert_allclose(early, expected, rtol=1e-6)
    # The third query is orthogonal to all negatives; as positives they raise its loss.
    assert never.mines is False and late[0, 2] > early[0, 2] + 0.1
