"""The recursions equal sums and maxima over all segmentations, which short recordings allow."""

import itertools

import numpy as np
import pytest

from skeljax.localize import semi_markov
from skeljax.localize.semi_markov import Durations, Model


def durations_of(rng, table, classes, *, shortest=1):
    """Random duration probabilities of `table` steps with a geometric tail, normalized."""
    pmf = rng.random((table, classes)) + 0.05
    pmf[: shortest - 1] = 0
    ratio = rng.uniform(0.2, 0.8, classes)
    total = pmf[:-1].sum(0) + pmf[-1] / (1 - ratio)
    pmf /= total
    after = pmf[-1] / (1 - ratio)
    survival = np.concatenate([pmf[:-1], after[None]])[::-1].cumsum(0)[::-1]
    with np.errstate(divide='ignore'):
        return Durations(np.log(pmf), np.log(survival), np.log(ratio))


def random_model(
    seed, steps=8, classes=3, *, table=4, shortest=1, repeats=False, start=None, initial=None
):
    rng = np.random.default_rng(seed)
    transition = rng.normal(-1, 0.5, (classes, classes))
    if not repeats:
        np.fill_diagonal(transition, -np.inf)
    durations = durations_of(rng, table, classes, shortest=shortest)
    emission = rng.normal(0, 1.5, (steps, classes))
    if start is None:
        return Model(emission, durations, transition, initial and np.array(initial))
    return Model(emission, durations, transition, transition[start], exact_start=True)


def weigh(model, path):
    """Weighs one segmentation from the definition, term by term."""
    total, steps = 0.0, len(model.emission)
    for index, (start, end, label) in enumerate(path):
        total += model.emission[start:end, label].sum()
        lasting = (start == 0 and not model.exact_start) or end == steps
        table, length = len(model.durations.log_pmf), end - start
        values = model.durations.log_survival if lasting else model.durations.log_pmf
        total += values[min(length, table) - 1, label]
        total += max(length - table, 0) * model.durations.log_tail[label]
        if index:
            total += model.transition[path[index - 1][2], label]
        elif model.initial is not None:
            total += model.initial[label]
    return total


def all_paths(steps, classes, repeats):
    """Every segmentation: where it is cut, and the class of each piece."""
    for count in range(steps):
        for cuts in itertools.combinations(range(1, steps), count):
            edges = [0, *cuts, steps]
            for labels in itertools.product(range(classes), repeat=count + 1):
                if repeats or all(a != b for a, b in itertools.pairwise(labels)):
                    yield [*zip(edges[:-1], edges[1:], labels)]


CASES = [
    dict(),
    dict(shortest=2),
    dict(shortest=3, table=3),
    dict(repeats=True),
    dict(table=1),
    dict(table=12),
    dict(start=1),
    dict(start=2, repeats=True, shortest=2),
    dict(initial=(-1.0, -np.inf, 0.5)),
]


@pytest.mark.parametrize('case', CASES, ids=str)
@pytest.mark.parametrize('seed', range(1))
def test_equals_all_segmentations_of_8_steps_and_3_classes(seed, case):
    model = random_model(seed, steps=8 if not case.get('repeats') else 6, **case)
    steps = len(model.emission)
    paths = list(all_paths(steps, 3, case.get('repeats')))
    weights = np.array([weigh(model, path) for path in paths])
    found = semi_markov.viterbi(model)
    assert found == paths[int(np.argmax(weights))]
    total = np.logaddexp.reduce(weights)
    before, after = semi_markov.forward_backward(model)
    assert before.total == pytest.approx(total, abs=1e-9)
    if model.initial is None:
        assert after.total == pytest.approx(total, abs=1e-9)
    probability = np.exp(weights - total)
    segments = {segment for path in paths for segment in path}
    for segment in sorted(segments)[:: 7 if steps == 8 else 5]:
        alike = [any(_overlap(segment, other, 0.5) for other in path) for path in paths]
        expected = probability[np.array(alike)].sum()
        given = semi_markov.posterior(model, segment, before, after, 0.5)
        assert given == pytest.approx(expected, abs=1e-9), segment


def _overlap(one, other, tiou):
    both = min(one[1], other[1]) - max(one[0], other[0])
    either = max(one[1], other[1]) - min(one[0], other[0])
    return one[2] == other[2] and both > tiou * either + 1e-9


def test_no_step_has_no_segment():
    assert semi_markov.viterbi(random_model(0, steps=0)) == []


def test_one_step_is_one_segment_of_the_best_class():
    model = random_model(3, steps=1, shortest=4)
    weight = model.emission[0] + model.durations.log_survival[0]
    assert semi_markov.viterbi(model) == [(0, 1, int(np.argmax(weight)))]


@pytest.mark.parametrize('start', [None, 1])
def test_an_age_stands_for_steps_of_one_class_before_the_recording(start):
    model, age, label = random_model(7, steps=30, start=start, shortest=2), 9, 2
    model.emission[:age + 1] = -1e6  # the segment goes on in the recording
    model.emission[:age + 1, label] = 0
    initial = np.full(3, -np.inf)
    initial[label] = 0
    fixed = model._replace(initial=initial)
    later = fixed._replace(emission=model.emission[age:], age=age)
    expected = semi_markov.viterbi(fixed)
    path = [(max(begin - age, 0), end - age, name) for begin, end, name in expected]
    assert len(path) > 3 and path[0][1] > 0 and semi_markov.viterbi(later) == path
    both = [(one, *semi_markov.forward_backward(one)) for one in (fixed, later)]
    assert both[0][1].total == pytest.approx(both[1][1].total, abs=1e-6)
    for segments in zip(expected, path, strict=True):
        whole, rest = (
            semi_markov.posterior(one, segment, *messages, 0.5)
            for (one, *messages), segment in zip(both, segments, strict=True)
        )
        assert rest == pytest.approx(whole, abs=1e-6) and whole > 1e-4


def test_permuting_classes_permutes_the_result():
    model, order = random_model(5, steps=30, classes=4, shortest=2), np.array([2, 0, 3, 1])
    durations = Durations(
        model.durations.log_pmf[:, order], model.durations.log_survival[:, order],
        model.durations.log_tail[order],
    )
    permuted = Model(model.emission[:, order], durations, model.transition[np.ix_(order, order)])
    expected = [(start, end, int(order.tolist().index(k))) for start, end, k in
                semi_markov.viterbi(model)]
    assert semi_markov.viterbi(permuted) == expected


def test_a_larger_penalty_never_gives_more_segments():
    for seed in range(20):
        model = random_model(seed, steps=40, classes=4)
        counts = [
            len(semi_markov.viterbi(model._replace(transition=model.transition - penalty)))
            for penalty in (0, 0.5, 1, 2, 4, 8, 50)
        ]
        assert counts == sorted(counts, reverse=True)
        assert counts[-1] == 1


def test_durations_beyond_the_table_fall_geometrically():
    durations = durations_of(np.random.default_rng(0), 5, 2)
    total = np.exp(durations.mass(np.arange(1, 400), 1)).sum()
    assert total == pytest.approx(1, abs=1e-9)
    survival = durations.survival(np.array([1, 9, 10]), 1)
    assert survival[0] == pytest.approx(0, abs=1e-9)
    assert np.exp(survival[1]) - np.exp(survival[2]) == pytest.approx(
        np.exp(durations.mass(np.array([9]), 1))[0], abs=1e-12
    )
